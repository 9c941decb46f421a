"""A recipe: every number of a training, in sections.

In a TOML file and for `--set` the fields of all sections stand side by side under their own names, which are unique
(`recipe_file`). Names that end in `_2` hold in the second stage, which most published trainings end with: weaker
augmentation for the last epochs.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network that is trained."""

    # Name of the model that comes out, and of its file.
    name: str
    # One of the families and sizes of `networks.build`.
    family: str
    size: str
    # Skeleton of the keypoints; empty for a detector.
    skeleton: str = "coco17"
    # Classes of a detector, with commas between. Empty for `person` where the labels have it, else all of theirs.
    classes: str = ""
    # Input in pixels.
    width: int = 192
    height: int = 256

    @property
    def class_names(self) -> tuple[str, ...]:
        """`classes` as names; empty where they are left open."""
        return tuple(name.strip() for name in self.classes.split(",") if name.strip())


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The length of the training."""

    epochs: int = 420
    # First epoch of the second stage, counted from 0; `epochs` for no second stage.
    second: int = 390

    def index(self, epoch: int) -> int:
        """0 in the first stage, 1 in the second."""
        return 1 if epoch >= self.second else 0


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """Batch, learning rate and what becomes of the gradients."""

    # Samples of a step over all processes.
    batch: int = 2048
    # The batch that `lr` was chosen for; with `scale_lr` the rate is multiplied by batch / base_batch.
    base_batch: int = 1024
    scale_lr: bool = False
    lr: float = 4e-3
    weight_decay: float = 0.05
    # `flat-cosine` or `rtmo`.
    schedule: str = "flat-cosine"
    # Steps of the warm-up; epochs for the schedule `rtmo`.
    warmup: int = 1000
    # First and last epoch of the cosine; -1 for half of the epochs and for all of them.
    cosine_from: int = -1
    cosine_to: int = -1
    # Final rate as a share of `lr`.
    floor: float = 0.05
    # Epochs of constant rate at the end of the schedule `rtmo`.
    last: int = 20
    # Largest norm of the gradient; 0 for no limit.
    clip: float = 0.0
    # Factor on the learning rate of RTMO's encoder.
    slow_encoder: float = 1.0
    # Lower bound of the moving average's momentum; 0 for no average.
    average: float = 2e-4


@dataclass(frozen=True, kw_only=True)
class Run:
    """How the training is carried out."""

    # Seed of the initial weights, the order and the augmentation.
    seed: int = 21
    # Epochs from one validation to the next.
    validate: int = 10
    # Parts in which each process computes its share of a batch.
    accumulate: int = 1
    # `float32`, `bfloat16` or `float16` (autocast).
    precision: str = "float32"


@dataclass(frozen=True, kw_only=True)
class Crops:
    """Augmentation of top-down crops (`augment.crop`); `flip` and `hsv` hold for whole images too."""

    # Probability of a mirrored crop.
    flip: float = 0.5
    # Probability of a crop of the upper or lower body.
    half_body: float = 0.3
    # Largest shift of the centre as a share of the box.
    shift: float = 0.16
    shift_2: float = 0.0
    # Smallest and largest factor on the box.
    scale: tuple[float, float] = (0.6, 1.4)
    scale_2: tuple[float, float] = (0.75, 1.25)
    # Largest rotation in degrees, either way.
    rotation: float = 80.0
    rotation_2: float = 60.0
    # YOLOX's colour jitter.
    hsv: bool = True
    hsv_2: bool = True
    # SSD's photometric distortion.
    photometric: bool = False
    photometric_2: bool = False
    # Probability of a box blur, and the same again of a median blur.
    blur: float = 0.1
    # Probability of a rectangular hole.
    cutout: float = 1.0
    cutout_2: float = 0.5


@dataclass(frozen=True, kw_only=True)
class TopDown:
    """Labels and loss of top-down networks (`codecs.simcc`, `losses.simcc`)."""

    # Standard deviation of the SimCC labels along x and y, in bins.
    sigma: tuple[float, float] = (4.9, 5.66)
    # RTMW3D: standard deviation along z, in bins.
    sigma_z: float = 6.0
    # RTMW3D: depth of the input volume; it has depth * ratio bins.
    depth: int = 288
    # RTMW3D: metres from the root to the last bin.
    z_range: float = 2.1744869
    # Bins a pixel.
    ratio: float = 2.0
    # Inverse temperature of the predictions in the loss.
    beta: float = 10.0
    # Factor on the loss of the face keypoints of a whole body.
    face_weight: float = 1.0
    # Whether the skeleton's own weights of its keypoints count.
    keypoint_weights: bool = False
    # Pre-training: a heatmap head in place of the network's own.
    heatmap: bool = False
    # RTMW3D: weight of the bone-length term, which has no gradient and is logged.
    bone: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Augmentation of whole images (`augment.random_scene`)."""

    # Smallest and largest input side of RTMO's multi-scale training; (0, 0) for none.
    sides: tuple[int, int] = (0, 0)
    # Whether a sample is a mosaic of four images.
    mosaic: bool = True
    mosaic_2: bool = False
    # RTMO: largest shift as a share of the input.
    scene_shift: float = 0.1
    scene_shift_2: float = 0.2
    # RTMO: largest rotation in degrees, either way.
    scene_rotation: float = 10.0
    scene_rotation_2: float = 30.0
    # RTMO: smallest and largest factor.
    scene_scale: tuple[float, float] = (0.75, 1.0)
    scene_scale_2: tuple[float, float] = (0.75, 1.5)
    # RTMO: largest shear in degrees, either way.
    shear: float = 2.0
    # RTMO, first stage: smallest and largest factor on the image that is mixed in; (0, 0) for none.
    mixup: tuple[float, float] = (0.0, 0.0)
    # RTMDet, first stage: probability that an image is mixed in.
    mixup_probability: float = 0.0
    # RTMDet: smallest and largest factor before the random crop.
    resize: tuple[float, float] = (0.5, 1.5)
    resize_2: tuple[float, float] = (0.5, 1.5)


