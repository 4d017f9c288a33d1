"""Builds the next batch on top of the final state, from this node's own views and pool."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from circuits.errors import ClaimsRejected
from node.chains.errors import ChainError
from node.ledger.batch import AccountOpening, Batch, ChainSegment, HubHeader, OracleRound
from node.ledger.claims import CollectingVerifier
from node.ledger.errors import BatchInvalid, Reason, Refused
from node.ledger.execution import Executed, Proposal, assemble
from node.ledger.messages import Message, Trade, Transfer
from node.ledger.rounds import market_after
from node.ledger.state import House, LedgerState
from node.ledger.types import Address, Digest
from node.ledger.wire import batch_hash, encode_batch
from node.market.errors import MarketError
from node.market.grid import RiskGrid, compute_grid
from node.sequencing.admission import Admission
from node.sequencing.forced import ForcedInclusion
from node.sequencing.inputs import due_heights, hub_header, oracle_round, pending_segments
from node.sequencing.observations import ObservationBook
from node.sequencing.ports import ChainView, Clock
from node.sequencing.verification import ClaimChecker

_REBUILDS: Final = 8
"""How often a batch is put together again without messages whose proofs failed."""
_CHAIN_RULES: Final = frozenset({"deposit", "payout", "seizure", "sale"})
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A batch with its bytes, their hash, and its execution."""

    batch: Batch
    body: bytes
    hash: Digest
    executed: Executed


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a batch takes from outside the pool."""

    hub: HubHeader
    segments: tuple[ChainSegment, ...]
    rounds: tuple[OracleRound, ...]
    grid: RiskGrid | None
    openings: tuple[AccountOpening, ...]


class Proposer:
    """One node's batch builder.

    `openings` gives what the coordinator has decrypted; `observation_timeout` is how long, in seconds, a round that
    lacks observations holds back the hub block of a batch.
    """

    def __init__(
        self,
        house: House,
        address: Address,
        chains: Mapping[int, ChainView],
        admission: Admission,
        observations: ObservationBook,
        checker: ClaimChecker,
        forced: ForcedInclusion,
        openings: Callable[[], Sequence[AccountOpening]],
        observation_timeout: float,
        clock: Clock,
    ) -> None:
        self._house = house
        self._address = address
        self._chains = chains
        self._hub = chains[house.deployment.hub_chain_id]
        self._admission = admission
        self._observations = observations
        self._checker = checker
        self._forced = forced
        self._openings = openings
        self._observation_timeout = observation_timeout
        self._clock = clock
        self._first_seen: dict[int, float] = {}
        self._left_out: set[int] = set()

    def has_work(self, state: LedgerState) -> bool:
        """Whether a batch would carry anything: messages, events, a round, an opening.

        Raises:
            ChainError: a chain's view has failed.
        """
        if len(self._admission) or self._openings():
            return True
        block = self._hub_block(state)
        if due_heights(self._house, state, block):
            return True
        segments = pending_segments(self._house, state, self._live_chains(state), block)
        return any(segment.events for segment in segments)

    async def build(self, state: LedgerState) -> Draft | None:
        """The next batch, its proofs verified; None if there is nothing to put into it.

        Raises:
            ChainError: the hub's view has failed.
            BatchInvalid, MarketError: this node's own inputs contradict the ledger.
        """
        inputs = await self._inputs(state)
        for _ in range(_REBUILDS):
            try:
                messages = await self._messages(state, inputs)
                proposal, verifier = await asyncio.to_thread(self._assemble, state, inputs, messages)
            except BatchInvalid as error:
                if error.rule not in _CHAIN_RULES or not inputs.segments:
                    raise
                # An event that the ledger cannot book suspends its chain, not the house.
                log.error("segments_left_out", rule=error.rule, detail=error.detail)
                inputs = replace(inputs, segments=())
                continue
            for left_out in proposal.refused:
                self._admission.evict(left_out.message, left_out.refusal)
            try:
                await self._checker.check(verifier.claims)
            except ClaimsRejected as rejection:
                self._evict_liars(proposal.batch.messages, [verifier.claims[i] for i in rejection.indices])
                continue
            return await asyncio.to_thread(_draft, proposal) if _carries_anything(proposal.batch) else None
        raise BatchInvalid("claims", "messages with false proofs remain after several attempts")

    async def _inputs(self, state: LedgerState) -> _Inputs:
        header = hub_header(self._hub, self._hub_block(state))
        segments = pending_segments(self._house, state, self._live_chains(state), header.number)
        rounds = tuple(
            oracle_round(self._hub, number, height, self._observations.of_round(number))
            for number, height in enumerate(due_heights(self._house, state, header.number), state.market.round + 1)
        )
        grid = await asyncio.to_thread(own_grid, self._house, state, rounds)
        return _Inputs(header, segments, rounds, grid, tuple(self._openings()))

    def _hub_block(self, state: LedgerState) -> int:
        """The newest final hub block before the first round that still waits for observations.

        A block that voters would find too old waits for nothing: after a long silence of the house, late rounds are
        taken as they are.
        """
        final, now = self._hub.final.number, self._clock()
        heights = due_heights(self._house, state, final)
        self._first_seen = {height: self._first_seen.get(height, now) for height in heights}
        oldest = final - self._house.rules.max_hub_lag // 2
        for number, height in enumerate(heights, state.market.round + 1):
            waiting = now - self._first_seen[height] < self._observation_timeout
            complete = self._observations.complete(number, self._house.market.oracle_quorum)
            if waiting and not complete and height > oldest:
                return height - 1
        return final

    def _live_chains(self, state: LedgerState) -> dict[int, ChainView]:
        """The chains whose views work; a spoke that failed is left out of the batch until somebody looks at it."""
        live = {}
        for chain_id in state.cursors:
            view = self._chains[chain_id]
            try:
                if view.final.number >= 0:
                    live[chain_id] = view
            except ChainError as error:
                if view is self._hub:
                    raise
                if chain_id not in self._left_out:
                    log.warning("chain_left_out", chain_id=chain_id, error=str(error))
        self._left_out = set(state.cursors) - set(live)
        return live

    async def _messages(self, state: LedgerState, inputs: _Inputs) -> tuple[Message, ...]:
        """What owners put on the hub first, in its order, as far as it applies; then the pool."""
        waiting = await self._forced.candidates(state, inputs.hub.number)
        if waiting:
            bare, _ = await asyncio.to_thread(self._assemble, state, inputs, ())
            waiting = await self._forced.applicable(state, bare.batch, waiting)
        others = self._admission.messages(self._house.rules.max_messages, {entry.digest for entry in waiting})
        return (*(entry.message for entry in waiting), *others)

    def _assemble(
        self, state: LedgerState, inputs: _Inputs, messages: Sequence[Message]
    ) -> tuple[Proposal, CollectingVerifier]:
        verifier = CollectingVerifier()
        proposal = assemble(
            self._house,
            state,
            self._address,
            inputs.hub,
            inputs.segments,
            inputs.rounds,
            inputs.grid,
            inputs.openings,
            messages,
            verifier,
        )
        return proposal, verifier

    def _evict_liars(self, messages: Sequence[Message], claims: Sequence[object]) -> None:
        false = {claim.context.message_digest for claim in claims}  # type: ignore[attr-defined]
        for message in messages:
            digests = {message.digest(self._house.deployment)}
            if isinstance(message, Trade | Transfer):
                digests.add(message.acceptance_digest(self._house.deployment))
            if digests & false:
                self._admission.evict(message, Refused(Reason.PROOF_INVALID, "a proof does not hold"))


def own_grid(house: House, state: LedgerState, rounds: Sequence[OracleRound]) -> RiskGrid | None:
    """This node's grid after the rounds; None without rounds, before every feed has had a price, and where the last
    round's figures admit none: then the ledger keeps the grid that it has.

    Raises:
        BatchInvalid: a round that does not follow, or an observation that is not signed.
    """
    if not rounds:
        return None
    market = market_after(house, state, rounds)
    if not market.priced:
        return None
    try:
        return compute_grid(house.registry, house.market, market, state.written_off)
    except MarketError as error:
        log.error("round_not_valued", round=market.round, error=str(error))
        return None


def _carries_anything(batch: Batch) -> bool:
    events = any(segment.events for segment in batch.segments)
    return bool(batch.messages or batch.rounds or batch.openings or events)


def _draft(proposal: Proposal) -> Draft:
    body = encode_batch(proposal.batch)
    return Draft(proposal.batch, body, batch_hash(body), proposal.executed)
