"""For all tests: how they are grouped and chosen. What they find must not depend on a machine's speed."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("full", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("full"), max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "full"))

STARTS_A_BROKER = frozenset({"broker", "make_broker", "make_ops", "make_gate", "content_types"})
"""Fixtures that start a process."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts processes, and keep together what shares an expensive machine."""
    for item in items:
        folder = item.path.parent.name
        if folder == "device":
            # they share packages, root file systems and the machine's one registry of containers
            item.add_marker(pytest.mark.xdist_group("device"))
            item.add_marker(pytest.mark.process)
        if STARTS_A_BROKER & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.process)
