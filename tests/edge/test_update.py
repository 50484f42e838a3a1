"""Updates on a device: on trial, kept, taken back, refused; which release starts, whatever is on the disk."""

import errno
import inspect
import os
import pwd
import re
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from releases import (
    ARCH,
    PYTHON,
    Device,
    Key,
    application,
    contents,
    make_final,
    make_key,
    names,
    put_on_trial,
    tree_of,
)

from edge.cli.update import give_back
from edge.config import SHIPPED_MODELS
from edge.errors import ModelError, UpdateError
from edge.model.golden import check_golden
from edge.model.runtime import find_runtime
from edge.releases import choose
from edge.releases.release import Release
from edge.releases.update_disk import UpdateDisk, open_plain
from edge.releases.update_messages import UpdateRequest
from edge.update.install import UpdateCandidate, install, reason_to_skip, with_signature
from edge.update.self_test import USER, run_self_test, self_test
from edge.update.signature import load_keys
from edge.update.updater import LIMIT, SERVICE, SPEAKER, STARTS_MAX, Updater

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("ops"), "ops")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture
def device(tmp_path: Path, ops: Key) -> Device:
    return Device(tmp_path / "device", ops)


class FullDisk(UpdateDisk):
    """A disk that is full at one step."""

    def __init__(self, no_room_for: str) -> None:
        self.no_room_for = no_room_for

    def step(self, what: str) -> None:
        if what == self.no_room_for:
            raise OSError(errno.ENOSPC, "No space left on device")


SWITCHED = [
    ("restart", "--no-block", LIMIT),
    ("try-restart", "--no-block", SERVICE, SPEAKER),
]
"""The calls of systemctl when a release goes on trial."""


def test_an_update_goes_on_trial_is_confirmed_and_stays(device: Device) -> None:
    device.arrives(application("2.0.0"))
    assert device.updater().attend()
    assert device.in_use() == ("application-2.0.0", "shipped")
    assert device.systemctl_calls == SWITCHED
    assert device.tested == [UpdateCandidate(device.kept / "releases/application-2.0.0", None)]
    assert names(device.exchange_folder) == []
    trial = device.exchange().trial()
    assert trial is not None
    assert (trial.version, trial.over_mqtt) == ("2.0.0", True)
    device.exchange().confirm(trial)
    assert device.updater().attend()
    assert device.exchange().trial() is None
    assert device.reported_texts() == ["update to application 2.0.0 is final"]
    device.updater().end_trial("too late")  # the timer, in the same moment
    assert device.in_use() == ("application-2.0.0", "shipped")
    assert device.systemctl_calls == [*SWITCHED, ("stop", LIMIT)]


def test_a_release_that_the_service_never_confirms_is_taken_back_after_three_starts(device: Device) -> None:
    device.arrives(application("2.0.0"))
    device.updater().attend()
    for _ in range(STARTS_MAX):
        device.updater().count_start()
        assert device.in_use() == ("application-2.0.0", "shipped")
    assert device.systemctl_calls == SWITCHED
    device.updater().count_start()
    assert device.in_use() == ("shipped", "shipped")
    assert device.systemctl_calls == [*SWITCHED, ("stop", LIMIT), ("try-restart", "--no-block", SPEAKER)]
    (text,) = device.reported_texts()
    assert text.startswith(
        "update to application 2.0.0 was taken back, 1.0.0 is in use: it was started 3 times"
    )
    device.updater().count_start()
    assert device.reported_texts() == []


def test_a_release_that_is_not_confirmed_in_time_is_taken_back(device: Device) -> None:
    device.arrives(application("2.0.0"))
    device.updater().attend()
    device.updater().end_trial("it took too long")
    assert device.in_use() == ("shipped", "shipped")
    assert device.systemctl_calls == [
        *SWITCHED,
        ("stop", LIMIT),
        ("reset-failed", SERVICE),
        ("restart", "--no-block", SERVICE),
        ("try-restart", "--no-block", SPEAKER),
    ]
    assert device.reported_texts() == [
        "update to application 2.0.0 was taken back, 1.0.0 is in use: it took too long"
    ]
    device.updater().end_trial("again")
    assert device.reported_texts() == []


