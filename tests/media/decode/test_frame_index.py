"""Frame numbers of an intact file, around damage and after a seek."""

from rtmcli.media.decode.frame_index import FrameIndex


def test_numbers_count_frames_in_an_intact_file_whatever_packets_hide() -> None:
    index = FrameIndex()
    for pts in (0, 5, 10):  # the packet of 5 shows nothing, as in VP8
        index.add_packet(pts)
    assert [index.number(0), index.number(10)] == [0, 1]


def test_numbers_step_over_lost_frames_once_damage_is_known() -> None:
    index = FrameIndex()
    for pts in (0, 30, 10, 20, 40):  # in the order of decoding
        index.add_packet(pts)
    assert index.number(0) == 0
    index.count_packets = True
    assert index.gap_before(20) and not index.gap_before(10)
    assert [index.number(20), index.number(40)] == [2, 4] and index.lost == 2


def test_numbers_after_a_seek_count_packets_that_are_shown_before() -> None:
    index = FrameIndex(30, count_packets=True)
    for pts in (300, 280, 290, 310):  # an open group: two pictures shown before the keyframe
        index.add_packet(pts)
    assert [index.number(300), index.number(310)] == [32, 33]
