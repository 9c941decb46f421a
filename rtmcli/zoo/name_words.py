"""What the names of a model file and of its folder say: whole words, as in the official names.

A folder's name counts only if it is a model's name itself, that is, has the word of a family in it: official exports
are called `end2end.onnx` and lie in such a folder. Any other folder (`handball`, `animal_study`) says nothing.
"""

import re
from itertools import pairwise
from pathlib import Path

FAMILIES = ("rtmpose", "rtmw", "rtmw3d", "rtmo", "rtmdet", "yolox", "dwpose", "cspnext")
SIZES = ("nano", "tiny", "t", "s", "m", "l", "x")


def names_of(path: Path) -> list[str]:
    """The names that count, in lower case: the file's, then the folder's where it is a model's name."""
    path = path.resolve()
    folder = path.parent.name.lower()
    return [path.stem.lower(), *([folder] if set(FAMILIES) & set(words_of(folder)) else [])]


def words_of(name: str) -> list[str]:
    """The letters and digits between other characters: `rtmdet_m-hand.onnx` -> rtmdet, m, hand, onnx."""
    # AP-10K and Human-Art are written with and without a hyphen.
    joined = re.sub(r"(ap)[-_](10k)|(human)[-_](art)", r"\1\2\3\4", name.lower())
    return re.findall(r"[a-z0-9]+", joined)


def find_word(path: Path, meanings: dict[str, str]) -> str | None:
    """The meaning of the first word that has one; the file's name counts before the folder's."""
    for name in names_of(path):
        for word in words_of(name):
            if word in meanings:
                return meanings[word]
    return None


def size_word(path: Path) -> str:
    """The size behind a family's word: `rtmpose-m` -> m; empty where there is none."""
    for name in names_of(path):
        words = words_of(name)
        for family, size in pairwise(words):
            if family in FAMILIES and size in SIZES:
                return size
    return ""


def input_size(path: Path) -> tuple[int, int] | None:
    """(width, height) from `256x192` (height x width, as the field writes it), or from the side of a square input."""
    for name in names_of(path):
        if written := re.search(r"(?<!\d)(\d{3,4})x(\d{3,4})(?!\d)", name):
            return int(written[2]), int(written[1])
    side = find_word(path, {side: side for side in ("320", "416", "640")})
    return (int(side), int(side)) if side else None
