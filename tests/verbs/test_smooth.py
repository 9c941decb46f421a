"""`rtm smooth` by its options: frame by frame, and offline."""

from pathlib import Path

import pytest

from rtmcli import read_frames, write_frames
from rtmcli.cli.app import main
from tests.helpers.gait import record


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "gait.jsonl"
    write_frames(record(0, count=130).frames, path)
    return str(path)


def test_offline_writes_every_frame_and_says_what_it_repaired(
    file: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["smooth", file, "--offline", "--fill", "0.5"]) == 0
    out, err = capfdbinary.readouterr()
    (tmp_path / "out.jsonl").write_bytes(out)
    frames = list(read_frames(tmp_path / "out.jsonl"))
    assert [frame.frame for frame in frames] == list(range(130))
    assert all(len(frame.instances) == 2 for frame in frames)
    assert b"exchanged sides" in err and b"filled" in err


def test_a_pipe_and_the_library_give_the_same_bytes(
    file: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from rtmcli import OfflineOptions, smooth_offline

    assert main(["smooth", file, "--offline", "--filter", "savgol", "--cutoff", "5", "-q"]) == 0
    out, err = capfdbinary.readouterr()
    write_frames(
        smooth_offline(read_frames(file), OfflineOptions("savgol", cutoff=5)), tmp_path / "out.jsonl"
    )
    assert out == (tmp_path / "out.jsonl").read_bytes() and err == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--filter", "butterworth"], "only oneeuro works frame by frame: add --offline"),
        (["--cutoff", "3"], "--cutoff has no effect without --offline"),
        (["--fill", "1"], "--fill has no effect without --offline"),
        (["--no-repair"], "has no effect without --offline"),
        (["--offline", "--beta", "3"], "--beta has no effect with --offline; --cutoff sets that filter"),
    ],
)
def test_options_without_effect_are_errors(
    file: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["smooth", file, *arguments]) == 2
    assert message in capsys.readouterr().err
