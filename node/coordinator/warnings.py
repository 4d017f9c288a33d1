"""Warnings ahead of calls: whose window is likely to be left within the hour, most urgent first, for operators to read.

Anyone can compute them from the ledger. They change nothing in it.
"""

import asyncio

import structlog

from node.ledger.state import House, LedgerState
from node.ledger.types import Status
from node.market.instruments import PPM
from node.market.predictive import LOOK_AHEAD_SECONDS, Covered, Warned, warnings

log = structlog.get_logger(__name__)


class Warnings:
    """Logs an account when it becomes likely to leave its window, and again only after it was not."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._round = -1
        self.current: tuple[Warned, ...] = ()

    async def on_final(self, state: LedgerState) -> None:
        """Look at every covered account once per oracle round, off the event loop."""
        if state.market.round == self._round or not state.market.priced:
            return
        self._round = state.market.round
        known = {entry.account for entry in self.current}
        self.current = await asyncio.to_thread(account_warnings, self._house, state)
        for entry in self.current:
            if entry.account not in known:
                log.warning(
                    "window_likely_left",
                    account=entry.account.hex(),
                    probability_ppm=int(entry.probability * PPM),
                    within_seconds=LOOK_AHEAD_SECONDS,
                )


def account_warnings(house: House, state: LedgerState) -> tuple[Warned, ...]:
    """Of the accounts that are well covered now; who is due or called has been told already."""
    covered = (
        Covered(account.id, account.window, tuple(account.positions), tuple(account.collateral))
        for account in state.accounts.values()
        if account.status is Status.ACTIVE and account.needs_window and account.window is not None
    )
    return warnings(covered, state.market, house.registry, house.market)
