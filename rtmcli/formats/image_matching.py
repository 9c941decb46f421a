"""Which image of a label file a record or a file is: one matcher for eval, pose --boxes, convert --labels and train.

The name decides: the whole path, then the longest path that both end in, then the base name. Names that differ only
in what tools change (extension, letter case, what data set hosts insert) match where one image alone fits, and are
reported. A number at the end of a name decides only where no name does: it is the id of an image that has no name, or
a name with that number.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from rtmcli.errors import DataError
from rtmcli.formats.image_names import (
    Parts,
    folded,
    is_address,
    path_parts,
    similar_stem,
    trailing_number,
    without_host_suffix,
)
from rtmcli.records.frame import Frame

Image = Mapping[str, Any]


class ImageMatcher:
    """The images of a label file, found by name or number.

    Args:
        images: entries with `id` and, where known, `file_name`.
        labels: what errors call the label file.

    Raises DataError where one name has two ids, or one id two names.
    """

    def __init__(self, images: Iterable[Image], *, labels: str = "the label file") -> None:
        self._labels = labels
        self._by_path: dict[Parts | str, Image] = {}
        self._by_base: dict[str, list[Image]] = {}
        self._by_folded: dict[str, list[Image]] = {}
        self._by_stem: dict[str, list[Image]] = {}
        self._by_number: dict[int, Image] = {}
        self._clips: dict[str, dict[int, Image]] = {}
        self._of_video: dict[str, list[dict[int, Image]]] = {}
        self._owners: dict[Any, str] = {}
        self._similar: dict[str, str] = {}
        ids: dict[Any, Image] = {}
        for image in images:
            known = ids.setdefault(image["id"], image)
            if known is not image:
                if known.get("file_name") != image.get("file_name"):
                    raise DataError(
                        f"{labels} gives the id {image['id']!r} to two images: {_name(known)} and {_name(image)}"
                    )
                continue
            self._add(image)

    def find(self, frame: Frame) -> Image | None:
        """The image of a record: of its `file`, else of its `source`; for a video the image numbered as the frame.

        Raises DataError where several images fit, or where another record's image had the same one.
        """
        file = frame.extra.get("file")
        single = frame.frames == 1 or (frame.frames is None and frame.frame == 0 and frame.time is None)
        if isinstance(file, str):
            return self._own(self._named(file, similar=True) or self._numbered(file), file)
        found = self._named(frame.source, similar=single)
        if found is None and single:
            found = self._numbered(frame.source)
        if found is not None or single:
            return self._own(found, frame.source)
        return self._own(self._of_clip(frame), f"{frame.source} frame {frame.frame}")

    def find_file(self, path: str) -> Image | None:
        """The image of a file. Raises DataError as `find`."""
        return self._own(self._named(path, similar=True) or self._numbered(path), path)

    def notes(self) -> list[str]:
        """What was matched although the names differ, in words."""
        if not self._similar:
            return []
        (path, name), *_ = self._similar.items()
        count = len(self._similar)
        images = "1 image" if count == 1 else f"{count} images"
        return [f"matched {images} by similar names, such as {path} with {name} of {self._labels}"]

    def _add(self, image: Image) -> None:
        number = _whole_number(image["id"])
        if number is not None:
            self._by_number.setdefault(number, image)
        if "file_name" not in image:
            return
        parts = path_parts(image["file_name"])
        if not parts:
            return
        # The path of an address may say too little: the image may be in its query.
        name = str(image["file_name"])
        known = self._by_path.setdefault(name if is_address(name) else parts, image)
        if known is not image:
            raise DataError(
                f"{self._labels} has {image['file_name']} twice, with the ids {known['id']!r} and {image['id']!r}"
            )
        self._by_base.setdefault(parts[-1], []).append(image)
        self._by_folded.setdefault(folded(parts[-1]), []).append(image)
        self._by_stem.setdefault(similar_stem(parts[-1]), []).append(image)
        stem = "/".join((*parts[:-1], without_host_suffix(parts[-1])))
        digits = re.search(r"\d+$", stem)
        if digits:
            self._clips.setdefault(stem[: digits.start()].casefold(), {})[int(digits[0])] = image

    def _named(self, path: str, *, similar: bool) -> Image | None:
        parts = path_parts(path)
        if not parts:
            return None
        exact = self._by_path.get(path, self._by_path.get(parts))
        if exact is not None:
            return exact
        found = self._nearest(path, parts, self._by_base.get(parts[-1], []))
        if found is not None and not is_address(found["file_name"]):
            return found
        if found is None and similar:
            found = self._nearest(path, parts, self._by_folded.get(folded(parts[-1]), []))
        if found is None and similar:
            found = self._nearest(path, parts, self._by_stem.get(similar_stem(parts[-1]), []))
        if found is not None:
            self._similar[path] = str(found["file_name"])
        return found

    def _nearest(self, path: str, parts: Parts, images: Sequence[Image]) -> Image | None:
        """Of images of one base name the one whose folders agree longest. Raises DataError where two agree as long."""
        if len(images) <= 1:
            return images[0] if images else None
        agreement = [_agreement(parts, path_parts(image["file_name"])) for image in images]
        best = max(agreement)
        chosen = [image for image, value in zip(images, agreement, strict=True) if value == best]
        if len(chosen) > 1:
            raise DataError(
                f"{path} may be {_name(chosen[0])} or {_name(chosen[1])} of {self._labels}; "
                "name the sources with the folders that tell them apart"
            )
        return chosen[0]

    def _numbered(self, path: str) -> Image | None:
        parts = path_parts(path)
        number = trailing_number(parts[-1]) if parts else None
        if number is None:
            return None
        image = self._by_number.get(number)
        if image is None or "file_name" not in image:
            return image
        names = path_parts(image["file_name"])
        return image if names and trailing_number(names[-1]) == number else None

    def _of_clip(self, frame: Frame) -> Image | None:
        """The image numbered as a frame of a video, in the clip named after the video or in the only clip."""
        if not self._clips:  # results of a video have no names
            image = self._by_number.get(frame.frame)
            return None if image is None or "file_name" in image else image
        if frame.source not in self._of_video:
            self._of_video[frame.source] = self._clips_of(frame)
        clips = self._of_video[frame.source]
        found = []
        for clip in clips:
            # Tools that write frames from 1 on reach the number of frames, which no frame counted from 0 has.
            first = 1 if frame.frames in clip and 0 not in clip else 0
            if frame.frame + first in clip:
                found.append(clip[frame.frame + first])
        if len(found) > 1:
            raise DataError(
                f"frame {frame.frame} of {frame.source} may be {_name(found[0])} or {_name(found[1])} "
                f"of {self._labels}"
            )
        return found[0] if found else None

    def _clips_of(self, frame: Frame) -> list[dict[int, Image]]:
        """The clips that are named after a video, those in its folder first; else the only clip, if it is no longer."""
        name = PurePosixPath("/".join(path_parts(frame.source)).casefold())
        named = [prefix for prefix in self._clips if _names_clip(prefix, name)]
        if named:
            agreement = {prefix: _clip_agreement(prefix, name) for prefix in named}
            best = max(agreement.values())
            return [self._clips[prefix] for prefix in named if agreement[prefix] == best]
        if len(self._clips) > 1:
            return []
        (clip,) = self._clips.values()
        return [clip] if frame.frames is None or max(clip) <= frame.frames else []

    def _own(self, image: Image | None, place: str) -> Image | None:
        """The image, unless something else had it before."""
        if image is None:
            return None
        owner = self._owners.setdefault(image["id"], place)
        if owner != place and path_parts(owner) != path_parts(place):
            raise DataError(
                f"{owner} and {place} are both {_name(image)} of {self._labels}; evaluate or convert them apart, or "
                "give the label file names that tell them apart"
            )
        return image


def match_files(
    images: Sequence[Image], files: Iterable[str], *, labels: str = "the label file"
) -> tuple[dict[Any, str], list[str]]:
    """The file of each image by the image's id, and notes; an image without a file is left out.

    A file named exactly as an image is that image's; the other files are matched with the images that are left.
    """
    paths = {path_parts(file): file for file in files}
    found, left = {}, []
    for image in images:
        parts = path_parts(image["file_name"]) if "file_name" in image else ()
        if parts in paths:
            found[image["id"]] = paths[parts]
        else:
            left.append(image)
    if not left:
        return found, []
    matcher, used = ImageMatcher(left, labels=labels), set(found.values())
    for file in sorted(set(paths.values()) - used):
        match = matcher.find_file(file)
        if match is not None:
            found[match["id"]] = file
    return found, matcher.notes()


def _agreement(path: Parts, name: Parts) -> tuple[int, bool]:
    """How many last folders agree, and whether the whole name does; the base name is that already."""
    count = 0
    for own, other in zip(reversed(path[:-1]), reversed(name[:-1]), strict=False):
        if own != other:
            break
        count += 1
    return count, count == len(name) - 1


def _names_clip(prefix: str, video: PurePosixPath) -> bool:
    """Whether a folder of the prefix, or the name before the number, is that of the video."""
    *folders, start = prefix.split("/")
    names = {video.name, video.stem}
    return bool(names & {*folders, start.rstrip("_-. ")}) or any(
        start.startswith(f"{name}{separator}") for name in names for separator in "_-. "
    )


def _clip_agreement(prefix: str, video: PurePosixPath) -> int:
    """How many last folders above a clip are those above the video."""
    folders = prefix.split("/")[:-1]
    above = folders[:-1] if folders and folders[-1] in (video.name, video.stem) else folders
    return _agreement((*video.parts[:-1], ""), (*above, ""))[0]


def _whole_number(value: Any) -> int | None:
    if isinstance(value, int | float):
        return int(value) if value == int(value) else None
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _name(image: Image) -> str:
    name = image.get("file_name")
    return f"{name} (id {image['id']})" if name is not None else f"the image with id {image['id']}"
