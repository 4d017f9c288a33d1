"""A whole batch against the state: the same steps in the same order for proposer, voter and whoever catches up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from node.ledger.apply import apply_message
from node.ledger.auctions import clear_bids
from node.ledger.batch import MAX_BATCH_BYTES, AccountOpening, Batch, ChainSegment, HubHeader, OracleRound
from node.ledger.calls import evaluate_deadlines, restart_deadlines
from node.ledger.chain_events import book_segment
from node.ledger.claims import Verifier
from node.ledger.defaults import advance_defaults, oldest_first
from node.ledger.effects import Effect
from node.ledger.epochs import enter_epoch
from node.ledger.errors import BatchInvalid, Refused
from node.ledger.invariants import check_invariants
from node.ledger.leaves import hashed_leaves, state_tree
from node.ledger.messages import Message
from node.ledger.opening import open_account
from node.ledger.orders import end_breaker
from node.ledger.rounds import apply_rounds
from node.ledger.state import House, LedgerState
from node.ledger.types import Address, Digest
from node.ledger.wire import encode_batch, size_in_batch
from node.market.grid import RiskGrid


@dataclass(frozen=True, slots=True)
class Executed:
    """The state after a batch and everything that follows from it."""

    state: LedgerState
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message that a proposer left out, and why."""

    message: Message
    refusal: Refused


@dataclass(frozen=True, slots=True)
class Proposal:
    """A batch ready to be voted on, with its execution and what was left out."""

    batch: Batch
    executed: Executed
    refused: tuple[RefusedMessage, ...]


@dataclass(frozen=True, slots=True)
class _Preamble:
    state: LedgerState
    effects: tuple[Effect, ...]
    openings: tuple[AccountOpening, ...]


@dataclass(frozen=True, slots=True)
class _Taken:
    state: LedgerState
    effects: tuple[Effect, ...]
    messages: tuple[Message, ...]
    refused: tuple[RefusedMessage, ...]


def execute(house: House, state: LedgerState, batch: Batch, verifier: Verifier) -> Executed:
    """The state after `batch`, every rule checked and both invariants with it.

    Raises:
        BatchInvalid: the batch breaks a rule, carries a message that the ledger refuses, or names another new root.
        InvariantBroken: the books do not add up afterwards.
    """
    if batch.number != state.number + 1 or batch.previous_root != state.root:
        raise BatchInvalid("sequence", f"batch {batch.number} does not follow batch {state.number}")
    preamble = _preamble(house, state, batch, drop_openings=False)
    current, effects = preamble.state, list(preamble.effects)
    for message in batch.messages:
        try:
            applied = apply_message(house, current, message, verifier)
        except Refused as refusal:
            raise BatchInvalid("message", str(refusal)) from refusal
        current = applied.state
        effects.extend(applied.effects)
    executed = _finish(house, current, batch.proposer, effects)
    if executed.state.root != batch.new_root:
        raise BatchInvalid("root", f"{batch.new_root.hex()} named, {executed.state.root.hex()} computed")
    return executed


def state_before_messages(house: House, state: LedgerState, batch: Batch) -> LedgerState:
    """What the owners' messages of `batch` meet: clock, events, rounds and openings have been applied.

    Raises:
        BatchInvalid: one of these breaks a rule.
    """
    return _preamble(house, state, batch, drop_openings=False).state


def assemble(
    house: House,
    state: LedgerState,
    proposer: Address,
    hub: HubHeader,
    segments: Sequence[ChainSegment],
    rounds: Sequence[OracleRound],
    grid: RiskGrid | None,
    openings: Sequence[AccountOpening],
    messages: Sequence[Message],
    verifier: Verifier,
) -> Proposal:
    """A batch on top of `state`, without the messages and openings that the ledger refuses, new root filled in.

    Once the batch has `MAX_BATCH_BYTES`, or the house's number of messages, the rest is left for the next one.

    Raises:
        BatchInvalid: segments, rounds or grid do not fit the state.
    """
    draft = Batch(
        number=state.number + 1,
        previous_root=state.root,
        proposer=proposer,
        hub=hub,
        segments=tuple(segments),
        rounds=tuple(rounds),
        grid=grid,
        openings=(),
        messages=(),
        new_root=Digest(bytes(32)),
    )
    room = MAX_BATCH_BYTES - len(encode_batch(draft))
    in_line = _fitting(_oldest_first(state, openings), room)
    preamble = _preamble(house, state, replace(draft, openings=in_line), drop_openings=True)
    room -= sum(map(size_in_batch, preamble.openings))
    taken = _take(house, preamble, messages, room, verifier)
    executed = _finish(house, taken.state, proposer, list(taken.effects))
    batch = replace(draft, openings=preamble.openings, messages=taken.messages, new_root=executed.state.root)
    return Proposal(batch, executed, taken.refused)


