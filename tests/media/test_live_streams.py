"""Live streams of other programs: an RTSP server of GStreamer that goes away and returns, and what ffmpeg sends."""

import os
import time
from pathlib import Path

import pytest

from rtmcli.errors import StreamEndedError
from rtmcli.media import Media, open_media
from rtmcli.media.decode import frame_reader
from rtmcli.records.picture import Picture
from tests.helpers.clock_images import FPS, age
from tests.helpers.senders import RtspServer, ffmpeg_sender, missing_ffmpeg, missing_gstreamer, rtsp_server

needs_gstreamer = pytest.mark.skipif(missing_gstreamer() is not None, reason=missing_gstreamer() or "")
needs_ffmpeg = pytest.mark.skipif(missing_ffmpeg() is not None, reason=missing_ffmpeg() or "")


def made_at(picture: Picture) -> float:
    """When the picture was drawn, by the clock in it."""
    return time.time() - age(picture.image)


def interrupt(server: RtspServer, media: Media, how: str) -> None:
    """Kill the server, or stop it, until the source is lost; then let it run again."""
    server.kill() if how == "dies" else server.freeze()
    assert media.live_source is not None
    until = time.monotonic() + 10
    while media.live_source.connected and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1)
    server.start() if how == "dies" else server.thaw()


@needs_gstreamer
@pytest.mark.parametrize("how", ["dies", "freezes"])
def test_times_go_on_across_an_outage_of_an_rtsp_server_with_a_gap_of_its_length(how: str) -> None:
    seen: list[tuple[Picture, float]] = []
    with rtsp_server() as server, open_media(server.address(), stall=1, reconnect=30) as media:
        for picture in media:
            seen.append((picture, made_at(picture)))
            if picture.frame == 40:
                interrupt(server, media, how)
            if picture.frame >= 70:
                break
    assert media.live_source is not None and media.live_source.reconnects == 1
    (at,) = [index for index, (picture, _) in enumerate(seen) if picture.gap is not None]
    (before, drawn_before), (after, drawn_after) = seen[at - 1 : at + 1]
    assert before.time is not None and after.time is not None and after.gap is not None
    # The first frame after the gap may have been dropped with others of a burst; the next one reports it.
    assert 1 < after.gap < after.time - before.time + 0.1
    # What passed between both by the clock in the images. Opening the stream takes longer at times.
    assert after.time - before.time == pytest.approx(drawn_after - drawn_before, abs=1.0)
    times = [picture.time for picture, _ in seen]
    assert times == sorted(set(times))


@needs_gstreamer
def test_a_dead_camera_of_two_is_told_of_and_the_other_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rtmcli.media.interleave import newest_pictures

    with rtsp_server() as dying, rtsp_server() as other:
        media = [open_media(server.address(), reconnect=0.5, end=5) for server in (dying, other)]
        lost_at = None
        with pytest.raises(StreamEndedError, match=r"not back within 0\.5 s"):
            for pictures in newest_pictures(media):
                last = pictures[-1]
                if last.frame > 30 and lost_at is None:
                    dying.kill()
                    lost_at = last.time
        said = capsys.readouterr().err
    assert f"{dying.address()}: lost after" in said and "the other sources go on" in said
    assert (
        last.source == other.address() and lost_at is not None and last.time is not None and last.time > 4.5
    )


@needs_ffmpeg
@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("udp", 1.0),
        pytest.param("tcp", 1.0, marks=pytest.mark.slow),
        pytest.param("rtmp", 1.5, marks=pytest.mark.slow),
        pytest.param("mjpeg", 1.0, marks=pytest.mark.slow),
        ("hls", 6.0),
        pytest.param("dash", 6.0, marks=pytest.mark.slow),
    ],
)
def test_what_ffmpeg_sends_is_live_and_the_delay_does_not_grow(
    tmp_path: Path, kind: str, most: float
) -> None:
    with ffmpeg_sender(kind, tmp_path) as address, open_media(address, end=4) as media:
        assert media.live
        seen = [(picture, age(picture.image), made_at(picture)) for picture in media]
    late = [old for picture, old, _ in seen if picture.time is not None and picture.time > 2]
    assert len(late) > 20 and max(late) < most
    (first, _, drawn_first), (last, _, drawn_last) = seen[0], seen[-1]
    assert last.time is not None and first.time is not None
    assert last.time - first.time == pytest.approx(drawn_last - drawn_first, abs=0.7)
    assert all(picture.gap is None for picture, _, _ in seen)


@pytest.mark.slow
@needs_gstreamer
def test_a_stream_that_cannot_be_decoded_in_time_is_not_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = frame_reader.decode_packet

    def slow(packet: object) -> object:
        time.sleep(0.12)
        return decode(packet)

    monkeypatch.setattr(frame_reader, "decode_packet", slow)
    with rtsp_server() as server, open_media(server.address(), end=14) as media:
        seen = [(picture, age(picture.image)) for picture in media]
    assert max(old for _, old in seen) < 4.5
    before = -1
    for picture, _ in seen:
        assert picture.dropped == picture.frame - before - 1
        before = picture.frame
    assert before == pytest.approx(14 * FPS, abs=2.5 * FPS)
    assert all(picture.gap is None for picture, _ in seen)


@pytest.mark.slow
@needs_gstreamer
def test_memory_is_flat_over_ten_minutes_of_a_stream(environment: dict[str, str], tmp_path: Path) -> None:
    import subprocess

    minutes = float(os.environ.get("RTM_STREAM_MINUTES", "10"))
    with rtsp_server() as server:
        process = subprocess.Popen(
            [
                "rtm",
                "pose",
                server.address(),
                "--track",
                "--end",
                str(60 * minutes),
                "-o",
                tmp_path / "a.jsonl",
            ],
            env=environment,
        )
        used = []
        while process.poll() is None:
            time.sleep(1)
            used.append(resident_bytes_of(process.pid))
    assert process.returncode == 0
    # The first tenth holds the start; then the memory of the second half is that of the first.
    used = used[len(used) // 10 : -2]
    first, second = used[: len(used) // 2], used[len(used) // 2 :]
    print(
        f"resident memory: {max(first) / 1e6:.1f} MB in the first half, {max(second) / 1e6:.1f} MB in the second"
    )
    assert max(second) < 1.02 * max(first)


def resident_bytes_of(process: int) -> int:
    """Memory of a process that is in RAM; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
