"""The image that is booted."""

import os
from pathlib import Path

import pytest

IMAGES = Path(__file__).resolve().parents[3] / "dist"


@pytest.fixture(scope="session")
def image() -> Path:
    """What `make image` has made, or what the environment names."""
    named = os.environ.get("MASKGATE_IMAGE")
    found = [Path(named)] if named else sorted(IMAGES.glob("maskgate-*-arm64.img.xz"))
    if not found or not found[-1].exists():
        pytest.fail(f"there is no image {named or IMAGES / 'maskgate-*-arm64.img.xz'}: make image")
    return found[-1]
