"""One HTML file from clips: the data, the scripts of `page/`, Bokeh's script, and the video where it is embedded."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from rtmcli import __version__
from rtmcli.draw import ID_COLORS
from rtmcli.errors import DataError, UsageError
from rtmcli.skeletons import load_skeleton
from rtmcli.terminal.messages import say
from rtmcli.view import pack
from rtmcli.view.images import Backdrop
from rtmcli.view.people import describe_people
from rtmcli.view.plots import Plots
from rtmcli.view.references import Reference
from rtmcli.view.tracks import Clip, Track

# In the order in which the page runs them: each defines functions that later ones call.
SCRIPTS = ("data.js", "draw.js", "player.js", "timeline.js", "people.js", "plots.js", "main.js")


@dataclass(frozen=True, slots=True)
class Look:
    """How the page begins: the options of `rtm draw`."""

    min_score: float = 0.3
    boxes: bool = True
    ids: bool = True


def make_page(
    clips: Sequence[Clip],
    backdrops: Sequence[Backdrop],
    plots: Plots | None,
    look: Look,
    references: Sequence[Sequence[Reference]] = (),
) -> str:
    """The text of the page.

    Args:
        clips: with a backdrop each.
        plots: None for a page without plots.
        references: of each clip, what it is compared with.
    """
    blocks: list[str] = []
    entries = []
    for number, (clip, backdrop) in enumerate(zip(clips, backdrops, strict=True)):
        entry = _clip_data(clip, blocks)
        entry["backdrop"] = {
            "kind": backdrop.kind,
            "links": backdrop.links,
            "embedded": len(backdrop.embedded),
            "start": backdrop.start,
        }
        entry["references"] = [
            _reference_data(reference, blocks) for reference in (references[number] if references else ())
        ]
        entries.append(entry)
    data = {
        "version": __version__,
        "clips": entries,
        "skeletons": _skeletons(clips, references),
        "idColors": [to_hex(color) for color in ID_COLORS],
        "minScore": look.min_score,
        "boxes": look.boxes,
        "ids": look.ids,
        "plots": plots.item if plots else None,
    }
    texts = [_text("page-data", _json(data), "application/json")]
    texts += [_text(f"block-{number}", block) for number, block in enumerate(blocks)]
    for number, backdrop in enumerate(backdrops):
        texts += [_text(f"media-{number}-{at}", media) for at, media in enumerate(backdrop.embedded)]
    scripts = [plots.script] if plots else []
    scripts += [asset(name) for name in SCRIPTS]
    title = ", ".join(clip.name for clip in clips[:3]) + (", ..." if len(clips) > 3 else "")
    return fill(
        asset("page.html"),
        {
            "TITLE": _escape(title),
            "STYLE": asset("style.css"),
            "DATA": "\n".join(texts),
            "SCRIPTS": "\n".join(f"<script>{_script(text)}</script>" for text in scripts),
        },
    )


@lru_cache(maxsize=16)
def asset(name: str) -> str:
    """A file of `page/`."""
    return (files("rtmcli.view") / "page" / name).read_text(encoding="utf-8")


def fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with each `<!--NAME-->` replaced by the part of that name."""
    return re.sub(r"<!--([A-Z]+)-->", lambda mark: parts[mark[1]], template)


def skeleton_data(name: str | None, points: int) -> dict[str, Any]:
    """Names, links, colours and parts of a skeleton for the page; numbers as names where it is not known."""
    try:
        known = load_skeleton(name) if name is not None else None
    except UsageError:
        known = None
    if known is None or len(known) != points:
        names = [str(number) for number in range(points)]
        return {
            "names": names,
            "links": [],
            "colors": ["#3399ff"] * points,
            "linkColors": [],
            "parts": {},
            "known": False,
        }
    return {
        "names": known.keypoints,
        "links": known.links,
        "colors": [to_hex(color) for color in known.colors],
        "linkColors": [to_hex(color) for color in known.link_colors],
        "parts": known.parts,
        "known": True,
    }


