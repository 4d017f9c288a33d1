# pragma version ~=0.4.3
"""
@title A liquidity source that pays what it was told to, after a call that it was told to make
@license Apache-2.0
"""

from ethereum.ercs import IERC20

pays: uint256
receiver: address
target: address
payload: Bytes[512]


@external
def set_up(pays: uint256, receiver: address, target: address, payload: Bytes[512]):
    """
    @param pays How much it pays `receiver`, or the caller if that is zero.
    @param target What it calls first, with `payload`; nobody if zero. A call that fails fails the sale.
    """
    self.pays = pays
    self.receiver = receiver
    self.target = target
    self.payload = payload


@external
def approve(token: address, spender: address, amount: uint256):
    extcall IERC20(token).approve(spender, amount)


@external
@view
def quote(token: address, amount: uint256, usd: address) -> uint256:
    return self.pays


@external
def sell(token: address, amount: uint256, usd: address, least: uint256):
    if self.target != empty(address):
        raw_call(self.target, self.payload)
    to: address = self.receiver if self.receiver != empty(address) else msg.sender
    if self.pays > 0:
        assert extcall IERC20(usd).transfer(to, self.pays)
