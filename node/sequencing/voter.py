"""Holds a proposal to every rule before this validator signs it: re-execution, proofs, and its own view of the world.

Whatever the proposer took from outside is compared with what this node's own RPC connections, feeds and pool say. A
node that is a moment behind waits briefly for its chains before it disputes.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from circuits.errors import ClaimsRejected
from node.chains.errors import BlockBeforeStart, ChainError
from node.ledger.batch import Batch, ChainSegment, OracleRound
from node.ledger.claims import CollectingVerifier
from node.ledger.effects import EventKind, LedgerEvent
from node.ledger.errors import BatchInvalid, InvariantBroken
from node.ledger.execution import Executed, execute
from node.ledger.rounds import round_prices
from node.ledger.state import House, LedgerState
from node.ledger.types import Address
from node.market.agreement import check_grid
from node.market.errors import GridDisagreement, MarketError
from node.market.oracle_rules import Price, within_deviation
from node.sequencing.admission import Admission
from node.sequencing.errors import Dispute, Rule
from node.sequencing.forced import ForcedInclusion
from node.sequencing.inputs import SEGMENT_BLOCKS, build_segment, due_heights
from node.sequencing.latency import Latencies
from node.sequencing.observations import ObservationBook
from node.sequencing.ports import ChainView
from node.sequencing.proposer import own_grid
from node.sequencing.rotation import proposer_of
from node.sequencing.verification import ClaimChecker


@dataclass(frozen=True, slots=True)
class VoterLimits:
    """`chain_wait`: seconds that this node's own RPC connections are given to catch up with a proposal.
    `deviation_ppm`: how far a round's median may lie from this node's own observation (δ)."""

    chain_wait: float = 2.0
    deviation_ppm: int = 20_000


class Voter:
    """One validator's judgement of proposals. `chains` are its own views, the hub's among them."""

    def __init__(
        self,
        house: House,
        address: Address,
        chains: Mapping[int, ChainView],
        admission: Admission,
        observations: ObservationBook,
        checker: ClaimChecker,
        forced: ForcedInclusion,
        limits: VoterLimits,
        latencies: Latencies,
    ) -> None:
        self._house = house
        self._address = address
        self._chains = chains
        self._hub = chains[house.deployment.hub_chain_id]
        self._admission = admission
        self._observations = observations
        self._checker = checker
        self._forced = forced
        self._limits = limits
        self._latencies = latencies

    async def examine(self, state: LedgerState, attempt: int, batch: Batch) -> Executed:
        """The execution of a batch that follows `state` and that this validator may sign.

        Raises:
            Dispute: the first rule it breaks.
        """
        self._check_place(state, attempt, batch)
        await self._check_hub(state, batch)
        for segment in batch.segments:
            await self._check_segment(state, segment)
        self._check_rounds(state, batch)
        await self._check_grid(state, batch)
        executed = await self._execute(state, batch)
        self._check_breaches(executed)
        await self._check_forced(state, batch)
        return executed

    def _check_place(self, state: LedgerState, attempt: int, batch: Batch) -> None:
        expected = proposer_of(self._house.validators, batch.number, attempt)
        if batch.proposer != expected:
            raise Dispute(Rule.WRONG_PROPOSER, f"0x{batch.proposer.hex()} where it is 0x{expected.hex()}'s turn")
        if batch.number != state.number + 1 or batch.previous_root != state.root:
            raise Dispute(Rule.WRONG_PREDECESSOR, f"batch {batch.number} does not follow {state.number}")

    async def _check_hub(self, state: LedgerState, batch: Batch) -> None:
        try:
            async with asyncio.timeout(self._limits.chain_wait):
                own = await self._hub.wait_final(batch.hub.number)
        except (TimeoutError, ChainError) as error:
            raise Dispute(Rule.HUB_HEADER_UNKNOWN, f"block {batch.hub.number} is not final here") from error
        if (own.hash, own.timestamp) != (batch.hub.hash, batch.hub.timestamp):
            raise Dispute(Rule.HUB_HEADER_DIFFERS, f"block {batch.hub.number} is 0x{own.hash.hex()} here")
        lag = self._hub.final.number - batch.hub.number
        if lag > self._house.rules.max_hub_lag:
            raise Dispute(Rule.HUB_HEADER_STALE, f"block {batch.hub.number} is {lag} behind the final one")

    async def _check_segment(self, state: LedgerState, segment: ChainSegment) -> None:
        chain_id, cursor = segment.chain_id, state.cursors.get(segment.chain_id)
        if cursor is None or chain_id not in self._chains or segment.from_block != cursor.block + 1:
            raise Dispute(Rule.SEGMENT_DIFFERS, f"chain {chain_id} does not continue at {segment.from_block}")
        if not segment.from_block <= segment.to_block <= cursor.block + SEGMENT_BLOCKS:
            raise Dispute(Rule.SEGMENT_DIFFERS, f"chain {chain_id} may not reach to {segment.to_block}")
        view = self._chains[chain_id]
        try:
            async with asyncio.timeout(self._limits.chain_wait):
                await view.wait_final(segment.to_block)
            own = build_segment(self._house, view, segment.from_block, segment.to_block)
        except (TimeoutError, ChainError) as error:
            detail = f"chain {chain_id}: block {segment.to_block} is not final here"
            raise Dispute(Rule.CHAIN_NOT_SEEN, detail) from error
        if own != segment:
            detail = f"chain {chain_id}, blocks {segment.from_block} to {segment.to_block}"
            raise Dispute(Rule.SEGMENT_DIFFERS, detail)

    def _check_rounds(self, state: LedgerState, batch: Batch) -> None:
        """All rounds due and no other: a proposer can neither skip a price nor bring it early."""
        heights = due_heights(self._house, state, batch.hub.number)
        if len(batch.rounds) != len(heights):
            raise Dispute(Rule.ROUND_MISSING, f"{len(batch.rounds)} rounds where {len(heights)} are due")
        first = state.market.round + 1
        for number, (height, brought) in enumerate(zip(heights, batch.rounds, strict=True), first):
            try:
                time_there = self._hub.header(height).timestamp
            except BlockBeforeStart as error:
                raise Dispute(Rule.CHAIN_NOT_SEEN, f"hub block {height}") from error
            if (brought.round, brought.height, brought.time) != (number, height, time_there):
                raise Dispute(Rule.ROUND_DIFFERS, f"round {brought.round} where {number} at {height} is due")
            self._check_prices(brought)

    def _check_prices(self, brought: OracleRound) -> None:
        try:
            prices = round_prices(self._house, brought)
        except (BatchInvalid, MarketError) as error:
            raise Dispute(Rule.ROUND_DIFFERS, str(error)) from error
        for own in self._observations.own(brought.round, self._address):
            price = prices.get(own.feed)
            # A stale or missing observation of this node says nothing about the others'.
            if not isinstance(price, Price) or brought.time - own.observed_at > self._staleness:
                continue
            if not within_deviation(price.price, own.price, self._limits.deviation_ppm):
                detail = f"round {brought.round}, {own.feed}: median {price.price}, seen {own.price}"
                raise Dispute(Rule.PRICE_DEVIATES, detail)

    @property
    def _staleness(self) -> int:
        return self._house.market.oracle_staleness_seconds

    async def _check_grid(self, state: LedgerState, batch: Batch) -> None:
        try:
            own = await asyncio.to_thread(own_grid, self._house, state, batch.rounds)
        except BatchInvalid as error:
            raise Dispute(Rule.GRID_DIFFERS, str(error)) from error
        if own is None or batch.grid is None:
            if own is not batch.grid:
                raise Dispute(Rule.GRID_DIFFERS, "a grid is there exactly if a round brings prices that admit one")
            return
        try:
            check_grid(batch.grid, own)
        except GridDisagreement as error:
            raise Dispute(Rule.GRID_DIFFERS, str(error)) from error

    async def _execute(self, state: LedgerState, batch: Batch) -> Executed:
        verifier = CollectingVerifier()
        started = time.perf_counter()
        try:
            executed = await asyncio.to_thread(execute, self._house, state, batch, verifier)
        except (BatchInvalid, InvariantBroken) as error:
            raise Dispute(Rule.BATCH_INVALID, str(error)) from error
        self._latencies.execute.add((time.perf_counter() - started) * 1000)
        try:
            await self._checker.check(verifier.claims)
        except ClaimsRejected as error:
            raise Dispute(Rule.PROOF_INVALID, str(error)) from error
        return executed

    def _check_breaches(self, executed: Executed) -> None:
        """No account is frozen while this node holds a proof that would have kept it: censorship opens nobody."""
        for effect in executed.effects:
            if not isinstance(effect, LedgerEvent) or effect.kind is not EventKind.FROZEN:
                continue
            if effect.account is not None and self._admission.proves(effect.account):
                raise Dispute(Rule.BREACH_DISPROVEN, f"account {effect.account.hex()} has proven its margin")

    async def _check_forced(self, state: LedgerState, batch: Batch) -> None:
        """What an owner put on the hub is carried in time: a proposer that ignores an account gains nothing."""
        try:
            missing = await self._forced.left_out(state, batch)
        except ChainError as error:
            raise Dispute(Rule.HUB_HEADER_UNKNOWN, str(error)) from error
        if missing is not None:
            detail = f"message {missing.digest.hex()}, on the hub since block {missing.block}"
            raise Dispute(Rule.MESSAGE_LEFT_OUT, detail)
