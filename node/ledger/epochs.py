"""Who runs the house, batch by batch: a rotation replaces validators and the committee's sharing, never the key.

An epoch begins with the batch after the last one that the former members certified. Entering it is a step of the ledger
like any other: every node takes it in that batch, and the state root names the epoch and its members from there on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from circuits.committee import MAX_MEMBERS, CommitteeKey
from circuits.errors import CircuitError
from node.ledger.effects import EventKind, event
from node.ledger.errors import BatchInvalid, RotationInvalid
from node.ledger.state import House, LedgerState
from node.ledger.steps import Step
from node.ledger.types import Address


def succeed(house: House, validators: Sequence[Address], committee: CommitteeKey, last_batch: int) -> House:
    """The house of the next epoch; `last_batch` is the last of this one's.

    Raises:
        RotationInvalid: another commitment key, which would orphan every commitment; a sharing for other numbers than
            the validators'; a zero or repeated validator; or an end before this epoch's beginning.
    """
    members = tuple(validators)
    if not 1 <= len(members) <= MAX_MEMBERS or len(set(members)) != len(members):
        raise RotationInvalid("validators", f"{len(set(members))} different ones of {len(members)}")
    if any(len(member) != 20 or not any(member) for member in members):
        raise RotationInvalid("validators", "a zero address, or none at all")
    if last_batch < house.first_batch - 1:
        raise RotationInvalid("batch", f"{last_batch} is before batch {house.first_batch}, with which the epoch begins")
    next_house = replace(
        house, validators=members, committee=committee, epoch=house.epoch + 1, first_batch=last_batch + 1
    )
    if committee.key != house.committee.key or committee.origin != house.committee.origin:
        raise RotationInvalid("committee", "another key than the house's commitments are made with")
    if (committee.threshold, len(committee.public_shares)) != (next_house.quorum, len(members)):
        shares = f"{committee.threshold} of {len(committee.public_shares)}"
        raise RotationInvalid("committee", f"shared {shares} where {next_house.quorum} of {len(members)} belong")
    try:
        committee.verify()
    except CircuitError as error:
        raise RotationInvalid("committee", str(error)) from error
    return next_house


@dataclass(frozen=True, slots=True)
class Epochs:
    """The house in each of its epochs, from genesis on."""

    houses: tuple[House, ...]

    @property
    def genesis(self) -> House:
        """The first: what clients pin."""
        return self.houses[0]

    @property
    def current(self) -> House:
        """The last."""
        return self.houses[-1]

    def at(self, number: int) -> House:
        """The house that certifies batch `number`."""
        return next((house for house in reversed(self.houses) if house.first_batch <= number), self.genesis)


def enter_epoch(house: House, state: LedgerState) -> Step:
    """The state of batch `state.number` in the epoch that the batch belongs to.

    Counting of an account's proposers starts over: of f+1 proposers of two epochs, all might be faulty.

    Raises:
        BatchInvalid: the batch is not this house's to make.
    """
    if house.epoch == state.epoch:
        return Step(state)
    if house.epoch < state.epoch or state.number != house.first_batch:
        raise BatchInvalid("epoch", f"batch {state.number} after epoch {state.epoch} is not of epoch {house.epoch}")
    for account in state.accounts.values():
        if account.proposers_since_call:
            state = state.with_account(replace(account, proposers_since_call=frozenset()))
    told = event(
        EventKind.VALIDATORS_ROTATED,
        None,
        epoch=house.epoch,
        validators=",".join(member.hex() for member in house.validators),
        committee=house.committee_digest,
    )
    return Step(replace(state, epoch=house.epoch), (told,))
