"""A recipe: every number of a training, flat, in one TOML file that can be read alone.

`load_recipe("rtmpose-m")` takes one of the shipped recipes, or a file. `override` changes numbers by name; the
full recipe is written beside the checkpoints, so that a run says by itself what it was.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rtmcli.errors import DataError, UsageError

FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The numbers of a training. Names that end in `_2` are those of the second stage, with weak augmentation.

    The network:
        name: of the model that comes out. family, size: a network of `networks.build`.
        skeleton: of the keypoints; empty for a detector. width, height: input in pixels.
    The schedule:
        epochs; second: first epoch of the second stage (`epochs` for none). batch: samples a step over all processes.
        base_batch: the total batch that `lr` was chosen for; `scale_lr` multiplies lr by batch / base_batch.
        schedule: `flat-cosine` or `rtmo`. warmup: iterations (rtmo: epochs). cosine_from, cosine_to: epochs.
        floor: final rate as a share of lr. last: epochs of RTMO's last part.
        clip: largest norm of the gradient; 0 for none. slow_encoder: factor on the rate of RTMO's encoder.
        average: floor of the moving average's momentum; 0 for no average. seed. validate: every so many epochs.
        accumulate: parts in which a batch is computed. precision: float32, bfloat16 or float16 (autocast).
    Top-down augmentation and loss (`CropRecipe`, `simcc_kl`):
        flip .. cutout; scale as [smallest, largest]; sigma, ratio: of the SimCC labels; beta: of the loss.
        face_weight: factor on the face points of a whole body. keypoint_weights: the skeleton's own weights count.
    Whole pictures (`SceneRecipe`, `DetectorRecipe`, `heads.rtmo.Weights`):
        sides: smallest and largest input side of the synchronised multi-scale; mosaic, mixup, shear, resize;
        cls .. power: loss weights before epoch `proxy_from` and, with `_proxy`, after it. aux: in the last part.
    RTMW3D: depth: of the input volume; z_range: metres from the root to the last bin; sigma_z; bone: weight of a
        term for the log.
    Pre-training: heatmap: a heat-map head in the place of the network's own.
    Distillation (DWPose; the teacher is a file, `--teacher`): feature, logit: weights of the terms; group: samples
        over which the labels' loss is summed (of a larger batch the groups' mean counts; 0 sums all); head_only: the
        second stage, in which a fresh head learns from the frozen rest.
    """

    name: str
    family: str
    size: str
    skeleton: str = "coco17"
    width: int = 192
    height: int = 256
    # schedule
    epochs: int = 420
    second: int = 390
    batch: int = 2048
    base_batch: int = 1024
    scale_lr: bool = False
    lr: float = 4e-3
    weight_decay: float = 0.05
    schedule: str = "flat-cosine"
    warmup: int = 1000
    cosine_from: int = -1
    cosine_to: int = -1
    floor: float = 0.05
    last: int = 20
    clip: float = 0.0
    slow_encoder: float = 1.0
    average: float = 2e-4
    seed: int = 21
    validate: int = 10
    accumulate: int = 1
    precision: str = "float32"
    # augmentation of crops
    flip: float = 0.5
    half_body: float = 0.3
    shift: float = 0.16
    shift_2: float = 0.0
    scale: tuple[float, float] = (0.6, 1.4)
    scale_2: tuple[float, float] = (0.75, 1.25)
    rotation: float = 80.0
    rotation_2: float = 60.0
    hsv: bool = True
    hsv_2: bool = True
    photometric: bool = False
    photometric_2: bool = False
    blur: float = 0.1
    cutout: float = 1.0
    cutout_2: float = 0.5
    # SimCC
    sigma: tuple[float, float] = (4.9, 5.66)
    sigma_z: float = 6.0
    depth: int = 288
    z_range: float = 2.1744869
    ratio: float = 2.0
    beta: float = 10.0
    face_weight: float = 1.0
    keypoint_weights: bool = False
    heatmap: bool = False
    bone: float = 0.0
    # whole pictures
    sides: tuple[int, int] = (0, 0)
    mosaic: bool = True
    mosaic_2: bool = False
    scene_shift: float = 0.1
    scene_shift_2: float = 0.2
    scene_rotation: float = 10.0
    scene_rotation_2: float = 30.0
    scene_scale: tuple[float, float] = (0.75, 1.0)
    scene_scale_2: tuple[float, float] = (0.75, 1.5)
    shear: float = 2.0
    mixup: tuple[float, float] = (0.0, 0.0)
    mixup_probability: float = 0.0
    resize: tuple[float, float] = (0.5, 1.5)
    resize_2: tuple[float, float] = (0.5, 1.5)
    # RTMO's loss
    proxy_from: int = 280
    cls: float = 1.0
    cls_proxy: float = 1.0
    bbox: float = 5.0
    oks: float = 30.0
    oks_proxy: float = 10.0
    vis: float = 1.0
    mle: float = 1.0
    mle_proxy: float = 5.0
    aux: float = 1.0
    power: float = 0.5
    power_proxy: float = 0.5
    center_by_keypoints: bool = False
    # distillation
    feature: float = 0.0
    logit: float = 0.0
    group: int = 0
    head_only: bool = False


