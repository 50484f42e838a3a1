"""The initrd of the image on cards in every condition: what it mends, what it says, and that all boot.

Kernel and initrd are those of the image; in place of the system there is a program that looks around and
switches the machine off. A case takes seconds.
"""

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from card import MB, Card
from debian import done, program
from guest import Guest

pytestmark = pytest.mark.timeout(600)
LOOK_AROUND = """\
#!/bin/busybox sh
for name in cat grep df mount sync poweroff echo; do alias $name="/bin/busybox $name"; done
echo "notes: $(cat /run/maskgate-image/notes)"
echo "over: $(grep ' /run/maskgate-image/data ' /proc/mounts)"
echo "volatile: $([ -e /run/maskgate-image/volatile ] && echo yes)"
echo "data: $(df -m /run/maskgate-image/data | /bin/busybox tail -n 1)"
echo "kept: $(cat /etc/kept 2>/dev/null)"
echo yes >>/etc/kept
sync
echo "that is all"
poweroff -f
"""
SIZE_MB = 400
PARTS = ((4, 64, "c"), (68, 64, "83"), (132, 64, "83"))
"""Begin, length and type."""


@pytest.fixture(scope="module")
def whole(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small card, never started."""
    folder = tmp_path_factory.mktemp("whole")
    real = Card(image, folder / "real")
    boot, root = folder / "boot", folder / "root"
    boot.mkdir()
    for name in ("vmlinuz", "initrd.img", "cmdline.txt"):
        real.take(name).rename(boot / name)
    real.path.unlink()
    for name in ("bin", "sbin", "etc", "dev", "proc", "sys", "run"):
        (root / name).mkdir(parents=True)
    archive = gzip.decompress((boot / "initrd.img").read_bytes())
    unpack = (program("cpio", "cpio"), "-i", "--to-stdout", "--quiet", "bin/busybox")
    busybox = subprocess.run(unpack, input=archive, capture_output=True, check=True).stdout
    for name, content in (("bin/busybox", busybox), ("sbin/init", LOOK_AROUND.encode())):
        (root / name).write_bytes(content)
        (root / name).chmod(0o755)
    path = folder / "card.img"
    with path.open("wb") as file:
        file.truncate(SIZE_MB * MB)
    lines = [f"start={start}MiB, size={size}MiB, type={kind}\n" for start, size, kind in PARTS]
    done(program("sfdisk", "fdisk"), "-q", path, input="".join(["label: dos\n", *lines]))
    done(
        program("mkfs.vfat", "dosfstools"), "-n", "MASKGATE", f"--offset={PARTS[0][0] * 2048}", path, "65536"
    )
    done(program("mcopy", "mtools"), "-i", f"{path}@@{PARTS[0][0]}M", *sorted(boot.iterdir()), "::")
    for (start, size, _), label, options in (
        (PARTS[1], "maskgate-root", ("-O", "^has_journal", "-d", str(root))),
        (PARTS[2], "maskgate-data", ("-i", "65536")),
    ):
        place = ("-E", f"offset={start * MB}", path, f"{size}M")
        done(program("mke2fs", "e2fsprogs"), "-q", "-F", "-t", "ext4", "-L", label, *options, *place)
    return path


class Seen(dict[str, str]):
    """What the program that looks around has printed, line for line."""


@pytest.fixture
def boot(whole: Path, tmp_path: Path) -> Callable[..., Seen]:
    """Boots the card, which keeps what happened to it before, after something was done to it."""
    card = Card(whole, tmp_path / "card", SIZE_MB)

    def booted(damage: Callable[[Card], object] = lambda _: None) -> Seen:
        damage(card)
        guest = Guest(card)
        guest.start()
        guest.wait("end", lambda: "that is all" in guest.console, 180)
        guest.cut_power()
        lines = [line.split(": ", 1) for line in guest.console.splitlines() if ": " in line]
        return Seen(
            {key: value for key, value in lines if key in {"notes", "over", "volatile", "data", "kept"}}
        )

    return booted


def write(card: Card, start_mb: int, data: bytes) -> None:
    with card.path.open("r+b") as file:
        file.seek(start_mb * MB)
        file.write(data)


def test_the_data_partition_grows_once_and_keeps_what_is_written(boot: Callable[..., Seen]) -> None:
    first = boot()
    assert first["over"].startswith("/dev/vda3 /run/maskgate-image/data ext4 rw,noatime")
    assert int(first["data"].split()[1]) > 200
    assert first.get("notes", "") == ""
    assert first.get("volatile", "") == ""
    second = boot()  # the power was cut before
    assert second["kept"] == "yes"
    assert second["data"].split()[1] == first["data"].split()[1]


def test_what_is_beyond_repair_is_made_anew_and_told(boot: Callable[..., Seen]) -> None:
    boot()
    noise = bytes(range(1, 256)) * 4112 * 20
    seen = boot(lambda card: write(card, PARTS[2][0], noise))
    assert "made again, empty: the device is as freshly installed" in seen["notes"]
    assert seen["over"].startswith("/dev/vda3")
    assert seen.get("kept", "") == ""


def test_a_reset_forgets_everything_once(boot: Callable[..., Seen], tmp_path: Path) -> None:
    asks = tmp_path / "maskgate-factory-reset"
    asks.touch()
    boot()
    seen = boot(lambda card: card.give(asks))
    assert seen["notes"].startswith("The device was reset")
    assert seen.get("kept", "") == ""
    again = boot()
    assert again.get("notes", "") == ""
    assert again["kept"] == "yes"


def test_without_a_data_partition_it_goes_on_in_memory(boot: Callable[..., Seen]) -> None:
    def take_away(card: Card) -> None:
        done(program("sfdisk", "fdisk"), "-q", "--delete", card.path, "3")

    seen = boot(take_away)
    assert "kept in memory and lost when power goes" in seen["notes"]
    assert seen["over"].startswith("tmpfs")
    assert seen["volatile"] == "yes"  # by which the secrets stay on the card
