"""The bill of materials of a package: CycloneDX 1.6, as JSON.

It lists the Python packages, and inside them the system libraries that their wheels carry: FFmpeg and OpenSSL
of OpenCV for example, which Debian's updates do not reach. A scanner finds known holes with it. The versions
are read from the libraries themselves, because no tool for Python packages looks there.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

Component = dict[str, Any]
_OWN_VERSION = {
    "ffmpeg": rb"FFmpeg version n?(\d[\w.-]*)",
    "openssl": rb"OpenSSL (\d+\.\d+\.\d+[a-z]*) +\d",
    "libvpx": rb"WebM Project VP9 Decoder v(\d[\w.]*)",
    "libpng": rb"libpng version (\d[\w.]*)",
}
"""Name of a library -> where its files hold its version."""
_CPE = {
    "ffmpeg": "ffmpeg:ffmpeg",
    "openssl": "openssl:openssl",
    "libvpx": "webmproject:libvpx",
    "libpng": "libpng:libpng",
}
"""Name of a library -> vendor and product in the list of known holes (NVD)."""
_MEMBERS = {
    "libavcodec": "ffmpeg", "libavformat": "ffmpeg", "libavutil": "ffmpeg", "libswresample": "ffmpeg",
    "libswscale": "ffmpeg", "libcrypto": "openssl", "libssl": "openssl", "libpng16": "libpng",
}  # fmt: skip
"""A file's name -> the library that it is a part of, where that has another name."""
_FILE = re.compile(r"(?P<name>.+?)(?:-[0-9a-f]{8})*(?:[.-](?P<early>[\d.]+))?\.so(?:\.(?P<late>[\d.]+))?")
"""Such as libavcodec-1a77568c.so.62.28.102: auditwheel puts a part of the file's hash into its name."""
_BUILT_IN = re.compile(rb"\n +(JPEG|WEBP|TIFF|JPEG 2000|OpenEXR): +[^\n(]*\(ver ([^)\n]+)\)")
"""A line of OpenCV's build information, about a library that is linked into it."""
_LINKED = {
    b"JPEG": "libjpeg-turbo", b"WEBP": "libwebp", b"TIFF": "libtiff", b"JPEG 2000": "openjpeg",
    b"OpenEXR": "openexr",
}  # fmt: skip
_UNKNOWN = "unknown"


def bill_of_materials(library: Path, version: str, arch: str, epoch: int) -> str:
    """Describe what lies in a folder of installed packages.

    Args:
        library: the folder; with the models below ``edge/shipped/models``.
        version: that of maskgate.
        arch: Debian's name of the processor.
        epoch: seconds since 1970 that count as the time of the build: the same tree gives the same text.

    Returns:
        The JSON text.
    """
    own = _component("application", "maskgate", version, "pkg:generic/maskgate@{}")
    packages = [
        _package(each, library)
        for each in sorted(distributions(path=[str(library)]), key=lambda each: each.name.lower())
        if each.name != "maskgate"
    ]
    content = {
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {**own, "properties": [{"name": "maskgate:architecture", "value": arch}]},
        },
        "components": [*packages, *_models(library / "edge/shipped/models")],
    }
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    head = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
    }
    return json.dumps({**head, **content}, indent=1) + "\n"


def _component(kind: str, name: str, version: str, purl: str) -> Component:
    address = purl.format(version)
    return {"type": kind, "bom-ref": address, "name": name, "version": version, "purl": address}


def _package(package: Distribution, library: Path) -> Component:
    name = re.sub(r"[-_.]+", "-", package.name).lower()
    made = _component("library", name, package.version, f"pkg:pypi/{name}@{{}}")
    licence = package.metadata.json.get("license_expression")
    if licence:
        made["licenses"] = [{"expression": licence}]
    inside = list(_libraries_inside(package, library))
    if inside:
        for each in inside:  # the same library may be carried by two wheels
            each["bom-ref"] = f"{made['bom-ref']}#{each['name']}"
            each["description"] = (
                f"a copy inside {name}: it is updated by a newer {name} in requirements-device.txt"
            )
        made["components"] = inside
    return made


def _libraries_inside(package: Distribution, library: Path) -> Iterator[Component]:
    files: dict[str, list[Path]] = {}
    for file in package.files or []:
        path = library / file
        if path.parent.name.endswith(".libs") and (match := _FILE.fullmatch(path.name)):
            files.setdefault(_MEMBERS.get(match["name"], match["name"]), []).append(path)
        if path.parent.name == "cv2" and path.name.startswith("cv2") and path.suffix == ".so":
            for name, text in sorted(set(_BUILT_IN.findall(path.read_bytes()))):
                version = re.search(r"\d+\.\d[\w.-]*$", text.decode())  # of "42 - 4.7.1" the last
                plain = _LINKED[name]
                yield _component(
                    "library", plain, version[0] if version else _UNKNOWN, f"pkg:generic/{plain}@{{}}"
                )
    for name, paths in sorted(files.items()):
        yield _bundled(name, sorted(paths))


def _bundled(name: str, paths: list[Path]) -> Component:
    contents = [path.read_bytes() for path in paths]
    pattern = _OWN_VERSION.get(name)
    found = next((m[1].decode() for each in contents if pattern and (m := re.search(pattern, each))), None)
    match = _FILE.fullmatch(paths[0].name)
    from_name = (match["late"] or match["early"] or _UNKNOWN) if match else _UNKNOWN
    made = _component("library", name, found or from_name, f"pkg:generic/{name}@{{}}")
    if found and name in _CPE:
        made["cpe"] = f"cpe:2.3:a:{_CPE[name]}:{found}:*:*:*:*:*:*:*"
    if not found:
        made["properties"] = [
            {"name": "maskgate:version-from", "value": "the file's name: its interface's version"}
        ]
    made["components"] = [
        {
            "type": "file",
            "bom-ref": f"file:{path.name}",
            "name": path.name,
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
        }
        for path, content in zip(paths, contents, strict=True)
    ]
    return made


def _models(folder: Path) -> Iterator[Component]:
    for path in sorted(folder.glob("*.tflite")):
        contract = json.loads(path.with_suffix(".json").read_bytes())
        made = _component(
            "machine-learning-model", path.stem, contract["version"], f"pkg:generic/maskgate-{path.stem}@{{}}"
        )
        yield {**made, "hashes": [{"alg": "SHA-256", "content": contract["sha256"]}]}