NAMES = {field.name: field for field in fields(Recipe)}


def recipe_names() -> list[str]:
    """The shipped recipes, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(said: str | Path) -> Recipe:
    """A shipped recipe by name, or a TOML file. Raises UsageError with the nearest name, DataError for a bad file."""
    path = Path(said)
    if path.suffix != ".toml":
        path = FOLDER / f"{said}.toml"
        if not path.is_file():
            near = get_close_matches(str(said), recipe_names(), n=1)
            hint = f"did you mean {near[0]}? There" if near else "there"
            raise UsageError(
                f"no recipe {str(said)!r}; {hint} are {', '.join(recipe_names())}; or name a TOML file"
            )
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} cannot be read as a recipe: {error}") from error
    return build_recipe(table, source=str(path))


def build_recipe(table: dict[str, Any], *, source: str) -> Recipe:
    """A recipe from plain values; an unknown or missing name is an error that says so."""
    for name in table:
        check_name(name, source)
    missing = [name for name in ("name", "family", "size") if name not in table]
    if missing:
        raise DataError(f"{source} says no {missing[0]!r}, which every recipe needs")
    return Recipe(**{name: _typed(name, value, source) for name, value in table.items()})


def override(recipe: Recipe, changes: list[str]) -> Recipe:
    """The recipe with `name=value` changes. Raises UsageError for an unknown name or a value of another kind."""
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise UsageError(f"--set takes NAME=VALUE, not {change!r}; say for example --set lr=2e-3")
        check_name(name.strip(), "--set")
        try:
            value = tomllib.loads(f"x = {text}")["x"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        recipe = replace(recipe, **{name.strip(): _typed(name.strip(), value, "--set")})
    return recipe


def check_name(name: str, source: str) -> None:
    if name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "docs/train.md lists the names"
        raise UsageError(f"{source}: a recipe has no {name!r}; {hint}")


def to_toml(recipe: Recipe) -> str:
    """The whole recipe, every default written out, in the order of the class."""
    return "".join(f"{name} = {_literal(value)}\n" for name, value in asdict(recipe).items())


def _typed(name: str, value: Any, source: str) -> Any:
    kind = str(NAMES[name].type)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "str" and isinstance(value, str):
        return value
    if kind.startswith("tuple") and isinstance(value, list) and len(value) == 2:
        return tuple(int(v) if "int" in kind else float(v) for v in value)
    wanted = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "a word"}
    raise UsageError(f"{source}: {name} is {wanted.get(kind, 'two numbers, [low, high]')}, not {value!r}")


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(v) for v in value) + "]"
    return repr(value)
