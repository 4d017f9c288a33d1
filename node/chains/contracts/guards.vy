# pragma version ~=0.4.3
"""
@title What may leave a vault in an hour, and a pause
@license Apache-2.0
@notice A limit per token on what leaves in an hour, which a quorum can only tighten, and a pause that a quorum sets and
        lifts and that ends by itself. Whoever steals a quorum's keys takes no more in an hour than twice the limit,
        and its owners, who still have them too, can pause.
@dev    A module of the vault. The limit refills evenly: what left counts less by limit/3600 every second. A payment
        larger than the limit is announced by its first call, and made by another one amount/limit hours later, one
        after the other: else it could never be made, or one payment could empty the vault.
"""

import certificate

uses: certificate

event Guarded:
    sequence: indexed(uint256)
    token: indexed(address)
    limit: uint256
    pausedUntil: uint256

# A payment larger than the limit was seen; `key` is the hash of all that it says.
event Announced:
    key: indexed(bytes32)
    token: indexed(address)
    amount: uint256
    due: uint256

HOUR: constant(uint256) = 3600
# No pause reaches further, however many follow one another: a house that is gone does not keep what it paused.
MAX_PAUSE: constant(uint256) = 7 * 86400
# Limits stay below, so that no product of one and seconds overflows.
LIMIT_BOUND: constant(uint256) = 2**128

GUARD_TYPE: constant(bytes32) = keccak256(
    "Guard(uint256 epoch,uint256 sequence,address token,uint256 limit,uint256 pausedUntil)"
)

# How many orders were taken: each is part of the next one's digest.
guard_orders: public(uint256)
# Nothing enters or leaves before this time.
paused_until: public(uint256)
# Base units an hour; zero where there is no limit.
hourly_limit: public(HashMap[address, uint256])
# What counts against the limit as of `_counted_at`.
_counted: HashMap[address, uint256]
_counted_at: HashMap[address, uint256]
# When an announced payment may be made, by its key.
due: public(HashMap[bytes32, uint256])
# When the last one announced of a token is due.
_queue_end: HashMap[address, uint256]


@internal
def _list(token: address, limit: uint256):
    assert limit < LIMIT_BOUND, "the limit is out of range"
    self.hourly_limit[token] = limit


@internal
@view
def _require_open():
    assert block.timestamp >= self.paused_until, "paused"


@internal
@view
def _count(token: address) -> uint256:
    refilled: uint256 = (block.timestamp - self._counted_at[token]) * self.hourly_limit[token] // HOUR
    counted: uint256 = self._counted[token]
    return counted - min(counted, refilled)


@internal
def _leave(key: bytes32, token: address, amount: uint256) -> bool:
    """
    @notice Whether `amount` base units leave now; false where the payment `key` was announced instead. Reverts while
            paused, and where the payment has to wait.
    """
    self._require_open()
    limit: uint256 = self.hourly_limit[token]
    if limit == 0:
        return True
    if amount > limit:
        return self._announced(key, token, amount, limit)
    counted: uint256 = self._count(token)
    assert counted + amount <= limit, "above the hourly limit"
    self._counted[token] = counted + amount
    self._counted_at[token] = block.timestamp
    return True


@internal
def _announced(key: bytes32, token: address, amount: uint256, limit: uint256) -> bool:
    if self.due[key] != 0:
        assert block.timestamp >= self.due[key], "above the hourly limit, and not due yet"
        return True
    assert amount < LIMIT_BOUND, "the amount is out of range"
    due: uint256 = max(block.timestamp, self._queue_end[token]) + (amount * HOUR + limit - 1) // limit
    self.due[key] = due
    self._queue_end[token] = due
    log Announced(key=key, token=token, amount=amount, due=due)
    return False


@internal
def _guard(
    token: address,
    limit: uint256,
    paused_until: uint256,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    struct_hash: bytes32 = keccak256(
        abi_encode(GUARD_TYPE, certificate.epoch, self.guard_orders, token, limit, paused_until)
    )
    certificate._check(struct_hash, signers, bitmap, signatures)
    assert paused_until <= block.timestamp + MAX_PAUSE, "the pause is too long"
    if token != empty(address):
        before: uint256 = self.hourly_limit[token]
        assert limit > 0, "a limit of nothing would be a pause without end"
        assert limit < LIMIT_BOUND and (before == 0 or limit < before), "not a tighter limit"
        # What left without a limit is not known: the hour begins now.
        self._counted[token] = self._count(token)
        self._counted_at[token] = block.timestamp
        self.hourly_limit[token] = limit
    self.paused_until = paused_until
    self.guard_orders += 1
    log Guarded(sequence=self.guard_orders, token=token, limit=limit, pausedUntil=paused_until)
