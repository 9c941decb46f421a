"""`rtm train`: a recipe and labelled images in, a model out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtmcli.cli.command import Given
from rtmcli.errors import DataError, MissingError
from rtmcli.terminal.messages import say
from rtmcli.terminal.progress import progress

if TYPE_CHECKING:
    from rtmcli.training.data.dataset import DataSet
    from rtmcli.training.trainer import Training


def main(
    given: Given,
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped recipe (rtmpose-t), or a TOML file.")
    ],
    data: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE", help="Labels: COCO .json or records .jsonl; repeat it for more data sets."
        ),
    ],
    images: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH", help="Images of each --data: a folder, tar or zip, or a folder of those."
        ),
    ] = None,
    data_skeleton: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Skeleton of each --data, if it is not the recipe's."),
    ] = None,
    ratio: Annotated[
        list[float] | None,
        typer.Option(
            metavar="R",
            help="Fraction of each --data in an epoch (default: 1); 3 takes it three times.",
        ),
    ] = None,
    val: Annotated[Path | None, typer.Option(metavar="FILE", help="Labels of the validation set.")] = None,
    val_images: Annotated[Path | None, typer.Option(metavar="PATH", help="Images of --val.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a recipe value: --set lr=2e-3."),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Initial weights: a model that 'rtm models' lists, or a file. Weights that do not fit are listed and "
            "left out.",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Teacher of a dwpose recipe: a name or a file, as for --init.",
        ),
    ] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="Do not train this part: backbone, neck or head.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FOLDER",
            help="Folder for checkpoints and the model (default: runs/RECIPE).",
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, mps.")] = "cpu",
    workers: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Processes that load data (default: one less than CPUs)."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Steps between log lines.")] = 50,
    save_every: Annotated[
        float, typer.Option(min=0, metavar="MINUTES", help="Minutes between checkpoints within an epoch.")
    ] = 10.0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write TensorBoard files to --out.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw loss, validation and learning rate to an image file, again after each validation.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="List unreadable images and invalid labels, then stop.")
    ] = False,
    show_batch: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw augmented samples with their targets to an image file, then stop."
        ),
    ] = None,
) -> None:
    """Train a model on labelled images with the papers' recipes.

    The log goes to stdout and to log.jsonl in --out, one JSON object per line. An interrupted run resumes when the same
    command is given again. Under torchrun each process computes its part of every batch:
    torchrun --nproc-per-node 2 -m rtmcli train ...

    Example:

      rtm train rtmpose-t --data coco.json --images train/ --val val.json --val-images val/ --set batch=64
    """
    _check_options(given, check=check, show_batch=show_batch is not None, val=val is not None)
    if plot is not None:
        from rtmcli.cli.plotting import need_matplotlib

        need_matplotlib(plot)
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingError("PyTorch is not installed; pip install 'rtmcli[train]' gets it") from None
    from rtmcli.cpus import available_cpus
    from rtmcli.training.data.recipe_sets import load_recipe_set, load_sets
    from rtmcli.training.distillation import load_teacher, with_teacher
    from rtmcli.training.initialization import freeze_part, start_from
    from rtmcli.training.loader import usable_workers
    from rtmcli.training.model import make_network
    from rtmcli.training.preview import draw_batch
    from rtmcli.training.recipe_file import load_recipe, override_recipe, with_values
    from rtmcli.training.tasks.make import make_task
    from rtmcli.training.trainer import Training

    chosen = override_recipe(load_recipe(recipe), set_ or [])
    sets = load_sets(chosen, data, images or [], data_skeleton or [], ratio or [])
    if sets[0].classes:
        chosen = with_values(chosen, classes=",".join(sets[0].classes))
    if check:
        _list_faults(sets)
        return
    teacher_network = load_teacher(teacher, chosen) if teacher is not None else None
    task = make_task(chosen, sets, teacher_network)
    if show_batch is not None:
        draw_batch(task, show_batch)
        return
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise MissingError(f"there is no CUDA device for --device {device}; --device cpu works everywhere")
    held_out = load_recipe_set(chosen, val, val_images) if val is not None else None
    distributed = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if distributed:
        torch.distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        if device == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    torch.manual_seed(chosen.run.seed)
    network = make_network(chosen)
    if init is not None:
        misfit = start_from(network, init)
        if misfit:
            say(f"{init} fits in part; {misfit}", "rtm train")
    for part in freeze or []:
        freeze_part(network, part)
    if teacher_network is not None:
        network = with_teacher(network, teacher_network, chosen)
    training = Training(
        task,
        network,
        out or Path("runs") / chosen.model.name,
        held_out=held_out,
        device=torch.device(device),
        workers=usable_workers(max(available_cpus() - 1, 0) if workers is None else workers),
        every=every,
        save_every=save_every,
    )
    _run(training, tensorboard=tensorboard, plot=plot)
    if distributed:
        torch.distributed.destroy_process_group()


# Options of the training itself, which have no effect with the two options that stop before it.
_TRAINING = (
    "val", "val_images", "init", "freeze", "out", "device", "workers", "every", "save_every", "tensorboard", "plot"
)  # fmt: skip


def _check_options(given: Given, *, check: bool, show_batch: bool, val: bool) -> None:
    """Raise UsageError for options that have no effect."""
    if check:
        given.reject(("show_batch", "teacher", *_TRAINING), "with --check, which stops before the training")
    if show_batch:
        given.reject(_TRAINING, "with --show-batch, which stops before the training")
    if not val:
        given.reject(("val_images",), "without --val", "give --val FILE too")


def _run(training: "Training", *, tensorboard: bool, plot: Path | None) -> None:
    """Train with a log on stdout and in the folder and a progress bar, then write the model."""
    from rtmcli.training.curves import plot_curves
    from rtmcli.training.initialization import save_model
    from rtmcli.training.log import log_line

    board = _open_board(training.folder) if tensorboard else None
    log = training.folder / "log.jsonl"
    if training.rank == 0 and not (training.folder / "last.pt").exists():
        log.unlink(missing_ok=True)  # of a run that does not go on

    def report(line: dict[str, Any]) -> None:
        text = log_line(line)
        print(text, flush=True)
        with log.open("a") as file:
            file.write(f"{text}\n")
        if plot is not None and "loss" not in line:
            plot_curves(log, plot)
        if board is not None:
            for name, value in line.items():
                if name not in ("epoch", "step"):
                    board.add_scalar(name, value, line["step"])

    training.report = report
    recipe = training.recipe
    total = recipe.stages.epochs * training.steps * recipe.optimiser.batch
    try:
        with progress(total, label="train") as bar:
            training.tick = bar.advance
            training.run()
    except KeyboardInterrupt:
        say(f"saved {training.folder}/last.pt; the same command resumes from it", "rtm train")
        raise
    finally:
        if board is not None:
            board.close()
        if plot is not None and training.rank == 0 and log.is_file():
            plot_curves(log, plot)
    if training.rank == 0:
        save_model(training.trained, recipe, training.folder / f"{recipe.model.name}.safetensors")


def _list_faults(sets: "list[DataSet]") -> None:
    """Print the faults of all sets, one per line. Raises DataError where there are any."""
    from rtmcli.training.data.dataset import check_set

    faults = 0
    for data in sets:
        for line in check_set(data):
            print(line)
            faults += 1
    people = sum(len(data.people) for data in sets)
    images = sum(len(data.images) for data in sets)
    say(f"{images} images, {people} people with keypoints, {faults} faults", "rtm train")
    if faults:
        raise DataError(
            f"the labels have {faults} faults, listed above; correct or remove them before training"
        )


def _open_board(folder: Path) -> Any:
    """TensorBoard's writer. Raises MissingError where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        raise MissingError("TensorBoard is not installed; pip install 'rtmcli[train]' gets it") from None
    return SummaryWriter(str(folder))
