"""Leaving a house that stopped, with a ticket and the chains alone: no node is asked anything.

show       relay the certificate of the ticket's batch from the hub to the vault, unless the vault has it
request    prove what leaves, once the vault saw no checkpoint for its `exit_after` seconds
finish     be paid, `challenge` seconds later
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError as HttpError
from aiohttp import ClientSession, ClientTimeout
from eth_abi.abi import decode as abi_decode
from eth_account import Account as ChainAccount
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from web3 import AsyncWeb3
from web3.exceptions import Web3Exception

from node.client.deposits import Chain, Endpoint
from node.client.errors import ExitFailed, TicketInvalid
from node.client.exit_proof import Exit, encode_finish, encode_request, prove_exit
from node.client.exit_ticket import ExitTicket
from node.client.signing import OwnerKey
from node.ledger.types import Address, AssetId

_REQUEST_SECONDS: Final = 30.0
_RECEIPT_SECONDS: Final = 60.0
_COMMIT_ARGUMENTS: Final = "(uint256,bytes32,bytes32,bytes32,address[],uint256,bytes32[2][])"
_COMMIT: Final = bytes(keccak(f"commit{_COMMIT_ARGUMENTS}".encode())[:4])
_CHECKPOINT: Final = bytes(keccak(f"checkpoint{_COMMIT_ARGUMENTS}".encode())[:4])
_ANNOUNCED: Final = bytes(keccak(b"Announced(bytes32,address,uint256,uint256)"))
_COMMITTED: Final = bytes(keccak(b"BatchCommitted(uint256,bytes32,bytes32,bytes32)"))
_ERROR: Final = bytes(keccak(b"Error(string)")[:4])


@dataclass(frozen=True, slots=True)
class VaultStanding:
    """A vault's newest checkpoint and its two delays: `since` is its block's time, Unix seconds as all here."""

    checkpoint: int
    since: int
    exit_after: int
    challenge: int

    @property
    def opens(self) -> int:
        """When exits may be requested, if no checkpoint comes before."""
        return self.since + self.exit_after


@dataclass(frozen=True, slots=True)
class Departure:
    """One owner's way out of the vault on `chain`, by a ticket."""

    ticket: ExitTicket
    key: OwnerKey
    chain: Chain

    @property
    def vault(self) -> Address:
        """The vault on the chain. Raises TicketInvalid if the house has none there."""
        if self.chain.id not in self.ticket.vaults:
            raise TicketInvalid(f"the house has no vault on chain {self.chain.id}")
        return self.ticket.vaults[self.chain.id]

    async def show(self, hub: Chain) -> VaultStanding:
        """Have the vault know the ticket's batch; how the vault stands afterwards.

        Raises:
            TicketInvalid: the vault knows a newer batch, for which this ticket is of no use.
            ExitFailed: the hub does not have the ticket's batch, or a chain refuses or cannot be reached.
        """
        async with _connected(self.chain) as web3:
            known = await self._read(web3, "checkpoint_number")
            if known > self.ticket.number:
                raise TicketInvalid(f"of batch {self.ticket.number}, and the vault's checkpoint is batch {known}")
            if known < self.ticket.number:
                async with _connected(hub) as hub_web3:
                    certified = await self._certificate(hub, hub_web3)
                await self._send(web3, _CHECKPOINT + certified)
            names = ("checkpoint_number", "checkpoint_time", "EXIT_AFTER", "CHALLENGE")
            return VaultStanding(*[await self._read(web3, name) for name in names])

    async def request(self, asset: AssetId, units: int, to: Address) -> bytes:
        """Ask for `units` ledger units of an asset of the chain; the transaction's hash.

        Raises:
            TicketInvalid: the asset is another chain's, or the account holds none of it.
            WitnessInvalid: the account has less of it, or is in debt.
            UnknownInstrument: the asset is not listed.
            ExitFailed: the vault refuses (too early, for example), or the chain cannot be reached.
        """
        ticket, listed = self.ticket, self.ticket.asset(asset)
        if listed.chain_id != self.chain.id:
            raise TicketInvalid(f"{asset} is not on chain {self.chain.id}")
        leaving = Exit(self.chain.id, self.vault, ticket.account, Address(listed.token), units, to, ticket.root)
        place = None if listed.is_cash else ticket.place(asset)
        opening = None if listed.is_cash else ticket.collateral[asset]
        proof = await asyncio.to_thread(prove_exit, ticket.key, ticket.deployment, leaving, ticket.cash, opening)
        async with _connected(self.chain) as web3:
            return await self._send(web3, encode_request(ticket.leaf, ticket.path, place, proof, leaving))

    async def finish(self, asset: AssetId) -> bytes:
        """Be paid what was requested; the transaction's hash.

        Raises:
            UnknownInstrument: the asset is not listed.
            ExitFailed: the vault refuses (a newer checkpoint, or too early), has only announced what is more than its
                hourly limit, or the chain cannot be reached.
        """
        token = Address(self.ticket.asset(asset).token)
        async with _connected(self.chain) as web3:
            sent = await self._send(web3, encode_finish(self.ticket.account, token))
            receipt = await web3.eth.get_transaction_receipt(sent)  # type: ignore[arg-type]
        for log in receipt["logs"]:
            if bytes(log["topics"][0]) == _ANNOUNCED:
                due = int.from_bytes(bytes(log["data"])[-32:], "big")
                raise ExitFailed(self.chain.id, f"more than the hourly limit: announced, finish it after {due}")
        return sent

    async def _read(self, web3: "AsyncWeb3[Any]", name: str) -> int:
        """A number that the vault tells."""
        data = bytes(keccak(f"{name}()".encode())[:4])
        call = {"to": to_checksum_address(self.vault), "data": "0x" + data.hex()}
        return int.from_bytes(await web3.eth.call(call), "big")  # type: ignore[arg-type]

    async def _certificate(self, hub: Chain, web3: "AsyncWeb3[Any]") -> bytes:
        """The arguments with which the hub took the ticket's batch."""
        topics = ["0x" + _COMMITTED.hex(), "0x" + self.ticket.number.to_bytes(32, "big").hex()]
        where = {"address": to_checksum_address(self.ticket.deployment.hub), "topics": topics, "fromBlock": 0}
        logs = await web3.eth.get_logs(where)  # type: ignore[arg-type]
        if not logs:
            raise ExitFailed(hub.id, f"the hub has no batch {self.ticket.number}")
        data = bytes((await web3.eth.get_transaction(logs[-1]["transactionHash"]))["input"])
        if data[:4] != _COMMIT:
            raise ExitFailed(hub.id, f"batch {self.ticket.number} was not committed by a plain call")
        return data[4:]

    async def _send(self, web3: "AsyncWeb3[Any]", data: bytes) -> bytes:
        sender = to_checksum_address(self.key.address)
        call: dict[str, Any] = {"from": sender, "to": to_checksum_address(self.vault), "data": "0x" + data.hex()}
        gas = await web3.eth.estimate_gas(call)  # type: ignore[arg-type]
        block, tip = await web3.eth.get_block("latest"), await web3.eth.max_priority_fee
        transaction = {
            **call,
            "nonce": await web3.eth.get_transaction_count(sender, "pending"),
            "chainId": self.chain.id,
            "gas": gas * 6 // 5,
            "maxFeePerGas": 2 * block["baseFeePerGas"] + tip,
            "maxPriorityFeePerGas": tip,
        }
        signed = ChainAccount.sign_transaction(transaction, self.key.secret())
        sent = await web3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = await web3.eth.wait_for_transaction_receipt(sent, timeout=_RECEIPT_SECONDS)
        if receipt["status"] != 1:
            raise ExitFailed(self.chain.id, f"transaction 0x{bytes(sent).hex()} reverted")
        return bytes(sent)


@asynccontextmanager
async def _connected(chain: Chain) -> "AsyncIterator[AsyncWeb3[Any]]":
    """The chain behind the endpoint. Raises ExitFailed for whatever goes wrong there."""
    async with ClientSession(timeout=ClientTimeout(total=_REQUEST_SECONDS), raise_for_status=True) as session:
        web3: AsyncWeb3[Any] = AsyncWeb3(Endpoint(session, chain.rpc))
        try:
            served = await web3.eth.chain_id
            if served != chain.id:
                raise ExitFailed(chain.id, f"the endpoint serves chain {served}")
            yield web3
        except (Web3Exception, HttpError, OSError, TimeoutError) as error:
            raise ExitFailed(chain.id, _reason(error)) from error


def _reason(error: Exception) -> str:
    """A contract's own words, if the error carries them."""
    data = str(getattr(error, "data", "") or "")
    if data.startswith("0x" + _ERROR.hex()):
        return str(abi_decode(["string"], bytes.fromhex(data[10:]))[0])
    return str(error)
