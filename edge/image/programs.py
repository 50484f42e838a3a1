"""Runs Debian's tools that read a card's image."""

from functools import partial

from edge.programs import run

run_tool = partial(
    run,
    timeout_s=600.0,
    check=False,
    output_max=64_000_000,
    environment={"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MTOOLS_SKIP_CHECK": "1"},
)
"""Run one of them, whatever its exit code: see ``edge.programs.run``.

mtools does not judge the partition, because fsck has. A list of all names in an image has some megabytes.
"""
