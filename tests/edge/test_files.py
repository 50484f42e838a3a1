"""Files that must last: written whole, safe against what other users put there, and read within bounds."""

import os
import stat
from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.files import (
    NotPlainError,
    TooLongError,
    atomic_link,
    atomic_write,
    atomic_writer,
    make_folder,
    open_plain,
    read_plain,
    remove,
)


def test_bytes_and_names_are_on_the_disk_before_anything_else_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []

    def recorded(name: str) -> None:
        real = getattr(os, name)

        def call(what: int | str | Path, *args: object, **kwargs: object) -> object:
            path = Path(f"/proc/self/fd/{what}").readlink() if isinstance(what, int) else what
            done.append((name, Path(path).name))
            return real(what, *args, **kwargs)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "replace", "unlink"):
        recorded(name)
    folder = ("fsync", tmp_path.name)
    atomic_write(tmp_path / "file", b"x")
    assert done == [("fsync", ".file.new"), ("replace", ".file.new"), folder]
    done.clear()
    atomic_link(tmp_path / "name", "file")
    assert done == [("unlink", ".name.new"), ("replace", ".name.new"), folder]
    done.clear()
    remove(tmp_path / "file")
    assert done == [("unlink", ".file.new"), ("unlink", "file"), folder]
    done.clear()
    atomic_write(tmp_path / "a" / "b" / "file", b"x")
    made = [("fsync", tmp_path.name), ("fsync", "a")]
    assert done == [*made, ("fsync", ".file.new"), ("replace", ".file.new"), ("fsync", "b")]


def test_steps_are_named_before_each_change(tmp_path: Path) -> None:
    path, seen = tmp_path / "file", list[tuple[str, list[str], str]]()

    def step(name: str) -> None:
        names = sorted(p.name for p in tmp_path.iterdir())
        seen.append((name, names, path.read_text() if path.exists() else ""))

    path.write_text("old")
    atomic_write(path, b"new", step=step)
    assert seen == [
        ("create", ["file"], "old"),
        ("rename", [".file.new", "file"], "old"),
        ("sync", ["file"], "new"),
    ]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_file_has_the_permissions_that_were_asked_for_whatever_the_umask_is(
    tmp_path: Path, mask: int
) -> None:
    before = os.umask(mask)
    try:
        atomic_write(tmp_path / "open", b"", mode=0o666)
        atomic_write(tmp_path / "private", b"", mode=0o600)
        atomic_write(tmp_path / "none", b"", mode=None)
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("open", "private", "none")}
    assert modes == {"open": 0o666, "private": 0o600, "none": 0o600}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_has_the_owner_that_was_asked_for(tmp_path: Path) -> None:
    atomic_write(tmp_path / "file", b"", mode=0o4750, owner=(1234, 5678))
    found = (tmp_path / "file").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 5678, 0o4750)


@pytest.mark.parametrize("planted", ["link", "hard link", "file", "folder", "full folder", "pipe"])
def test_nothing_that_lies_at_the_temporary_name_is_written_to_or_stops_us(
    tmp_path: Path, planted: str
) -> None:
    victim, new = tmp_path / "victim", tmp_path / ".file.new"
    victim.write_text("precious")
    if planted == "link":
        new.symlink_to(victim)
    elif planted == "hard link":
        new.hardlink_to(victim)
    elif planted == "file":
        new.write_text("left by a power cut")
    elif planted == "pipe":
        os.mkfifo(new)
    else:
        new.mkdir()
        if planted == "full folder":
            (new / "x").touch()
    atomic_write(tmp_path / "file", b"ours")
    assert (tmp_path / "file").read_bytes() == b"ours"
    assert not (tmp_path / "file").is_symlink()
    assert victim.read_text() == "precious"
    left = {p.name for p in tmp_path.iterdir()} - {"victim", "file"}
    assert left == ({new.name} if "folder" in planted else set())


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "file").symlink_to(victim)
    atomic_write(tmp_path / "file", b"ours")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "file").is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's link")
def test_another_users_link_in_place_of_the_folder_is_refused_and_our_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    link = tmp_path / "exchange"
    link.symlink_to(tmp_path / "etc")
    atomic_write(link / "file", b"ours")
    os.lchown(link, 1234, 1234)
    with pytest.raises(StoreError, match="exchange/other: can't be written: "):
        atomic_write(link / "other", b"theirs")
    assert [p.name for p in (tmp_path / "etc").iterdir()] == ["file"]


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")

    def half() -> None:
        with atomic_writer(tmp_path / "file") as out:
            out.write(b"half")
            raise EOFError

    with pytest.raises(EOFError):
        half()
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_a_folder_has_the_permissions_that_were_asked_for_and_one_that_is_there_keeps_its_own(
    tmp_path: Path, mask: int
) -> None:
    before = os.umask(mask)
    try:
        make_folder(tmp_path / "a" / "private", mode=0o700)
        make_folder(tmp_path / "open", mode=0o755)
        make_folder(tmp_path / "open", mode=0o700)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a/private", "open")]
    assert modes == [0o700, 0o755]


def test_errors_name_the_file_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with pytest.raises(StoreError, match=r"plain/file: can't be written: (Not a directory|File exists)"):
        atomic_write(tmp_path / "plain" / "file", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="folder: can't be written: Is a directory"):
        atomic_write(tmp_path / "folder", b"")
    with pytest.raises(StoreError, match="folder: can't be removed: Is a directory"):
        remove(tmp_path / "folder")
    with pytest.raises(StoreError, match="folder: can't be made a link to x: Is a directory"):
        atomic_link(tmp_path / "folder", "x")
    remove(tmp_path / "never" / "there")


def test_only_plain_files_are_read_and_never_more_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_plain(path, 5) == b"12345"
    with pytest.raises(TooLongError, match="is longer than 4 bytes"):
        read_plain(path, 4)
    os.mkfifo(tmp_path / "pipe")
    for other in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(NotPlainError, match="is not a plain file"):
            open_plain(other)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        open_plain(tmp_path / "link")
    assert read_plain(tmp_path / "link", 5, follow=True) == b"12345"
