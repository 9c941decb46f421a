"""`rtm models`: list, download, check and convert models."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from rtmcli.cli.command import Given, as_command
from rtmcli.cli.option_values import height_width_of
from rtmcli.errors import DataError, UsageError
from rtmcli.terminal.error_report import did_you_mean
from rtmcli.terminal.messages import say

if TYPE_CHECKING:
    from rtmcli.zoo.catalogue import Kind

_say = partial(say, program="rtm models")


class _Commands(TyperGroup):
    """The commands of `rtm models`; for a model's name in their place, the error names the command that shows it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if not word.startswith("-") and word not in self.commands:
            raise UsageError(
                f"no such command {word!r}{did_you_mean(word, self.commands)} 'rtm models show {word}' shows a model, "
                "'rtm models --help' lists the commands"
            )
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=_Commands, invoke_without_command=True, no_args_is_help=False)

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="Names that 'rtm models' lists, in any spelling."),
]
Mirror = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Try this host first; it has the publishers' files under the same paths."
    ),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Accept a file whose SHA-256 differs from the one that a third party has published."
    ),
]


@app.callback()
@as_command
def main(
    ctx: typer.Context,
    given: Given,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only models of this task (detector, topdown, onestage, backbone) or subject (person, body, body26, "
            "wholebody, wholebody3d, hand, face, animal, objects).",
        ),
    ] = None,
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only models of this skeleton.")
    ] = None,
    max_ms: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="MS", help="Only models published as faster on a CPU (i7-11700, ONNX Runtime)."
        ),
    ] = None,
) -> None:
    """List the models: a table on a terminal, one JSON object a line in a pipe.

    The bundled models come first: rtmdet-nano and rtmpose-t are rtm's own, all others are published by their authors.
    Figures and times are those of the publishers; 'rtm models show NAME' shows all of them.

    Example:

      rtm models --task wholebody --max-ms 30
      rtm models pull rtmpose-m && rtm pose video.mp4 --model rtmpose-m
    """
    if ctx.invoked_subcommand is not None:
        given.reject(
            ("task", "skeleton", "max_ms"),
            f"on 'rtm models {ctx.invoked_subcommand}'",
            "it selects what is listed",
        )
        return
    from rtmcli.cli.models_output import write_table
    from rtmcli.zoo.listing import list_models, select

    write_table(select(list_models(), task=task, skeleton=skeleton, max_ms=max_ms))


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name that 'rtm models' lists, a family, or a model file.")
    ],
) -> None:
    """Show everything known about a model: figures, times, files, terms. A family's name lists its models.

    Example:

      rtm models show rtmpose-m
      rtm models show rtmo
    """
    from rtmcli.cli.models_output import write_details, write_table
    from rtmcli.zoo.listing import describe_models

    models = describe_models(name)
    if len(models) == 1:
        write_details(models[0])
    else:
        write_table(models)


@app.command()
@as_command
def pull(
    given: Given,
    names: Names = None,
    checkpoint: Annotated[
        bool, typer.Option("--checkpoint", help="Download the .pth to train from, not the file to run.")
    ] = False,
    bundle_file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE.tar", help="Take the models from a file that 'bundle' wrote."),
    ] = None,
    mirror: Mirror = None,
    trust: Trust = False,
) -> None:
    """Download models, so that --model and --detector know them by name.

    An interrupted download continues where it stopped, and where one host fails the next is tried. The SHA-256 of
    every file is recorded in lock.toml of the rtm folder (RTM_HOME); other bytes are refused from then on.
    RTM_MIRROR names a mirror.

    Example:

      rtm models pull rtmdet-m-person rtmpose-m
    """
    if bundle_file is not None:
        given.reject(("checkpoint", "mirror", "trust"), "with --from, which downloads nothing")
        _unpack(bundle_file, names)
        return
    if not names:
        raise UsageError("no model named; give a name that 'rtm models' lists")
    _fetch(names, "pth" if checkpoint else None, mirror, trust)


