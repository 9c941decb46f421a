"""Images -> H.264 video or GIF, each at its time."""

from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from rtmcli.cpus import available_cpus
from rtmcli.errors import RtmError
from rtmcli.files import publish, temporary_beside
from rtmcli.media.write.base import Writer

# Ticks a second of a written video: a multiple of all usual frame rates (the clock of MPEG systems).
TICKS = 90_000


class VideoWriter(Writer):
    """H.264 in 4:2:0 with its index in front, which every browser plays. Odd sizes get one more row or column.

    `x264` are options of the encoder in place of the default ones.
    """

    def __init__(
        self, path: Path, fps: float, size: tuple[int, int] | None, *, x264: Mapping[str, str] | None = None
    ) -> None:
        self._path, self._size = path, size
        self._x264 = {"preset": "veryfast", "crf": "20", **(x264 or {})}
        self._step = 1 / fps
        self._began: float | None = None
        self._last = -1  # ticks
        self._temporary: Path | None = temporary_beside(path)
        self._container: Any = None
        self._stream: Any = None

    def write(self, image: np.ndarray, *, time: float | None = None, name: str = "") -> None:
        import av

        if self._container is None:
            self._size = self._size or (image.shape[1], image.shape[0])
            self._open(*self._size)
        assert self._size is not None
        if time is None:
            ticks = 0 if self._last < 0 else self._last + round(self._step * self._ticks)
        else:
            self._began = time if self._began is None else self._began
            ticks = round((time - self._began) * self._ticks)
        ticks = max(ticks, self._last + 1)
        self._last = ticks
        frame = av.VideoFrame.from_ndarray(self._fit(image, *self._size), format="bgr24")
        frame.pts, frame.time_base = ticks, Fraction(1, self._ticks)
        frame.duration = round(self._step * self._ticks)
        try:
            self._encode(frame)
        except (av.error.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def close(self) -> None:
        import av

        if self._temporary is None:
            return
        if self._container is None:
            self.abort()
            raise RtmError(f"{self._path}: not written: there was no image to write")
        try:
            self._flush()
            self._container.close()
            publish(self._temporary, self._path)
        except (av.error.FFmpegError, OSError) as error:
            self.abort()
            raise self._failed(error) from None
        self._temporary = None

    def abort(self) -> None:
        import av

        if self._temporary is not None:
            if self._container is not None:
                # The file is removed, whatever closing it says.
                with suppress(av.error.FFmpegError, OSError):
                    self._container.close()
            self._temporary.unlink(missing_ok=True)
            self._temporary = None

    _ticks = TICKS

    def _open(self, width: int, height: int) -> None:
        import av
        from av.video.reformatter import ColorRange, VideoReformatter

        kind = {".m4v": "mp4", ".mkv": "matroska"}.get(
            self._path.suffix.lower(), self._path.suffix.lower()[1:]
        )
        options = {} if kind == "matroska" else {"movflags": "+faststart"}
        self._container = av.open(f"file:{self._temporary}", "w", format=kind, container_options=options)
        self._stream = stream = self._container.add_stream("libx264", options=self._x264)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, self._ticks)
        context = stream.codec_context
        context.time_base = stream.time_base
        context.framerate = Fraction(1 / self._step).limit_denominator(1001)
        context.thread_count = min(available_cpus(), 8)
        # Without this, players guess the colour space by the height of the image.
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = ColorRange.MPEG
        self._to_yuv: Any = VideoReformatter()

    def _encode(self, frame: Any) -> None:
        yuv = self._to_yuv.reformat(
            frame, format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG", threads=1
        )
        self._container.mux(self._stream.encode(yuv))

    def _flush(self) -> None:
        self._container.mux(self._stream.encode())

    def _fit(self, image: np.ndarray, width: int, height: int) -> np.ndarray:
        """The image scaled into the video's size, with black around it; an even number of rows and columns."""
        if (image.shape[1], image.shape[0]) != (width, height):
            image = _fitted(image, width, height)
        return (
            np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
            if width % 2 or height % 2
            else image
        )

    def _failed(self, error: Exception) -> RtmError:
        return RtmError(f"cannot write {self._path}: {getattr(error, 'strerror', None) or error}")


class GifWriter(VideoWriter):
    """A GIF with a palette of 256 colours for each frame."""

    # The format counts hundredths of a second.
    _ticks = 100

    def _open(self, width: int, height: int) -> None:
        import av

        self._container = av.open(f"file:{self._temporary}", "w", format="gif")
        self._stream = stream = self._container.add_stream("gif", rate=Fraction(100))
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        stream.codec_context.time_base = Fraction(1, self._ticks)
        self._graph = graph = av.filter.Graph()
        source = graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("bgr24"), time_base=Fraction(1, self._ticks)
        )
        split, choose = graph.add("split"), graph.add("palettegen", "stats_mode=single")
        use, sink = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=3"), graph.add("buffersink")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(choose, 1)
        choose.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()

    def _encode(self, frame: Any) -> None:
        self._graph.push(frame)
        self._pull()

    def _flush(self) -> None:
        import av

        self._graph.push(None)
        with suppress(av.error.EOFError):
            self._pull()
        self._container.mux(self._stream.encode())

    def _pull(self) -> None:
        import av

        while True:
            try:
                frame = self._graph.pull()
            except av.error.BlockingIOError:
                return
            self._container.mux(self._stream.encode(frame))

    def _fit(self, image: np.ndarray, width: int, height: int) -> np.ndarray:
        return image if (image.shape[1], image.shape[0]) == (width, height) else _fitted(image, width, height)


def _fitted(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image scaled to fit into (width, height), centred on black."""
    from rtmcli.opencv import cv2

    scale = min(width / image.shape[1], height / image.shape[0])
    inner_width = max(1, round(image.shape[1] * scale))
    inner_height = max(1, round(image.shape[0] * scale))
    canvas = np.zeros((height, width, 3), np.uint8)
    x, y = (width - inner_width) // 2, (height - inner_height) // 2
    canvas[y : y + inner_height, x : x + inner_width] = cv2.resize(
        image, (inner_width, inner_height), interpolation=cv2.INTER_AREA
    )
    return canvas
