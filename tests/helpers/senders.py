"""Live streams of a clock: from GStreamer's RTSP server, and from ffmpeg by UDP, TCP, RTMP, HTTP, HLS and DASH.

They need programs that are not Python packages: Debian's ffmpeg, gir1.2-gst-rtsp-server-1.0, python3-gi,
gstreamer1.0-plugins-base, -good and -ugly.
"""

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.helpers.clock_images import FPS, HEIGHT, WIDTH, clock_image
from tests.helpers.local_server import serve
from tests.helpers.server_process import free_port

SYSTEM_PYTHON = "/usr/bin/python3"
_GSTREAMER = Path(__file__).with_name("clock_rtsp_server.py")
_ENCODE = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -threads 1"
# The options of ffmpeg for each kind of stream.
_OUTPUTS = {
    "udp": f"{_ENCODE} -f mpegts udp://127.0.0.1:{{port}}?pkt_size=1316",
    "tcp": f"{_ENCODE} -f mpegts tcp://127.0.0.1:{{port}}?listen=1",
    "rtmp": f"{_ENCODE} -f flv -listen 1 rtmp://127.0.0.1:{{port}}/live/a",
    "mjpeg": "-c:v mjpeg -q:v 3 -f mpjpeg -listen 1 http://127.0.0.1:{port}/camera",
    "hls": f"{_ENCODE} -f hls -hls_time 2 -hls_list_size 5 -hls_flags delete_segments {{folder}}/live.m3u8",
    "dash": f"{_ENCODE} -f dash -seg_duration 2 -window_size 5 -streaming 0 {{folder}}/live.mpd",
}
_ADDRESSES = {
    "udp": "udp://127.0.0.1:{port}",
    "tcp": "tcp://127.0.0.1:{port}",
    "rtmp": "rtmp://127.0.0.1:{port}/live/a",
    "mjpeg": "http://127.0.0.1:{port}/camera",
}


@cache
def missing_gstreamer() -> str | None:
    """Why GStreamer's RTSP server cannot run here; None where it can."""
    probe = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
        "Gst.init(None); assert Gst.ElementFactory.find('x264enc'), 'no x264enc'"
    )
    if not Path(SYSTEM_PYTHON).exists():
        return f"there is no {SYSTEM_PYTHON}"
    ran = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, text=True)
    return None if ran.returncode == 0 else f"GStreamer's RTSP server: {ran.stderr.strip().splitlines()[-1]}"


def missing_ffmpeg() -> str | None:
    """Why ffmpeg cannot send here; None where it can."""
    return None if shutil.which("ffmpeg") else "there is no program ffmpeg"


class RtspServer:
    """GStreamer's RTSP server in a process of its own, which can be killed, stopped and started again."""

    def __init__(self, streams: int = 1) -> None:
        self.port, self._streams = free_port(), streams
        self.start()

    def address(self, number: int = 0) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{number}"

    def start(self) -> None:
        command = [SYSTEM_PYTHON, str(_GSTREAMER), str(self.port), str(self._streams)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None and self._process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        """End at once, as a camera that loses its power."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Send nothing more, with all connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def rtsp_server(streams: int = 1) -> Iterator[RtspServer]:
    server = RtspServer(streams)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def ffmpeg_sender(kind: str, folder: Path) -> Iterator[str]:
    """Send a clock in real time; gives the address where it can be read.

    Args:
        kind: udp, tcp, rtmp, mjpeg, hls or dash.
        folder: for the segments of hls and dash.
    """
    port = free_port()
    output = _OUTPUTS[kind].format(port=port, folder=folder)
    given = f"-f rawvideo -pix_fmt gray -s {WIDTH}x{HEIGHT} -framerate {FPS} -i -"
    process = subprocess.Popen(
        ["ffmpeg", "-v", "error", *given.split(), *output.split()],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    stop = threading.Event()
    threading.Thread(target=_feed, args=[process, stop], daemon=True).start()
    try:
        if kind in _ADDRESSES:
            if kind != "udp":
                time.sleep(0.5)  # until it listens, which it does for one client only
            yield _ADDRESSES[kind].format(port=port)
        else:
            playlist = f"live.{'m3u8' if kind == 'hls' else 'mpd'}"
            _wait_for(lambda: (folder / playlist).exists())
            with serve(folder) as site:
                yield f"{site}/{playlist}"
    finally:
        stop.set()
        process.kill()
        process.wait()


def _feed(process: "subprocess.Popen[bytes]", stop: threading.Event) -> None:
    assert process.stdin is not None
    begin, count = time.monotonic(), 0
    with suppress(OSError):
        while not stop.wait(max(0.0, begin + count / FPS - time.monotonic())):
            process.stdin.write(clock_image())
            process.stdin.flush()
            count += 1


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)
