"""Skeletons recognised by the names of their keypoints, in any order and in the spellings of other tools."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rtmcli.errors import DataError
from rtmcli.skeletons import load_skeleton, skeleton_names

# Skeletons of COCO-form files by number of points, where the file does not say: those of the data sets in that form.
BY_COUNT = {
    17: "coco17",
    133: "coco133",
    26: "halpe26",
    136: "halpe136",
    14: "crowdpose14",
    16: "mpii16",
    21: "hand21",
}

# Where a camel-case name has its words: leftHip, LHip.
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s_.:-]+")
_SIDES = {"l": "left", "r": "right"}
# AP-10K's own files write front and back out, mmpose's names do not.
_SYNONYMS = {"front": "f", "back": "b"}
# Names of the top of the head that stand for each other where a skeleton has one of them alone.
_HEADS = {"top head": "head", "head top": "head"}


def recognise(names: Sequence[str]) -> tuple[str, list[int]] | None:
    """The skeleton whose keypoints have these names, and the index in `names` of each of its keypoints.

    None where no skeleton has exactly these. A skeleton in this order goes first.
    """
    return _recognise(tuple(str(name) for name in names))


@lru_cache(maxsize=32)
def _recognise(names: tuple[str, ...]) -> tuple[str, list[int]] | None:
    for alike in (_plain, _one_head):
        given = alike(names)
        if len(set(given)) != len(given):
            continue
        same = [name for name in _preferred() if set(alike(load_skeleton(name).keypoints)) == set(given)]
        if not same:
            continue
        in_order = [name for name in same if alike(load_skeleton(name).keypoints) == given]
        chosen = (in_order or same)[0]
        return chosen, [given.index(name) for name in alike(load_skeleton(chosen).keypoints)]
    return None


@lru_cache(maxsize=1)
def _preferred() -> list[str]:
    """The usual skeletons before those of single data sets with the same names (mhp16, freihand_21)."""
    usual = BY_COUNT.values()
    return sorted(skeleton_names(), key=lambda name: (name not in usual, name))


def _plain(names: Iterable[str]) -> list[str]:
    """Names as words in lower case, the side first: `LShoulder`, `shoulder_left` -> `left shoulder`."""
    plain = []
    for name in names:
        words = [word.casefold() for word in _WORDS.split(str(name)) if word]
        words = [_SIDES.get(word, _SYNONYMS.get(word, word)) for word in words]
        words.sort(key=lambda word: word not in ("left", "right"))
        # thumb 1 and thumb1 are the same.
        plain.append(re.sub(r" (?=\d)", "", " ".join(words)))
    return plain


def _one_head(names: Iterable[str]) -> list[str]:
    return [_HEADS.get(name, name) for name in _plain(names)]


def skeleton_of_names(names: Sequence[str], place: str) -> tuple[str, list[int]]:
    """The skeleton whose keypoints a file names, and the index in `names` of each of its keypoints.

    Raises DataError where they are those of no known skeleton; `place` names the file.
    """
    found = recognise(names)
    if found is None:
        listed = ", ".join(names[:6]) + ", ..." * (len(names) > 6)
        raise DataError(
            f"{place}: its {len(names)} keypoints ({listed}) are those of no known skeleton; name one with "
            "--source-skeleton (a name, or a TOML file of your own)"
        )
    return found


def one_skeleton(names: Iterable[str | None], place: str) -> str | None:
    """The skeleton of the people of a frame. Raises DataError where there are several; `place` names the frame."""
    found = sorted({name for name in names if name is not None})
    if len(found) > 1:
        raise DataError(
            f"{place} has keypoints of the skeletons {' and '.join(found)}; a record has one: keep one"
        )
    return found[0] if found else None