def test_models_are_updated_on_their_own_and_newer_ones_in_an_application_win(device: Device) -> None:
    device.arrives(Release(kind="models", version="1.5.0"))
    device.updater().attend()
    assert device.in_use() == ("shipped", "models-1.5.0")
    assert device.tested == [UpdateCandidate(device.shipped, device.kept / "releases/models-1.5.0")]
    device.exchange().confirm(device.on_trial())
    device.updater().attend()
    device.arrives(application("2.0.0", models="1.4.0"))
    device.updater().attend()
    assert device.in_use() == ("application-2.0.0", "models-1.5.0")
    assert device.tested[-1].models == device.kept / "releases/models-1.5.0"
    device.updater().roll_back()
    assert device.in_use() == ("shipped", "models-1.5.0")
    device.arrives(application("2.1.0", models="1.6.0"))
    device.updater().attend()
    assert device.in_use() == ("application-2.1.0", "shipped")


def test_one_update_can_be_taken_back_and_older_releases_are_removed(device: Device) -> None:
    for version in ("2.0.0", "3.0.0", "4.0.0"):
        device.arrives(application(version))
        device.updater().attend()
        device.exchange().confirm(device.on_trial())
        device.updater().attend()
    assert names(device.kept / "releases") == ["application-3.0.0", "application-4.0.0"]
    device.reported_texts()
    device.systemctl_calls.clear()
    device.exchange().ask_rollback()
    device.updater().attend()
    assert device.systemctl_calls == [
        ("stop", LIMIT),
        ("reset-failed", SERVICE),
        ("try-restart", "--no-block", SERVICE, SPEAKER),
    ]
    assert device.in_use() == ("application-3.0.0", "shipped")
    assert device.reported_texts() == [
        "update to application 4.0.0 was taken back, 3.0.0 is in use: this was commanded"
    ]
    with pytest.raises(UpdateError, match="There is no update to go back from"):
        device.exchange().ask_rollback()
    with pytest.raises(UpdateError, match="There is no update to go back from"):
        device.updater().roll_back()
    device.arrives(application("4.0.0"))  # ops may request it again
    device.updater().attend()
    assert device.in_use() == ("application-4.0.0", "shipped")


def test_a_newer_package_wins_over_an_older_update(device: Device) -> None:
    device.arrives(application("2.0.0"))
    device.updater().attend()
    tree_of(device.shipped, application("2.0.1", models="1.1.0"))
    device.trees["shipped"] = contents(device.shipped)
    assert device.in_use() == ("shipped", "shipped")
    device.updater().end_trial("it took too long")
    device.arrives(application("2.0.1"))
    device.updater().attend()
    assert device.reported_texts()[-1].endswith("application 2.0.1 is not newer than 2.0.1, which is in use")


def test_under_another_python_the_release_of_the_package_starts(device: Device) -> None:
    device.arrives(application("2.0.0"))
    device.updater().attend()
    release_file = device.kept / "releases/application-2.0.0/release.json"
    release_file.write_text(application("2.0.0", python="3.99").model_dump_json())
    assert choose.application(device.shipped, device.kept) == device.shipped


@pytest.mark.parametrize(
    "state", [b"", b"[]", b"{", b'{"application": 7}', b'{"application": "none-such"}', b"\xff", b'"x"']
)
def test_whatever_is_on_the_disk_a_release_starts(state: bytes, device: Device) -> None:
    (device.kept / "state.json").write_bytes(state)
    assert device.in_use() == ("shipped", "shipped")
    for tree in ("application-2.0.0", "models-2.0.0"):
        (device.kept / "releases" / tree).mkdir(parents=True)
    (device.kept / "state.json").write_text('{"application": "application-2.0.0", "models": "models-2.0.0"}')
    assert device.in_use() == ("shipped", "shipped")


def test_the_same_version_for_the_new_python_replaces_the_old_one(device: Device) -> None:
    put_on_trial(device, "2.0.0")
    release_file = device.kept / "releases/application-2.0.0/release.json"
    release_file.write_text(application("2.0.0", python="3.99").model_dump_json())
    device.updater().end_trial("it took too long")
    put_on_trial(device, "2.0.0")
    assert device.in_use() == ("application-2.0.0", "shipped")


