"""Whose turn it is to propose, and when this node gives up on a turn.

The proposer of batch n at attempt a is validator (n + a) mod N. Every node counts attempts by itself: it raises its own
when the turn brings nothing for `proposer_timeout` while there is work, half as long again each time. Clocks differ,
so a node votes at its own attempt or the next one, and jumps to an attempt that f+1 validators, at least one of them
honest, have reached.
"""

from collections.abc import Sequence
from typing import Final

from node.ledger.types import Address
from node.sequencing.ports import Clock

_GROWTH: Final = 1.5
_LONGEST: Final = 8.0
"""The timeout grows to at most this many times its first value."""


def proposer_of(validators: Sequence[Address], number: int, attempt: int) -> Address:
    """The validator whose turn attempt `attempt` (from 0) at batch `number` is."""
    return validators[(number + attempt) % len(validators)]


class Rotation:
    """One node's attempt at the next batch."""

    def __init__(self, faults: int, proposer_timeout: float, clock: Clock) -> None:
        self._faults = faults
        self._timeout = proposer_timeout
        self._clock = clock
        self._since = clock()
        self._reached: dict[Address, int] = {}
        self.number = 0
        self.attempt = 0

    def begin(self, number: int) -> None:
        """Start with attempt 0 at another batch."""
        self.number, self.attempt = number, 0
        self._reached.clear()
        self.progress()

    def progress(self) -> None:
        """The turn brought something, or there is nothing to wait for: its time starts anew."""
        self._since = self._clock()

    @property
    def timeout(self) -> float:
        """Seconds that the present attempt may take."""
        return self._timeout * min(_GROWTH**self.attempt, _LONGEST)

    def tick(self) -> bool:
        """Give up on the turn if its time is over; whether the attempt was raised."""
        if self._clock() - self._since < self.timeout:
            return False
        self._move(self.attempt + 1)
        return True

    def votes_at(self, attempt: int) -> bool:
        """Whether this node may vote at `attempt`: its own or the next."""
        return attempt in (self.attempt, self.attempt + 1)

    def adopt(self, attempt: int) -> None:
        """Take up a proposal at this node's attempt or the next: its time starts anew."""
        self._move(max(self.attempt, attempt))

    def heard(self, validator: Address, attempt: int) -> bool:
        """Another validator was seen at `attempt`; whether that moved this node's own."""
        self._reached[validator] = max(attempt, self._reached.get(validator, 0))
        ranked = sorted(self._reached.values(), reverse=True)
        if len(ranked) <= self._faults or ranked[self._faults] <= self.attempt:
            return False
        self._move(ranked[self._faults])
        return True

    def _move(self, attempt: int) -> None:
        self.attempt = attempt
        self.progress()
