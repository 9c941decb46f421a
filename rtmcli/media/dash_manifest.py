"""The manifest of a DASH stream (ISO/IEC 23009-1): which segments the best video in it has, and where they are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

from rtmcli.errors import DataError

_FIELD = re.compile(r"\$(RepresentationID|Number|Time|Bandwidth)?(?:%0(\d+)d)?\$")
_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says about its last period's video with the highest bit rate.

    Attributes:
        dynamic: whether the stream goes on: more segments come.
        file: address of the whole video, where it is in one file; else None.
        initialization: address of what comes before the first segment; else None.
        segments: (key, address) of those that are listed; the keys rise.
    """

    dynamic: bool
    file: str | None = None
    initialization: str | None = None
    segments: tuple[tuple[int, str], ...] = ()


def read_manifest(text: bytes, address: str, name: str, now: float) -> Manifest:
    """Parse a manifest.

    Args:
        address: where it came from; the others are relative to it.
        name: the source, for messages.
        now: seconds since 1970, by which segments are known where they are not listed.

    Raises:
        DataError: not a manifest, or one of a kind that is not supported.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise DataError(f"{name}: not a DASH manifest ({error}); check the address") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    periods = root.findall("Period")
    if not periods:
        raise DataError(f"{name}: a DASH manifest without a period; check the address")
    chain, video = [root, periods[-1]], _best_video(periods[-1], name)
    chain += video
    base = address
    for element in chain:
        base = urljoin(base, (element.findtext("BaseURL") or "").strip())
    dynamic = root.get("type") == "dynamic"
    template = _merged([element.find("SegmentTemplate") for element in chain])
    if template is None:
        if dynamic or any(element.find("SegmentList") is not None for element in chain):
            raise DataError(f"{name}: DASH with a list of segments is not supported; use its HLS playlist")
        return Manifest(dynamic=False, file=base)
    attributes, timeline = template
    representation = video[-1]
    fields = {
        "RepresentationID": representation.get("id", ""),
        "Bandwidth": int(representation.get("bandwidth", 0)),
    }
    if timeline is not None:
        found = _listed(attributes, timeline)
    else:
        found = _numbered(attributes, root, periods[-1], now if dynamic else None)
    segments = tuple(
        (time, urljoin(base, _filled(attributes["media"], {**fields, "Number": number, "Time": time})))
        for number, time in found
    )
    first = attributes.get("initialization")
    initialization = None if first is None else urljoin(base, _filled(first, fields))
    return Manifest(dynamic=dynamic, initialization=initialization, segments=segments)


def _best_video(period: Any, name: str) -> list[Any]:
    """The adaptation set and the representation with the highest bit rate of the videos."""
    best: list[Any] | None = None
    for group in period.findall("AdaptationSet"):
        for one in group.findall("Representation"):
            kind = f"{group.get('contentType')} {group.get('mimeType')} {one.get('mimeType')}"
            rate = int(one.get("bandwidth", 0))
            if "video" in kind and (best is None or rate > int(best[1].get("bandwidth", 0))):
                best = [group, one]
    if best is None:
        raise DataError(f"{name}: there is no video in it")
    return best


def _merged(templates: list[Any]) -> tuple[dict[str, str], Any] | None:
    """The attributes of templates, where an inner one overrides an outer one, and the timeline."""
    given = [template for template in templates if template is not None]
    attributes = {key: value for template in given for key, value in template.attrib.items()}
    timelines = [template.find("SegmentTimeline") for template in given]
    timeline = next((one for one in reversed(timelines) if one is not None), None)
    return (attributes, timeline) if "media" in attributes else None


def _listed(attributes: dict[str, str], timeline: Any) -> Iterator[tuple[int, int]]:
    """Number and begin of each segment of a timeline."""
    number, time = int(attributes.get("startNumber", 1)), 0
    entries = timeline.findall("S")
    for at, entry in enumerate(entries):
        time, duration = int(entry.get("t", time)), int(entry.get("d"))
        repeats = int(entry.get("r", 0))
        if repeats < 0:  # up to the next entry
            following = entries[at + 1].get("t") if at + 1 < len(entries) else None
            repeats = 0 if following is None else (int(following) - time) // duration - 1
        for _ in range(repeats + 1):
            yield number, time
            number, time = number + 1, time + duration


def _numbered(
    attributes: dict[str, str], root: Any, period: Any, now: float | None
) -> Iterator[tuple[int, int]]:
    """The same of segments of one duration: all of a video, or the last ones that a live stream has by its clock."""
    first, duration = int(attributes.get("startNumber", 1)), int(attributes["duration"])
    seconds = duration / int(attributes.get("timescale", 1))
    if now is None:
        length = _seconds(period.get("duration")) or _seconds(root.get("mediaPresentationDuration")) or 0.0
        numbers = range(-(-int(length * 1000) // int(seconds * 1000)))
    else:
        begin = datetime.fromisoformat(root.get("availabilityStartTime", "1970-01-01T00:00:00Z")).timestamp()
        complete = int((now - begin - (_seconds(period.get("start")) or 0.0)) / seconds)
        numbers = range(max(0, complete - 3), max(0, complete))
    for number in numbers:
        yield first + number, number * duration


def _filled(template: str, fields: dict[str, str | int]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] is None:  # `$$` stands for a dollar sign
            return "$"
        return f"{int(fields[match[1]]):0{int(match[2])}d}" if match[2] else str(fields[match[1]])

    return _FIELD.sub(value, template)


def _seconds(text: str | None) -> float | None:
    """The seconds of a duration as `PT1H2M3.5S`."""
    match = _DURATION.fullmatch(text or "")
    if not text or match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