def test_the_service_does_not_wait_for_the_updater(device: Device) -> None:
    put_on_trial(device)
    with device.updater()._locked():
        device.updater().count_start()
    assert device.on_trial().starts == 0
    device.updater().count_start()
    assert device.on_trial().starts == 1


@pytest.mark.parametrize(
    ("result", "code", "stays"),
    [
        ("exit-code", "78", False),
        ("exit-code", "1", True),
        ("watchdog", "ABRT", True),
        ("start-limit-hit", "1", False),
    ],
)
def test_a_failure_that_is_not_followed_by_a_start_ends_the_trial(
    result: str, code: str, *, stays: bool, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_trial(device)
    monkeypatch.setattr("edge.cli.update._updater", device.updater)
    monkeypatch.setenv("MONITOR_SERVICE_RESULT", result)
    monkeypatch.setenv("MONITOR_EXIT_STATUS", code)
    assert give_back(Namespace()) == 0
    assert (device.in_use()[0] == "application-3.0.0") == stays
    assert stays or f"it ended with {result} {code}, and is not started again" in device.reported_texts()[0]


def test_the_launcher_runs_the_update_and_the_updater_from_the_package(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.arrives(application("2.0.0"))
    device.updater().attend()
    monkeypatch.setattr(choose.application, "__defaults__", (device.shipped, device.kept))
    monkeypatch.setattr(choose.models, "__defaults__", (device.kept,))
    monkeypatch.setattr(choose, "SHIPPED", device.shipped)
    assert choose.prepare(["run"]) == str(device.kept / "releases/application-2.0.0")
    for words in (["update", "attend"], ["-v", "update", "install", "x"]):
        assert choose.prepare(words) == str(device.shipped)
    assert choose.MODELS not in os.environ


def test_a_refused_update_changes_nothing_and_is_reported(device: Device, other: Key) -> None:
    device.arrives(application("2.0.0"), key=other)
    assert not device.updater().attend()
    (text,) = device.reported_texts()
    assert text.startswith("update to version 2.0.0 failed: incoming.bundle: signed with key")
    device.arrives(application("2.0.0"))
    content = bytearray(device.exchange().bundle.read_bytes())
    content[-1] ^= 1
    device.exchange().bundle.write_bytes(content)
    assert not device.updater().attend()
    (text,) = device.reported_texts()
    assert text.startswith("update to version 2.0.0 failed: incoming.bundle: its signature is not valid: ")
    device.arrives(application("2.0.0"))
    device.exchange().signature.unlink()
    assert not device.updater().attend()
    (text,) = device.reported_texts()
    assert "incoming.minisig: can't be read: No such file" in text
    assert device.exchange().last().startswith(text)
    assert device.in_use() == ("shipped", "shipped")
    assert [names(f) for f in (device.exchange_folder, device.kept)] == [
        [],
        ["exchange", "last.json", "lock", "report-key"],
    ]


@pytest.mark.parametrize(
    ("release", "says"),
    [
        (application("2.0.0", arch="arm64" if ARCH == "amd64" else "amd64"), "is for .*, this machine is"),
        (application("2.0.0", python="3.99"), f"is for Python 3.99, this machine has {PYTHON}"),
        (application("1.0.0"), "is not newer than 1.0.0, which is in use"),
        (application("0.9.9"), "is not newer than 1.0.0, which is in use"),
        (Release(kind="models", version="1.0.0"), "models 1.0.0 is not newer than 1.0.0"),
    ],
)
def test_an_update_that_does_not_fit_is_refused(release: Release, says: str, device: Device) -> None:
    bundle = device.bundle(release, device.root / "card")
    with pytest.raises(UpdateError, match=says):
        device.updater().install_file(bundle)
    assert device.in_use() == ("shipped", "shipped")


def test_version_ten_is_above_version_nine() -> None:
    assert choose.is_newer("1.10.0", "1.9.9")
    assert not choose.is_newer("1.10.0", "1.10.0")


def test_another_version_than_the_requested_one_is_refused(device: Device) -> None:
    device.arrives(application("2.0.0"))
    device.exchange().wanted_path.write_text('{"url": "https://x/y", "version": "2.0.1"}')
    device.updater().attend()
    assert "2.0.1 was requested, but incoming.bundle holds application 2.0.0" in device.reported_texts()[0]


def test_without_room_for_bundle_and_files_nothing_is_written(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = device.bundle(application("2.0.0"), device.root / "card")
    files = device.trees["application-2.0.0"].values()
    needs = bundle.stat().st_size + sum(len(c) + 4096 for c in files) + 64_000_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, needs - 1))
    with pytest.raises(UpdateError, match=r"kept: application 2.0.0 needs 64 MB there, 64 MB are free"):
        device.updater().install_file(bundle)
    assert names(device.kept) == ["exchange", "lock"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, needs))
    device.updater().install_file(bundle)
    assert device.in_use() == ("application-2.0.0", "shipped")


