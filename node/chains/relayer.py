"""Sends transactions from one account of one chain: nonces in order, retried, revert reasons told.

Several coroutines may send at once. The nonce is the chain's own pending count, read under a lock that is
held until the endpoint has the transaction, so a reorganisation that drops transactions leaves no gap. While
a receipt is awaited, a transaction that the chain has lost is broadcast again. What a contract does at most
once (a batch number, an action id) is therefore safe to send again after any error here.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import stamina
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from node.chains.errors import (
    ReceiptTimeout,
    RpcRefused,
    RpcUnavailable,
    TransactionReplaced,
    TransactionReverted,
)
from node.chains.events import unhex
from node.chains.rpc import Connection, request, request_batch

_ERROR_SELECTOR: Final = keccak(b"Error(string)")[:4]
_GAS_MARGIN: Final = 6  # fifths: an estimate holds for one state, and the state may move before the block
_RETRY: Final = stamina.AsyncRetryingCaller(attempts=6, wait_initial=0.05).on(RpcUnavailable)
_INSIST: Final = stamina.AsyncRetryingCaller(attempts=6, wait_initial=0.05).on(TransactionReplaced)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that succeeded, and its block, which may not be final yet."""

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    gas_used: int
    contract: bytes | None
    logs: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Signed:
    hash: bytes
    raw: str
    nonce: int
    call: dict[str, Any]


class Relayer:
    """Signs and sends one account's transactions. Its repr shows the address only.

    `poll_interval` and `receipt_timeout` are seconds: how often a receipt is asked for, and when that is
    given up.
    """

    def __init__(
        self,
        w3: Connection,
        secret: bytes,
        chain_id: int,
        *,
        poll_interval: float = 0.05,
        receipt_timeout: float = 120.0,
    ) -> None:
        self._w3 = w3
        self._account: LocalAccount = Account.from_key(secret)
        self._chain_id = chain_id
        self._poll_interval = poll_interval
        self._receipt_timeout = receipt_timeout
        self._lock = asyncio.Lock()
        self.address: bytes = unhex(self._account.address)

    def __repr__(self) -> str:
        return f"Relayer(0x{self.address.hex()}, chain {self._chain_id})"

    async def send(self, to: bytes | None, data: bytes, gas: int | None = None) -> Receipt:
        """Send `data` to the contract `to` (None deploys it) and wait until a block holds it.

        `gas` is the limit; without one the chain is asked, and a call that would revert is not sent at all.
        Raises TransactionReverted with the reason, ReceiptTimeout, or RpcUnavailable or RpcRefused once
        retries are exhausted.
        """
        return await _INSIST(self._send_once, to, data, gas)

    async def _send_once(self, to: bytes | None, data: bytes, gas: int | None) -> Receipt:
        call: dict[str, Any] = {"from": self._account.address, "data": "0x" + data.hex()}
        if to is not None:
            call["to"] = to_checksum_address(to)
        limit = gas if gas is not None else await self._estimate(call)
        async with self._lock:
            signed = await _RETRY(self._sign, call, limit)
            await _RETRY(self._broadcast, signed)
        return await self._receipt(signed)

    async def _estimate(self, call: dict[str, Any]) -> int:
        try:
            estimate = int(await _RETRY(request, self._w3, "eth_estimateGas", call), 16)
        except RpcRefused as refusal:
            raise TransactionReverted(revert_reason(refusal), b"") from refusal
        return estimate * _GAS_MARGIN // 5

    async def _sign(self, call: dict[str, Any], gas: int) -> _Signed:
        count, block, tip = await request_batch(
            self._w3,
            [
                ("eth_getTransactionCount", [self._account.address, "pending"]),
                ("eth_getBlockByNumber", ["latest", False]),
                ("eth_maxPriorityFeePerGas", []),
            ],
        )
        transaction = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": int(count, 16),
            "gas": gas,
            "value": 0,
            # Twice the base fee outlasts five full blocks in a row (EIP-1559: at most 1/8 more for each).
            "maxFeePerGas": 2 * int(block["baseFeePerGas"], 16) + int(tip, 16),
            "maxPriorityFeePerGas": int(tip, 16),
            "data": call["data"],
            "to": call.get("to", ""),
        }
        signed = self._account.sign_transaction(transaction)
        raw = "0x" + bytes(signed.raw_transaction).hex()
        return _Signed(bytes(signed.hash), raw, int(count, 16), call)

    async def _broadcast(self, signed: _Signed) -> None:
        try:
            await request(self._w3, "eth_sendRawTransaction", signed.raw)
        except RpcRefused as refusal:
            # After a lost answer the same transaction is offered twice, and is then known or already mined.
            known = await request(self._w3, "eth_getTransactionByHash", "0x" + signed.hash.hex())
            if known is not None:
                return
            if "nonce" in refusal.message or "underpriced" in refusal.message:
                raise TransactionReplaced(signed.nonce, signed.hash) from refusal
            raise

    async def _receipt(self, signed: _Signed) -> Receipt:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._receipt_timeout
        while clock() < deadline:
            try:
                receipt, transaction = await request_batch(
                    self._w3,
                    [
                        ("eth_getTransactionReceipt", ["0x" + signed.hash.hex()]),
                        ("eth_getTransactionByHash", ["0x" + signed.hash.hex()]),
                    ],
                )
                if receipt is not None:
                    return await self._outcome(signed, receipt)
                if transaction is None:  # a reorganisation dropped it
                    await self._broadcast(signed)
            except RpcUnavailable:
                pass  # the deadline bounds how long an outage is sat out
            await asyncio.sleep(self._poll_interval)
        raise ReceiptTimeout(signed.hash, self._receipt_timeout)

    async def _outcome(self, signed: _Signed, receipt: dict[str, Any]) -> Receipt:
        if int(receipt["status"], 16) != 1:
            reason = await self._replay(signed.call, receipt["blockNumber"])
            raise TransactionReverted(reason, signed.hash)
        contract = receipt.get("contractAddress")
        return Receipt(
            transaction_hash=signed.hash,
            block_number=int(receipt["blockNumber"], 16),
            block_hash=unhex(receipt["blockHash"]),
            gas_used=int(receipt["gasUsed"], 16),
            contract=unhex(contract) if contract else None,
            logs=tuple(receipt["logs"]),
        )

    async def _replay(self, call: dict[str, Any], block: str) -> str:
        """Why a mined transaction reverted: the same call again, on the state of its block."""
        try:
            await request(self._w3, "eth_call", call, block)
        except RpcRefused as refusal:
            return revert_reason(refusal)
        return "reverted in its block, though the same call succeeds after it"


def revert_reason(refusal: RpcRefused) -> str:
    """The text of `Error(string)` revert data; otherwise the endpoint's own message."""
    data = unhex(refusal.data)
    if data[:4] == _ERROR_SELECTOR:
        try:
            return str(decode(["string"], data[4:])[0])
        except DecodingError:
            return refusal.message
    return refusal.message
