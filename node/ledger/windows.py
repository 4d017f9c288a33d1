"""What a margin window stands on besides prices: tokens that counted when it was proven and count no more."""

from node.ledger.account import Account
from node.ledger.state import LedgerState
from node.ledger.types import AssetId
from node.market.window import MarginWindow


def counts_written_off(state: LedgerState, window: MarginWindow, account: Account) -> AssetId | None:
    """A holding of the account that its window counts and the newest grid does not; None if there is none.

    Until a grid leaves the token out nobody could prove without it, so until then nothing has lapsed.
    """
    newest = state.grids[-1].round if state.grids else 0
    written_off = (entry for name, entry in state.written_off.items() if name in account.collateral)
    return next((entry.asset for entry in written_off if window.round <= entry.round < newest), None)