@pytest.mark.parametrize("step", ["create bundle", "create release.json", "rename to application-2.0.0"])
def test_a_disk_that_fills_up_during_an_installation_is_named_and_nothing_is_left(
    step: str, device: Device
) -> None:
    bundle = device.bundle(application("2.0.0"), device.root / "card")
    with pytest.raises(UpdateError, match=r"kept: can't be written: No space left on device"):
        device.updater(FullDisk(step)).install_file(bundle)
    assert device.in_use() == ("shipped", "shipped")
    assert set(names(device.kept)) <= {"exchange", "lock", "releases"}
    assert list((device.kept / "releases").glob("*")) == []


def test_the_services_can_read_a_release_whatever_umask_the_installer_had(device: Device) -> None:
    bundle = device.bundle(application("2.0.0"), device.root / "card")
    before = os.umask(0o077)
    try:
        device.updater().install_file(bundle)
    finally:
        os.umask(before)
    tree = device.kept / "releases/application-2.0.0"
    assert [oct(p.stat().st_mode & 0o777) for p in (tree, tree / "edge", tree / "release.json")] == [
        "0o755", "0o755", "0o644",
    ]  # fmt: skip


def test_one_update_at_a_time(device: Device) -> None:
    device.arrives(application("2.0.0"))
    device.updater().attend()
    device.arrives(application("3.0.0"))
    device.updater().attend()
    assert device.reported_texts() == [
        "update to version 3.0.0 failed: application 2.0.0 is on trial: only one update at a time"
    ]
    with pytest.raises(UpdateError, match=r"application 2.0.0 is on trial: wait"):
        device.exchange().ask(UpdateRequest(url="https://x/y", version="3.0.0"))


def test_a_release_that_fails_its_test_is_not_switched_to(device: Device) -> None:
    def refuse(candidate: UpdateCandidate) -> None:
        raise UpdateError(f"{candidate.application.name}: no")

    bundle = device.bundle(application("2.0.0"), device.root / "card")
    with pytest.raises(UpdateError, match=r"application-2.0.0: no"):
        install(with_signature(bundle), device.store(), load_keys(device.ops.public.parent), refuse)
    assert device.in_use() == ("shipped", "shipped")
    assert names(device.kept / "releases") == []


def test_a_release_that_was_taken_back_is_not_installed_from_the_boot_partition_again(
    device: Device, other: Key
) -> None:
    card = device.root / "card"
    device.bundle(application("2.0.0"), card)
    assert device.updater().install_from(card)
    assert device.in_use() == ("application-2.0.0", "shipped")
    trial = device.exchange().trial()
    assert trial is not None
    assert not trial.over_mqtt
    device.updater().end_trial("it took too long")
    device.reported_texts()
    assert device.updater().install_from(card)
    assert device.in_use() == ("shipped", "shipped")
    assert reason_to_skip(next(card.glob("*.bundle")), device.store()).endswith(
        "taken back before: it took too long"
    )
    device.bundle(application("2.5.0"), card, key=other)
    (card / "zzz.bundle").write_bytes(b"no bundle")
    assert not device.updater().install_from(card)
    first, second = device.reported_texts()
    assert "maskgate-application-2.5.0" in first
    assert "signed with key" in first
    assert "zzz.bundle: is damaged, or not a bundle" in second
    assert device.in_use() == ("shipped", "shipped")


