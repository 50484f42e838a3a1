"""The fault programs in their short form: whatever breaks, nothing is lost, and the order stays."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "faults" / "run.py"
FAULTS = [
    "broker_refused", "absent_at_boot", "connection_cut", "black_hole", "slow_link", "forgetful_broker",
    "kill_9", "power_cut", "malformed_packets", "clock_jumps", "clock_jumps_months",
]  # fmt: skip
DAMAGE = ["damaged", "rows_damaged", "wal_damaged"]
"""These lose events, and report each of them."""
NEED_ROOT = ["disk_full"]  # it mounts a small tmpfs; the outbox's own tests fill a disk in other ways


@pytest.mark.slow
@pytest.mark.timeout(300)  # 21 s on a machine that does nothing else
def test_nothing_is_lost_and_nothing_out_of_order() -> None:
    chosen = FAULTS + DAMAGE + (NEED_ROOT if os.geteuid() == 0 else [])
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--short", "--json", *chosen],
        capture_output=True,
        text=True,
        check=False,
    )
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == len(chosen), done.stderr
    for outcome in outcomes:
        assert outcome["made"] >= 5
        if "damaged" in outcome["fault"]:
            # what was on its way when the device was killed may have arrived although it is reported
            assert 0 <= outcome["delivered"] + outcome["reported"] - outcome["made"] <= 10, outcome
            assert outcome["reported"] > 0, outcome
        else:
            assert (outcome["delivered"], outcome["reported"]) == (outcome["made"], 0), outcome
        assert (outcome["lost"], outcome["out_of_order"], outcome["two_ids"]) == (0, 0, 0), outcome
    assert done.returncode == 0
