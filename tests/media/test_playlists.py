"""Playlists of HLS, manifests of DASH: live while they have no end; a missed segment is a gap, an end is an end."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rtmcli.errors import DataError
from rtmcli.media import open_media
from rtmcli.media.dash_manifest import read_manifest
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


@pytest.mark.parametrize("timeline", ["1", "0"], ids=["listed", "numbered"])
def test_a_manifest_of_dash_with_an_end_is_a_video(tmp_path: Path, timeline: str) -> None:
    write_clip(
        tmp_path / "all.mpd",
        SEGMENTS * FPS,
        g=str(FPS),
        container={"seg_duration": "1", "use_timeline": timeline, "use_template": "1"},
    )
    with serve(tmp_path) as site:
        media = open_media(f"{site}/all.mpd")
        assert not media.live
        pictures = list(media)
    assert [number_in(picture.image) for picture in pictures] == list(range(SEGMENTS * FPS))
    assert [picture.time for picture in pictures] == pytest.approx([n / FPS for n in range(SEGMENTS * FPS)])


def test_a_manifest_of_dash_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.mpd").write_text("no manifest")
    (tmp_path / "sound.mpd").write_text(
        '<MPD><Period><AdaptationSet mimeType="audio/mp4"><Representation/></AdaptationSet></Period></MPD>'
    )
    with serve(tmp_path) as site:
        with pytest.raises(DataError, match="not a DASH manifest"):
            open_media(f"{site}/text.mpd")
        with pytest.raises(DataError, match="no video in it"):
            open_media(f"{site}/sound.mpd")
        with pytest.raises(DataError, match="404"):
            open_media(f"{site}/none.mpd")


def test_the_segments_of_a_live_manifest_without_a_list_are_known_by_the_clock() -> None:
    manifest = read_manifest(
        b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z">'
        b'<Period start="PT0S"><AdaptationSet contentType="video">'
        b'<SegmentTemplate timescale="1000" duration="2000" startNumber="5" initialization="$RepresentationID$/i.mp4"'
        b' media="$RepresentationID$/$Number%04d$.m4s"/>'
        b'<Representation id="low" bandwidth="1"/><Representation id="high" bandwidth="9"/>'
        b"</AdaptationSet></Period></MPD>",
        "https://host/live/a.mpd",
        "a",
        now=datetime(2026, 1, 1, 0, 0, 21, tzinfo=UTC).timestamp(),
    )
    assert manifest.dynamic and manifest.initialization == "https://host/live/high/i.mp4"
    assert [address for _, address in manifest.segments] == [
        f"https://host/live/high/{number:04d}.m4s" for number in (12, 13, 14)
    ]


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
