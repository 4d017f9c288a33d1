# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Falling-price auctions of seized collateral
@license Apache-2.0
@notice Sells each lot as a whole, for the chain's USD token, at a price that falls on a line from its start to its
        floor and stays there; or, where that pays no less, into a liquidity source that anybody names. The proceeds
        go to the vault.
@dev    Created by the vault's constructor, which makes the creator the vault.
"""

from ethereum.ercs import IERC20

import ILiquiditySource

struct Lot:
    token: address
    amount: uint256
    start_price: uint256
    floor_price: uint256
    started: uint256
    duration: uint256

event Sold:
    actionId: indexed(bytes32)
    token: indexed(address)
    amount: uint256
    proceeds: uint256
    buyer: address

VAULT: immutable(address)
USD: immutable(address)
USD_UNIT: immutable(uint256)
# Lots on sale by the action id of their seizure; the amount is zero for none.
lot: public(HashMap[bytes32, Lot])


@deploy
def __init__(usd: address, usd_unit: uint256):
    """
    @param usd The token that lots are paid in.
    @param usd_unit Base units of one ledger unit of it.
    """
    VAULT = msg.sender
    USD = usd
    USD_UNIT = usd_unit


@external
@view
@reentrant
def vault() -> address:
    """
    @notice Where the proceeds go: the contract that created this one.
    """
    return VAULT


@external
@view
@reentrant
def usd() -> address:
    """
    @notice The token that lots are paid in.
    """
    return USD


@external
def start(
    action_id: bytes32,
    token: address,
    amount: uint256,
    start_price: uint256,
    floor_price: uint256,
    duration: uint256,
):
    """
    @notice Puts a lot that the vault has just sent here on sale. Only for the vault, which uses each id once.
    @param start_price USD base units for the whole lot now; a whole number of ledger units, as `floor_price` is.
    @param duration Seconds until the price reaches `floor_price`.
    """
    assert msg.sender == VAULT, "only the vault"
    assert amount > 0, "the lot is empty"
    assert duration > 0, "the duration is zero"
    assert floor_price <= start_price, "the price would rise"
    assert start_price % USD_UNIT == 0 and floor_price % USD_UNIT == 0, "not a whole number of ledger units"
    self.lot[action_id] = Lot(
        token=token,
        amount=amount,
        start_price=start_price,
        floor_price=floor_price,
        started=block.timestamp,
        duration=duration,
    )


@external
@view
def price(action_id: bytes32) -> uint256:
    """
    @notice What the whole lot costs in this block, in USD base units.
    """
    lot: Lot = self.lot[action_id]
    assert lot.amount > 0, "no such lot"
    return self._price(lot)


@external
def buy(action_id: bytes32, max_price: uint256):
    """
    @notice Buys the whole lot at its price now, which the caller has approved, unless that is above `max_price`.
    """
    lot: Lot = self.lot[action_id]
    assert lot.amount > 0, "no such lot"
    price: uint256 = self._price(lot)
    assert price <= max_price, "above the buyer's limit"
    self.lot[action_id] = empty(Lot)
    before: uint256 = staticcall IERC20(USD).balanceOf(VAULT)
    assert extcall IERC20(USD).transferFrom(
        msg.sender, VAULT, price, default_return_value=True
    ), "the USD token refused the transfer"
    # Exactly the price: a deposit made from within the transfer must not count as proceeds too.
    assert staticcall IERC20(USD).balanceOf(VAULT) - before == price, "the proceeds are not the price"
    assert extcall IERC20(lot.token).transfer(
        msg.sender, lot.amount, default_return_value=True
    ), "the token refused the transfer"
    log Sold(actionId=action_id, token=lot.token, amount=lot.amount, proceeds=price, buyer=msg.sender)


@external
def route(action_id: bytes32, source: address):
    """
    @notice Sells the whole lot through `source`, which has to pay its price now or more. Anyone may call it.
    @param source An ILiquiditySource. It is given the lot first, and all that it pays goes to the vault.
    @dev    The source pays here, not at the vault, where a deposit from within the call would look like proceeds.
    """
    lot: Lot = self.lot[action_id]
    assert lot.amount > 0, "no such lot"
    price: uint256 = self._price(lot)
    self.lot[action_id] = empty(Lot)
    held: uint256 = staticcall IERC20(USD).balanceOf(self)
    assert extcall IERC20(lot.token).transfer(
        source, lot.amount, default_return_value=True
    ), "the token refused the transfer"
    extcall ILiquiditySource(source).sell(lot.token, lot.amount, USD, price)
    paid: uint256 = staticcall IERC20(USD).balanceOf(self) - held
    assert paid >= price, "the source paid less than the price"
    before: uint256 = staticcall IERC20(USD).balanceOf(VAULT)
    assert extcall IERC20(USD).transfer(VAULT, paid, default_return_value=True), "the USD token refused the transfer"
    assert staticcall IERC20(USD).balanceOf(VAULT) - before == paid, "the proceeds are not what was paid"
    # The ledger books whole units: less than one of them stays in the vault beside the books.
    proceeds: uint256 = paid - paid % USD_UNIT
    log Sold(actionId=action_id, token=lot.token, amount=lot.amount, proceeds=proceeds, buyer=source)


@internal
@view
def _price(lot: Lot) -> uint256:
    elapsed: uint256 = min(block.timestamp - lot.started, lot.duration)
    fallen: uint256 = (lot.start_price - lot.floor_price) * elapsed // lot.duration
    # Falls in whole ledger units, so the price is never below the line.
    return lot.start_price - fallen // USD_UNIT * USD_UNIT
