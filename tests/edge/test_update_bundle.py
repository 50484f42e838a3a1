"""Bundles: the same tree gives the same bytes, and only files that the manifest lists are unpacked."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from releases import ARCH, Key, application, contents, make_key, tree_of

from edge.config import SHIPPED_MODELS
from edge.errors import UpdateError, UsageError
from edge.releases.release import Release
from edge.releases.update_disk import UpdateDisk
from edge.update.bundle import pack, read_manifest, unpack
from edge.update.install import with_signature
from edge.update.make_bundle import from_models, sign
from edge.update.signature import load_keys, parse_signature, verify


@pytest.fixture(scope="session")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("ops"), "ops")


def check(file: Path, keys: Path, signature: Path | None = None) -> str:
    """Check a file as a device does; returns the trusted comment."""
    signature = signature or file.with_name(f"{file.name}.minisig")
    digest = hashlib.blake2b(file.read_bytes()).digest()
    return verify(digest, parse_signature(signature.read_bytes(), signature.name), load_keys(keys), file.name)


def unpacked(bundle: Path, tree: Path) -> Path:
    with bundle.open("rb") as content:
        unpack(content, tree, UpdateDisk(), bundle.name)
    return tree


def test_a_tree_comes_out_of_a_bundle_as_it_went_in_and_the_bytes_are_the_same(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "tree", application("2.0.0"), **{"a/b.txt": "text", "empty": ""})
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    bundle = pack(tree, tmp_path / "one", preset=0)
    os.utime(tree / "a/b.txt", (1, 1))
    assert bundle.name == f"maskgate-application-2.0.0-{ARCH}.bundle"
    assert bundle.read_bytes() == pack(tree, tmp_path / "two", preset=0).read_bytes()
    assert contents(unpacked(bundle, tmp_path / "out")) == contents(tree)


def test_a_bundle_is_written_whole_or_not_at_all_and_an_old_signature_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tree_of(tmp_path / "tree", application("2.0.0"))
    bundle = pack(tree, tmp_path, preset=0)
    old = bundle.read_bytes()
    signature = bundle.with_name(f"{bundle.name}.minisig")
    signature.touch()
    (tree / "more").touch()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(tarfile.TarFile, "addfile", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pack(tree, tmp_path, preset=0)
    assert {p.name for p in tmp_path.iterdir()} == {"tree", bundle.name, signature.name}
    assert bundle.read_bytes() == old
    pack(tree, tmp_path, preset=0)
    assert bundle.read_bytes() != old
    assert not signature.exists()
    with pytest.raises(UsageError, match=r"full/maskgate-.*: No such file or directory; .*Is --out right"):
        pack(tree, tmp_path / "full", preset=0)


def test_a_missing_file_of_the_models_is_named(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED_MODELS, tmp_path / "models")
    (tmp_path / "models/mask.golden.npz").unlink()
    with pytest.raises(UsageError, match=r"models/mask\.golden\.npz: can't be read: No such file"):
        from_models(tmp_path / "models", tmp_path, preset=0)


def test_a_bundle_takes_no_links(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "tree", application("2.0.0"))
    (tree / "link").symlink_to("/etc/passwd")
    with pytest.raises(UpdateError, match=r"link: is not a regular file"):
        pack(tree, tmp_path)


def crafted(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], manifest: Any) -> Path:
    """A bundle with any manifest and any members."""
    first = tarfile.TarInfo("manifest.json")
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    with tarfile.open(path, "w:xz", preset=0) as tar:
        for member, content in [(first, text), *members]:
            if member.isreg():
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def listed(**files: bytes) -> dict[str, Any]:
    return {
        "format": 1,
        "release": application("2.0.0").model_dump(),
        "files": {n: {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for n, c in files.items()},
    }


def link(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    ("members", "manifest", "says"),
    [
        ([], b"{", "manifest.json: all of it"),
        ([], {**listed(), "format": 2}, "manifest.json: format"),
        ([], listed(**{"../up": b""}), "not a plain path inside the tree"),
        ([], listed(**{"/etc/passwd": b""}), "not a plain path inside the tree"),
        ([], listed(**{"a//b": b""}), "not a plain path inside the tree"),
        ([], listed(a=b""), "expected a, 0 bytes, next; found its end"),
        ([(tarfile.TarInfo("a"), b"xy")], listed(a=b"x"), "expected a, 1 bytes, next; found a, 2 bytes"),
        ([(tarfile.TarInfo("a"), b"y")], listed(a=b"x"), "a is not the file that the manifest lists"),
        ([(tarfile.TarInfo("b"), b"x")], listed(a=b"x"), "found b, 1 bytes"),
        ([(link("a"), b"")], listed(a=b""), "expected a, 0 bytes, next; found a"),
        (
            [(tarfile.TarInfo("a"), b"x"), (link("b"), b"")],
            listed(a=b"x"),
            "holds more than its manifest lists",
        ),
        ([(tarfile.TarInfo("a"), b"x")], listed(a=b"x"), "release.json: can't be read"),
    ],
)
def test_a_bundle_holds_what_its_manifest_says_and_nothing_else(
    members: list[tuple[tarfile.TarInfo, bytes]], manifest: Any, says: str, tmp_path: Path
) -> None:
    bundle = crafted(tmp_path / "x.bundle", members, manifest)
    with pytest.raises(UpdateError, match=says.replace(".", r"\.")):
        unpacked(bundle, tmp_path / "in" / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) in (["x.bundle"], ["in", "x.bundle"])


def test_a_damaged_bundle_is_named(tmp_path: Path) -> None:
    bundle = pack(tree_of(tmp_path / "tree", application("2.0.0"), big="x" * 100_000), tmp_path, preset=0)
    whole = bundle.read_bytes()
    for content in (b"", b"no tar", whole[: len(whole) // 2], whole[:200] + b"\0" * 50 + whole[250:]):
        bundle.write_bytes(content)
        with pytest.raises(UpdateError, match=rf"{bundle.name}: "):
            unpacked(bundle, tmp_path / "out")
        shutil.rmtree(tmp_path / "out", ignore_errors=True)


@pytest.mark.slow
def test_models_are_packed_with_their_contracts_and_golden_vectors(ops: Key, tmp_path: Path) -> None:
    bundle = from_models(SHIPPED_MODELS, tmp_path / "new", "1.4.0", preset=0)
    with bundle.open("rb") as content:
        manifest = read_manifest(content, bundle.name)
    assert manifest.release == Release(kind="models", version="1.4.0")
    assert {"mask.tflite", "mask.json", "mask.golden.npz", "face.golden.npz", "LICENSE.yunet"} < set(
        manifest.files
    )
    assert sign(bundle, ops.secret) == with_signature(bundle).signature
    check(bundle, ops.public.parent)
    with pytest.raises(UsageError, match=r"--version next: must be three or four numbers, such as 1\.2\.0"):
        from_models(SHIPPED_MODELS, tmp_path, "next")
