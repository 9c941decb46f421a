"""What is under the skeletons: links where browsers can show a file, encoded images where they cannot."""

import base64
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from rtmcli.errors import DataError
from rtmcli.media import open_media
from rtmcli.records.frame import Frame
from rtmcli.view.images import find_backdrop
from rtmcli.view.tracks import Clip, collect_clips
from tests.helpers.clips import number_in, numbered, write_clip


def records_of(path: Path, name: str | None = None) -> Clip:
    (clip,) = collect_clips(
        Frame(name or p.source, p.frame, p.frames, p.time, p.width, p.height) for p in open_media(path)
    )
    return clip


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mkv", "libx264", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.mp4", "libx264", "yuv444p"),
    ],
)
def test_a_video_that_browsers_cannot_play_is_encoded_and_embedded(
    tmp_path: Path, name: str, codec: str, pixels: str
) -> None:
    path = write_clip(tmp_path / name, range(3, 9), codec=codec, pixels=pixels, fps=10)
    backdrop = find_backdrop(records_of(path), tmp_path / "page.html")
    assert backdrop.kind == "video" and not backdrop.links
    (tmp_path / "out.mp4").write_bytes(base64.b64decode(backdrop.embedded[0]))
    pictures = list(open_media(tmp_path / "out.mp4"))
    assert [number_in(p.image) for p in pictures] == list(range(3, 9))
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert made.streams.video[0].codec_context.name == "h264"


def test_only_frames_with_a_record_are_encoded_at_their_times(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", 20, fps=10)
    clip = records_of(path)
    some = collect_clips(frame for frame in clip.frames if frame.frame in (5, 6, 12))[0]
    backdrop = find_backdrop(some, tmp_path / "page.html")
    assert backdrop.start == pytest.approx(0.5)
    (tmp_path / "out.mp4").write_bytes(base64.b64decode(backdrop.embedded[0]))
    pictures = list(open_media(tmp_path / "out.mp4"))
    assert [number_in(p.image) for p in pictures] == [5, 6, 12]
    assert [p.time for p in pictures] == pytest.approx([0, 0.1, 0.7])


def test_images_are_linked_and_with_embed_made_small_jpegs(tmp_path: Path) -> None:
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), numbered(number, (2600, 1300)))
    (clip,) = collect_clips(
        Frame(str(tmp_path / f"{n}.png"), 0, 1, None, 2600, 1300, "coco17", None, []) for n in range(2)
    )
    assert find_backdrop(clip, tmp_path / "page.html").links == ("0.png", "1.png")
    embedded = find_backdrop(clip, tmp_path / "page.html", embed=True).embedded
    images = [cv2.imdecode(np.frombuffer(base64.b64decode(e), np.uint8), 1) for e in embedded]
    assert [(i.shape, number_in(i)) for i in images] == [((640, 1280, 3), 0), ((640, 1280, 3), 1)]


@pytest.mark.parametrize(
    ("source", "reason"),
    [("/gone/walk.mp4", "--video"), ("-", "came through a pipe"), ("rtsp://cam/1", "uses no network")],
)
def test_missing_images_are_left_out_with_a_note_unless_they_were_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, reason: str
) -> None:
    (clip,) = collect_clips([Frame(source, 0, 5, 0.0, 96, 64)])
    assert find_backdrop(clip, tmp_path / "page.html").kind == "none"
    err = capsys.readouterr().err
    assert err.startswith("rtm view: the page shows no images") and reason in err and err.count("\n") == 1
    with pytest.raises(DataError):
        find_backdrop(clip, tmp_path / "page.html", embed=True)


def test_a_video_that_moved_is_found_with_media(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 3)
    clip = records_of(path, name="/gone/a.mp4")
    assert find_backdrop(clip, tmp_path / "page.html", media=str(path)).links == ("a.mp4",)
    assert find_backdrop(clip, tmp_path / "page.html", media=str(tmp_path)).links == ("a.mp4",)