@app.command()
@as_command
def bundle(
    given: Given,
    names: Names = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.tar", help="Write the models to this file.")
    ] = None,
    bundle_file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE.tar", help="Install the models of this file."),
    ] = None,
    mirror: Mirror = None,
    trust: Trust = False,
) -> None:
    """Copy models to a machine without a network, in one file.

    Models that are not installed are downloaded first.

    Example:

      rtm models bundle rtmpose-m rtmdet-m-person -o offline.tar
      rtm models bundle --from offline.tar
    """
    if bundle_file is not None:
        if out is not None:
            raise UsageError("-o writes a bundle and --from reads one; give one of them")
        given.reject(("mirror", "trust"), "with --from, which downloads nothing")
        _unpack(bundle_file, names)
        return
    if not names or out is None:
        raise UsageError("needs names and a file: 'rtm models bundle NAME -o offline.tar'")
    from rtmcli.files import check_writable
    from rtmcli.zoo.download.bundle import pack_models

    check_writable(out)
    pack_models(_fetch(names, None, mirror, trust), out)
    _say(f"{out} contains {', '.join(names)}; 'rtm models bundle --from {out.name}' installs them")


@app.command()
def verify() -> None:
    """Check every installed model against its recorded hash.

    Exits with 3 if one has changed or is missing.

    Example:

      rtm models verify
    """
    from rtmcli.cli.models_output import write_states
    from rtmcli.zoo.install import verify_models

    bad = write_states(verify_models())
    if bad:
        raise DataError(f"{', '.join(bad)}: changed or missing; 'rtm models pull NAME' downloads it again")


@app.command()
def use(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="An installed model.")],
) -> None:
    """Make a model the default, in config.toml of the rtm folder.

    A pose model becomes that of 'rtm pose', a detector that of 'rtm detect' and 'rtm pose'. RTM_MODEL and
    RTM_DETECTOR do the same for one shell.

    Example:

      rtm models pull rtmpose-m && rtm models use rtmpose-m
    """
    from rtmcli.zoo.defaults import set_default

    for line in set_default(name):
        _say(line)


@app.command()
def convert(
    checkpoint: Annotated[Path, typer.Argument(metavar="FILE", help="A .pth, .safetensors or .onnx file.")],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The file to write: .onnx to run it, .safetensors or .pth."
        ),
    ],
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its skeleton, if the file does not determine it.")
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(
            metavar="HxW", help="Its input size, height x width, if the file does not determine it."
        ),
    ] = None,
) -> None:
    """Convert a published checkpoint into a model that runs, or into another checkpoint format.

    Its card is inferred from tensors, metadata and file name; what is ambiguous is an error that names the flag.
    Nothing in the file is executed.

    Example:

      rtm models convert rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.pth -o rtmpose-m.onnx
    """
    from rtmcli.zoo.convert import convert_checkpoint

    card = convert_checkpoint(
        checkpoint, out, skeleton=skeleton, input_size=height_width_of(input_size, "--input-size")
    )
    _say(
        f"{out} is {card.name}: {card.family}-{card.size}, {card.height}x{card.width}, {card.skeleton or 'boxes'}"
    )


def _fetch(names: list[str], kind: "Kind | None", mirror: str | None, trust: bool) -> list[Path]:
    """The files of models by name, one a name, downloaded where necessary."""
    from rtmcli.cli.models_output import download_bars, write_files
    from rtmcli.settings import Defaults
    from rtmcli.zoo.fetch import fetch_model
    from rtmcli.zoo.install import PullOptions

    address = mirror or str(Defaults("models", options={"mirror": "mirror"}).get("mirror", ""))
    with download_bars() as progress:
        options = PullOptions(mirror=address, trust=trust, progress=progress, say=_say)
        files = [fetch_model(name, kind=kind, options=options) for name in names]
    write_files(names, files)
    return files


def _unpack(file: Path, names: list[str] | None) -> None:
    from rtmcli.cli.models_output import write_files
    from rtmcli.zoo.download.bundle import unpack_models

    if names:
        raise UsageError("--from takes all models of the file; omit the names")
    done = unpack_models(file)
    _say(f"installed {len(done)} models: {', '.join(path.stem for path in done)}")
    write_files([path.stem for path in done], done)
