"""Playlists of HLS: live while they have no end; a segment that is missed is a gap, an end is an end."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmcli.media import open_media
from tests.helpers.clips import number_in, write_clip
from tests.helpers.local_server import serve

SEGMENTS, FPS = 4, 25


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with segments of a second, whose timestamps go on from one to the next."""
    folder = tmp_path_factory.mktemp("segments")
    write_clip(
        folder / "all.m3u8",
        SEGMENTS * FPS,
        g=str(FPS),
        container={
            "hls_time": "1",
            "hls_playlist_type": "vod",
            "hls_segment_filename": str(folder / "%d.ts"),
        },
    )
    return folder


def publish(folder: Path, *, first: int, last: int, ended: bool = False) -> None:
    """Write the playlist of these segments, the last included."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for number in range(first, last + 1):
        lines += ["#EXTINF:1.0,", f"{number}.ts"]
    lines += ["#EXT-X-ENDLIST"] * ended
    (folder / "new").write_text("\n".join(lines) + "\n")
    (folder / "new").replace(folder / "live.m3u8")


@pytest.fixture
def site(segments: Path) -> Iterator[str]:
    publish(segments, first=0, last=0)
    with serve(segments) as site:
        yield site


def later(folder: Path, *steps: tuple[float, int, int, bool]) -> None:
    """Publish segments `first` to `last`, each so many seconds after what was before."""

    def run() -> None:
        for seconds, first, last, ended in steps:
            time.sleep(seconds)
            publish(folder, first=first, last=last, ended=ended)

    threading.Thread(target=run, daemon=True).start()


def test_a_playlist_with_an_end_is_a_video(segments: Path, site: str) -> None:
    for address in (f"{site}/all.m3u8", str(segments / "all.m3u8")):
        media = open_media(address)
        assert not media.live
        pictures = list(media)
        assert [number_in(picture.image) for picture in pictures] == list(range(SEGMENTS * FPS))
        assert all(picture.utc is None and picture.dropped is None for picture in pictures)


def test_a_live_playlist_is_played_at_its_own_rate_and_ends_when_it_gets_an_end(
    segments: Path, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    later(segments, (0.9, 0, 1, False), (0.9, 0, 2, True))
    begin = time.monotonic()
    media = open_media(f"{site}/live.m3u8", reconnect=0)
    assert media.live
    pictures = list(media)
    assert 1.9 < time.monotonic() - begin < 6
    # Taken one by one: nobody had to drop the frames of a burst.
    assert len(pictures) > 2 * FPS and pictures[-1].frame == 3 * FPS - 1
    assert all(picture.gap is None for picture in pictures)
    assert "lost" not in capsys.readouterr().err


def test_a_segment_that_was_missed_is_a_gap(segments: Path, site: str) -> None:
    later(segments, (0.9, 0, 1, False), (1.0, 3, 3, True))
    pictures = list(open_media(f"{site}/live.m3u8", reconnect=0))
    (after,) = [picture for picture in pictures if picture.gap is not None]
    assert after.gap == pytest.approx(1.04, abs=0.3)
    assert number_in(after.image) == 3 * FPS


def test_a_playlist_on_disk_is_live_too(segments: Path) -> None:
    publish(segments, first=0, last=1)
    media = open_media(segments / "live.m3u8")
    assert media.live
    media.close()
