"""Other programs: real ones, run within bounds, and what is said when they fail."""

import os
import signal
import threading
from pathlib import Path

import pytest

from edge.errors import ProgramError, ProgramMissingError, ProgramTimeoutError
from edge.programs import PACKAGES, find, run, run_in_terminal

pytestmark = pytest.mark.process


def test_what_a_program_prints_is_captured_and_its_input_given() -> None:
    done = run("sh", "-c", "cat; echo oops >&2; exit 3", stdin=b"in\n", timeout_s=60, check=False)
    assert (done.program, done.code, done.stdout, done.stderr) == ("sh", 3, b"in\n", "oops\n")
    assert done.text == "in\n"
    assert done.last_lines == "oops"
    assert run("cat", timeout_s=60).stdout == b""  # and never the terminal's


def test_arguments_reach_the_program_as_they_are_without_a_shell(tmp_path: Path) -> None:
    words = ["$HOME; rm *", "a b", '"', "\n", "é"]
    assert run("printf", "%s|", *words, timeout_s=60).text == "|".join([*words, ""])
    assert run("pwd", timeout_s=60, folder=tmp_path).text == f"{tmp_path}\n"


def test_a_failure_names_the_program_its_exit_code_and_its_last_lines() -> None:
    with pytest.raises(ProgramError) as failed:
        run("sh", "-c", "for i in 1 2 3 4; do echo line $i >&2; echo >&2; done; exit 7", timeout_s=60)
    assert str(failed.value) == "sh: exit code 7: line 2 / line 3 / line 4"
    assert (failed.value.program, failed.value.code) == ("sh", 7)
    assert failed.value.last_lines == "line 2 / line 3 / line 4"
    with pytest.raises(ProgramError, match=r"^false: exit code 1$"):
        run("false", timeout_s=60)
    with pytest.raises(ProgramError, match=r"^sh: ended by SIGKILL$") as killed:
        run("sh", "-c", "kill -9 $$", timeout_s=60)
    assert killed.value.code == -signal.SIGKILL


def test_messages_are_in_english_unless_another_environment_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "id_ID.UTF-8")
    assert run("printenv", "LC_ALL", timeout_s=60).text == "C.UTF-8\n"
    assert run("env", timeout_s=60, environment={"A": "b"}).text == "A=b\n"


def test_a_program_that_is_missing_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissingError, match=r"^aplay is missing, install it: apt install alsa-utils$"):
        run("aplay", timeout_s=60)
    with pytest.raises(ProgramMissingError, match=r"^no-such is missing on this machine$"):
        find("no-such")
    assert all(PACKAGES.values())


def test_one_that_can_not_be_started_is_named(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF no program")
    program.chmod(0o755)
    with pytest.raises(ProgramError, match="program: can't be started: Exec format error"):
        run(program, timeout_s=60)


def test_one_that_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\nexec 9>{pipe}\necho started >&9\nsleep 1000 &\nsleep 1000\n")
    script.chmod(0o755)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        with pytest.raises(ProgramTimeoutError, match=r"^script: did not end within 1 s; ended it$"):
            run(script, timeout_s=1)
        os.set_blocking(reader.fileno(), True)
        assert reader.read() == b"started\n"  # it ends when the last process that can write is gone


def test_one_that_closes_its_output_and_goes_on_is_killed_as_well() -> None:
    with pytest.raises(ProgramTimeoutError):
        run("sh", "-c", "exec >&- 2>&-; sleep 1000", timeout_s=0.2)


def test_output_without_an_end_is_bounded_in_memory_on_both_sides() -> None:
    with pytest.raises(ProgramError, match=r"^cat: printed more than 1000 bytes; ended it$"):
        run("cat", "/dev/zero", timeout_s=60, output_max=1000)
    done = run("sh", "-c", "head -c 1000000 /dev/zero >&2; printf end >&2", timeout_s=60)
    assert len(done.stderr) == 1 << 16
    assert done.stderr.endswith("end")


def test_it_can_be_run_from_a_thread_and_with_input_that_nobody_reads() -> None:
    codes: list[int] = []

    def work() -> None:
        codes.append(run("true", stdin=bytes(1 << 20), timeout_s=60).code)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert codes == [0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_can_run_it_as_another_user_without_any_further_groups() -> None:
    assert run("sh", "-c", "id -u; id -G", timeout_s=60, user=(1234, 5678)).text == "1234\n5678\n"


def test_in_the_terminal_only_the_exit_code_comes_back() -> None:
    assert run_in_terminal("sh", "-c", "exit 4") == 4
