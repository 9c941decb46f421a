"""`rtm draw` through a real shell: records and pixels in, pictures out, and every mismatch one line."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtmcli.cli.app import main
from rtmcli.media import open_media
from tests.helpers.clips import numbered, write_clip
from tests.helpers.shell import Shell


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", 20, fps=10, size=(192, 128))


def records(clip: Path, *numbers: int, **other: object) -> bytes:
    """Lines with one box each, as `rtm detect` writes them."""
    lines = []
    for picture in open_media(clip):
        if picture.frame in numbers:
            someone = {"id": 1, "label": "person", "box": [40.0, 70.0, 150.0, 120.0], "score": 0.9}
            line = {"source": str(clip), "frame": picture.frame, "frames": 20, "time": picture.time,
                    "width": picture.width, "height": picture.height, "instances": [someone]}  # fmt: skip
            lines.append(json.dumps({**line, **other}))
    return "".join(f"{line}\n" for line in lines).encode()


def test_a_video_has_the_frames_and_times_of_the_records(sh: Shell, clip: Path, tmp_path: Path) -> None:
    done = sh("rtm draw -o out.mp4", records(clip, 3, 4, 10))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    pictures = list(open_media(tmp_path / "out.mp4"))
    assert [p.time for p in pictures] == pytest.approx([0.0, 0.1, 0.7])
    plain = [p.image for p in open_media(clip) if p.frame in (3, 4, 10)]
    changed = [np.abs(p.image.astype(int) - q).max(-1) > 60 for p, q in zip(pictures, plain, strict=True)]
    assert all(c[69:72, 60:140].mean() > 0.3 and c[80:110, 60:130].mean() < 0.05 for c in changed)


def test_records_come_from_files_and_pictures_go_to_a_folder(sh: Shell, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_bytes(records(clip, 0, 19))
    assert sh("rtm draw r.jsonl -o frames").returncode == 0
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == ["clip_000000.png", "clip_000019.png"]


def test_a_gif_and_one_png(sh: Shell, clip: Path, tmp_path: Path) -> None:
    assert sh("rtm draw -o a.gif", records(clip, 1, 2)).returncode == 0
    assert sh("rtm draw -o a.png", records(clip, 2)).returncode == 0
    assert len(list(open_media(tmp_path / "a.gif"))) == 2
    assert cv2.imread(str(tmp_path / "a.png")).shape == (128, 192, 3)


def test_several_sources_follow_each_other_in_a_video_and_keep_their_names_in_a_folder(
    sh: Shell, clip: Path, tmp_path: Path
) -> None:
    other = write_clip(tmp_path / "other.mp4", 20, fps=10, size=(192, 128))
    both = records(clip, 0, 5) + records(other, 0, 5)
    assert sh("rtm draw -o both.mp4", both).returncode == 0
    assert [p.time for p in open_media(tmp_path / "both.mp4")] == pytest.approx([0.0, 0.5, 0.54, 1.04])
    assert sh("rtm draw -o both", both).returncode == 0
    assert len(list((tmp_path / "both").glob("*.png"))) == 4


def test_pictures_keep_their_names(sh: Shell, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lines = b""
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / "in" / name), numbered(1))
        lines += (
            json.dumps({"source": f"in/{name}", "frame": 0, "frames": 1, "instances": []}).encode() + b"\n"
        )
    assert sh("rtm draw -o out/", lines).returncode == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]


def test_a_source_that_moved_is_found_with_media(sh: Shell, clip: Path, tmp_path: Path) -> None:
    moved = records(clip, 1).replace(str(clip).encode(), b"/gone/clip.mp4")
    done = sh("rtm draw -o a.png", moved)
    assert done.returncode == 3 and b"/gone/clip.mp4" in done.stderr and b"--media" in done.stderr
    assert sh(f"rtm draw -o a.png --media {clip}", moved).returncode == 0
    assert sh(f"rtm draw -o b.png --media {tmp_path}", moved).returncode == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"frame": 99}, 3, b"no frame 99"),
        ({"width": 640}, 3, b"--media"),
        ({"source": "-"}, 3, b"--media"),
        ({"source": "rtsp://host/a"}, 3, b"--media"),
        ({"source": "0"}, 3, b"--media"),
        ({"skeleton": "nonsense"}, 3, b"nonsense"),
    ],
)
def test_a_mismatch_is_one_line_and_leaves_nothing(
    sh: Shell, clip: Path, tmp_path: Path, change: dict[str, object], code: int, says: bytes
) -> None:
    done = sh("rtm draw -o out.mp4", records(clip, 2, **change))
    assert done.returncode == code and says in done.stderr and done.stderr.count(b"\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4"]


def test_more_than_one_picture_into_a_png_is_refused(sh: Shell, clip: Path, tmp_path: Path) -> None:
    done = sh("rtm draw -o out.png", records(clip, 1, 2))
    assert done.returncode == 2 and b"folder" in done.stderr and not (tmp_path / "out.png").exists()


def test_nowhere_to_draw_to_is_wrong_usage(sh: Shell, clip: Path) -> None:
    done = sh("rtm draw", records(clip, 1))
    assert done.returncode == 2 and b"-o" in done.stderr


def test_a_window_without_a_display_is_one_line(sh: Shell, clip: Path) -> None:
    for display in ("", ":77"):
        done = sh("unset WAYLAND_DISPLAY; rtm draw --show", records(clip, 1), DISPLAY=display)
        assert done.returncode == 4 and b"display" in done.stderr and done.stderr.count(b"\n") == 1


def test_skeletons_are_drawn_far_into_a_long_clip(sh: Shell, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "long.mp4", 240, size=(192, 128), g="30")
    done = sh("rtm draw -o a.png", records(clip, 230))
    assert done.returncode == 0
    drawn = cv2.imread(str(tmp_path / "a.png"))
    plain = next(p.image for p in open_media(clip) if p.frame == 230)
    assert np.abs(drawn[:45].astype(int) - plain[:45]).max() == 0  # the very same frame around the box


def test_every_takes_a_frame_per_interval_and_an_image_is_a_contact_sheet(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.jsonl").write_bytes(records(clip, *range(20)))
    monkeypatch.chdir(tmp_path)
    assert main(["draw", "r.jsonl", "-o", "by_time/", "--every", "500ms"]) == 0
    assert main(["draw", "r.jsonl", "-o", "by_count/", "--every", "7"]) == 0
    numbers = [[int(p.stem[-6:]) for p in sorted(Path(f).iterdir())] for f in ("by_time", "by_count")]
    assert numbers == [[0, 5, 10, 15], [0, 7, 14]]
    assert main(["draw", "r.jsonl", "-o", "sheet.png", "--every", "0.5s"]) == 0
    # Four tiles of 320 x 213 pixels with labels: two columns, two rows.
    assert cv2.imread("sheet.png").shape == (2 * (213 + 26) + 4, 2 * 324 + 4, 3)


@pytest.mark.parametrize("text", ["0", "2x", "-1", "s", "1.5", "0s", "5m"])
def test_an_interval_that_is_none_is_an_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "r.jsonl", "-o", "out/", f"--every={text}"]) == 2
    assert "is not an interval; write a time (2s, 500ms, 1:30)" in capsys.readouterr().err