def _oldest_first(state: LedgerState, openings: Sequence[AccountOpening]) -> list[AccountOpening]:
    """Openings of the defaults in `state`, in the order in which these take their steps."""
    places = {name: place for place, name in enumerate(oldest_first(state))}
    known = (opening for opening in openings if opening.default_id in places)
    return sorted(known, key=lambda opening: places[opening.default_id])


def _fitting(openings: Sequence[AccountOpening], room: int) -> tuple[AccountOpening, ...]:
    """The first openings, up to `room` bytes; the others wait for the next batch."""
    ends = accumulate(map(size_in_batch, openings))
    return tuple(opening for opening, end in zip(openings, ends, strict=True) if end <= room)


def _take(house: House, preamble: _Preamble, messages: Sequence[Message], room: int, verifier: Verifier) -> _Taken:
    """The messages that apply, in their order, until the batch holds as many or as many bytes as it may."""
    current, effects = preamble.state, list(preamble.effects)
    accepted: list[Message] = []
    refused: list[RefusedMessage] = []
    for message in messages:
        size = size_in_batch(message)
        if len(accepted) == house.rules.max_messages or size > room:
            break
        try:
            applied = apply_message(house, current, message, verifier)
        except Refused as refusal:
            refused.append(RefusedMessage(message, refusal))
            continue
        accepted.append(message)
        room -= size
        current = applied.state
        effects.extend(applied.effects)
    return _Taken(current, tuple(effects), tuple(accepted), tuple(refused))


def _preamble(house: House, state: LedgerState, batch: Batch, *, drop_openings: bool) -> _Preamble:
    """Clock, epoch, chain events, oracle rounds and openings: all that comes before the owners' messages."""
    _check_shape(house, state, batch)
    silence = batch.hub.number - state.hub_height
    clocked = replace(state, number=batch.number, hub_height=batch.hub.number, hub_time=batch.hub.timestamp)
    entered = enter_epoch(house, clocked)
    current, effects = entered.state, list(entered.effects)
    for segment in batch.segments:
        booked = book_segment(house, current, segment)
        current = booked.state
        effects.extend(booked.effects)
    moved = apply_rounds(house, current, batch.rounds, batch.grid)
    # The breaker's last blocks count as stopped: what stood still goes on from here.
    ended = end_breaker(restart_deadlines(house, moved.state, silence))
    current = ended.state
    effects.extend((*moved.effects, *ended.effects))
    kept: list[AccountOpening] = []
    for opening in batch.openings:
        try:
            if len(kept) == house.rules.openings_per_batch:
                raise BatchInvalid("opening", f"{len(batch.openings)} where {len(kept)} fit")
            opened = open_account(house, current, opening)
        except BatchInvalid:
            if not drop_openings:
                raise
            continue
        kept.append(opening)
        current = opened.state
        effects.extend(opened.effects)
    return _Preamble(current, tuple(effects), tuple(kept))


def _check_shape(house: House, state: LedgerState, batch: Batch) -> None:
    if batch.hub.number < state.hub_height or batch.hub.timestamp < state.hub_time:
        raise BatchInvalid("hub", f"block {batch.hub.number} is before {state.hub_height}")
    if batch.proposer not in house.validators:
        raise BatchInvalid("proposer", f"{batch.proposer.hex()} is no validator")
    chains = [segment.chain_id for segment in batch.segments]
    if chains != sorted(set(chains)):
        raise BatchInvalid("segment", "chains must ascend, each at most once")
    if len(batch.messages) > house.rules.max_messages:
        raise BatchInvalid("message", f"{len(batch.messages)} messages where {house.rules.max_messages} fit")
    last = batch.rounds[-1].height if batch.rounds else state.market.height
    if not last <= batch.hub.number < last + house.market.round_spacing:
        raise BatchInvalid("round", f"the rounds due up to hub block {batch.hub.number} end at {last}")
    if any(r.time > batch.hub.timestamp for r in batch.rounds):
        raise BatchInvalid("round", "a round is later than the batch's hub block")


def _finish(house: House, state: LedgerState, proposer: Address, effects: list[Effect]) -> Executed:
    """Bids, deadlines, defaults, invariants, root."""
    cleared = clear_bids(house, state)
    called = evaluate_deadlines(house, cleared.state, proposer)
    stepped = advance_defaults(house, called.state)
    check_invariants(house, stepped.state)
    hashed = replace(stepped.state, leaves=hashed_leaves(house, stepped.state))
    after = replace(hashed, root=state_tree(house, hashed).root)
    return Executed(after, (*effects, *cleared.effects, *called.effects, *stepped.effects))
