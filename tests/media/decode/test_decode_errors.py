"""A damaged video gives its frames up to the damage; then `on_error` decides."""

import threading
from pathlib import Path

import av
import pytest

from rtmcli.errors import DataError
from rtmcli.media import open_media
from rtmcli.records.picture import Picture
from tests.helpers.clips import after_damage, flipped, half, number_in, scrambled, without_packets, write_clip

FRAMES = 200


def read(path: Path, **options: str) -> tuple[list[Picture], Exception | None]:
    return after_damage(lambda: open_media(path, **options))


def clip(folder: Path, name: str, **options: str) -> Path:
    container = {"movflags": "+faststart"} if name == "fast.mp4" else {}
    return write_clip(folder / name, FRAMES, container=container, noise=40, g="40", **options)


@pytest.mark.parametrize("name", ["fast.mp4", "whole.mkv", "whole.ts", "whole.flv"])
def test_a_sound_file_ends_without_an_error_either_way(tmp_path: Path, name: str) -> None:
    path = clip(tmp_path, name)
    for how in ("stop", "skip"):
        pictures, error = read(path, on_error=how)
        assert error is None and [number_in(p.image) for p in pictures] == list(range(FRAMES))


@pytest.mark.parametrize("name", ["fast.mp4", "cut.mkv"])
def test_a_file_cut_in_half_gives_its_frames_and_then_says_how_many_of_how_many(
    tmp_path: Path, name: str
) -> None:
    path = half(clip(tmp_path, name))
    pictures, error = read(path)
    assert isinstance(error, DataError) and error.exit_code == 3
    assert str(path) in str(error) and str(FRAMES) in str(error) and str(len(pictures)) in str(error)
    assert "\n" not in str(error) and "--on-error skip" in str(error)
    assert 0.3 * FRAMES < len(pictures) < 0.7 * FRAMES
    assert [number_in(p.image) for p in pictures] == [p.frame for p in pictures] == list(range(len(pictures)))


