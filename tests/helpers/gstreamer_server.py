"""GStreamer's RTSP server as a program for the system's Python: plays H.264 mp4 files, each in real time.

    /usr/bin/python3 gstreamer_server.py FILE...

Prints its port when it is ready; the files are at rtsp://127.0.0.1:PORT/0, /1, ... Debian: python3-gi,
gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-base, -good and -bad.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  the versions come first

Gst.init(None)
server = GstRtspServer.RTSPServer(service="0")
for number, file in enumerate(sys.argv[1:]):
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch(
        f'( filesrc location="{file}" ! qtdemux ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 )'
    )
    server.get_mount_points().add_factory(f"/{number}", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
