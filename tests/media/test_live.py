"""Live sources that stall, drop and return: times go on, gaps are reported, and the end has a reason."""

import re
import time
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest

from rtmcli.cli.app import main
from rtmcli.errors import DataError, StreamEndedError, UsageError
from rtmcli.media import open_media
from rtmcli.records.picture import Picture
from tests.helpers.clips import number_in
from tests.helpers.live_server import INTERVAL, Play, serve_images


def read(address: str, **options: float) -> tuple[list[Picture], str]:
    """All pictures of a live source, and the error at its end."""
    pictures: list[Picture] = []
    with pytest.raises(StreamEndedError) as ended, open_media(address, **options) as media:
        assert media.live and media.total is None
        pictures.extend(media)
    return pictures, str(ended.value)


def assert_times_rise(pictures: list[Picture]) -> None:
    times = [picture.time for picture in pictures]
    # The first frame is at 0; it may have been dropped.
    assert times[0] is not None and 0 <= times[0] < 0.5
    assert times == sorted(set(times))  # type: ignore[type-var]  # they are all there
    frames = [picture.frame for picture in pictures]
    assert frames == sorted(set(frames))


def test_a_source_that_drops_and_returns_goes_on_with_true_times_and_a_gap(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin = time.monotonic()
    with serve_images([Play(20), Play(0, "refuse"), Play(20), Play(0, "refuse")]) as address:
        pictures, error = read(address, reconnect=2.5)
    took = time.monotonic() - begin
    assert_times_rise(pictures)
    (back,) = [picture for picture in pictures if picture.gap is not None]
    before = pictures[pictures.index(back) - 1]
    # Opened again after half a second, then after a second more.
    assert 1.4 < back.gap < took and back.gap == pytest.approx(back.time - before.time, abs=0.2)
    assert "lost after 20 frames (the connection was closed); waiting up to 2.5 s" in (
        said := capsys.readouterr().err
    )
    assert re.search(r"back after \d\.\d s", said)
    assert error == (
        f"{address}: lost after 40 frames and not back within 2.5 s (cannot be opened (HTTP Error 503: Service "
        "Unavailable)); check the camera or server, or wait longer with --reconnect"
    )


def test_a_source_that_stalls_is_opened_again(capsys: pytest.CaptureFixture[str]) -> None:
    with serve_images([Play(10, "silence"), Play(10, "silence"), Play(0, "refuse")]) as address:
        pictures, error = read(address, stall=0.4, reconnect=0.8)
        said = capsys.readouterr().err
    assert_times_rise(pictures)
    (back,) = [picture for picture in pictures if picture.gap is not None]
    assert back.gap is not None and 0.9 < back.gap < 3
    assert "lost after 10 frames (no data came any more)" in said and "lost after 20 frames and not" in error


@pytest.mark.parametrize("kind", ["multipart", "raw"])
def test_the_times_of_images_without_timestamps_are_those_at_which_they_arrive(
    kind: Literal["multipart", "raw"],
) -> None:
    with serve_images([Play(50)], kind=kind) as address:
        pictures, _ = read(address, reconnect=0)
    utc = [datetime.fromisoformat(picture.utc or "") for picture in pictures]
    for picture, at in zip(pictures, utc, strict=True):
        assert picture.time == pytest.approx((at - utc[0]).total_seconds(), abs=0.05)
    # The demuxer would say 25 a second; the last ones at least did not come in a burst.
    assert pictures[-1].time == pytest.approx(50 * INTERVAL, rel=0.5)


def test_what_is_not_taken_in_time_is_dropped_and_counted_also_across_a_gap() -> None:
    with (
        serve_images([Play(40), Play(40), Play(0, "refuse")]) as address,
        open_media(address, reconnect=0.9) as media,
    ):
        seen = []
        with pytest.raises(StreamEndedError):
            for picture in media:
                seen.append(picture)
                time.sleep(0.2)
    before = -1
    for picture in seen:
        assert picture.dropped == picture.frame - before - 1
        assert number_in(picture.image) == picture.frame
        before = picture.frame
    assert media.dropped == sum(picture.dropped or 0 for picture in seen) > 20
    # The first frame after the gap may have been dropped; the next one reports it.
    assert sum(picture.gap is not None for picture in seen) == 1


def test_a_wait_ends_when_the_reader_leaves() -> None:
    with serve_images([Play(5), Play(0, "refuse")]) as address, open_media(address, reconnect=60) as media:
        for picture in media:
            if picture.frame == 4:
                break
        time.sleep(0.1)
        begin = time.monotonic()
        media.close()
    assert time.monotonic() - begin < 1
    assert media.live_source is not None and media.live_source.frames == 5


def test_a_gap_before_a_frame_that_is_not_wanted_is_told_of_with_the_next() -> None:
    with serve_images([Play(10), Play(20), Play(0, "refuse")]) as address:
        pictures, _ = read(address, every=7, reconnect=0.8)
    (after,) = [picture for picture in pictures if picture.gap is not None]
    # Frame 10 was the first one after the gap.
    assert after.frame in (14, 21)


def test_a_server_that_accepts_and_sends_nothing_is_an_error() -> None:
    with (
        serve_images([Play(0, "silence")], kind="raw") as address,
        pytest.raises(DataError, match=r"no data came for 0\.3 s"),
    ):
        open_media(address, stall=0.3)


def test_end_and_max_frames_count_across_connections() -> None:
    with serve_images([Play(10), Play(200)]) as address:
        frames = [picture.frame for picture in open_media(address, every=4, max_frames=4)]
        # Those that were dropped do not count.
        assert all(frame % 4 == 0 for frame in frames) and len(frames) == 4
    with serve_images([Play(10), Play(200)]) as address:
        pictures = list(open_media(address, end=1.5))
    assert pictures[-1].time is not None and 1 < pictures[-1].time < 1.5
    assert pictures[-1].frame > 10


def test_options_without_a_live_source_are_errors() -> None:
    with pytest.raises(UsageError, match="--live: demo is a file"):
        open_media("demo", live=True)
    with pytest.raises(UsageError, match="--stall 0"):
        open_media("demo", stall=0)


def test_a_dead_source_of_several_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with serve_images([Play(0, "refuse")]) as address, pytest.raises(DataError, match="cannot be opened"):
        open_media(address)
    with serve_images([Play(0, "refuse"), Play(5), Play(0, "refuse")]) as address:
        media = open_media(address, patient=True, reconnect=0.8)
        time.sleep(1)  # the limit begins when pictures are asked for
        assert "the other sources go on" in capsys.readouterr().err
        with pytest.raises(StreamEndedError, match="after 5 frames"):
            assert len(list(media)) <= 5
    assert media.live_source is not None and media.live_source.reconnects == 0
    with serve_images([Play(0, "refuse")]) as address:
        media = open_media(address, patient=True, reconnect=0.2)
        with pytest.raises(StreamEndedError) as ended:
            list(media)
    assert str(ended.value) == (
        f"{address}: could not be opened within 0.2 s (cannot be opened (HTTP Error 503: Service Unavailable)); check "
        "the camera or server, or wait longer with --reconnect"
    )


def test_a_live_stream_is_no_source_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    with serve_images([Play(10)]) as address:
        assert main(["detect", address, "-o", f"{out}/"]) == 3
        assert "a live stream; -o FOLDER is for sources that end" in capsys.readouterr().err
        assert main(["detect", address, "-o", f"{out}/", "--live"]) == 2
    assert "--live has no effect with -o FOLDER" in capsys.readouterr().err


def test_a_limit_for_live_streams_has_no_effect_on_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", "demo", "--reconnect", "5"]) == 2
    assert "--reconnect has no effect where no source is live" in capsys.readouterr().err
