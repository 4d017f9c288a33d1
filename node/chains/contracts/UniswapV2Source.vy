# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Liquidity of a Uniswap V2 pair
@license Apache-2.0
@notice Sells a lot into the pair of its token and the USD token, and pays whoever sent it. Keeps nothing.
@dev    Has no owner and no state. Whatever it holds between two calls is anybody's.
"""

from ethereum.ercs import IERC20

import ILiquiditySource

implements: ILiquiditySource

interface Router:
    def factory() -> address: view
    def getAmountsOut(amount_in: uint256, path: DynArray[address, 2]) -> DynArray[uint256, 2]: view
    def swapExactTokensForTokens(
        amount_in: uint256,
        amount_out_min: uint256,
        path: DynArray[address, 2],
        to: address,
        deadline: uint256,
    ) -> DynArray[uint256, 2]: nonpayable

interface Factory:
    def getPair(token: address, other: address) -> address: view

interface Pair:
    def getReserves() -> (uint112, uint112, uint32): view

ROUTER: public(immutable(address))


@deploy
def __init__(router: address):
    """
    @param router A UniswapV2Router02.
    """
    ROUTER = router


@external
@view
def quote(token: address, amount: uint256, usd: address) -> uint256:
    """
    @notice What the pair pays for `amount` of `token` now; zero where there is no pair, or nothing in it.
    """
    pair: address = staticcall Factory(staticcall Router(ROUTER).factory()).getPair(token, usd)
    if pair == empty(address) or amount == 0:
        return 0
    reserve0: uint112 = 0
    reserve1: uint112 = 0
    time: uint32 = 0
    reserve0, reserve1, time = staticcall Pair(pair).getReserves()
    if reserve0 == 0 or reserve1 == 0:
        return 0
    return (staticcall Router(ROUTER).getAmountsOut(amount, [token, usd]))[1]


@external
def sell(token: address, amount: uint256, usd: address, least: uint256):
    """
    @notice Swaps `amount` of `token`, which the caller has just sent here, for `usd`, which goes to the caller.
    """
    # Tokens like USDT refuse to change one allowance into another; the router leaves none behind.
    assert extcall IERC20(token).approve(ROUTER, amount, default_return_value=True), "the token refused the approval"
    extcall Router(ROUTER).swapExactTokensForTokens(amount, least, [token, usd], msg.sender, block.timestamp)
