"""Whether a release can work at all on this machine: asked of the release itself, as the services' user."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from edge.config import load_config
from edge.errors import UpdateError
from edge.model.golden import check_golden
from edge.model.runtime import find_runtime
from edge.releases.choose import MODELS
from edge.update.install import Proof

USER = "maskgate"
_TIMEOUT_S = 300.0
_SHOWN = 3
"""Lines of what a self-test says."""
_RUN = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from edge.cli import main; sys.exit(main(sys.argv[1:]))"
)


def self_test(config: Path) -> list[str]:
    """Of the code that runs: reads the configuration, imports the services, and runs both models.

    Returns:
        What was found to be well, a sentence each.

    Raises:
        MaskgateError: what is not.
    """
    import edge.service.device  # noqa: PLC0415  that they can be imported is what is tried
    import edge.service.speaker  # noqa: F401, PLC0415

    models = load_config(config).models
    runtime = find_runtime(models.runtime)
    counts = [(path, check_golden(path, runtime)) for path in (models.mask, models.face)]
    said = [f"{path}: {count} golden vectors come out right" for path, count in counts]
    return [f"{config}: is understood", *said]


def prove(proof: Proof, config: Path, user: str = USER) -> None:
    """Let a release try itself, in a process of its own that may do nothing.

    Args:
        proof: the release, and what it starts with.
        config: what it must understand.
        user: to become, if we are root.

    Raises:
        UpdateError: it fails; with its last words.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    if proof.models is not None:
        environment[MODELS] = str(proof.models)
    command = [sys.executable, "-I", "-c", _RUN, str(proof.application), "update", "self-test"]
    uid, gid, groups = _unprivileged(user)
    try:
        done = subprocess.run(  # noqa: S603  all ours, and signed
            [*command, "--config", str(config)], env=environment, check=False, capture_output=True, text=True,
            timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL, cwd="/", user=uid, group=gid, extra_groups=groups,
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        raise UpdateError(f"{proof.application.name}: its self-test took more than {_TIMEOUT_S:.0f} s") from e
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line and not line.startswith("INFO")]
        last = " / ".join(said[-_SHOWN:]) or f"exit code {done.returncode}"
        raise UpdateError(f"{proof.application.name}: its self-test failed: {last}")


def _unprivileged(name: str) -> tuple[int | None, int | None, list[int] | None]:
    """User, group and further groups to become; None: those we are."""
    if os.geteuid() != 0:
        return None, None, None
    try:
        user = pwd.getpwnam(name)
    except KeyError as e:
        raise UpdateError(f"there is no user {name}, so nobody to try the release as; reinstall it") from e
    return user.pw_uid, user.pw_gid, []
