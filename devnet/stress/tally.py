"""What is counted on the way of a run, from the ledger's effects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from node.client.holdings import Holdings
from node.ledger.effects import Effect, EventKind, LedgerEvent, Posting, PostingKind
from node.ledger.types import AccountId, Digest
from node.market.grid import RiskGrid


@dataclass(slots=True)
class Tally:
    """Counts of one run; sums in micro-dollars."""

    pushed: set[Digest] = field(default_factory=set)
    """Defaults of accounts that would have been good without the impact of earlier forced sales."""
    warned: int = 0
    messages: int = 0
    tear_ups: int = 0
    torn: int = 0
    """What tear-ups brought defaulters."""
    beyond: int = 0
    """Of that, what no loss needed."""
    moved: int = 0
    """What tear-ups took from positions, the defaulters' gain among it."""

    def count_tear_ups(self, effects: tuple[Effect, ...], before: Mapping[AccountId, Holdings], grid: RiskGrid) -> None:
        """Those of one batch. `before` are everybody's books before it, `grid` has the marks."""
        torn = [entry for entry in effects if is_event(entry, EventKind.TORN_UP)]
        losses = {attribute(entry, "default"): int(attribute(entry, "loss")) for entry in torn}
        for name, loss in losses.items():
            brought = sum(int(attribute(entry, "gain")) for entry in torn if attribute(entry, "default") == name)
            self.torn += brought
            self.beyond += max(brought - loss, 0)
        self.tear_ups += len(torn)
        instruments = {attribute(entry, "instrument") for entry in torn}
        for posting in effects:
            if not isinstance(posting, Posting) or posting.kind is not PostingKind.SETTLED:
                continue
            if posting.instrument is not None and posting.instrument in instruments:
                held = before[posting.account].position(posting.instrument).value
                self.moved += max(0, (grid.mark_price(posting.instrument) - posting.amount) * held)


def attribute(event: LedgerEvent, name: str) -> str:
    """An attribute that this kind of event has."""
    return dict(event.attributes)[name]


def is_event(effect: Effect, kind: EventKind) -> TypeGuard[LedgerEvent]:
    """Whether an effect is an event of this kind."""
    return isinstance(effect, LedgerEvent) and effect.kind is kind