@pytest.mark.parametrize("between", [0, 3])
def test_wherever_a_file_is_cut_no_frame_comes_after_a_hole(
    tmp_path: Path, between: int, capsys: pytest.CaptureFixture[str]
) -> None:
    # With frames that are shown before one that was stored earlier, a cut leaves that one behind a hole.
    data = clip(tmp_path, "b.mkv", bf=str(between), b_strategy="0").read_bytes()
    cut = tmp_path / "cut.mkv"
    for length in range(len(data) // 3, len(data) * 98 // 100, len(data) // 60):
        cut.write_bytes(data[:length])
        pictures, error = read(cut)
        numbers = [p.frame for p in pictures]
        assert numbers == [number_in(p.image) for p in pictures] == list(range(len(pictures)))
        assert isinstance(error, DataError)
        assert f"truncated: {len(pictures)} of about {FRAMES} frames" in str(error)
        more, error = read(cut, on_error="skip")
        assert error is None and [number_in(p.image) for p in more] == [p.frame for p in more]
        assert [p.frame for p in more[: len(pictures)]] == numbers
        assert "truncated" in capsys.readouterr().err


@pytest.mark.parametrize("packet", [90, 91, 92, 93])
def test_behind_lost_packets_numbers_stay_true(
    tmp_path: Path, packet: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = without_packets(clip(tmp_path, "b.mkv", bf="3", b_strategy="0"), packet, packet + 9)
    whole, error = read(path)
    assert error is not None and f"damaged at frame {len(whole)} of" in str(error)
    assert [p.frame for p in whole] == [number_in(p.image) for p in whole] == list(range(len(whole)))
    pictures, error = read(path, on_error="skip")
    assert error is None and pictures[-1].frame == number_in(pictures[-1].image) == FRAMES - 1
    assert [round(p.time * 25) for p in pictures] == [p.frame for p in pictures]
    assert "truncated" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["fast.mp4", "cut.mkv"])
def test_skip_takes_what_is_there_and_says_that_it_was_cut(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = half(clip(tmp_path, name))
    whole, _ = read(path)
    pictures, error = read(path, on_error="skip")
    assert error is None and len(pictures) >= len(whole)
    assert "truncated" in capsys.readouterr().err


def test_an_mp4_without_its_index_is_one_sentence(tmp_path: Path) -> None:
    path = half(clip(tmp_path, "plain.mp4"))
    with pytest.raises(DataError, match="index") as caught:
        open_media(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["fast.mp4", "flip.mkv", "flip.ts"])
def test_flipped_bits_stop_at_the_first_damaged_frame(tmp_path: Path, name: str) -> None:
    path = flipped(clip(tmp_path, name))
    pictures, error = read(path)
    assert isinstance(error, DataError) and str(path) in str(error)
    assert [p.frame for p in pictures] == list(range(len(pictures))) and 90 < len(pictures) < FRAMES
    # A flip may also make another valid picture, which nobody can tell; the first half has none.
    assert [number_in(p.image) for p in pictures[:90]] == list(range(90))


@pytest.mark.parametrize("name", ["fast.mp4", "flip.mkv"])
def test_skip_leaves_damaged_frames_out_and_keeps_the_numbers_of_the_others(
    tmp_path: Path, name: str
) -> None:
    path = scrambled(clip(tmp_path, name))
    media = open_media(path, on_error="skip")
    pictures = list(media)
    numbers = [p.frame for p in pictures]
    assert 0 < media.lost <= FRAMES - len(pictures) + 1
    assert numbers == sorted(set(numbers)) and len(numbers) < FRAMES
    # Before the damage and from the keyframe after it on pictures show their own number.
    right = [p.frame for p in pictures if number_in(p.image) == p.frame]
    assert {*range(100), *range(160, FRAMES)} <= set(right)


@pytest.mark.parametrize("name", ["notes.h264", "notes.ts"])
def test_notes_that_a_camera_cuts_off_are_no_damage(tmp_path: Path, name: str) -> None:
    stream = with_cut_notes(write_clip(tmp_path / "raw.h264", 60, g="20", bf="0"))
    path = tmp_path / name
    path.write_bytes(stream)
    if name.endswith(".ts"):
        remux(tmp_path / "notes.h264", stream, path)
    for how in ("stop", "skip"):
        pictures, error = read(path, on_error=how)
        assert error is None and [number_in(p.image) for p in pictures] == list(range(60))


def with_cut_notes(path: Path) -> bytes:
    """The H.264 stream with a note (SEI) before each picture that claims more bytes than it has."""
    mark = bytes([0, 0, 1])
    note = bytes([0]) + mark + bytes([6, 4, 200, 0xB5, 0, 0x31, 0x47, 0x41, 0x39, 0x34, 3, 0x80])
    units = path.read_bytes().split(mark)
    return units[0] + b"".join((note if unit[0] & 31 in (1, 5) else b"") + mark + unit for unit in units[1:])


def remux(raw: Path, stream: bytes, path: Path) -> None:
    """Put a raw stream into the container that the path's suffix names."""
    raw.write_bytes(stream)
    with av.open(str(raw)) as source, av.open(str(path), "w") as out:
        video = source.streams.video[0]
        copy = out.add_stream_from_template(video)
        for number, packet in enumerate(source.demux(video)):
            if packet.size:
                packet.dts = packet.pts = number * 48000
                packet.stream = copy
                out.mux(packet)


def test_damage_reads_the_same_twice(tmp_path: Path) -> None:
    path = flipped(clip(tmp_path, "fast.mp4"))
    for how in ("stop", "skip"):
        first, second = read(path, on_error=how), read(path, on_error=how)
        assert [p.frame for p in first[0]] == [p.frame for p in second[0]] and str(first[1]) == str(second[1])
        assert all((a.image == b.image).all() for a, b in zip(first[0], second[0], strict=True))


def test_no_thread_is_left_after_damage_or_after_leaving_early(tmp_path: Path) -> None:
    before = threading.active_count()
    path = clip(tmp_path, "fast.mp4")
    read(half(path))
    for picture in open_media(path):
        if picture.frame == 3:
            break
    with open_media(path):
        pass
    assert threading.active_count() == before


def test_messages_of_the_decoder_do_not_reach_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    read(flipped(clip(tmp_path, "fast.mp4")))
    assert capfd.readouterr() == ("", "")
