"""The card's image in an emulated machine, from power-on to the first violation at a real broker, over TLS.

`make boot-test`: minutes of it. What is emulated is the processor and the board; the card, its boot partition
with an installer's maskgate.toml, the initrd, the kernel and the services are those that go into the field.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from card import Card
from debian import done, program
from guest import VIRT, Guest
from mosquitto import Mosquitto
from ops_room import Ops

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = pytest.mark.timeout(1800)
CLIP = "/opt/clip.mp4"
MORE = """
[camera]
source = "{source}"

[decision]
revisit_s = 20.0  # frames are seconds apart
"""
WAITING = """\
rm -rf /tmp/box; mkdir /tmp/box; cp /var/lib/maskgate/outbox.sqlite* /tmp/box/; python3 -c '
import json, sqlite3
rows = sqlite3.connect("/tmp/box/outbox.sqlite").execute("SELECT body FROM events ORDER BY sequence")
print(json.dumps([json.loads(body)["id"] for (body,) in rows]))'
"""
"""Which events are on the disk: of a copy, since the service holds the file for itself."""


@pytest.fixture(scope="module")
def card(given: Callable[..., Card], lab: "Lab") -> Card:
    """As an installer leaves it, and with a long clip where a device would have a camera."""
    card = given(MORE.format(source=CLIP))
    assert password(card) in card.boot_partition()
    folder = card.folder
    long = folder / "clip.mp4"
    visit = folder / "visit.mp4"
    ffmpeg = (program("ffmpeg", "ffmpeg"), "-v", "error")
    # the first visitor, 15 times as slow: an emulated processor judges one frame a second, or less
    done(*ffmpeg, "-ss", "5", "-t", "7", "-i", lab.clip, "-vf", "setpts=15*PTS", "-r", "6", "-an", visit)
    done(*ffmpeg, "-stream_loop", "60", "-i", visit, "-c", "copy", long)
    card.put(CLIP, long)
    card.with_shell(VIRT.terminal)
    return card


@pytest.fixture(scope="module")
def guest(card: Card) -> Iterator[Guest]:
    guest = Guest(card)
    yield guest
    guest.cut_power()


def test_from_power_on_to_the_first_violation(guest: Guest, ops: Ops, lab: "Lab") -> None:
    guest.start()
    lab.measured("power-on to status, s", guest.wait("status: online", ops.online))
    guest.wait("info", lambda: ops.of("info"))
    opened = guest.wait("violation.opened", lambda: ops.of("event", "violation.opened"))
    lab.measured("power-on to the first violation, s", opened)
    memory = guest.run("free -m")
    lab.measured("memory in use by the whole guest, MB", int(re.findall(r"Mem: +\d+ +(\d+)", memory)[0]))
    used = guest.run("systemctl show --value --property=MemoryCurrent maskgate.service")
    lab.measured("of these by maskgate.service, MB", int(used) / 2**20)


def test_the_system_is_as_it_should_be(guest: Guest) -> None:
    assert guest.run("hostname") == "north-door"
    assert guest.run("systemctl --failed --no-legend --plain") == ""
    assert re.search(r"^overlay / overlay rw", guest.run("cat /proc/mounts"), re.MULTILINE)
    assert "/run/maskgate-image/root ext4 ro," in guest.run("cat /proc/mounts")
    grown_mb = int(guest.run("df -m --output=size /run/maskgate-image/data").split()[-1])
    assert grown_mb > 2000
    assert "zram0" in guest.run("cat /proc/swaps")
    assert guest.run("cat /run/maskgate-image/notes") == ""


def test_the_installer_reads_an_answer(guest: Guest) -> None:
    guest.run("systemctl start maskgate-machine-report.service")
    report = guest.run("cat /boot/firmware/maskgate-report.txt")
    assert "maskgate.toml was applied" in report
    assert "Asia/Jakarta" in guest.run("readlink /etc/localtime")


def test_the_card_keeps_no_secret_not_even_for_undelete_programs(card: Card) -> None:
    assert password(card) not in card.boot_partition()


def test_every_event_of_an_outage_arrives_once_although_the_power_is_cut(
    guest: Guest, ops: Ops, broker: Mosquitto, lab: "Lab"
) -> None:
    broker.stop()
    began = len(ops.of("event"))
    waiting: list[str] = []

    def enough() -> bool:
        waiting[:] = json.loads(guest.run(WAITING))
        return len(waiting) >= 5

    guest.wait("five events on the disk", enough, within_s=900)
    guest.cut_power()
    broker.start()
    guest.start()
    guest.wait(
        "all events of the outage",
        lambda: {*waiting} <= {m["id"] for m in ops.of("event")} | ids(ops, "summary"),
    )
    told = [*ops.of("event"), *ops.of("summary")]
    sequences = sorted({int(m["sequence"]) for m in told})
    assert sequences == list(range(1, sequences[-1] + 1))
    assert len({m["id"] for m in told}) == len(sequences)
    lab.measured("events on the disk when the power was cut", len(waiting))
    lab.measured("events in all, numbered without gaps", len(sequences))
    lab.measured("of these delivered more than once", len(told) - len(sequences))
    assert len(ops.of("event")) > began


def test_a_crashed_kernel_comes_back_by_itself(guest: Guest, ops: Ops, lab: "Lab") -> None:
    guest.cut_power()
    # without panic=10: the board's watchdog alone must do it
    guest.start(words="panic=0", devices=("-device", "i6300esb"))
    starts = started(ops)
    guest.wait("device.started", lambda: started(ops) - starts)
    assert "i6300ESB" in guest.run("cat /sys/class/watchdog/watchdog0/identity")
    crashed, starts = time.monotonic(), started(ops)
    guest.tell("echo c >/proc/sysrq-trigger")
    guest.wait("another device.started", lambda: started(ops) - starts, 600)
    lab.measured("kernel crash to the next device.started, s", time.monotonic() - crashed)


def started(ops: Ops) -> set[str]:
    """The starts that were told of, by id: one may be told twice, or late."""
    return {m["id"] for m in ops.of("event", "device.started")}


def ids(ops: Ops, leaf: str) -> set[str]:
    return {m["id"] for m in ops.of(leaf)}


def password(card: Card) -> bytes:
    """What the installer has put onto it."""
    return (card.folder / "credentials/mqtt-password").read_bytes()
