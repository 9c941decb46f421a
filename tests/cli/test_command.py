"""Options dataclasses become options, and `Given` knows which of them were on the command line."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from rtmcli.cli.command import Given, as_command
from rtmcli.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: Annotated[int, typer.Option(help="How large.")] = 3


@dataclass(frozen=True, kw_only=True)
class Options:
    name: Annotated[str | None, typer.Option(help="What.")] = None
    inner: Inner = field(default_factory=Inner)
    loud: Annotated[bool, typer.Option("--loud", help="How.")] = False


def run(arguments: list[str]) -> list[Any]:
    """What a verb with these options is called with."""
    called: list[Any] = []

    def verb(word: Annotated[str, typer.Argument()], options: Options, given: Given) -> None:
        """A verb."""
        called.extend([word, options, dict(given.flags)])

    app = typer.Typer()
    app.command()(as_command(verb))
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return called


def test_the_objects_hold_the_values_and_the_defaults() -> None:
    assert run(["a"]) == ["a", Options(), {}]
    assert run(["a", "--size", "5", "--loud"])[1] == Options(inner=Inner(size=5), loud=True)


def test_given_names_the_options_that_differ_from_their_defaults() -> None:
    assert run(["a", "--size", "3", "--name", "x"])[2] == {"name": "--name"}


def test_rejecting_an_option_names_it_the_reason_and_the_remedy() -> None:
    given = Given({"size": "--size"})
    given.reject(("name",), "here")
    with pytest.raises(UsageError, match=r"^--size has no effect here; leave it out$"):
        given.reject(("name", "size"), "here")


def test_a_verb_without_such_parameters_is_left_alone() -> None:
    def verb(word: str) -> None:
        """A verb."""

    assert as_command(verb) is verb
