"""Writing a chain's token off by the validators' order, and reinstating it.

From the next grid on the token counts nothing in margin: windows that counted it lapse, and its holders are due and
called like anyone. It can be neither withdrawn, transferred nor seized; what it is to its owners stays in their
accounts, hidden as it was, and what still comes in is theirs. Seizures that wait for its chain are given up, and the
default takes other collateral; a sale that happens late all the same is a late credit. Dollars are cash, one number
whatever chain they came in on: those that the chain's vault holds are lost to the house (`lost_dollars`).
"""

from dataclasses import replace

from node.ledger.chain_events import credit
from node.ledger.effects import Effect, EventKind, event
from node.ledger.errors import Reason, Refused
from node.ledger.lost_dollars import lose, recover
from node.ledger.opened import sold_on
from node.ledger.state import Default, House, LedgerState, WriteOff
from node.ledger.steps import Step
from node.ledger.types import AssetId
from node.market.errors import MarketError
from node.market.instruments import CollateralAsset


def write_off(house: House, state: LedgerState, asset: AssetId, order: int) -> Step:
    """The state in which the token counts nothing, by order number `order`.

    Raises:
        Refused: ASSET_UNKNOWN; ORDER_INVALID, it is written off already.
    """
    listed = _listed(house, asset)
    if asset in state.written_off:
        raise Refused(Reason.ORDER_INVALID, f"{asset} is written off already")
    entry = WriteOff(asset, state.market.round)
    lost = lose(state, entry) if listed.is_cash else Step(state.with_write_off(entry))
    told = event(EventKind.WRITTEN_OFF, None, asset=asset, order=order, lost=lost.state.written_off[asset].lost)
    return _without_seizures(house, lost.state, listed).after(told, *lost.effects)


def reinstate(house: House, state: LedgerState, asset: AssetId, order: int) -> Step:
    """The state in which the token counts again, by order number `order`; who closed at a loss that this can repay goes
    on as with anything that comes within reach again.

    Raises:
        Refused: ASSET_UNKNOWN; ORDER_INVALID, it is not written off.
    """
    _listed(house, asset)
    entry = state.written_off.get(asset)
    if entry is None:
        raise Refused(Reason.ORDER_INVALID, f"{asset} is not written off")
    back = recover(state, asset, entry.lost)
    effects: list[Effect] = [event(EventKind.REINSTATED, None, asset=asset, order=order), *back.effects]
    others = {name: other for name, other in back.state.written_off.items() if name != asset}
    state = replace(back.state, written_off=others)
    for stranded in entry.stranded:
        credited = credit(house, state, stranded.account, asset, stranded.amount)
        state = credited.state
        effects.extend(credited.effects)
    return Step(state, tuple(effects))


def _listed(house: House, asset: AssetId) -> CollateralAsset:
    try:
        return house.registry.asset(asset)
    except MarketError as error:
        raise Refused(Reason.ASSET_UNKNOWN, str(error)) from error


def _concerns(house: House, listed: CollateralAsset, asset: AssetId) -> bool:
    """Whether a token's fate is that of `asset`: it is the same, or would be sold for it."""
    return asset == listed.id or sold_on(house, asset) == listed.id


def _without_seizures(house: House, state: LedgerState, listed: CollateralAsset) -> Step:
    """No default waits for what the chain may never do; what is promised to the order stays so, since it is out."""
    effects: list[Effect] = []
    for name in sorted(state.defaults):
        default = state.defaults[name]
        left = [
            s for s in default.seizures if s.proceeds is None and not s.given_up and _concerns(house, listed, s.asset)
        ]
        if not left:
            continue
        state = state.with_default(_with_given_up(default, {seizure.action_id for seizure in left}))
        effects += [
            event(EventKind.GIVEN_UP, default.account, default=name, asset=s.asset, amount=s.amount) for s in left
        ]
    return Step(state, tuple(effects))


def _with_given_up(default: Default, actions: set[bytes]) -> Default:
    seizures = (replace(s, given_up=True) if s.action_id in actions else s for s in default.seizures)
    return replace(default, seizures=tuple(seizures))
