"""The image's first program makes a new data partition only if nothing on the old one can be saved."""

import subprocess
from pathlib import Path

import pytest

from edge.machine import inspection

INIT = Path(__file__).resolve().parents[2] / "systemd/image/initrd/init"
AROUND = """
timeout() { shift; "$@"; }
sleep() { :; }
note() { :; }
resize2fs() { :; }
make_data() { echo new; }
mount_data() { echo mount; return $MOUNT; }
e2fsck() {
    case $1 in -p) return 8 ;; esac
    status=${CODES%% *}
    CODES=${CODES#* }
    return $status
}
open_data && echo open || echo memory
"""
"""The programs that it runs, with the exit codes of the case."""
FUNCTIONS = INIT.read_text().split("\nmount -t proc ")[0].replace("/dev/console", "/dev/stderr")
EXT4 = b"\x53\xef"


@pytest.mark.parametrize(
    ("codes", "mark", "mount", "done"),
    [
        ("1", EXT4, 0, "mount open"),
        ("8 0", EXT4, 0, "mount open"),  # one read failed
        ("8 8", EXT4, 0, "memory"),
        ("12 12", EXT4, 0, "memory"),
        ("143 143", EXT4, 0, "memory"),  # ended, because it took too long
        ("0 0", EXT4, 1, "mount mount memory"),
        ("4", EXT4, 0, "new mount open"),
        ("8", b"\1\2", 0, "new mount open"),
        ("8", b"\0\0", 0, "new mount open"),
        ("8 8", None, 0, "memory"),  # the partition can't be read at all
    ],
)
def test_only_a_partition_beyond_repair_is_made_again(
    tmp_path: Path, codes: str, mark: bytes | None, mount: int, done: str
) -> None:
    partition = tmp_path / "partition"
    if mark is not None:
        partition.write_bytes(bytes(1080) + mark + bytes(1000))
    values = f"DATA_PART=../{partition}\nCODES='{codes} '\nMOUNT={mount}\n"
    script = FUNCTIONS + AROUND.replace("open_data &&", f"{values}open_data &&")
    out = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True)
    assert out.stdout.split() == done.split()


def test_a_device_that_keeps_nothing_reports_it_and_maskgate_machine_understands_it(tmp_path: Path) -> None:
    (tmp_path / "run/maskgate-image").mkdir(parents=True)
    around = """
mkdir() { :; }
umount() { echo "umount $*"; }
mount() { echo "mount $*"; }
go_on_in_memory
"""
    functions = FUNCTIONS.replace("/run/", f"{tmp_path}/run/")
    assert not inspection.forgets(tmp_path)
    out = subprocess.run(["sh", "-ec", functions + around], capture_output=True, check=True, text=True)
    assert [line.split(" -o ")[0] for line in out.stdout.splitlines()] == [
        f"umount {tmp_path}/run/maskgate-image/data", "mount -t tmpfs", "mount -t overlay overlay",
    ]  # fmt: skip
    assert inspection.forgets(tmp_path)
    (note,) = inspection.notes(tmp_path)
    assert note.endswith("kept in memory and lost when power goes; renew the card.")
