"""The bill of materials names what the package carries, also what lies hidden in other projects' wheels."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edge.config import SHIPPED_MODELS
from systemd.package.bill_of_materials import bill_of_materials

BUILD_INFORMATION = b"""
  Media I/O:
    ZLib:                        /usr/lib64/libz.so (ver 1.2.7)
    JPEG:                        build-libjpeg-turbo (ver 3.1.2-70)
    WEBP:                        build (ver decoder: 0x0210, encoder: 0x0210)
    TIFF:                        build (ver 42 - 4.7.1)
    JPEG 2000:                   build (ver 2.5.3)
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder as pip leaves it: maskgate, a package without libraries, and one that carries some."""
    files: dict[str, dict[str, bytes]] = {
        "maskgate-0.1.0": {},
        "Typing.Extensions-4.16.0": {},
        "opencv_python_headless-4.14.0.94": {
            "cv2/cv2.abi3.so": b"\x7fELF\0" + BUILD_INFORMATION,
            "opencv_python_headless.libs/libavcodec-1a77568c.so.62.28.102": b"\0FFmpeg version n8.1.2\0",
            "opencv_python_headless.libs/libswscale-0d4f61cb.so.9.5.102": b"\0",
            "opencv_python_headless.libs/libcrypto-eec61a97.so.1.1": b"\0OpenSSL 1.1.1w  11 Sep 2023\0",
            "opencv_python_headless.libs/libssl-28bef1ac.so.1.1": b"\0",
            "opencv_python_headless.libs/libgfortran-040039e1-0352e75f.so.5.0.0": b"\0",
            "opencv_python_headless.libs/libopenblasp-r0-37b5f859.3.3.so": b"\0",
        },
    }
    for folder, contents in files.items():
        name, version = folder.split("-")
        about = tmp_path / f"{folder}.dist-info"
        about.mkdir()
        metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: MIT\n"
        (about / "METADATA").write_text(metadata)
        (about / "RECORD").write_text("".join(f"{file},,\n" for file in contents))
        for file, content in contents.items():
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_bytes(content)
    shutil.copytree(SHIPPED_MODELS, tmp_path / "edge/shipped/models")
    return tmp_path


def made(library: Path) -> dict[str, Any]:
    bill: dict[str, Any] = json.loads(bill_of_materials(library, "0.1.0", "arm64", 1_700_000_000))
    return bill


def test_packages_and_models_are_listed_under_the_names_that_scanners_know(library: Path) -> None:
    bill = made(library)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    assert bill["metadata"]["component"]["purl"] == "pkg:generic/maskgate@0.1.0"
    assert [c["purl"].split("@")[0] for c in bill["components"]] == [
        "pkg:pypi/opencv-python-headless", "pkg:pypi/typing-extensions",
        "pkg:generic/maskgate-face-480x352-float", "pkg:generic/maskgate-face-480x352",
        "pkg:generic/maskgate-face-float", "pkg:generic/maskgate-face", "pkg:generic/maskgate-mask",
    ]  # fmt: skip
    assert bill["components"][1]["licenses"] == [{"expression": "MIT"}]
    contract = json.loads((SHIPPED_MODELS / "mask.json").read_bytes())
    assert bill["components"][-1]["version"] == contract["version"]
    assert bill["components"][-1]["hashes"] == [{"alg": "SHA-256", "content": contract["sha256"]}]


def test_libraries_inside_a_wheel_are_named_with_their_own_versions_and_how_they_are_updated(
    library: Path,
) -> None:
    inside = {each["name"]: each for each in made(library)["components"][0]["components"]}
    assert {name: each["version"] for name, each in inside.items()} == {
        "libjpeg-turbo": "3.1.2-70", "libtiff": "4.7.1", "libwebp": "unknown", "openjpeg": "2.5.3",
        "ffmpeg": "8.1.2", "openssl": "1.1.1w", "libgfortran": "5.0.0", "libopenblasp-r0": "3.3",
    }  # fmt: skip
    assert inside["openssl"]["cpe"] == "cpe:2.3:a:openssl:openssl:1.1.1w:*:*:*:*:*:*:*"
    assert "newer opencv-python-headless in requirements-device.txt" in inside["openssl"]["description"]
    assert [file["name"] for file in inside["ffmpeg"]["components"]] == [
        "libavcodec-1a77568c.so.62.28.102", "libswscale-0d4f61cb.so.9.5.102",
    ]  # fmt: skip


def test_the_same_tree_gives_the_same_bill_and_each_reference_stands_once(library: Path) -> None:
    bill = made(library)
    assert bill == made(library)
    references = [bill["metadata"]["component"]["bom-ref"]]

    def collect(components: list[dict[str, Any]]) -> None:
        for each in components:
            references.append(each["bom-ref"])
            collect(each.get("components", []))

    collect(bill["components"])
    assert len(set(references)) == len(references) > 15