def to_hex(color: tuple[int, int, int]) -> str:
    """An RGB colour as style sheets write it."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def _clip_data(clip: Clip, blocks: list[str]) -> dict[str, Any]:
    """The clip's entry in the page; appends the block of its arrays."""
    block = pack.Block()
    times = clip.times()
    step = pack.pixel_step(_largest(clip), sum(2 * len(t.rows) * t.points for t in clip.tracks))
    tracks = [
        _track_data(track, step, block) | asdict(person)
        for track, person in zip(clip.tracks, describe_people(clip.tracks, times), strict=True)
    ]
    begin = float(times[0])
    numbers = _int32(clip, [frame.frame for frame in clip.frames])
    sizes = _int32(clip, [(frame.width or 0, frame.height or 0) for frame in clip.frames])
    entry = {
        "name": clip.name,
        "isTimed": all(frame.time is not None for frame in clip.frames),
        "size": clip.size(),
        "count": len(clip.frames),
        "step": step,
        "begin": begin,
        "times": block.integers(_int32(clip, np.round((times - begin) / pack.TIME_STEP))),
        "frames": block.integers(numbers),
        # Only images differ in size.
        "sizes": block.integers(sizes.T) if clip.is_images else None,
        "files": [str(frame.extra.get("file", frame.source)) for frame in clip.frames]
        if clip.is_images
        else None,
        "tracks": tracks,
    }
    entry["block"] = len(blocks)
    blocks.append(block.text())
    return entry


def _int32(clip: Clip, values: npt.ArrayLike) -> np.ndarray:
    """Numbers as the page holds them."""
    wide = np.asarray(values, np.float64)
    if wide.size and not np.abs(wide).max() < 2**31:
        raise DataError(
            f"{clip.name}: the page holds times up to 59 hours after the first, and numbers of frames and sizes up to "
            "2**31; show a part of the records"
        )
    return wide.astype(np.int32)


def _track_data(track: Track, step: float, block: pack.Block) -> dict[str, Any]:
    """Arrays lie by column, so that neighbours in an array are neighbours in time."""
    points = track.keypoints()  # (N, K, 3)
    return {
        "id": track.id,
        "number": track.number,
        "label": track.label,
        "skeleton": _skeleton_key(track),
        "at": block.integers(track.at().astype(np.int32)),
        "box": block.integers(pack.to_steps(track.boxes().T, step)),
        "scores": block.bytes(pack.to_scores(track.scores())),
        "xy": block.integers(pack.to_steps(points[..., :2].transpose(1, 2, 0), step)),
        "keypointScores": block.bytes(pack.to_scores(points[..., 2].T)),
        "angles": {
            name: block.integers(pack.to_steps(track.degrees(name), pack.ANGLE_STEP)) for name in track.angles
        },
    }


def _reference_data(reference: Reference, blocks: list[str]) -> dict[str, Any]:
    entry = _clip_data(reference.clip, blocks)
    block = pack.Block()
    rows = block.integers(reference.rows.astype(np.int32))
    distances = [
        block.integers(pack.to_steps(values, pack.ANGLE_STEP)) if values is not None else None
        for values in reference.distances
    ]
    blocks.append(block.text())
    return {
        "title": reference.title,
        "isTruth": reference.is_truth,
        "clip": entry,
        "block": len(blocks) - 1,
        "rows": rows,
        "distances": distances,
        "pairs": reference.pairs,
        "keypoints": [asdict(one) for one in reference.keypoints],
    }


def _skeletons(clips: Sequence[Clip], references: Sequence[Sequence[Reference]]) -> dict[str, dict[str, Any]]:
    every = [*clips, *(reference.clip for several in references for reference in several)]
    found: dict[str, dict[str, Any]] = {}
    for track in (track for clip in every for track in clip.tracks):
        key = _skeleton_key(track)
        if key not in found:
            found[key] = skeleton_data(track.skeleton, track.points)
            if track.points and track.skeleton is not None and not found[key]["known"]:
                say(
                    f"{track.points} keypoints of {track.skeleton!r}, which is no skeleton of that many keypoints: "
                    "they are shown without limbs; name theirs with --skeleton",
                    program="rtm view",
                )
    return found


def _skeleton_key(track: Track) -> str:
    return f"{track.skeleton or ''}/{track.points}"


def _largest(clip: Clip) -> float:
    """The largest distance of a coordinate from 0, of those within a few images' width; others become missing."""
    limit = 8.0 * max(clip.size())
    largest = 0.0
    for track in clip.tracks:
        for values in (track.boxes(), track.keypoints()[..., :2]):
            near = np.abs(values[np.abs(values) < limit])
            largest = max(largest, float(near.max(initial=0.0)))
    return largest


def _json(data: dict[str, Any]) -> str:
    """JSON that cannot end the element it is in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace(
        "<", "\\u003c"
    )


def _text(name: str, content: str, kind: str = "text/plain") -> str:
    return f'<script type="{kind}" id="{name}">{content}</script>'


def _script(text: str) -> str:
    return text.replace("</script", "<\\/script")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
