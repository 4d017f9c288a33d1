"""How an account's leaf lies in memory: what a contract, and an owner without a node, must know of it."""

from typing import Final

from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak

from circuits.pedersen import Commitment
from node.market.instruments import CollateralAsset

ACCOUNT_LEAF_TYPES: Final = (
    "bytes32",  # account id
    "address",  # owner
    "uint256",  # index
    "uint256",  # version
    "uint8",  # status
    "uint256",  # home chain
    "bytes32[8]",  # cash: C and D as EIP-2537 words
    "bytes32",  # keccak(abi.encode(bytes32[])) over the holding hashes of collateral, in the order of asset ids
    "bytes32",  # digest of positions
    "bytes32",  # digest of limbs, auditor and handles, window, deadline, inbox, sealing key, exits
)
HOLDING_TYPES: Final = (
    "uint256",  # chain
    "address",  # token
    "bytes32[8]",  # C and D as EIP-2537 words
)


def holding_hash(asset: CollateralAsset, held: Commitment) -> bytes:
    """keccak(abi.encode(chain, token, commitment))."""
    return bytes(keccak(abi_encode(HOLDING_TYPES, [asset.chain_id, "0x" + asset.token.hex(), commitment_words(held)])))


def commitment_words(commitment: Commitment) -> list[bytes]:
    """C and D as eight words of 32 bytes (EIP-2537)."""
    words = commitment.words()
    return [words[at : at + 32] for at in range(0, len(words), 32)]
