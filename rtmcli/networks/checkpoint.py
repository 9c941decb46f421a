"""Weights from files, `.pth` and `.safetensors`, into a network; nothing in a file is ever executed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rtmcli.errors import DataError, MissingError
from rtmcli.files import replacing
from rtmcli.zoo.card import METADATA_KEY, Card

# Entries that a network computes by itself: they are not needed in a file and never read from it.
COMPUTED = ("sigmas", "x_bins", "y_bins", "dim_t")
OPTIONAL = (*COMPUTED, "num_batches_tracked")

# Names that the `meta` and `message_hub` of a published file are pickled with. Each is replaced by `Inert`, so that
# these entries are skipped: none of the classes is created and none of the functions called, in particular not getattr
# (with which the pickle of a HistoryBuffer refers to its own methods).
INERT = (
    "builtins.getattr",
    "collections.defaultdict",
    "mmengine.logging.history_buffer.HistoryBuffer",
    "numpy.dtype",
    "numpy.ndarray",
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
)


class Inert:
    """Replaces any object of a checkpoint that is not a tensor, a container or a plain value."""

    def __new__(cls, *args: object) -> "Inert":
        return object.__new__(cls)

    def __init__(self, *args: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The content of a weight file: tensors by key, in order, and metadata."""

    state: dict[str, Tensor]
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def card(self) -> Card | None:
        """The card that `save_checkpoint` put into the file; None in other files."""
        text = self.meta.get(METADATA_KEY)
        return Card.from_json(text) if isinstance(text, str) else None


@dataclass(frozen=True, slots=True)
class Misfit:
    """Differences of a state dict from a network: missing keys, extra keys, and keys of another shape."""

    missing: list[str]
    extra: list[str]
    wrong: list[str]  # "key: shape, expected shape"

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.wrong)

    def __str__(self) -> str:
        parts = (("missing", self.missing), ("extra", self.extra), ("wrong shape", self.wrong))
        return "; ".join(f"{len(keys)} {what}: {_some(keys)}" for what, keys in parts if keys)


def load_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file by key: `read_checkpoint` without the metadata."""
    return read_checkpoint(path).state


def read_checkpoint(path: str | Path) -> Checkpoint:
    """A `.safetensors` file, an official `.pth` (tensors under `state_dict`), or a pickled plain state dict.

    Raises:
        DataError: the file is missing, damaged or holds no tensors, or its pickle refers to anything that is not on
            the allow-list; nothing in it is executed.
        MissingError: `.safetensors` without the package safetensors.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such weight file")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    names: list[Any] = [(Inert, name) for name in INERT]
    try:
        with torch.serialization.safe_globals(names):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises anything
        raise DataError(f"{path}: {_reason(error)}") from None
    meta = content.get("meta") if isinstance(content, Mapping) else None
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(map(_is_weight, state.items())):
        raise DataError(f"{path}: holds no state dict (tensors by name); expected a weight file")
    return Checkpoint(dict(state), dict(meta) if isinstance(meta, Mapping) else {})


def load_weights(
    network: nn.Module, state: Mapping[str, Tensor], *, source: str | Path = "checkpoint"
) -> None:
    """Load a state dict into a network of the same keys and shapes.

    Constants that a network computes by itself may be missing and are never read; float16 is converted to the
    network's type.

    Raises:
        DataError: keys are missing, unknown or of another shape; the message lists them, and the network is unchanged.
    """
    found = compare(network, state)
    if found:
        raise DataError(f"{source}: does not fit the network; {found}")
    _put(network, state)


def load_partial(network: nn.Module, state: Mapping[str, Tensor]) -> Misfit:
    """Load the matching entries of a state dict into a network, for fine-tuning; returns what did not match."""
    found = compare(network, state)
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    _put(network, {key: value for key, value in state.items() if shapes.get(key) == value.shape})
    return found


def compare(network: nn.Module, state: Mapping[str, Tensor]) -> Misfit:
    """Differences of a state dict from a network, without constants that a network computes by itself."""
    own = network.state_dict()
    return Misfit(
        missing=[key for key in own if key not in state and not key.endswith(OPTIONAL)],
        extra=[key for key in state if key not in own and not key.endswith(COMPUTED)],
        wrong=[
            f"{key}: {tuple(state[key].shape)}, expected {tuple(own[key].shape)}"
            for key in own
            if key in state and state[key].shape != own[key].shape and not key.endswith(COMPUTED)
        ],
    )


def save_checkpoint(path: str | Path, state: Mapping[str, Tensor], *, card: Card | None = None) -> None:
    """Write tensors by key, and a card, as `.safetensors` or else as a `.pth` like the official ones.

    The file gets a temporary name in its folder and is then renamed.
    """
    path = Path(path)
    meta = {METADATA_KEY: card.to_json()} if card is not None else {}
    own = {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format) for key, value in state.items()
    }
    with replacing(path) as temporary:
        if path.suffix == ".safetensors":
            # safetensors' save_file would make a file that only its owner can read.
            temporary.write_bytes(_safetensors().torch.save(own, metadata=meta))
        else:
            # To a file object: given a path, torch would write its temporary name into the file.
            with temporary.open("wb") as file:
                torch.save({"meta": meta, "state_dict": own}, file)


def _put(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    network.load_state_dict({k: v for k, v in state.items() if not k.endswith(COMPUTED)}, strict=False)


def _read_safetensors(path: Path) -> Checkpoint:
    package = _safetensors()
    try:
        with package.safe_open(path, framework="pt") as file:
            # The file is no mapping: it has keys() and cannot be iterated over.
            return Checkpoint({key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {}))  # noqa: SIM118
    except (package.SafetensorError, ValueError) as error:
        raise DataError(f"{path}: is not a safetensors file, or is damaged ({error})") from None


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.torch
    except ModuleNotFoundError:
        raise MissingError(
            "the package safetensors is not installed, which this needs; pip install 'rtmcli[torch]'"
        ) from None
    return safetensors


def _is_weight(entry: tuple[object, object]) -> bool:
    return isinstance(entry[0], str) and isinstance(entry[1], Tensor)


def _reason(error: Exception) -> str:
    """The reason why a pickle was refused, in one line."""
    name = re.search(r"GLOBAL ([\w.]+)", str(error))
    if name:
        return (
            f"its pickle refers to {name[1]}, which a weight file does not need; nothing in it was executed"
        )
    if "reduce" in str(error) or "Can only" in str(error):
        return "its pickle calls functions, which a weight file does not need; nothing in it was executed"
    return f"is not a weight file, or is damaged ({type(error).__name__})"


def _some(keys: list[str], count: int = 8) -> str:
    rest = f" and {len(keys) - count} more" if len(keys) > count else ""
    return ", ".join(keys[:count]) + rest
