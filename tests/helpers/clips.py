"""Small videos whose frames show their own number, and files that are broken on purpose."""

import random
import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (96, 64)
BITS = 8


def numbered(number: int, size: tuple[int, int] = SIZE, noise: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 BGR: eight bars, white for each bit of the number, over blue on the left and red on the right.

    Noise makes every frame cost bytes, so that half of a file is half of its frames.
    """
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 2 :, : width // 2] = (255, 0, 0)
    image[height // 2 :, width // 2 :] = (0, 0, 255)
    for bit in range(BITS):
        if number >> bit & 1:
            image[: height // 2, bit * width // BITS : (bit + 1) * width // BITS] = 255
    if noise:
        grain = np.random.default_rng(number).integers(-noise, noise, image.shape)
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    return image


def number_in(image: np.ndarray) -> int:
    """The number that a picture made by `numbered` shows."""
    height, width = image.shape[:2]
    row = image[height // 8 : height // 3].mean((0, 2))  # (W,)
    return sum(int(row[(2 * bit + 1) * width // (2 * BITS)] > 127) << bit for bit in range(BITS))


def write_clip(
    path: Path,
    frames: int | Sequence[int] = 30,
    *,
    codec: str = "libx264",
    times: Iterable[float] | None = None,
    fps: int = 25,
    size: tuple[int, int] = SIZE,
    pixels: str = "yuv420p",
    ticks: int = 12800,
    noise: int = 0,
    container: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """Encode numbered frames; `times` in seconds, by default one after the other at `fps`."""
    numbers = range(frames) if isinstance(frames, int) else frames
    when = [index / fps for index in range(len(numbers))] if times is None else list(times)
    with av.open(str(path), "w", container_options=container or {}) as out:
        stream = out.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = Fraction(1, ticks)
        for number, time in zip(numbers, when, strict=True):
            frame = av.VideoFrame.from_ndarray(numbered(number, size, noise), format="bgr24").reformat(
                format=pixels
            )
            frame.pts, frame.time_base = round(time * ticks), Fraction(1, ticks)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def half(path: Path) -> Path:
    """A copy that ends in the middle, as a broken download does."""
    cut = path.with_stem(f"half_{path.stem}")
    data = path.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    return cut


def flipped(path: Path, flips: int = 60, seed: int = 1) -> Path:
    """A copy with single bits flipped in its second half."""
    broken = path.with_stem(f"flipped_{path.stem}")
    data = bytearray(path.read_bytes())
    draw = random.Random(seed)
    for _ in range(flips):
        data[draw.randrange(len(data) // 2, len(data))] ^= 1 << draw.randrange(8)
    broken.write_bytes(data)
    return broken


def scrambled(path: Path, seed: int = 1) -> Path:
    """A copy with a stretch behind its middle overwritten, a hundredth of the file."""
    broken = path.with_stem(f"scrambled_{path.stem}")
    data = bytearray(path.read_bytes())
    start, length = len(data) * 11 // 20, len(data) // 100
    data[start : start + length] = random.Random(seed).randbytes(length)
    broken.write_bytes(data)
    return broken


def without_packets(path: Path, first: int, last: int) -> Path:
    """A copy with zeros in place of some packets and of what a container writes between them; counted as stored."""
    holed = path.with_stem(f"holed_{path.stem}_{first}_{last}")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as source:
        packets = [bytes(packet) for packet in source.demux(video=0) if packet.size]
    start = data.index(packets[first - 1]) + len(packets[first - 1])
    end = data.index(packets[last]) + len(packets[last])
    data[start:end] = bytes(end - start)
    holed.write_bytes(data)
    return holed


def with_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """A copy of an mp4 whose track says it is to be shown turned or mirrored: x' = a x + c y, y' = b x + d y."""
    turned = path.with_stem(f"turned_{path.stem}_{a}{b}{c}{d}")
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16  # version and flags; times, id and duration; layer to volume
    one = 1 << 16
    struct.pack_into(">9i", data, at, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    turned.write_bytes(data)
    return turned


def after_damage(read: Callable[[], Iterable[object]]) -> tuple[list[object], Exception | None]:
    """What an iterable gives before it raises, and what it raises."""
    came: list[object] = []
    try:
        came.extend(iter_into(came, read()))
    except Exception as error:
        return came, error
    return came, None


def iter_into(came: list[object], items: Iterable[object]) -> list[object]:
    for item in items:
        came.append(item)
    return []


def block_number(image: np.ndarray) -> int:
    """The number that an image of `tests/regressions/data` shows: white blocks at the top, the lowest bit left."""
    scale = image.shape[1] / 320
    row = image[12:30].mean((0, 2))  # (W,)
    return sum(int(row[round((8 + 26 * bit + 13) * scale)] > 127) << bit for bit in range(10))


def remuxed(path: Path, copy: Path, **container: str) -> Path:
    """The same packets in the container that the copy's suffix names, with options of its writer."""
    with av.open(str(path)) as source, av.open(str(copy), "w", container_options=container) as out:
        video = source.streams.video[0]
        written = out.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.size:
                packet.stream = written
                out.mux(packet)
    return copy
