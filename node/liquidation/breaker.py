"""Levels of the breaker: what a quorum of validators stops, whatever prices allow, after the levels of Maker's Clip.

    0  open       nothing
    1  no offer   nothing is put on offer that is not yet: no new auction, and no seizure, which begins one on its chain
    2  no bid     no bids either, and no end of an auction (reset, backstop, tear-up)
    3  halted     nothing of default management; and nobody withdraws, since a loss that nobody calls is not in sight

Margin proofs, deposits, trades and transfers go on at every level: they are how owners help themselves meanwhile, and
each brings its own proof that the account has its margin after it.
"""

from enum import IntEnum
from typing import Final

from node.liquidation.validity import Action


class Level(IntEnum):
    """How much is stopped; each level stops what the one below does, and more."""

    OPEN = 0
    NO_OFFER = 1
    NO_BID = 2
    HALTED = 3


_OFFERS: Final = frozenset({Action.OFFER})
_BIDS: Final = _OFFERS | {Action.BID, Action.BACKSTOP}

STOPPED: Final[dict[Level, frozenset[Action]]] = {
    Level.OPEN: frozenset(),
    Level.NO_OFFER: _OFFERS,
    Level.NO_BID: _BIDS,
    Level.HALTED: frozenset(Action) - {Action.TRADE, Action.SETTLE},
}
"""What each level stops: asked in the same place as what prices allow (`node.ledger.prices`)."""
