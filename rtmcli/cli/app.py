"""The command `rtm`. A verb's module is imported only when it runs; every error ends as one line on stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad input, 4 something is missing. Ctrl-C, SIGTERM and a closed pipe end
the process by their signals, after files are closed and incomplete ones removed (130, 143 and 141 in a shell).
"""

import os
import signal
import sys
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from rtmcli import __version__
from rtmcli.cli.command import as_command
from rtmcli.errors import RtmError, UsageError
from rtmcli.records.line_io import ClosedPipe, guard
from rtmcli.settings import Defaults, check_config, current, reset
from rtmcli.terminal.error_report import did_you_mean, report
from rtmcli.terminal.streams import drop_unwritable_output, fill_closed_streams

# In the order of a typical pipeline, with the line that `rtm --help` shows: no verb's module is imported for it.
VERBS = {
    "detect": "Find people: images in, boxes out.",
    "pose": "Find people and their keypoints: images (or boxes) in, poses out.",
    "track": "Track people: one id for each person over time.",
    "smooth": "Smooth keypoints and boxes over time.",
    "angles": "Measure joint and segment angles.",
    "nms": "Remove duplicate poses of the same person.",
    "draw": "Draw skeletons on the images they came from.",
    "view": "Show poses in an HTML page: the video, a timeline and plots.",
    "convert": "Convert records to and from other formats and skeletons.",
    "eval": "Evaluate records against labels.",
    "train": "Train a model on labelled images.",
    "export": "Export a model for a runtime and check its results.",
    "bench": "Measure the speed of models, engines and the pipeline.",
    "models": "List, download and check models.",
    "schema": "Print the record's JSON Schema, or check a file against it.",
}


def main(arguments: list[str] | None = None) -> int:
    """Run `rtm` with these arguments (those of the process by default) and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    fill_closed_streams()
    reset()
    if "_RTM_COMPLETE" in os.environ:
        app().main(arguments, prog_name="rtm")
    _catch_signals()
    try:
        code = _run(arguments)
        _flush()
        return code
    except (ClosedPipe, BrokenPipeError):
        _die_of(signal.SIGPIPE)
    except _Terminated:
        _die_of(signal.SIGTERM)
    except KeyboardInterrupt:
        # Not `return 130`: a shell ends its loop only where the program died of the signal.
        _die_of(signal.SIGINT)
    except Exception as error:
        return report(error, arguments, VERBS)
    finally:
        reset()  # a library user's next call is not quiet because of this run


def _flush() -> None:
    """Write what `print` has kept."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise RtmError(f"cannot write to standard output: {error.strerror}") from None


def app() -> TyperGroup:
    """The command that holds all verbs."""
    holder = typer.Typer(
        cls=_Verbs,
        help=_ABOUT,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings=_CONTEXT,
    )
    holder.callback()(_rtm)
    command = typer.main.get_command(holder)
    assert isinstance(command, TyperGroup)
    command.params.extend(_common_options())
    return command


_ABOUT = """Real-time multi-person pose estimation. Verbs read and write one JSON object per frame:

\b
  rtm pose video.mp4 | rtm smooth > out.jsonl
  rtm draw out.jsonl -o out.mp4
"""
_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def _rtm(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=lambda on: _version(on)
        ),
    ] = False,
) -> None:
    """Options before the verb."""


def _version(wanted: bool) -> None:
    if wanted:
        print(f"rtm {__version__}")
        raise typer.Exit()


