"""An RTSP server of GStreamer that shows a clock: `/usr/bin/python3 clock_rtsp_server.py PORT [STREAMS]`.

Run by the system's Python, which has GStreamer's bindings; it prints a line when it is ready. The streams are
/0, /1, ..., each for any number of clients.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")

# gi.require_version comes before the import of what it asks for.
from clock_images import FPS, HEIGHT, WIDTH, clock_image  # noqa: E402
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

_LAUNCH = (
    "( appsrc name=clock is-live=true do-timestamp=true format=time "
    f"caps=video/x-raw,format=GRAY8,width={WIDTH},height={HEIGHT},framerate={FPS}/1 ! videoconvert ! "
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 threads=1 ! rtph264pay name=pay0 pt=96 )"
)


def main(port: str, streams: int) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    for number in range(streams):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(_LAUNCH)
        factory.set_shared(True)
        factory.connect("media-configure", _configure)
        server.get_mount_points().add_factory(f"/{number}", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


def _configure(_: object, media: GstRtspServer.RTSPMedia) -> None:
    source = media.get_element().get_by_name_recurse_up("clock")

    def push() -> bool:
        flow = source.emit("push-buffer", Gst.Buffer.new_wrapped(clock_image()))
        return bool(flow in (Gst.FlowReturn.OK, Gst.FlowReturn.FLUSHING))

    GLib.timeout_add(1000 // FPS, push)


main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)
