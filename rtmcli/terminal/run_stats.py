"""What a run has done so far, for each source: frames, rate, people, dropped frames, interruptions, memory."""

import os
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol


class LiveConnection(Protocol):
    """The connection to a live source.

    Attributes:
        connected: whether it is open.
        reconnects: how often the source came back after it was lost.
    """

    connected: bool
    reconnects: int


@dataclass(slots=True)
class _Source:
    """The counts of one source.

    Attributes:
        marks: (seconds, frames) at the last two calls of `lines`.
        last: when its last frame was finished, or None.
        told: frames that its last line had.
    """

    live: bool
    marks: tuple[tuple[float, int], tuple[float, int]]
    frames: int = 0
    people: int = 0
    people_last: int = 0
    dropped: int = 0
    gaps: int = 0
    gap_seconds: float = 0.0
    time: float | None = None
    last: float | None = None
    told: int = -1
    connection: LiveConnection | None = None


class RunStats:
    """Counts frames by source; one thread counts, another may ask for lines.

    Single images are counted together, as source None: a folder may hold any number of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began = self._marked = time.monotonic()
        self._sources: dict[str | None, _Source] = {}

    def expect(self, source: str, connection: LiveConnection | None = None) -> None:
        """Report this live source also while it sends nothing, and the state of its connection where that is known."""
        with self._lock:
            self._add(source, live=True).connection = connection

    def count(
        self,
        source: str | None,
        *,
        frames: int = 1,
        people: int = 0,
        at: float | None = None,
        dropped: int = 0,
        gap: float | None = None,
    ) -> None:
        """Frames of a source are finished.

        Args:
            people: in all of these frames together.
            at: of the last frame, as in its record.
            dropped: frames of a live source that were not taken in time.
            gap: seconds for which a live source was lost before this frame.
        """
        with self._lock:
            counts = self._sources.get(source) or self._add(source)
            counts.frames += frames
            counts.people += people
            counts.people_last = people if frames == 1 else counts.people_last
            counts.time = at
            counts.dropped += dropped
            counts.last = time.monotonic()
            if gap is not None:
                counts.gaps += 1
                counts.gap_seconds += gap

    def lines(self) -> list[dict[str, Any]]:
        """A line for each source that had frames since the last call, and for each live one."""
        now, stamp, memory = time.monotonic(), utc_now(), resident_bytes()
        found = []
        with self._lock:
            for source, counts in self._sources.items():
                if counts.live or counts.frames != counts.told:
                    before, frames = counts.marks[1]
                    fps = _rate(counts.frames - frames, now - before)
                    found.append(_line(stamp, source, counts, fps, now, memory))
                    counts.told = counts.frames
                counts.marks = (counts.marks[1], (now, counts.frames))
            self._marked = now
        return found

    def text(self) -> list[str]:
        """The same for people: a line for the run, and one for each source that had frames lately or is live."""
        now, memory = time.monotonic(), resident_bytes()
        with self._lock:
            frames = sum(counts.frames for counts in self._sources.values())
            text = [
                f"{utc_now()}: {frames} frames in {now - self._began:.0f} s"
                + (f", {memory / 1e6:.0f} MB" if memory is not None else "")
            ]
            for source, counts in self._sources.items():
                before, frames = counts.marks[0]
                if counts.live or counts.frames != frames:
                    fps = _rate(counts.frames - frames, now - before)
                    text.append(_sentence(source, counts, fps, now))
        return text

    def _add(self, source: str | None, *, live: bool = False) -> _Source:
        # One that is first seen within an interval is counted from the beginning of the interval.
        counts = self._sources[source] = _Source(live, ((self._marked, 0), (self._marked, 0)))
        return counts


def utc_now() -> str:
    """The time of day, as `2026-11-26T21:00:00.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def resident_bytes() -> int | None:
    """Memory of this process that is in RAM now; its peak where the system does not say that (macOS)."""
    try:
        with open("/proc/self/statm", "rb") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _rate(frames: int, seconds: float) -> float:
    return round(frames / seconds, 2) if seconds > 0 else 0.0


def _line(
    stamp: str, source: str | None, counts: _Source, fps: float, now: float, memory: int | None
) -> dict[str, Any]:
    return {
        "utc": stamp,
        "source": source,
        "frames": counts.frames,
        "fps": fps,
        "time": counts.time,
        "age": None if counts.last is None else round(now - counts.last, 3),
        "dropped": counts.dropped,
        "gaps": counts.gaps,
        "gap_seconds": round(counts.gap_seconds, 3),
        "connected": None if counts.connection is None else counts.connection.connected,
        "reconnects": 0 if counts.connection is None else counts.connection.reconnects,
        "people": counts.people,
        "people_last": counts.people_last,
        "memory": memory,
    }


def _sentence(source: str | None, counts: _Source, fps: float, now: float) -> str:
    people = "1 person" if counts.people_last == 1 else f"{counts.people_last} people"
    parts = [f"{counts.frames} frames", f"{fps:.1f} fps", f"{people} in the last frame"]
    parts.append("no frame yet" if counts.last is None else f"last frame {now - counts.last:.1f} s ago")
    if counts.live:
        parts += [f"dropped: {counts.dropped}", f"gaps: {counts.gaps} ({counts.gap_seconds:.1f} s)"]
    if counts.connection is not None and not counts.connection.connected:
        parts.insert(0, "not connected")
    return f"{source or 'images'}: {', '.join(parts)}"
