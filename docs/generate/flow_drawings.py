"""``pictures/frame.svg`` and ``pictures/violation.svg``: the way of a picture, and of a violation."""

from docs.generate.drawing import Drawing

_STEPS = (
    ("camera", "newest frame only", "plain"),
    ("faces", "YuNet, int8", "plain"),
    ("tracks", "people, not frames", "pure"),
    ("looks", "can it be judged?", "pure"),
    ("classifier", "MobileNetV2, int8", "plain"),
    ("policy", "evidence per person", "pure"),
)


def frame_drawing() -> str:
    """From a frame to what is decided about people; two rows of three, so that a phone shows it."""
    canvas = Drawing(620, 292, "From a frame to a decision")
    canvas.text(310, 26, "From a frame to a decision: edge/people/pipeline.py", bold=True)
    for n, (name, text, fill) in enumerate(_STEPS):
        x, y = 20 + (n % 3) * 200, 48 + (n // 3) * 84
        canvas.box(x, y, 160, 54, [name, text], fill)
        if n % 3:
            canvas.arrow((x - 40, y + 27), (x - 2, y + 27))
    canvas.arrow((500, 102), (500, 117), (100, 117), (100, 130))
    canvas.box(20, 224, 260, 48, ["violation opened, closed", "to the messenger"], "disk")
    canvas.box(340, 224, 260, 48, ["people in view, counts", "to lights, relay and summary"], "out")
    canvas.arrow((460, 186), (150, 222))
    canvas.arrow((500, 186), (470, 222))
    return canvas.svg()


def violation_drawing() -> str:
    """From the decision to the ops centre and to the sound."""
    canvas = Drawing(680, 330, "The way of a violation")
    canvas.text(340, 26, "The way of a violation", bold=True)
    canvas.box(20, 50, 170, 54, ["policy", "edge/people/policy.py"], "pure")
    canvas.box(250, 50, 180, 54, ["messenger", "edge/service/messenger.py"])
    canvas.box(490, 50, 170, 54, ["outbox", "on disk before all else"], "disk")
    canvas.box(490, 150, 170, 54, ["delivery", "until PUBACK"])
    canvas.box(490, 250, 170, 54, ["broker", "MQTT over TLS"], "out")
    canvas.box(250, 250, 180, 54, ["ops centre", "drops repeats by id"], "out")
    canvas.box(20, 150, 170, 54, ["speaker", "one sentence a visit"])
    canvas.box(20, 250, 170, 54, ["sound, webhook,", "Home Assistant"], "out")
    canvas.arrow((190, 77), (248, 77))
    canvas.arrow((430, 77), (488, 77))
    canvas.arrow((575, 104), (575, 148))
    canvas.arrow((575, 204), (575, 248))
    canvas.arrow((490, 277), (432, 277))
    canvas.arrow((340, 104), (340, 160), (192, 160))
    canvas.text(345, 178, "local socket: no network needed", size=12)
    canvas.arrow((490, 262), (460, 262), (460, 192), (192, 192), dashed=True)
    canvas.text(345, 212, "or over MQTT, from any broker", size=12)
    canvas.arrow((105, 204), (105, 248))
    return canvas.svg()
