"""What a run finds out about the one before, and how long it waits because of it."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from edge.service.previous_run import PreviousRun, back_off, read, this_run

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd/units"


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        ("120.5 success exited 0", ""),
        ("120.5 exit-code exited 1", "exit code 1"),
        ("120.5 signal killed KILL", "killed by SIGKILL"),
        ("120.5 core-dump dumped SEGV", "killed by SIGSEGV"),
        (
            "120.5 watchdog killed ABRT",
            "systemd's watchdog ended it, because no frame was judged for too long",
        ),
        ("120.5 oom-kill killed KILL", "the kernel ended it, because memory ran out"),
        ("120.5 timeout killed TERM", "it did not start or stop in time, and systemd ended it"),
        ("120.5 resources  ", "resources"),
    ],
)
def test_systemds_word_becomes_the_cause(end: str, cause: str) -> None:
    assert read(["boot 100.0 0", end], "boot").cause == cause


@pytest.mark.parametrize(
    ("lines", "failures"),
    [
        ([], 0),
        (["boot 100.0 3"], 3),  # the end was not seen: a power cut, but then the boot is another one
        (["boot 100.0 3", "101.0 signal killed KILL"], 4),
        (["boot 100.0 3", "101.0 success exited 0"], 0),
        (["boot 100.0 3", "699.0 signal killed KILL"], 4),
        (["boot 100.0 3", "701.0 signal killed KILL"], 1),  # it had worked for ten minutes
        (["boot 100.0 3", "101.0 exit-code exited 78"], 3),  # waiting mends no configuration
        (["boot 100.0 0", "101.0 exit-code exited 1", "107.0 exit-code exited 1"], 2),
        (["earlier 100.0 3", "101.0 signal killed KILL"], 0),
        (["\x00\x00\x00"], 0),
        (["boot 100.0 3", "101.0 sig"], 0),
    ],
)
def test_failures_in_a_row_are_counted(lines: list[str], failures: int) -> None:
    assert read(lines, "boot").failures == failures


def test_each_failure_in_a_row_doubles_the_delay_up_to_a_minute() -> None:
    unit_s = 5  # RestartSec=
    delays = [unit_s + PreviousRun("", n).wait_s for n in range(8)]
    assert delays == [5, 5, 10, 20, 40, 60, 60, 60]
    assert f"\nRestartSec={unit_s}\n" in (SYSTEMD / "maskgate.service").read_text()


def test_the_cause_before_a_reboot_is_known_after_it() -> None:
    assert read(["earlier 100.0 29", "101.0 signal killed KILL"], "boot") == PreviousRun(
        "killed by SIGKILL", 0
    )


def systemd_ends_it(folder: Path, result: str, code: str, status: str) -> None:
    """Run the unit's own ExecStopPost=, as systemd does."""
    unit = (SYSTEMD / "maskgate.service").read_text()
    line = next(line for line in unit.splitlines() if line.startswith("ExecStopPost=-/bin/sh -c"))
    script = line.removeprefix("ExecStopPost=-/bin/sh -c '").removesuffix("'").replace("$$", "$")
    words = {"SERVICE_RESULT": result, "EXIT_CODE": code, "EXIT_STATUS": status}
    subprocess.run(
        ["/bin/sh", "-c", script], check=True, env={**os.environ, **words, "STATE_DIRECTORY": str(folder)}
    )


def test_runs_and_the_unit_write_the_file_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert this_run() == PreviousRun("", 0)
    systemd_ends_it(tmp_path, "signal", "killed", "KILL")
    assert this_run() == PreviousRun("killed by SIGKILL", 1)
    systemd_ends_it(tmp_path, "watchdog", "killed", "ABRT")
    systemd_ends_it(tmp_path, "exit-code", "exited", "1")  # it ended before it could begin
    assert this_run() == PreviousRun("exit code 1", 3)
    assert this_run().cause == ""  # nothing was written in between: the power was cut
    systemd_ends_it(tmp_path, "success", "exited", "0")
    assert this_run() == PreviousRun("", 0)


def test_a_folder_that_can_not_be_written_is_logged_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "none").write_text("a file stands in its place")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "none"))
    assert this_run() == PreviousRun("", 0)
    assert str(tmp_path / "none") in caplog.text


def test_without_systemd_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert this_run() == PreviousRun("", 0)


def test_the_wait_is_reported_and_ends_with_the_stop(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    stop.set()
    back_off(PreviousRun("killed by SIGKILL", 9), stop)
    assert "waiting 55 s after 9 failures in a row, the last one: killed by SIGKILL" in caplog.text
    caplog.clear()
    back_off(PreviousRun("killed by SIGKILL", 1), stop)
    assert not caplog.text