def test_a_bundle_on_the_boot_partition_that_failed_is_not_tried_at_each_boot(
    device: Device, other: Key
) -> None:
    card = device.root / "card"
    device.bundle(application("2.0.0"), card, key=other)
    (card / "zzz.bundle").write_bytes(b"no bundle")
    (card / "._zzz.bundle").write_bytes(b"macOS's")
    assert not device.updater().install_from(card)
    assert len(device.reported_texts()) == 2
    assert device.updater().install_from(card)
    assert device.reported_texts() == []


def renamed(bundle: Path, device: Device) -> None:
    with_signature(bundle).signature.rename(bundle.with_name("other.bundle.minisig"))
    bundle.rename(bundle.with_name("other.bundle"))


def written_again(bundle: Path, device: Device) -> None:
    os.utime(bundle, (1, 1))


def longer(bundle: Path, device: Device) -> None:
    then = bundle.stat().st_mtime
    with bundle.open("ab") as file:
        file.write(b"x")
    os.utime(bundle, (then, then))


def signed_again(bundle: Path, device: Device) -> None:
    os.utime(with_signature(bundle).signature, (1, 1))


def unsigned(bundle: Path, device: Device) -> None:
    with_signature(bundle).signature.unlink()


def another_key(bundle: Path, device: Device) -> None:
    shutil.copy2(next(device.keys.glob("*.pub")), device.keys / "another.pub")


def another_key_of_that_name(bundle: Path, device: Device) -> None:
    key = next(device.keys.glob("*.pub"))
    key.write_text(key.read_text().replace("untrusted comment:", "untrusted comment: another"))


@pytest.mark.parametrize(
    "change",
    [renamed, written_again, longer, signed_again, unsigned, another_key, another_key_of_that_name],
)
def test_a_bundle_that_failed_is_tried_again_when_it_its_signature_or_a_key_changes(
    change: Callable[[Path, Device], None], device: Device, other: Key
) -> None:
    device.keys = device.root / "keys"
    shutil.copytree(device.ops.public.parent, device.keys, ignore=shutil.ignore_patterns("*.sec"))
    card = device.root / "card"
    bundle = device.bundle(application("2.0.0"), card, key=other)
    assert not device.updater().install_from(card)
    os.utime(
        next(device.keys.glob("*.pub")), (1, 1)
    )  # keys that come from a card may be written at each start
    assert device.updater().install_from(card)  # skipped
    first = device.report()
    assert len(first) == 1
    change(bundle, device)
    assert not device.updater().install_from(card)
    again = device.report()
    assert len(again) == 1
    assert again.keys() != first.keys()


def test_the_boot_partitions_second_bundle_waits_for_the_end_of_the_trial(device: Device) -> None:
    card = device.root / "card"
    device.bundle(application("2.0.0"), card)
    device.bundle(Release(kind="models", version="1.5.0"), card)
    for _ in range(2):
        assert device.updater().install_from(card)
        assert device.in_use() == ("application-2.0.0", "shipped")
    device.exchange().confirm(device.on_trial())
    device.updater().attend()
    assert device.updater().install_from(card)
    assert device.in_use() == ("application-2.0.0", "models-1.5.0")
    assert device.reported_texts() == ["update to application 2.0.0 is final"]


def test_a_confirmation_is_kept_until_the_trial_is_over(device: Device) -> None:
    put_on_trial(device)
    device.exchange().confirm(device.on_trial())
    with pytest.raises(OSError, match="No space"):
        device.updater(FullDisk("remove trial.json")).attend()
    device.updater().end_trial("it took too long")
    assert device.in_use() == ("application-3.0.0", "shipped")


def test_a_bundle_that_comes_during_a_rollback_is_not_lost(device: Device) -> None:
    make_final(device, "2.0.0")
    device.exchange().ask_rollback()

    def meanwhile(*words: str) -> None:
        if words[0] == "reset-failed":
            device.arrives(application("3.0.0"))

    Updater(
        device.store(), device.exchange(), device.tested.append, device.ops.public.parent, meanwhile
    ).attend()
    assert device.in_use() == ("shipped", "shipped")
    assert device.updater().attend()
    assert device.in_use() == ("application-3.0.0", "shipped")


