"""Jobs with work that needs no network: what is done, skipped, reported and left behind."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rtmcli.errors import DataError
from rtmcli.jobs.folder import LocalFolder, OutputError
from rtmcli.jobs.run import in_this_process, run_job
from rtmcli.jobs.shards import Shard
from rtmcli.jobs.unit import Counts, Source, Span, Unit, Work
from rtmcli.terminal.progress import progress
from tests.helpers.job_work import records, source


class FakeWork:
    """Writes records of the frames that a unit should have; raises for names in `broken`."""

    def __init__(self, broken: Sequence[str] = ()) -> None:
        self.broken, self.done, self.opened = broken, [], 0

    def open(self) -> Work:
        self.opened += 1
        return self

    def __call__(self, unit: Unit, path: Path) -> Counts:
        self.done.append(unit.file)
        path.write_bytes(records(unit)[:-5])
        if unit.source in self.broken:
            raise DataError("the reason")
        path.write_bytes(records(unit))
        return Counts(3, 3)


def run(folder: Path, sources: Sequence[Source], work: FakeWork, **options: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    here = LocalFolder(str(folder))
    run_job(
        sources, here, in_this_process(here, work.open), report=lines.append, bar=progress(), **options
    )  # fmt: skip
    return lines


SPANS = (Span(first=0, frames=4), Span(first=4, frames=4), Span(first=8, frames=2))


def test_each_source_gets_a_file_and_a_line(tmp_path: Path) -> None:
    lines = run(tmp_path / "out", [source("a"), source("b/c")], FakeWork())
    assert (tmp_path / "out/b/c.jsonl").read_bytes().count(b"\n") == 3
    assert [line.pop("seconds") >= 0 for line in lines] == [True, True]
    expected = {
        "source": "a",
        "output": str(tmp_path / "out/a.jsonl"),
        "frames": 3,
        "people": 3,
        "status": "done",
    }
    assert lines[0] == expected and lines[1]["source"] == "b/c"


def test_nothing_but_the_finished_files_stays(tmp_path: Path) -> None:
    run(tmp_path, [source("a"), source("long", *SPANS)], FakeWork())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "long.jsonl"]


def test_a_source_that_fails_leaves_no_file_and_the_others_go_on(tmp_path: Path) -> None:
    work = FakeWork(broken=["b"])
    with pytest.raises(DataError, match="1 of 3 sources failed: b: the reason"):
        run(tmp_path, [source("a"), source("b"), source("c")], work)
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["a.jsonl", "c.jsonl"]
    failure = json.loads((tmp_path / ".part/failed/b.jsonl.json").read_bytes())
    assert failure["error"] == "the reason" and failure["status"] == "failed"
    assert not list((tmp_path / ".part/tmp").iterdir())


def test_many_failures_are_counted_and_ten_of_them_named(tmp_path: Path) -> None:
    sources = [source(f"s{number}") for number in range(12)]
    with pytest.raises(DataError, match=r"12 of 12 sources failed: s0: .*; s9: .*; and 2 more") as error:
        run(tmp_path, sources, FakeWork(broken=[one.name for one in sources]))
    assert "s10" not in str(error.value)


def test_stop_on_error_ends_with_the_first_failure(tmp_path: Path) -> None:
    work = FakeWork(broken=["b"])
    with pytest.raises(DataError, match=r"^b: the reason$"):
        run(tmp_path, [source("a"), source("b"), source("c")], work, stop_on_error=True)
    assert work.done == ["a.jsonl", "b.jsonl"]


def test_a_second_run_skips_what_is_finished_and_opens_no_network_where_nothing_is_left(
    tmp_path: Path,
) -> None:
    sources = [source("a"), source("b")]
    with pytest.raises(DataError):
        run(tmp_path, sources, FakeWork(broken=["b"]))
    again = FakeWork()
    lines = run(tmp_path, sources, again)
    assert again.done == ["b.jsonl"] and [line["status"] for line in lines] == ["skipped", "done"]
    idle = FakeWork()
    assert [line["status"] for line in run(tmp_path, sources, idle)] == ["skipped", "skipped"]
    assert idle.opened == 0


def test_units_are_joined_in_order(tmp_path: Path) -> None:
    long = source("long", *SPANS)
    (line,) = run(tmp_path, [long], FakeWork())
    assert [json.loads(text)["frame"] for text in (tmp_path / "long.jsonl").open()] == list(range(10))
    assert (line["frames"], line["people"]) == (10, 10)


def test_units_that_are_finished_are_not_done_again(tmp_path: Path) -> None:
    long = source("long", *SPANS)
    for unit in (long.units[0], long.units[2]):
        (tmp_path / unit.file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / unit.file).write_bytes(records(unit))
    work = FakeWork()
    run(tmp_path, [long], work)
    assert work.done == [long.units[1].file]
    assert [json.loads(text)["frame"] for text in (tmp_path / "long.jsonl").open()] == list(range(10))


def test_a_source_whose_units_are_all_there_is_joined_without_work(tmp_path: Path) -> None:
    long = source("long", *SPANS)
    for unit in long.units:
        (tmp_path / unit.file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / unit.file).write_bytes(records(unit))
    work = FakeWork()
    (line,) = run(tmp_path, [long], work)
    assert work.opened == 0 and line["frames"] == 10


def test_the_other_units_of_a_failed_source_are_not_done(tmp_path: Path) -> None:
    work = FakeWork(broken=["long"])
    with pytest.raises(DataError, match="1 of 1 sources"):
        run(tmp_path, [source("long", *SPANS)], work)
    assert len(work.done) == 1


@pytest.mark.parametrize(
    "content", [records(Unit(source="x", output="x"))[:-1], b'{"frame":7,"instances":[]}\n' * 4]
)
def test_a_unit_with_other_frames_than_planned_fails_its_source(tmp_path: Path, content: bytes) -> None:
    long = source("long", *SPANS)
    (tmp_path / long.units[0].file).parent.mkdir(parents=True)
    (tmp_path / long.units[0].file).write_bytes(content)
    with pytest.raises(
        DataError, match=r"long: a unit gave .* instead of 4 frames from frame 0 on: .* --unit 0"
    ):
        run(tmp_path, [long], FakeWork())
    assert not (tmp_path / "long.jsonl").exists()


def test_a_folder_that_cannot_be_written_ends_the_job(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    work = FakeWork()
    with pytest.raises(OutputError, match=r"cannot write .*file/a.jsonl: Not a directory"):
        run(tmp_path / "file", [source("a"), source("b")], work)


def test_what_a_process_that_is_gone_left_unfinished_is_removed(tmp_path: Path) -> None:
    folder = LocalFolder(str(tmp_path))
    with folder.publishing("a.jsonl") as mine:
        name, _, key = mine.parent.name.rsplit("-", 2)
        gone = mine.parent.with_name(
            f"{name}-{2**22 + 1}-{key}"
        )  # beyond the kernel's largest process number
        gone.mkdir()
        folder.remove_abandoned()
        assert mine.parent.is_dir() and not gone.exists()
        mine.write_text("")


def test_shards_do_their_own_units_and_a_run_without_shards_joins_them(tmp_path: Path) -> None:
    sources = [source("long", *SPANS), source("a"), source("b")]
    lines = [run(tmp_path, sources, FakeWork(), shard=Shard(number, 2)) for number in (1, 2)]
    by_status = sorted((line["source"], line["status"]) for shard in lines for line in shard)
    assert by_status == [("a", "done"), ("b", "done"), ("long", "part"), ("long", "part")]
    assert not (tmp_path / "long.jsonl").exists()
    again = FakeWork()
    run(tmp_path, sources, again, shard=Shard(1, 2))
    joined = run(tmp_path, sources, again)
    assert again.done == [] and [line["status"] for line in joined] == ["done", "skipped", "skipped"]
    assert (tmp_path / "long.jsonl").read_bytes() == b"".join(map(records, sources[0].units))
    assert not (tmp_path / ".part").exists()


def test_a_run_of_some_sources_keeps_the_units_of_the_others(tmp_path: Path) -> None:
    long = source("long", *SPANS)
    run(tmp_path, [source("a"), long], FakeWork(), shard=Shard(1, 3))
    kept = [unit.file for unit in long.units if (tmp_path / unit.file).exists()]
    run(tmp_path, [source("a"), source("b")], FakeWork())
    assert kept and all((tmp_path / file).exists() for file in kept)
    run(tmp_path, [long], FakeWork())
    assert not (tmp_path / ".part").exists()
