"""Values of options that are more than a number or a word: times, sizes, thresholds, lists."""

from typing import overload

from rtmcli.errors import UsageError

MAX_TILES = 64  # each is a run of the detector


def seconds(text: str | float) -> float:
    """Seconds from `12.5`, `1:30` or `1:02:03.5`. Raises UsageError for anything else."""
    try:
        parts = [float(part) for part in str(text).split(":")]
        if len(parts) > 3 or any(not 0 <= part < 60 for part in parts[1:]) or not 0 <= parts[0] < 1e9:
            raise ValueError
    except ValueError:
        raise UsageError(f"{text!r} is not a time; write seconds (12.5), mm:ss or hh:mm:ss") from None
    result: float = sum(part * 60**power for power, part in enumerate(reversed(parts)))
    return result


def interval(text: str) -> tuple[float | None, int]:
    """`2s`, `500ms` or `1:30` -> (seconds, 1), `10` -> (None, 10 frames). Raises UsageError for anything else."""
    number, unit = str(text).rstrip("ms"), str(text).lstrip("0123456789.:")
    try:
        if unit in ("s", "ms") or ":" in number:
            value = seconds(number) / (1000 if unit == "ms" else 1)
            if unit in ("", "s", "ms") and value > 0:
                return value, 1
        elif not unit and int(number) > 0:
            return None, int(number)
    except (UsageError, ValueError):
        pass
    raise UsageError(
        f"{text!r} is not an interval; write a time (2s, 500ms, 1:30) or a number of frames (10)"
    )


def size_of(text: str | None, flag: str) -> tuple[int, int] | None:
    """`640x480` -> (640, 480), `480` -> (480, 480). Raises UsageError for anything else."""
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    height = height if cross else width
    if not (_is_count(width) and _is_count(height)):
        raise UsageError(f"{flag} {text!r} is not a size; write width and height as in {flag} 640x480")
    return int(width), int(height)


def height_width_of(text: str | None, flag: str) -> tuple[int, int] | None:
    """`256x192`, height x width as in model names -> (192, 256). Raises UsageError for anything else."""
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (_is_count(width) and _is_count(height)):
        raise UsageError(f"{flag} {text!r} is not a size; write height x width as in {flag} 256x192")
    return int(width), int(height)


def threshold_of(text: str, flag: str) -> float | None:
    """`0.7` -> 0.7, `none` -> None. Raises UsageError for anything else."""
    if text == "none":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"{flag} {text!r} is neither a number from 0 to 1 nor 'none'")
    return value


def tiles_of(text: str | None) -> tuple[int, int] | None:
    """`2x3` -> (2, 3), columns and rows. Raises UsageError for anything else, and for a single tile."""
    if text is None:
        return None
    columns, _, rows = text.lower().partition("x")
    if not (_is_count(columns) and _is_count(rows) and 2 <= int(columns) * int(rows) <= MAX_TILES):
        raise UsageError(
            f"--tiles {text!r}: expected columns and rows of 2 to {MAX_TILES} tiles, for example --tiles 2x2"
        )
    return int(columns), int(rows)


def _is_count(text: str) -> bool:
    return text.isdecimal() and int(text) > 0


@overload
def words(text: str) -> list[str]: ...


@overload
def words(text: None) -> None: ...


@overload
def words(text: str | None) -> list[str] | None: ...


def words(text: str | None) -> list[str] | None:
    """`a, b` -> ["a", "b"]; None stays None."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]