def test_root_does_not_follow_links_or_open_pipes_in_the_services_folder(
    device: Device, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"url": "https://x/y", "version": "2.0.0"}')
    exchange = device.exchange()
    exchange.wanted_path.symlink_to(secret)
    exchange.bundle.symlink_to(secret)
    os.mkfifo(exchange.folder / "confirmed")
    assert not device.updater().attend()
    assert "can't be read: Too many levels of symbolic links" in device.reported_texts()[0]
    assert secret.exists()
    assert names(exchange.folder) == []
    with pytest.raises(UpdateError, match="more than the limit of 3"), open_plain(secret, 3):
        pass


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('[site]\nid = "lab"\n')
    return path


@pytest.mark.slow
def test_a_release_tests_itself_in_a_process_of_its_own(config: Path, tmp_path: Path) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    run_self_test(UpdateCandidate(REPOSITORY, None), config, user=me)
    assert [line.split(": ")[1] for line in self_test(config)] == [
        "is understood", "2 golden vectors come out right", "2 golden vectors come out right",
    ]  # fmt: skip
    own = tmp_path / "models"
    shutil.copytree(SHIPPED_MODELS, own)
    golden = own / "face.golden.npz"
    golden.write_bytes(golden.read_bytes()[:-100])
    with pytest.raises(UpdateError, match=rf"self-test failed: maskgate: {golden}: no golden vectors in it"):
        run_self_test(UpdateCandidate(REPOSITORY, own), config, user=me)
    config.write_text('[site]\nid = "lab"\nnew = 1\n')
    with pytest.raises(UpdateError, match=r"site\.new: unknown key"):
        run_self_test(UpdateCandidate(REPOSITORY, None), config, user=me)


@pytest.fixture
def is_root() -> Iterator[bool]:
    """Whether the tests run as root; then with a supplementary group, which must be dropped."""
    groups = os.getgroups()
    if os.geteuid() == 0:
        os.setgroups([1])
    yield os.geteuid() == 0
    if os.geteuid() == 0:
        os.setgroups(groups)


def test_a_release_tests_itself_as_a_user_without_rights(
    *, is_root: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only root can change its user; for others the user stays the same."""
    says = (
        "import os, sys\n\ndef main(_):\n    sys.exit(f'{os.getresuid()} {os.getresgid()} {os.getgroups()}')"
    )
    monkeypatch.setattr(
        sys, "executable", "/usr/bin/python3"
    )  # as on a device; the tests' own may lie in root's home, which others can't read
    nobody = pwd.getpwnam("nobody")
    users = (nobody.pw_uid,) * 3 if is_root else os.getresuid()
    groups = (nobody.pw_gid,) * 3 if is_root else os.getresgid()
    more: list[int] = [] if is_root else os.getgroups()
    with tempfile.TemporaryDirectory() as folder:  # tmp_path may lie in a folder that others can't read
        tree = tree_of(Path(folder), application("2.0.0"), **{"edge/cli/__init__.py": says})
        tree.chmod(0o755)
        with pytest.raises(UpdateError, match=re.escape(f"failed: {users} {groups} {more}")):
            run_self_test(UpdateCandidate(tree, None), Path("config.toml"), user="nobody")


def test_the_self_test_runs_as_the_user_of_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"\nUser={USER}\n" in (REPOSITORY / "systemd/units/maskgate.service").read_text()
    assert inspect.signature(run_self_test).parameters["user"].default == USER


def test_golden_vectors_of_another_model_are_refused(tmp_path: Path) -> None:
    for path in SHIPPED_MODELS.glob("mask.*"):
        shutil.copy(path, tmp_path)
    with np.load(tmp_path / "mask.golden.npz") as arrays:
        vectors = {name: arrays[name] for name in arrays.files}
    vectors["output_0"][1] += 1
    np.savez_compressed(tmp_path / "mask.golden.npz", **vectors)
    with pytest.raises(ModelError, match="golden vector 1 comes out 1 steps wrong on litert"):
        check_golden(tmp_path / "mask.tflite", find_runtime("litert"))
