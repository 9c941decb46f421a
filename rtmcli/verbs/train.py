"""`rtm train`: a recipe and labelled pictures in, a model out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtmcli.cli.command import Given
from rtmcli.errors import MissingError, UsageError
from rtmcli.terminal.messages import say
from rtmcli.terminal.progress import progress

if TYPE_CHECKING:
    from torch import nn

    from rtmcli.training.data.dataset import DataSet
    from rtmcli.training.recipe import Recipe
    from rtmcli.training.tasks.base import Task


def main(
    given: Given,
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped recipe (rtmpose-t), or a TOML file.")
    ],
    data: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="Labels: COCO .json or records .jsonl; again for more sets."),
    ],
    images: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="Pictures of each --data: a folder, tar, zip, or folder of those."),
    ] = None,
    data_skeleton: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Skeleton of each --data, where it is another.")
    ] = None,
    ratio: Annotated[
        list[float] | None,
        typer.Option(metavar="R", help="Share of each --data an epoch takes (1); 3 thrice."),
    ] = None,
    val: Annotated[Path | None, typer.Option(metavar="FILE", help="Labels to validate on.")] = None,
    val_images: Annotated[Path | None, typer.Option(metavar="PATH", help="Pictures of --val.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a number: --set lr=2e-3.")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Start from the weights of a model that 'rtm models' lists, or of a file; those that do not fit "
            "are listed and left out.",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The model that a dwpose recipe learns from: a name or a file, as for --init.",
        ),
    ] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="Leave this part as it is: backbone, neck, head.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where checkpoints go (runs/RECIPE).")
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, mps.")] = "cpu",
    workers: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Processes that draw samples.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Steps between lines of the log.")] = 50,
    save_every: Annotated[
        float, typer.Option(min=0, metavar="MINUTES", help="Minutes between checkpoints within an epoch.")
    ] = 10.0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write TensorBoard files to --out.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="List broken pictures and labels, then stop.")
    ] = False,
    show_batch: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw augmented samples with their targets, then stop."),
    ] = None,
) -> None:
    """Train a model on labelled pictures, by the papers' recipes.

    The log goes to stdout, one JSON object a line. A run that was stopped goes on when the same command is given
    again. Under torchrun every process takes its part of each batch:
    torchrun --nproc-per-node 2 -m rtmcli train ...

    Example:

      rtm train rtmpose-t --data coco.json --images train/ --val val.json --val-images val/ --set batch=64
    """
    _check_options(given, check=check, show_batch=show_batch is not None, val=val is not None)
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingError("PyTorch is not installed; pip install 'rtmcli[train]' gets it") from None
    from rtmcli.training.distillation import load_teacher, with_teacher
    from rtmcli.training.initialization import freeze_part, start_from
    from rtmcli.training.model import make_network
    from rtmcli.training.recipe_file import load_recipe, override
    from rtmcli.training.tasks.make import make_task

    chosen = override(load_recipe(recipe), set_ or [])
    sets = _sets(chosen, data, images or [], data_skeleton or [], ratio or [])
    if check:
        _check(sets)
        return
    master = load_teacher(teacher, chosen) if teacher is not None else None
    task = make_task(chosen, sets, master)
    if show_batch is not None:
        _show(task, show_batch)
        return
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise MissingError(f"there is no CUDA device for --device {device}; --device cpu works everywhere")
    held_out = _one_set(chosen, val, val_images, None, 1.0) if val is not None else None
    folder = out or Path("runs") / chosen.model.name
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
    if master is not None:
        network = with_teacher(network, master, chosen)
    _train(task, network, folder, held_out, torch.device(device), workers, every, save_every, tensorboard)
    if distributed:
        torch.distributed.destroy_process_group()


# Options of a training itself, which the two options that stop before it have no use for.
_TRAINING = (
    "val", "val_images", "init", "freeze", "out", "device", "workers", "every", "save_every", "tensorboard"
)  # fmt: skip


def _check_options(given: Given, *, check: bool, show_batch: bool, val: bool) -> None:
    """Raise UsageError for options that have no effect."""
    if check:
        given.reject(("show_batch", "teacher", *_TRAINING), "with --check, which stops before the training")
    if show_batch:
        given.reject(_TRAINING, "with --show-batch, which stops before the training")
    if not val:
        given.reject(("val_images",), "without --val", "give --val FILE too")


def _train(
    task: "Task",
    network: "nn.Module",
    folder: Path,
    held_out: "DataSet | None",
    device: Any,
    workers: int | None,
    every: int,
    save_every: float,
    tensorboard: bool,
) -> None:
    from rtmcli.cpus import available_cpus
    from rtmcli.training.distillation import kept
    from rtmcli.training.initialization import save_model
    from rtmcli.training.loader import usable_workers
    from rtmcli.training.log import log_line
    from rtmcli.training.trainer import Training

    board = _board(folder) if tensorboard else None

    def report(line: dict[str, Any]) -> None:
        print(log_line(line), flush=True)
        if board is not None:
            for name, value in line.items():
                if name not in ("epoch", "step"):
                    board.add_scalar(name, value, line["step"])

    training = Training(
        task,
        network,
        folder,
        held_out=held_out,
        device=device,
        workers=usable_workers(max(available_cpus() - 1, 0) if workers is None else workers),
        every=every,
        save_every=save_every,
        report=report,
    )
    total = task.recipe.stages.epochs * training.steps * task.recipe.optimizer.batch
    try:
        with progress(total, label="train") as bar:
            training.tick = bar.advance
            training.run()
    except KeyboardInterrupt:
        say(f"saved to {folder}/last.pt; the same command goes on from there", "rtm train")
        raise
    finally:
        if board is not None:
            board.close()
    if training.rank == 0:
        final = training.average.model if training.average is not None else training.network
        save_model(kept(final), task.recipe, folder / f"{task.recipe.model.name}.safetensors")


def _sets(
    recipe: "Recipe", data: list[Path], images: list[Path], skeletons: list[str], ratios: list[float]
) -> "list[DataSet]":
    for name, given in (("--images", images), ("--data-skeleton", skeletons), ("--ratio", ratios)):
        if given and len(given) != len(data):
            raise UsageError(
                f"{len(data)} --data but {len(given)} {name}; give one for each, in the same order"
            )
    return [
        _one_set(
            recipe,
            labels,
            images[i] if images else None,
            skeletons[i] if skeletons else None,
            ratios[i] if ratios else 1.0,
        )
        for i, labels in enumerate(data)
    ]


def _one_set(
    recipe: "Recipe", labels: Path, images: Path | None, skeleton: str | None, ratio: float
) -> "DataSet":
    from rtmcli.skeletons import load_skeleton
    from rtmcli.training.data.dataset import load_set

    target = load_skeleton(recipe.model.skeleton) if recipe.model.skeleton else None
    return load_set(labels, images, skeleton=target, source_skeleton=skeleton, ratio=ratio)


def _check(sets: "list[DataSet]") -> None:
    from rtmcli.errors import DataError
    from rtmcli.training.data.dataset import check_set

    faults = 0
    for data in sets:
        for line in check_set(data):
            print(line)
            faults += 1
    people = sum(len(data.people) for data in sets)
    pictures = sum(len(data.pictures) for data in sets)
    say(f"{pictures} pictures, {people} people with points, {faults} faults", "rtm train")
    if faults:
        raise DataError(
            f"the labels have {faults} faults, listed above; correct or remove them before you train"
        )


def _show(task: "Task", file: Path, count: int = 16) -> None:
    """Sixteen samples of the first stage's augmentation, side by side."""
    import numpy as np

    from rtmcli.opencv import cv2
    from rtmcli.training.data.dataset import epoch_order

    order = epoch_order(task.sizes(), [d.ratio for d in task.sets], seed=task.recipe.run.seed, epoch=0)
    tiles = []
    for place, (number, index) in enumerate(order[:count]):
        random = np.random.default_rng((task.recipe.run.seed, 0, place, 2))
        tiles.append(task.picture(task.draw(number, index, 0, random)))
    columns = min(8, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles), columns)]
    if not cv2.imwrite(str(file), np.concatenate(rows)):
        raise UsageError(f"{file} cannot be written as a picture; end its name with .png or .jpg")


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        raise MissingError("TensorBoard is not installed; pip install 'rtmcli[train]' gets it") from None
    return SummaryWriter(str(folder))
