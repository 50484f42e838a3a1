"""A real RTSP server for tests: colour bars in H.264 at rtsp://127.0.0.1:PORT/bars. At
/changing they change their size after two seconds.

Run by the system's Python, which alone sees Debian's GStreamer bindings: /usr/bin/python3 rtsp_server.py PORT
(0: any free one). Prints the port once it serves.
"""

import sys

import gi

gi.require_version("GLib", "2.0")
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - versions must be chosen first

# 60 pictures a second, because FFmpeg looks at some 30 of them before it opens a stream
PIPELINE = (
    "( videotestsrc is-live=true pattern=smpte ! video/x-raw,width=320,height=240,framerate=60/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )"
)


CHANGING = (
    "( videotestsrc is-live=true pattern=smpte ! capsfilter name=size "
    "caps=video/x-raw,width=320,height=240,framerate=60/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 "
    "! rtph264pay config-interval=-1 name=pay0 pt=96 )"
)
WIDER = "video/x-raw,width=480,height=240,framerate=60/1"


def change_size(_factory: object, media: "GstRtspServer.RTSPMedia") -> None:
    """After 120 pictures the stream goes on in another size."""
    size = media.get_element().get_by_name("size")
    count = 0

    def probe(_pad: object, _info: object) -> "Gst.PadProbeReturn":
        nonlocal count
        count += 1
        if count == 120:
            size.set_property("caps", Gst.Caps.from_string(WIDER))
        return Gst.PadProbeReturn.OK

    size.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, probe)


def main() -> None:
    Gst.init(None)
    if not Gst.ElementFactory.find("x264enc"):
        sys.exit("x264enc is missing: apt-get install gstreamer1.0-plugins-ugly")
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE)
    factory.set_shared(True)
    server.get_mount_points().add_factory("/bars", factory)
    changing = GstRtspServer.RTSPMediaFactory()
    changing.set_launch(CHANGING)
    changing.connect("media-configure", change_size)
    server.get_mount_points().add_factory("/changing", changing)
    if not server.attach(None):
        sys.exit(f"port {sys.argv[1]} can't be bound")
    print(server.get_bound_port(), flush=True)  # noqa: T201 - the test reads it
    GLib.MainLoop().run()


main()
