"""The documentation: generated pages are fresh, every option is described, every example is valid."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtmcli.cli.app import VERBS, load_verb
from rtmcli.settings import current
from rtmcli.skeletons import load_skeleton, skeleton_names
from tests.helpers.examples import SHELL, code_blocks, indented_blocks, parse, rtm_commands
from tools.write_docs import api_page, cli_page, with_angle_table

REPOSITORY = Path(__file__).parent.parent
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
STALE = "run: python -m tools.write_docs (or: just docs)"


def commands() -> Iterator[tuple[str, Any]]:
    """Every verb, and the verbs of `rtm models`, with the words that call it."""
    for verb in VERBS:
        command = load_verb(verb)
        yield verb, command
        for name, child in getattr(command, "commands", {}).items():
            yield f"{verb} {name}", child


def examples() -> Iterator[Any]:
    for page in PAGES:
        for number, block in enumerate(code_blocks(page.read_text(), SHELL)):
            for words in rtm_commands(block):
                yield pytest.param(words, id=f"{page.name}-{number}: rtm {' '.join(words)}")
    for name, command in commands():
        for line in indented_blocks(inspect.cleandoc(command.help)):
            for words in rtm_commands(line):
                yield pytest.param(words, id=f"help of {name}: rtm {' '.join(words)}")


@pytest.fixture(autouse=True)
def unchanged_settings() -> Iterator[None]:
    """Parsing `-q` and its like changes the settings of the process."""
    settings = current()
    before = {name: getattr(settings, name) for name in ("quiet", "verbose", "json_errors", "progress")}
    yield
    for name, value in before.items():
        setattr(settings, name, value)


def test_the_page_of_the_command_line_is_fresh() -> None:
    assert (REPOSITORY / "docs/cli.md").read_text() == cli_page(), STALE


def test_the_page_of_the_library_is_fresh() -> None:
    assert (REPOSITORY / "docs/api.md").read_text() == api_page(), STALE


def test_the_table_of_angles_is_fresh_and_every_angle_is_explained() -> None:
    page = (REPOSITORY / "docs/angles.md").read_text()
    assert page == with_angle_table(page), STALE
    explained = page.split("## The side")[0]
    defined = {name for skeleton in skeleton_names() for name in load_skeleton(skeleton).angles}
    assert not [name for name in defined if f"`{name}`" not in explained]


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in commands()])
def test_every_option_and_argument_of_a_verb_has_a_help_text(name: str, command: Any) -> None:
    without = [parameter.name for parameter in command.params if not (parameter.help or "").strip()]
    assert not without


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in commands()])
def test_the_help_of_a_verb_has_an_example_of_it(name: str, command: Any) -> None:
    found = [
        words for line in indented_blocks(inspect.cleandoc(command.help)) for words in rtm_commands(line)
    ]
    assert any(words[: len(name.split())] == name.split() for words in found)


def test_the_readme_has_a_table_of_all_verbs() -> None:
    rows = re.findall(r"^\| \[?`(\w+)`", (REPOSITORY / "README.md").read_text(), flags=re.MULTILINE)
    assert rows == list(VERBS)


@pytest.mark.parametrize("words", list(examples()))
def test_a_shell_example_is_accepted_by_the_parser(words: list[str]) -> None:
    parse(words)


def test_the_examples_are_found_and_parsed() -> None:
    assert list(rtm_commands("$ rtm pose a.mp4 | rtm smooth > out.jsonl  # poses")) == [
        ["pose", "a.mp4"],
        ["smooth"],
    ]
    assert list(rtm_commands("rtm pose images/ |\n  rtm eval labels.json")) == [
        ["pose", "images/"],
        ["eval", "labels.json"],
    ]
    with pytest.raises(Exception, match="No such option"):
        parse(["pose", "demo", "--det-evry", "5"])
    with pytest.raises(Exception, match="no such command"):
        parse(["models", "lsit"])


# The signatures of api.md are no statements; its examples are tested in test_docstring_examples.py.
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "api.md"], ids=lambda page: page.name
)
def test_python_in_a_page_compiles(page: Path) -> None:
    for block in code_blocks(page.read_text(), {"python"}):
        compile(block, str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_in_a_page_exist(page: Path) -> None:
    for path in re.findall(r"`((?:rtmcli|tests|tools|benchmarks|docs)/[\w./-]*)`", page.read_text()):
        assert (REPOSITORY / path).exists() or "NAME" in path, path
