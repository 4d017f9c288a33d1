"""The ledger's own words: identifiers, units and the constants that every node shares."""

from enum import IntEnum
from typing import Final, NewType

from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak

from circuits.transcript import Deployment

AccountId = NewType("AccountId", bytes)
"""32 bytes: keccak(deployment, owner, index)."""
Address = NewType("Address", bytes)
"""20 bytes."""
Digest = NewType("Digest", bytes)
"""32 bytes of keccak-256."""
AssetId = NewType("AssetId", str)
"""A token on a chain, such as ``USD@31337``."""
InstrumentId = NewType("InstrumentId", str)
"""A listed derivative, such as ``BTC-PERP``."""
MicroUsd = NewType("MicroUsd", int)
"""1e-6 US dollars."""

ROW_UNITS_PER_MICRO_USD: Final = 1000
"""Risk rows count in 1e-9 dollars."""
INSURANCE_ACCOUNT: Final = AccountId(bytes(keccak(b"zkclear/v1/insurance")))
"""USD deposited for this id belongs to the insurance fund."""
CASH: Final = AssetId("CASH")
"""What a transfer of cash names, in micro-dollars; assets on chains are named `symbol@chain`."""
MAX_AMOUNT: Final = 1 << 40
"""Exclusive bound of a position (lots) or of collateral (ledger units)."""
MAX_CASH_MOVE: Final = 1 << 62
"""Exclusive bound of one public movement of cash (micro-dollars)."""


class Status(IntEnum):
    """Where an account stands on the way from good to liquidated."""

    ACTIVE = 0
    DUE = 1
    """The window lapsed; the owner has a few blocks to prove again before anyone calls."""
    CALLED = 2
    """A margin call is out; grace is running."""
    FROZEN = 3
    """Margin breached; the committee may open the account once the batch is final."""
    LIQUIDATING = 4
    """Opened; its portfolio is being auctioned, or its collateral sold."""
    CLOSED = 5
    """Liquidated with a shortfall, or at others' cost with something left that a write-off keeps from being sold."""


def account_id(deployment: Deployment, owner: Address, index: int) -> AccountId:
    """keccak(abi.encode(deployment digest, owner, index))."""
    return AccountId(bytes(keccak(abi_encode(["bytes32", "address", "uint256"], [deployment.digest, owner, index]))))
