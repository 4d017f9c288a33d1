"""A state and what led to it: what every part of the ledger that moves it hands back."""

from dataclasses import dataclass

from node.ledger.effects import Effect
from node.ledger.state import LedgerState


@dataclass(frozen=True, slots=True)
class Step:
    """A state and what led to it."""

    state: LedgerState
    effects: tuple[Effect, ...] = ()

    def then(self, *effects: Effect) -> "Step":
        """With more effects."""
        return Step(self.state, (*self.effects, *effects))

    def after(self, *effects: Effect) -> "Step":
        """With effects that came before."""
        return Step(self.state, (*effects, *self.effects))
