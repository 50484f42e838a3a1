"""The self-test of a release: can it work on this machine at all? It tests itself, as the services' user."""

import os
import pwd
import sys
from pathlib import Path

from edge.config import load_config
from edge.errors import ProgramTimeoutError, UpdateError
from edge.model.golden import check_golden
from edge.model.runtime import find_runtime
from edge.programs import run
from edge.releases.choose import MODELS
from edge.update.install import UpdateCandidate

USER = "maskgate"
_TIMEOUT_S = 300.0
_SHOWN = 3
"""How many of a self-test's last lines an error quotes."""
_RUN = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from edge.cli import main; sys.exit(main(sys.argv[1:]))"
)


def self_test(config: Path) -> list[str]:
    """Test the code that runs: read the configuration, import the services, and run both models.

    Args:
        config: the configuration file.

    Returns:
        A sentence for each check that passed.

    Raises:
        MaskgateError: the first check that failed.
    """
    import edge.service.device  # noqa: PLC0415  the test is that they can be imported
    import edge.service.speaker  # noqa: F401, PLC0415

    models = load_config(config).models
    runtime = find_runtime(models.runtime)
    counts = [(path, check_golden(path, runtime)) for path in (models.mask, models.face)]
    models_passed = [f"{path}: {count} golden vectors come out right" for path, count in counts]
    return [f"{config}: is understood", *models_passed]


def run_self_test(candidate: UpdateCandidate, config: Path, user: str = USER) -> None:
    """Let a release test itself, in a process of its own that has no rights.

    Args:
        candidate: the release, and what it starts with.
        config: the configuration file that it must understand.
        user: the user to run the test as, if this process is root.

    Raises:
        UpdateError: the test failed; quotes its last lines.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    if candidate.models is not None:
        environment[MODELS] = str(candidate.models)
    command = [sys.executable, "-I", "-c", _RUN, str(candidate.application), "update", "self-test"]
    try:
        done = run(
            *command, "--config", config, timeout_s=_TIMEOUT_S, check=False, environment=environment,
            folder=Path("/"), user=_unprivileged(user),
        )  # fmt: skip
    except ProgramTimeoutError as e:
        raise UpdateError(
            f"{candidate.application.name}: its self-test took more than {_TIMEOUT_S:.0f} s"
        ) from e
    if done.code != 0:
        lines = [line for line in done.stderr.splitlines() if line and not line.startswith("INFO")]
        last = " / ".join(lines[-_SHOWN:]) or f"exit code {done.code}"
        raise UpdateError(f"{candidate.application.name}: its self-test failed: {last}")


def _unprivileged(name: str) -> tuple[int, int] | None:
    """User and group number for the test; None: those of this process, which is not root."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(name)
    except KeyError as e:
        raise UpdateError(f"there is no user {name} to test the release as: install the package again") from e
    return user.pw_uid, user.pw_gid
