"""`rtm models`: what models there are, which of them are here, and how they get here."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from rtmcli.errors import DataError, UsageError
from rtmcli.terminal.messages import say

_say = partial(say, program="rtm models")

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names that 'rtm models' lists.")]
Mirror = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Ask here first: a host with the publishers' files under the same paths."
    ),
]


@app.callback()
def main(
    ctx: typer.Context,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only these: detector, topdown, onestage, backbone, or what they find: person, body, body26, "
            "wholebody, wholebody3d, hand, face, animal, objects.",
        ),
    ] = None,
    skeleton: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this skeleton.")] = None,
    max_ms: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="MS", help="Only those published as faster on a CPU (i7-11700, ONNX Runtime)."
        ),
    ] = None,
) -> None:
    """List the models: a table on a terminal, one JSON object a line in a pipe.

    Figures and times are their publishers'; 'rtm models show NAME' has all of them. What ships with rtm comes first.

    Example:

      rtm models --task wholebody --max-ms 30
      rtm models pull rtmpose-m && rtm pose video.mp4 --model rtmpose-m
    """
    if ctx.invoked_subcommand is not None:
        return
    from rtmcli.cli.models_output import write_table
    from rtmcli.zoo.listing import list_models, select

    write_table(select(list_models(), task=task, skeleton=skeleton, max_ms=max_ms))


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that 'rtm models' lists.")],
) -> None:
    """Tell all that is known of one model: figures, times, files, terms.

    Example:

      rtm models show rtmpose-m
    """
    from rtmcli.cli.models_output import write_details
    from rtmcli.zoo.listing import describe_model

    write_details(describe_model(name))


@app.command()
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names that 'rtm models' lists.")
    ] = None,
    checkpoint: Annotated[
        bool, typer.Option("--checkpoint", help="Fetch the .pth to train from, not the file to run.")
    ] = False,
    bundle_file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE.tar", help="Take them from what 'bundle' wrote instead."),
    ] = None,
    mirror: Mirror = None,
) -> None:
    """Fetch models, so that --model and --detector know them by name.

    A download that broke goes on where it ended. Every file is proved by its SHA-256: a first one is recorded in
    lock.toml of the rtm folder (RTM_HOME), and other bytes are never taken afterwards. RTM_MIRROR names a mirror.

    Example:

      rtm models pull rtmdet-m-person rtmpose-m
    """
    if bundle_file is not None:
        _unpack(bundle_file, names)
        return
    if not names:
        raise UsageError("names no model; 'rtm models' lists them")
    _fetch(names, "pth" if checkpoint else None, mirror)


@app.command()
def bundle(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names that 'rtm models' lists.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.tar", help="Write them to this file.")
    ] = None,
    bundle_file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE.tar", help="Put the models of this file into the rtm folder."),
    ] = None,
    mirror: Mirror = None,
) -> None:
    """Carry models to a machine without a network, in one file.

    What is not here yet is fetched first.

    Example:

      rtm models bundle rtmpose-m rtmdet-m-person -o offline.tar
      rtm models bundle --from offline.tar
    """
    if bundle_file is not None:
        if out is not None:
            raise UsageError("-o writes a bundle and --from reads one; give one of them")
        _unpack(bundle_file, names)
        return
    if not names or out is None:
        raise UsageError("needs names and a file: 'rtm models bundle NAME -o offline.tar'")
    from rtmcli.zoo.download.bundle import pack_models

    pack_models(_fetch(names, None, mirror), out)
    _say(f"{out} holds {', '.join(names)}; 'rtm models bundle --from {out.name}' unpacks it")


@app.command()
def verify() -> None:
    """Check every fetched model against its recorded hash.

    Ends with 3 where one has changed or is missing.

    Example:

      rtm models verify
    """
    from rtmcli.cli.models_output import write_states
    from rtmcli.zoo.install import verify_models

    bad = write_states(verify_models())
    if bad:
        raise DataError(f"{', '.join(bad)}: not what was fetched; 'rtm models pull NAME' fetches it again")


@app.command()
def use(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model that is here.")],
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
            "-o", "--output", metavar="FILE", help="Where to: .onnx to run it, .safetensors or .pth."
        ),
    ],
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its skeleton, where the file leaves that open.")
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="Its input, height x width, where the file leaves that open."),
    ] = None,
) -> None:
    """Turn a published checkpoint into a model that runs, or into another kind of checkpoint.

    What it is is read from its tensors, its meta data and its name; what stays open is an error that names the flag.
    Nothing in the file is executed.

    Example:

      rtm models convert rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.pth -o rtmpose-m.onnx
    """
    from rtmcli.zoo.convert import convert_checkpoint

    card = convert_checkpoint(checkpoint, out, skeleton=skeleton, input_size=_height_width(input_size))
    _say(
        f"{out} is {card.name}: {card.family}-{card.size}, {card.height}x{card.width}, {card.skeleton or 'boxes'}"
    )


def _fetch(names: list[str], kind: Any, mirror: str | None) -> list[Path]:
    """Fetch by name; the files, one a name. A bundled model is its own file already."""
    from rtmcli.cli.models_output import pull_bars, write_files
    from rtmcli.settings import Defaults
    from rtmcli.zoo.fetch import fetch_model
    from rtmcli.zoo.install import Pull

    address = mirror or str(Defaults("models", options=frozenset({"mirror"})).get("mirror", ""))
    with pull_bars() as progress:
        how = Pull(mirror=address, progress=progress, say=_say)
        files = [fetch_model(name, kind=kind, how=how) for name in names]
    write_files(names, files)
    return files


def _unpack(file: Path, names: list[str] | None) -> None:
    from rtmcli.cli.models_output import write_files
    from rtmcli.zoo.download.bundle import unpack_models

    if names:
        raise UsageError("--from takes all that the file holds; leave the names out")
    done = unpack_models(file)
    _say(f"{len(done)} models are here now: {', '.join(path.stem for path in done)}")
    write_files([path.stem for path in done], done)


def _height_width(text: str | None) -> tuple[int, int] | None:
    """`256x192` -> (192, 256): written height x width as in model names, held (width, height)."""
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UsageError(
            f"--input-size {text!r} is not a size; write height x width as in --input-size 256x192"
        )
    return int(width), int(height)
