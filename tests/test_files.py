"""A file is complete under its name or absent, whatever happens while it is written."""

import os
from pathlib import Path

import pytest

from rtmcli.errors import RtmError
from rtmcli.files import replacing, temporary_beside, write_atomically


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path, sync=True) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a.txt", b"content")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_the_temporary_name_is_hidden_and_keeps_the_suffix(tmp_path: Path) -> None:
    temporary = temporary_beside(tmp_path / "walk.mp4")
    assert temporary.name.startswith(".walk.") and temporary.suffix == ".mp4"


@pytest.mark.parametrize("place", ["nowhere/a.txt", "folder"])
def test_what_cannot_be_written_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(RtmError, match=f"cannot write .*{place}: "):
        write_atomically(tmp_path / place, b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
