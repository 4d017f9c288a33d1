"""One node's proposer and voter without loops around them, on the fakes of `world`."""

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from node.chains.certificates import ValidatorKey
from node.ledger.batch import Batch, SignedObservation
from node.ledger.state import LedgerState
from node.ledger.types import Address
from node.sequencing.admission import Admission, PoolLimits
from node.sequencing.forced import ForcedInclusion
from node.sequencing.latency import Latencies
from node.sequencing.observations import ObservationBook
from node.sequencing.proposer import Draft, Proposer
from node.sequencing.verification import ClaimChecker
from node.sequencing.voter import Voter, VoterLimits
from tests.node.sequencing.world import FakeChain, FakeFeeds, FakeView
from tests.support.ledger import CHAINS, HUB_CHAIN, Setting


@dataclass
class Bench:
    """One validator's judgement and the views it rests on."""

    key: ValidatorKey
    views: dict[int, FakeView]
    feeds: FakeFeeds
    admission: Admission
    observations: ObservationBook
    proposer: Proposer
    voter: Voter
    forced: ForcedInclusion


def make_bench(
    setting: Setting, key: ValidatorKey, chains: dict[int, FakeChain], state: LedgerState, workers: Executor
) -> Bench:
    house, address = setting.house, Address(key.address)
    views = {chain_id: FakeView(chains[chain_id]) for chain_id in CHAINS}
    checker = ClaimChecker(house.committee.key, workers)
    admission = Admission(house, state, checker, PoolLimits(), time.monotonic)
    book = ObservationBook(house)
    forced = ForcedInclusion(house, views[HUB_CHAIN], admission, checker, state)
    proposer = Proposer(house, address, views, admission, book, checker, forced, tuple, 60.0, time.monotonic)
    limits = VoterLimits(chain_wait=0.1)
    voter = Voter(house, address, views, admission, book, checker, forced, limits, Latencies())
    return Bench(key, views, FakeFeeds(key, house), admission, book, proposer, voter, forced)


async def observe(benches: Sequence[Bench], round_number: int, block_time: int) -> None:
    """Every validator's observations of a round, in everybody's book."""
    for source in benches:
        report = await source.feeds.observe_all(round_number, block_time)
        for made in report.observations:
            for holder in benches:
                holder.observations.add(SignedObservation(made.observation, made.signature))


async def proposed(bench: Bench, state: LedgerState) -> Draft:
    draft = await bench.proposer.build(state)
    assert draft is not None, "there was nothing to propose"
    return draft


def altered(batch: Batch, **changes: object) -> Batch:
    return replace(batch, **changes)  # type: ignore[arg-type]
