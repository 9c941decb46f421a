"""Names of output files."""

import pytest

from rtmcli.errors import UsageError
from rtmcli.jobs.names import output_names


def names(*sources: str, **options: object) -> list[str]:
    return output_names(sources, suffix=".jsonl", **options)


def test_one_source_gets_its_stem() -> None:
    assert names("clips/walk.mp4") == ["walk.jsonl"]


def test_subfolders_below_the_common_folder_are_kept() -> None:
    assert names("d/monday/x.mp4", "d/friday/am/x.mp4") == ["monday/x.jsonl", "friday/am/x.jsonl"]
    assert names("d/x.mp4", "d/friday/x.mp4") == ["x.jsonl", "friday/x.jsonl"]
    assert names("../one/x.mp4", "./two/x.mp4")[1].endswith("two/x.jsonl")


def test_sources_that_differ_in_their_suffix_alone_keep_it() -> None:
    assert names("x.mp4", "x.mov", "y.mp4") == ["x.mp4.jsonl", "x.mov.jsonl", "y.jsonl"]


def test_an_address_is_named_by_its_path() -> None:
    assert names("https://host/a/x.mp4?key=1", "https://host/a/y.mp4") == ["x.jsonl", "y.jsonl"]


def test_a_template_names_the_files() -> None:
    assert names("d/a/x.mp4", "d/b/y.mp4", template="{stem}") == ["x.jsonl", "y.jsonl"]
    assert names("d/a/x.mp4", "d/b/x.mp4", template="{number}-{name}") == ["1-x.mp4.jsonl", "2-x.mp4.jsonl"]
    assert names("d/a/x.mp4", template="{stem}.jsonl") == ["x.jsonl"]


def test_two_sources_with_one_name_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"d/a/x.mp4 and d/b/x.mp4 would both be written to x.jsonl"):
        names("d/a/x.mp4", "d/b/x.mp4", template="{stem}")
    with pytest.raises(UsageError, match="an earlier source"):
        names("x.mp4", template="{stem}", taken=["x.jsonl"])


@pytest.mark.parametrize(
    "template", ["{date}", "{stem", "{stem.x}", "../{stem}", "/tmp/{stem}", ".part/{stem}"]
)
def test_a_template_with_an_unknown_field_or_outside_the_folder_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        names("x.mp4", template=template)
