"""Claims on their way to the workers: in any executor, and without holding up the event loop."""

import asyncio
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from circuits.errors import ClaimsRejected
from circuits.opening import OpeningClaim, prove_opening
from circuits.pedersen import CommitmentKey, Opening
from circuits.transcript import Deployment, ProofContext
from devnet.verify_bench import KEY, LoopLag, make_claims
from node.sequencing import verification
from node.sequencing.verification import ClaimChecker
from node.sequencing.workers import prepare_worker, start_workers, stop_workers
from tests.support.ledger import Setting

CONTEXT = ProofContext(Deployment(31337, bytes(20), bytes(32)), bytes(32), 1, bytes(32), bytes(32))


class ForeignExecutor(Executor):
    """As a cluster's: nothing but bytes goes out and comes back, and each call has a thread of its own."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        order = pickle.dumps((fn, args, kwargs))
        self.sent.append(len(order))
        result: Future[Any] = Future()
        threading.Thread(target=self._work, args=(order, result)).start()
        return result

    @staticmethod
    def _work(order: bytes, result: "Future[Any]") -> None:
        function, arguments, named = pickle.loads(order)
        try:
            result.set_result(pickle.loads(pickle.dumps(function(*arguments, **named))))
        except Exception as error:  # noqa: BLE001, whatever it is belongs to the caller
            result.set_exception(error)


def opening_claim(key: CommitmentKey, value: int) -> OpeningClaim:
    opening = Opening.fresh(value)
    commitment = key.commit(opening)
    return OpeningClaim(commitment, prove_opening(key, opening, commitment, CONTEXT), CONTEXT)


async def test_any_executor_will_do(setting: Setting):
    key = setting.house.committee.key
    claims = [opening_claim(key, value) for value in range(7)]
    claims[4] = OpeningClaim(claims[4].commitment, claims[3].proof, CONTEXT)
    executor = ForeignExecutor()
    checker = ClaimChecker(key, executor, chunks=3)

    with pytest.raises(ClaimsRejected) as caught:
        await checker.check(claims)

    assert caught.value.indices == (4,)
    assert len(executor.sent) == 3
    assert checker.knows([claim for place, claim in enumerate(claims) if place != 4])


async def test_what_did_not_hold_is_refused_again_without_being_checked_again(setting: Setting):
    key = setting.house.committee.key
    true, other = opening_claim(key, 1), opening_claim(key, 2)
    false = OpeningClaim(true.commitment, other.proof, CONTEXT)
    executor = ForeignExecutor()
    checker = ClaimChecker(key, executor)
    for _ in range(2):
        with pytest.raises(ClaimsRejected) as caught:
            await checker.check([true, false])
        assert caught.value.indices == (1,)

    assert len(executor.sent) == 1
    assert not checker.knows([false])


async def test_an_executor_that_fails_accepts_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch):
    key = setting.house.committee.key
    claim = opening_claim(key, 3)
    executor = ForeignExecutor()
    checker = ClaimChecker(key, executor)
    failed: Future[Any] = Future()
    failed.set_exception(MemoryError())
    monkeypatch.setattr(executor, "submit", lambda fn, *args: failed)

    with pytest.raises(MemoryError):
        await checker.check([claim])

    assert not checker.knows([claim])


async def test_between_two_turns_of_the_loop_at_most_one_claim_is_packed(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
):
    """Counted, not timed: a batch of any size holds up the loop no longer than one claim does."""
    key = setting.house.committee.key
    claims = [opening_claim(key, value) for value in range(16)]
    checker = ClaimChecker(key, ForeignExecutor())
    turns = 0
    packed_in_turn: list[int] = []
    genuine = verification._Packed.of

    def counting(claim: OpeningClaim) -> object:
        packed_in_turn.append(turns)
        return genuine(claim)

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(verification._Packed, "of", counting)
    turning = asyncio.create_task(turn())
    await checker.check(claims)
    turning.cancel()

    assert len(packed_in_turn) == len(claims)
    assert len(set(packed_in_turn)) == len(claims)


async def test_the_loop_goes_on_while_workers_verify_a_large_batch():
    """The bound is a part of what the same batch takes to verify, in this run: the machine may be busy."""
    claims = await asyncio.to_thread(make_claims, 16)
    pool = start_workers(1)
    try:
        await asyncio.wrap_future(pool.submit(prepare_worker))
        checker = ClaimChecker(KEY, pool)
        lag = LoopLag()
        watching = asyncio.create_task(lag.watch())
        started = time.perf_counter()
        await checker.check(claims)
        whole = (time.perf_counter() - started) * 1e3
        watching.cancel()
    finally:
        stop_workers(pool)

    assert 0 < lag.longest < whole / 2
