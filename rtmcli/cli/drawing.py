"""Write and show drawn frames, for `rtm draw`, `--draw` and `--show`."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from rtmcli.draw import draw_frame
from rtmcli.errors import MissingError, UsageError
from rtmcli.media.frame_lookup import location_of
from rtmcli.media.names import file_path
from rtmcli.media.write.base import Writer
from rtmcli.media.write.open import open_writer
from rtmcli.media.write.sheet import SheetWriter
from rtmcli.records.frame import Frame

if TYPE_CHECKING:
    from rtmcli.view.live import LivePage

_WINDOW = "rtm"


class FrameDrawer:
    """Draws frames in order and writes or shows them.

    Args:
        out: video, GIF, image or folder to write, or None.
        media: where the images are if they moved, as for `find_pictures`.
        sheet: write `out`, an image, as a contact sheet of all frames.
        show: whether to open a window; q, Escape or closing it ends the drawing.
        browser: whether to serve a page that shows the frames; its address is printed on stderr.
        fps: frames a second of the written video where the frames have no time; 25 where None.
        skeleton, score_threshold, boxes, ids: as for `draw_frame`.

    Raises:
        MissingError: `show` without a display.
        UsageError: a drawn image or video would replace its own source.
    """

    def __init__(
        self,
        *,
        out: str | None = None,
        media: str | None = None,
        sheet: bool = False,
        show: bool = False,
        browser: bool = False,
        fps: float | None = None,
        skeleton: str | None = None,
        score_threshold: float = 0.3,
        boxes: bool = True,
        ids: bool = True,
    ) -> None:
        self._fps, self._show = fps or 25.0, show
        self._look: dict[str, Any] = {
            "skeleton": skeleton,
            "score_threshold": score_threshold,
            "boxes": boxes,
            "ids": ids,
        }
        self._source: str | None = None
        # Begin and latest frame of the current source, in seconds of the written video.
        self._begin, self._last = 0.0, 0.0
        if show:
            check_display()
        self._out, self._media = out, media
        self._checked: str | None = None  # the source that was found to be another file than `out`
        self._sheet = sheet
        self._writer: Writer | None = None
        if out is not None:
            self._writer = SheetWriter(Path(out)) if sheet else open_writer(out, fps=self._fps)
        self._page = _open_page() if browser else None

    def draw(self, image: np.ndarray, frame: Frame) -> bool:
        """Draw one frame on its image (in place); False when the user ended the drawing in the window."""
        if self._page is not None:
            self._page.show(frame, image)
            if self._writer is None and not self._show:
                return True
        self._refuse_own_source(frame)
        image = draw_frame(image, frame, **self._look)
        if self._writer is not None:
            time = frame.time if self._sheet else self._time(frame)
            self._writer.write(image, time=time, name=_name(frame))
        return not self._show or _show(image)

    def _refuse_own_source(self, frame: Frame) -> None:
        own = str(frame.extra.get("file", frame.source))
        if self._out is None or own == self._checked or (own == "-" and self._media is None):
            return
        self._checked = own
        target = Path(self._out)
        target = target / _name(frame) if target.is_dir() else target
        with contextlib.suppress(OSError):
            if target.samefile(file_path(location_of(frame, self._media))):
                raise UsageError(
                    f"{target} is what is drawn on, and would be replaced; write to another place"
                )

    def _time(self, frame: Frame) -> float | None:
        """Seconds in the written video: one source follows the other."""
        if frame.time is None:
            return None
        if frame.source != self._source or self._begin + frame.time < self._last:
            follows = self._source is not None
            self._begin = (self._last + 1 / self._fps if follows else 0.0) - frame.time
            self._source = frame.source
        self._last = self._begin + frame.time
        return self._last

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._page is not None:
            self._page.close()
        if self._writer is not None:
            self._writer.__exit__(kind, error, trace)


def _open_page() -> "LivePage":
    from rtmcli.view.live import LivePage

    page = LivePage()
    print(f"rtm: {page.address}", file=sys.stderr, flush=True)
    return page


def check_display() -> None:
    """Raise MissingError where no window can be opened.

    OpenCV's Qt ends the whole process where it finds no display, so another process tries it first.
    """
    no_display = MissingError(
        "--show needs a display, and there is none; show the frames in a browser with --browser, or write a video: "
        "--draw out.mp4"
    )
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise no_display
    attempt = "import cv2; cv2.namedWindow('rtm'); cv2.destroyAllWindows()"
    try:
        tried = subprocess.run([sys.executable, "-c", attempt], capture_output=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        raise no_display from None
    if tried.returncode:
        raise no_display


def _show(image: np.ndarray) -> bool:
    """Show an image in the window; False when q or Escape was pressed or the window was closed."""
    from rtmcli.opencv import cv2

    cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    cv2.imshow(_WINDOW, image)
    pressed = cv2.waitKey(1) & 0xFF
    return pressed not in (ord("q"), 27) and cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) >= 1


def _name(frame: Frame) -> str:
    """The name of a drawn image in a folder: that of the image, or of the video with the frame's number."""
    file = Path(str(frame.extra.get("file", frame.source)))
    is_one_of_several = frame.time is not None or (frame.frames or 1) > 1
    if "file" in frame.extra or not is_one_of_several:
        return file.name
    stem = "stdin" if frame.source == "-" else file.stem
    return f"{stem}_{frame.frame:06d}"
