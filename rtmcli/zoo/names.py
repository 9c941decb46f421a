"""The published model that a user's spelling of a name means, and what to suggest for a name of no model.

Accepted, in any case and with any of `-`, `_`, `.` or spaces between the words: names and aliases of the catalogue, the
names in the publishers' tables, mmpose and mmdetection configuration files, and names or URLs of weight files.
"""

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache

from rtmcli.errors import MissingError
from rtmcli.zoo.catalogue import Entry, entries, entry_for_file

_FILE_SUFFIX = re.compile(r"\.(?:py|pth|onnx|zip)$")
# How people write sizes -> how the catalogue does.
_SIZE_WORDS = {
    "nano": "nano",
    "tiny": "t",
    "small": "s",
    "medium": "m",
    "large": "l",
    "xlarge": "x",
}
# Networks of other projects whose names are close to a family here.
_OTHER_NETWORKS = ("yolo",)


def find_entry(name: str) -> Entry | None:
    """The published model of a name in any accepted spelling; None where there is none."""
    file_name = name.strip().split("?")[0].rsplit("/", 1)[-1]
    if _FILE_SUFFIX.search(file_name) and (entry := entry_for_file(file_name)) is not None:
        return entry
    found = _names().get(squash(_FILE_SUFFIX.sub("", file_name)))
    return entries()[found] if found else None


def family_models(name: str) -> list[Entry]:
    """The models of the family that `name` is the name of; empty if it is more, or no family."""
    family = _families().get(squash(name))
    return [entry for entry in entries().values() if family_of(entry) == family]


def family_of(entry: Entry) -> str:
    """The family in a model's name. DWPose models are RTMPose networks of another training."""
    return entry.name.split("-", 1)[0]


def unknown_model(name: str, installed: Iterable[str] = ()) -> MissingError:
    """The error for a name of no model, with a name of the same network, the sizes of its family, or no suggestion.

    Args:
        name: as the user wrote it.
        installed: names of models outside the catalogue, for suggestions.
    """
    if models := family_models(name):
        return MissingError(f"{name!r} is a family of models; name one of {', '.join(_one_per_size(models))}")
    return MissingError(f"no such model {name!r}; {_suggestion(name, installed)}'rtm models' lists them")


def short_name(name: str, entry: Entry) -> str:
    """What to write in a command for `name`: the same name if it is listed, else the model's own."""
    return name if name in (entry.name, *entry.aliases) else entry.name


def squash(name: str) -> str:
    """A name without case and separators: `RTMPose_M` -> `rtmposem`."""
    return re.sub(r"[-_.\s]", "", name.lower())


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Every accepted spelling, squashed -> name of the model. Where two models claim one, the first kind wins."""
    found: dict[str, str] = {}
    models = list(entries().values())
    for entry in models:
        for name in (entry.name, *entry.aliases):
            found.setdefault(squash(name), entry.name)
    for entry in models:
        for name in (entry.published, entry.published.replace("body7", "body8")):
            found.setdefault(squash(name), entry.name)
    # Some DWPose models share their configuration file with the RTMPose model that is named after it.
    for entry in sorted(models, key=lambda entry: family_of(entry) == "dwpose"):
        config = entry.config.rsplit("/", 1)[-1].removesuffix(".py")
        if config:
            found.setdefault(squash(config), entry.name)
    for entry in models:
        for remote in entry.remotes:
            if entry_for_file(remote.name) is entry:
                found.setdefault(squash(_FILE_SUFFIX.sub("", remote.name)), entry.name)
    return found


@lru_cache(maxsize=1)
def _families() -> dict[str, str]:
    return {squash(family): family for family in map(family_of, entries().values())}


def _suggestion(name: str, installed: Iterable[str]) -> str:
    """A hint that ends with a space, or nothing. It never names a network of another family or size."""
    words = re.split(r"[-_.\s]+", name.strip().lower())
    own = difflib.get_close_matches(name, list(installed), n=1, cutoff=0.8)
    family = _nearest_family(words[0])
    if family is None:
        subjects = [alias for entry in entries().values() for alias in entry.aliases if not _family_in(alias)]
        near = own or _near("-".join(words), subjects, 0.8)
        return f"did you mean {near[0]}? " if near else ""
    of_family = family_models(family)
    if len(words) == 1:
        return f"did you mean {family}? It comes as {', '.join(_one_per_size(of_family))}; "
    models = [entry for entry in of_family if _means_size(words[1], entry.size)]
    if not models:
        return f"{family} comes as {', '.join(_one_per_size(of_family))}; "
    names = [name for entry in models for name in (*entry.aliases, entry.name) if _family_in(name)]
    corrected = "-".join([family, models[0].size, *words[2:]])
    # Without further words only the short name of this size is meant, not one for hands or faces.
    near = _near(corrected, names, 0.8) if len(words) > 2 else [name for name in names if name == corrected]
    if near:
        return f"did you mean {near[0]}? "
    return f"{family}-{models[0].size} comes as {', '.join(_shortest(entry) for entry in models)}; "


def _near(name: str, candidates: Iterable[str], cutoff: float) -> list[str]:
    """The nearest candidate with the same numbers, if one is near: `coco25` is not a misspelt `coco17`."""
    numbers = re.findall(r"\d+", name)
    same = [candidate for candidate in candidates if re.findall(r"\d+", candidate) == numbers]
    return difflib.get_close_matches(name, same, n=1, cutoff=cutoff)


def _nearest_family(word: str) -> str | None:
    """The family that a word means, with a typing error or two; None where none is close."""
    if len(word) < 4 or word in _OTHER_NETWORKS:
        return None
    near = _near(word, _families(), 0.85)
    return _families()[near[0]] if near else None


def _family_in(name: str) -> bool:
    return name.split("-", 1)[0] in _families()


def _means_size(word: str, size: str) -> bool:
    """Whether a word is this size, spelt out, abbreviated or with a letter repeated."""
    spelt_out = [long for long, short in _SIZE_WORDS.items() if size in (short, long)]
    return word == size or set(word) == set(size) or any(long.startswith(word) for long in spelt_out)


def _one_per_size(models: list[Entry]) -> list[str]:
    """The shortest name of each size, those of people first."""
    shortest: dict[str, str] = {}
    for entry in sorted(models, key=lambda entry: (_subject_rank(entry), len(_shortest(entry)))):
        shortest.setdefault(entry.size, _shortest(entry))
    sizes = dict.fromkeys(entry.size for entry in models)
    order = ["nano", "t", "tiny", "s", "m", "l", "x"]
    return [shortest[size] for size in sorted(sizes, key=lambda size: order.index(size))]


def _subject_rank(entry: Entry) -> int:
    return 0 if entry.subject in ("person", "body", "wholebody") else 1


def _shortest(entry: Entry) -> str:
    """The shortest name of a model that contains its family."""
    return min((name for name in (entry.name, *entry.aliases) if _family_in(name)), key=len)