@dataclass(frozen=True, kw_only=True)
class RTMO:
    """Weights of RTMO's loss (`losses.rtmo_head`); those that end in `_proxy` hold from epoch `proxy_from` on."""

    # First epoch in which regressed points learn the classifier's, and scores its OKS.
    proxy_from: int = 280
    # Varifocal loss of the scores.
    cls: float = 1.0
    cls_proxy: float = 1.0
    # IoU loss of the boxes.
    bbox: float = 5.0
    # OKS loss of the regressed points.
    oks: float = 30.0
    oks_proxy: float = 10.0
    # Cross entropy of the visibilities.
    vis: float = 1.0
    # Likelihood of the coordinate classification.
    mle: float = 1.0
    mle_proxy: float = 5.0
    # Absolute error of the raw boxes, from epoch `second` on.
    aux: float = 1.0
    # Exponent of the OKS that a score learns.
    power: float = 0.5
    power_proxy: float = 0.5
    # Whether the label assigner takes the mean of the visible keypoints as an instance's centre, else the box's.
    center_by_keypoints: bool = False


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """DWPose (arXiv 2307.15880); the teacher is named by `--teacher`."""

    # Weight of the feature term.
    feature: float = 0.0
    # Weight of the term on SimCC vectors.
    logit: float = 0.0
    # Samples over which the loss of the labels is summed. Of a larger batch the mean over such groups counts; 0 sums
    # over the batch.
    group: int = 0
    # Second stage: a fresh head learns from the frozen rest.
    head_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The numbers of a training; `recipe_file` reads, changes and writes them.

    Example:
        from rtmcli import load_recipe

        recipe = load_recipe("rtmpose-t")
        print(recipe.model.width, recipe.model.height, recipe.stages.epochs, recipe.optimiser.lr)
    """

    model: Model
    stages: Stages = field(default_factory=Stages)
    optimiser: Optimiser = field(default_factory=Optimiser)
    run: Run = field(default_factory=Run)
    crops: Crops = field(default_factory=Crops)
    topdown: TopDown = field(default_factory=TopDown)
    scenes: Scenes = field(default_factory=Scenes)
    rtmo: RTMO = field(default_factory=RTMO)
    distillation: Distillation = field(default_factory=Distillation)

    @property
    def rate(self) -> float:
        """The learning rate of the batch in use."""
        optimiser = self.optimiser
        return optimiser.lr * (optimiser.batch / optimiser.base_batch if optimiser.scale_lr else 1)

    @property
    def needs_teacher(self) -> bool:
        return bool(self.distillation.feature or self.distillation.logit or self.distillation.head_only)
