# pragma version ~=0.4.3
"""
@title A token with the bad habits that tokens have
@license Apache-2.0
@notice Takes a fee, refuses some receivers by answering false, burns all gas or 150,000 of it for others, calls a hook.
"""

decimals: public(uint8)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
fee_ppm: public(uint256)
refused: public(HashMap[address, bool])
burned: public(HashMap[address, bool])
heavy: public(HashMap[address, bool])
junk: HashMap[uint256, uint256]
junk_size: uint256
hook_target: address
hook_data: Bytes[1024]


@deploy
def __init__(fee_ppm: uint256):
    self.decimals = 6
    self.fee_ppm = fee_ppm


@external
def mint(receiver: address, amount: uint256):
    self.balanceOf[receiver] += amount


@external
def refuse(receiver: address):
    self.refused[receiver] = True


@external
def burn_gas_for(receiver: address):
    self.burned[receiver] = True


@external
def make_heavy_for(receiver: address):
    self.heavy[receiver] = True


@external
def set_hook(target: address, data: Bytes[1024]):
    self.hook_target = target
    self.hook_data = data


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    return self._move(msg.sender, receiver, amount)


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    self.allowance[sender][msg.sender] -= amount
    return self._move(sender, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256) -> bool:
    if self.refused[receiver]:
        return False
    if self.burned[receiver]:
        for i: uint256 in range(1_000_000):
            self.fee_ppm = self.fee_ppm
    if self.heavy[receiver]:
        for i: uint256 in range(6):
            self.junk_size += 1
            self.junk[self.junk_size] = 1
    if self.hook_target != empty(address):
        raw_call(self.hook_target, self.hook_data)
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount - amount * self.fee_ppm // 1_000_000
    return True
