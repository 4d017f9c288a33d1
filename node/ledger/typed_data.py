"""The EIP-712 types of all messages and orders, and their digests.

The deployment is the domain (hub chain id, hub address, salt), which voids a message elsewhere.
"""

from typing import Any

from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from circuits.transcript import Deployment
from node.ledger.types import Digest

_TYPES: dict[str, list[dict[str, str]]] = {
    name: [{"type": field.split()[0], "name": field.split()[1]} for field in fields.split(",")]
    for name, fields in {
        "OpenAccount": "address owner,uint32 index,bytes32 sealingKey,uint64 homeChain,bytes32 nonce,uint64 expiry",
        "MarginProof": "bytes32 account,uint64 version,uint64 credits,uint64 round,bytes32 nonce,uint64 expiry",
        "TradeTerms": "bytes32 taker,uint64 takerVersion,uint64 takerCredits,bytes32 maker,string instrument,"
        "uint64 price,uint64 fee,uint64 round,bytes commitment,bytes32 boxDigest,bytes32 nonce,uint64 expiry,"
        "bytes takerHandle",
        "TradeAcceptance": "bytes32 terms,uint64 makerVersion,uint64 makerCredits,bytes makerHandle",
        "TransferTerms": "bytes32 sender,uint64 senderVersion,uint64 senderCredits,bytes32 receiver,string asset,"
        "uint64 round,bytes commitment,bytes32 boxDigest,bytes32 nonce,uint64 expiry,bytes senderHandle",
        "TransferAcceptance": "bytes32 terms,uint64 receiverVersion,uint64 receiverCredits,bytes receiverHandle",
        "Withdraw": "bytes32 account,uint64 version,uint64 credits,string asset,uint64 amount,address recipient,"
        "uint64 round,bytes32 nonce,uint64 expiry",
        "Bid": "bytes32 account,uint64 version,uint64 credits,bytes32 auction,uint32 number,uint64 units,int64 limit,"
        "uint64 round,bytes32 nonce,uint64 expiry",
        "Contribute": "bytes32 account,uint64 version,uint64 credits,int64 amount,uint64 round,"
        "bytes32 nonce,uint64 expiry",
        "SetAuditor": "bytes32 account,uint64 version,uint64 credits,bytes auditor,bytes handles,uint64 round,"
        "bytes32 nonce,uint64 expiry",
        "BreakerOrder": "uint64 epoch,uint64 sequence,uint8 level,uint64 until",
        "WriteOffOrder": "uint64 epoch,uint64 sequence,string asset,bool reinstated,uint64 expiry",
    }.items()
}


def typed_data(deployment: Deployment, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The full EIP-712 document that a wallet shows and signs."""
    domain_fields = ["string name", "string version", "uint256 chainId", "address verifyingContract", "bytes32 salt"]
    return {
        "types": {
            "EIP712Domain": [{"type": f.split()[0], "name": f.split()[1]} for f in domain_fields],
            name: _TYPES[name],
        },
        "primaryType": name,
        "domain": {
            "name": "zkclear",
            "version": "1",
            "chainId": deployment.hub_chain_id,
            "verifyingContract": "0x" + deployment.hub.hex(),
            "salt": deployment.salt,
        },
        "message": values,
    }


def message_digest(deployment: Deployment, name: str, values: dict[str, Any]) -> Digest:
    """The EIP-712 digest of a message of type `name`."""
    signable = encode_typed_data(full_message=typed_data(deployment, name, values))
    return Digest(bytes(keccak(b"\x19" + signable.version + signable.header + signable.body)))
