"""Worker processes: they verify, and they end when their node does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from circuits.errors import ClaimsRejected
from circuits.group import encode_point, scalar
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import VALUE_BASE, CommitmentKey, Opening
from circuits.transcript import Deployment, ProofContext
from node.sequencing import workers
from node.sequencing.verification import ClaimChecker
from node.sequencing.workers import find_logarithms, start_workers, stop_workers
from tests.support.ledger import Setting

CONTEXT = ProofContext(Deployment(31337, bytes(20), bytes(32)), bytes(32), 1, bytes(32), bytes(32))
PARENT = """
import sys, time
from node.sequencing.workers import start_workers
if __name__ == "__main__":
    workers = start_workers(1)
    print(workers.submit(__import__("os").getpid).result(), flush=True)
    time.sleep(60)
"""


def opening_claim(key: CommitmentKey, value: int) -> OpeningClaim:
    opening = Opening.fresh(value)
    commitment = key.commit(opening)
    return OpeningClaim(commitment, prove_opening(key, opening, commitment, CONTEXT), CONTEXT)


def alive(process: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(process: int, seconds: float = 15.0) -> bool:
    end = time.monotonic() + seconds
    while alive(process) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(process)


async def test_processes_name_the_false_claims_of_a_batch(setting: Setting):
    key = setting.house.committee.key
    claims = [opening_claim(key, value) for value in range(6)]
    false = OpeningClaim(claims[0].commitment, claims[1].proof, CONTEXT)
    pool = start_workers(2)
    checker = ClaimChecker(key, pool, chunks=2)

    with pytest.raises(ClaimsRejected) as caught:
        await checker.check([*claims[:3], false, *claims[3:]])
    stop_workers(pool)

    assert caught.value.indices == (3,)
    assert checker.knows(claims)
    assert not checker.knows([false])


async def test_a_claim_that_held_is_not_sent_to_the_workers_again(setting: Setting):
    key = setting.house.committee.key
    claims = [opening_claim(key, 5)]
    pool = start_workers(0)
    checker = ClaimChecker(key, pool)
    await checker.check(claims)
    pool.shutdown()

    await checker.check(claims)  # an executor that was shut down takes nothing


def test_workers_stop_at_once_though_they_are_busy():
    pool = start_workers(1)
    process = pool.submit(os.getpid).result()
    pool.submit(time.sleep, 60)
    time.sleep(0.1)

    stop_workers(pool)

    assert gone(process)


def test_a_worker_ends_when_its_node_is_killed(tmp_path: Path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    paths = os.pathsep.join([str(Path.cwd()), str(Path.cwd() / "node" / "stubs")])
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert alive(worker)

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert gone(worker)


def test_logarithms_are_found_for_both_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    small = workers.DiscreteLog
    monkeypatch.setattr(workers, "DiscreteLog", lambda cache: small(10, cache))
    workers._table.cache_clear()
    points = [encode_point(VALUE_BASE * scalar(value)) for value in (-12_345, 0, 99_999)]

    assert find_logarithms(points, [1 << 20] * 3, tmp_path / "table.bin") == (-12_345, 0, 99_999)
    workers._table.cache_clear()
