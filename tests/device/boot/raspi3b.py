"""The same card in an emulated Raspberry Pi 3, with what hangs on a device: camera, loudspeaker, relay, lamp.

The device tree is the card's, the pins are those of the emulated chip. The kernel itself plays the camera
(vivid) and the loudspeaker (snd-aloop, whose other end is recorded).
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from card import Card
from debian import done
from guest import RASPI3B, Guest
from ops_room import Ops

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = pytest.mark.timeout(1800)
ROOT = Path(__file__).resolve().parents[3]
SOUNDS = ROOT / "edge/speaker/sounds"
PATIENT_S = 1200.0
"""It is slower than the other board, and this is for all tests together."""
RELAY, RED_LED = 24, 22
MORE = f"""
[camera]
source = "/dev/video0"

[speaker]
output = "plughw:CARD=Loopback"
languages = ["en"]
max_age_s = 300.0  # an emulated board is slow
socket = "/run/maskgate-speaker/local.sock"

[indicators]
relay = "GPIO{RELAY}"
relay_mode = "fail-secure"  # energised while all is well
led_red = "GPIO{RED_LED}"
active_low = ["led_red"]
"""
LOUD = """\
import array, sys, wave
with wave.open(sys.argv[1]) as file:
    rate, samples = file.getframerate(), array.array("h", file.readframes(file.getnframes()))
step = rate // 50
print(sum(max(map(abs, samples[i : i + step])) > 500 for i in range(0, len(samples), step)) / 50)
"""
"""How many seconds of a recording are not silent."""
ADDED = {
    "/etc/modules-load.d/test.conf": "vivid\nsnd-aloop\n",
    # of its many devices the camera
    "/etc/modprobe.d/test.conf": "options vivid n_devs=1 node_types=0x1\n",
    "/opt/loud.py": LOUD,
}
RECORD = "arecord -q -D plughw:CARD=Loopback,DEV=1 -f S16_LE -r 22050 -c 1 /run/heard.wav >/run/words 2>&1 &"


@pytest.fixture(scope="module")
def card(given: Callable[[str], Card]) -> Card:
    card = given(MORE)
    for name, content in ADDED.items():
        file = card.folder / "file"
        file.write_text(content)
        card.put(name, file)
    card.with_shell(RASPI3B.terminal)
    return card


@pytest.fixture(scope="module")
def guest(card: Card) -> Iterator[Guest]:
    guest = Guest(card, RASPI3B)
    yield guest
    guest.cut_power()


def level(guest: Guest, pin: int) -> str:
    """What the chip's registers say of a pin, as "out hi"; also where no program has it."""
    pins = guest.run("cat /sys/kernel/debug/pinctrl/*pinctrl-bcm2835/pins")
    found = re.search(rf"^pin {pin} .* function gpio_(in|out) in (hi|lo);", pins, re.MULTILINE)
    assert found, f"GPIO{pin} is not to be found in:\n{pins}"
    return f"{found[1]} {found[2]}"


def test_from_power_on_to_the_status(guest: Guest, ops: Ops, lab: "Lab") -> None:
    guest.start()
    lab.measured("Raspberry Pi 3, power-on to status, s", guest.wait("status: online", ops.online, PATIENT_S))
    assert guest.run("tr -d '\\0' </proc/device-tree/model") == "Raspberry Pi 3 Model B"
    assert guest.run("systemctl --failed --no-legend --plain") == ""
    assert "/dev/mmcblk0p3 /run/maskgate-image/data ext4 rw" in guest.run("cat /proc/mounts")


def test_the_pictures_of_a_camera_are_judged(guest: Guest, ops: Ops, lab: "Lab") -> None:
    guest.wait("a judged picture", lambda: any(m["fps"] > 0 for m in ops.of("health")), PATIENT_S)
    health = ops.of("health")[-1]
    assert health["camera"]["state"] == "live"
    assert health["camera"]["frames"] > 0
    asked = {"source": "/dev/video0", "width": 640, "height": 480}
    guest.wait("the camera's size", lambda: ops.of("info")[-1]["camera"] == asked, PATIENT_S)
    lab.measured("Raspberry Pi 3, judged frames a second", health["fps"])


def test_the_pins_follow_also_when_the_service_is_killed(guest: Guest) -> None:
    guest.wait("the energised relay", lambda: level(guest, RELAY) == "out hi", PATIENT_S)
    assert level(guest, RED_LED) == "out hi"  # dark
    guest.run("systemctl kill --kill-who=main --signal=KILL maskgate")
    guest.wait("the released relay", lambda: level(guest, RELAY) == "in lo", PATIENT_S)
    guest.wait("the relay, energised again", lambda: level(guest, RELAY) == "out hi", PATIENT_S)


def test_the_announcement_is_heard(guest: Guest, ops: Ops, lab: "Lab") -> None:
    wanted = float(done(sys.executable, "-c", LOUD, SOUNDS / "en.wav"))
    guest.wait("the speaker", lambda: ops.online("north-door-speaker"), PATIENT_S)
    guest.run(f"{RECORD} echo $! >/run/recorder")
    ops.command("announce")
    guest.wait(
        "announcement.played",
        lambda: ops.of("event", "announcement.played", device="north-door-speaker"),
        PATIENT_S,
    )
    guest.run("kill $(cat /run/recorder); wait $(cat /run/recorder) || true; cat /run/words")
    heard = float(guest.run("python3 /opt/loud.py /run/heard.wav"))
    assert heard == pytest.approx(wanted, rel=0.1)
    lab.measured("Raspberry Pi 3, announcement as sent, s", wanted)
    lab.measured("Raspberry Pi 3, announcement as recorded, s", heard)