class _Verbs(TyperGroup):
    """All verbs, each imported when it is needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return load_verb(cmd_name) if cmd_name in VERBS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if not word.startswith("-") and word not in VERBS:
            raise UsageError(f"no such verb {word!r}{did_you_mean(word, VERBS)} 'rtm --help' lists them")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        from typer._click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super(TyperGroup, self).shell_complete(ctx, incomplete)
        return [
            CompletionItem(verb, help=text) for verb, text in VERBS.items() if verb.startswith(incomplete)
        ]


@lru_cache(maxsize=1)
def load_verb(verb: str) -> Any:
    """Import one verb and build its command: `main(...)`, or a Typer `app` with verbs of its own."""
    module = import_module(f"rtmcli.verbs.{verb}")
    holder = getattr(module, "app", None)
    if holder is None:
        holder = typer.Typer(rich_markup_mode=None, add_completion=False)
        holder.command(verb, help=_help_text(module.main.__doc__ or ""), context_settings=_CONTEXT)(
            as_command(module.main)
        )
    else:
        holder.rich_markup_mode = None
        holder._add_completion = False
    command = typer.main.get_command(holder)
    command.name = verb
    for leaf in _leaves(command):
        leaf.params.extend(_common_options())
    return command


def _leaves(command: Any) -> list[Any]:
    if isinstance(command, TyperGroup):
        for child in command.commands.values():
            child.help = _help_text(child.help or "")
        command.help = _help_text(command.help or "")
        own = [command] if command.invoke_without_command else []
        return own + [leaf for child in command.commands.values() for leaf in _leaves(child)]
    return [command]


def _common_options() -> list[Any]:
    """`-q`, `-v`, `--json-errors`, `--no-progress`: the same on every verb, read with `settings.current()`."""
    holder = typer.Typer(add_completion=False)
    holder.command()(_common)
    parameters = typer.main.get_command(holder).params
    for parameter in parameters:
        parameter.expose_value = False
    return parameters


def _set_common(ctx: typer.Context, param: typer.CallbackParam, value: bool) -> bool:
    if value:
        if param.name == "no_progress":
            current().progress = False
        else:
            setattr(current(), str(param.name), True)
    return value


def _common(
    quiet: Annotated[
        bool,
        typer.Option("-q", "--quiet", help="Only errors on stderr.", callback=_set_common, is_eager=True),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "-v",
            "--verbose",
            help="The traceback of an error on stderr.",
            callback=_set_common,
            is_eager=True,
        ),
    ] = False,
    json_errors: Annotated[
        bool,
        typer.Option("--json-errors", help="Errors as JSON on stderr.", callback=_set_common, is_eager=True),
    ] = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="No progress bar.", callback=_set_common, is_eager=True)
    ] = False,
) -> None:
    """The common options."""


class _RootDefaults(dict[str, Any]):
    """The defaults that the user has set, by verb. Options before the verb and arguments have none."""

    def get(self, key: str, default: Any = None) -> Any:
        if key not in VERBS:
            return default
        command = load_verb(key)
        options = _options_of(command)
        within = [_options_of(child) for child in getattr(command, "commands", {}).values()]
        check_config(key, [option for own in (options, *within) for option in own.values()])
        lists = frozenset(p.name for p in command.params if getattr(p, "multiple", False))
        return Defaults(key, options=options, lists=lists)


def _options_of(command: Any) -> dict[str, str]:
    """Parameter name -> option without its dashes."""
    return {p.name: max(p.opts, key=len).lstrip("-") for p in command.params if p.param_type_name == "option"}


def _run(arguments: list[str]) -> int:
    _refuse_empty_values(arguments)
    command = app()
    try:
        with command.make_context("rtm", list(arguments), default_map=_RootDefaults()) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0


def _refuse_empty_values(arguments: list[str]) -> None:
    """Raise UsageError for an option with an empty value, as of `-o "$OUT"` without such a variable."""
    for option, value in pairwise([*arguments, " "]):
        name, equals, given = option.partition("=")
        if name.startswith("-") and (value == "" if not equals else given == ""):
            raise UsageError(f"{name} is given an empty value; name one, or leave {name} out")


def _help_text(doc: str) -> str:
    """A docstring as help: indented lines (examples, lists) keep their breaks."""
    import inspect

    paragraphs = inspect.cleandoc(doc).split("\n\n")
    return "\n\n".join(
        "\b\n" + text if any(line.startswith("  ") for line in text.splitlines()) else text
        for text in paragraphs
    )


class _Terminated(BaseException):
    """SIGTERM as an exception, so that files are closed and incomplete ones removed."""


def _catch_signals() -> None:
    def interrupt(number: int, frame: object) -> None:
        guard.interrupt(KeyboardInterrupt())

    def terminate(number: int, frame: object) -> None:
        guard.interrupt(_Terminated())

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, terminate)


def _die_of(number: signal.Signals) -> NoReturn:
    """End as if the signal had not been caught, so that the parent sees it; the default handler is put back first."""
    drop_unwritable_output()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)
