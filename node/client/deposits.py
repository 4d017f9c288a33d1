"""Paying tokens into a chain's vault: ERC-20 approve, then `CollateralVault.deposit`, from the owner's own address.

Amounts are base units of the token (wei, satoshi); the vault takes whole ledger units only. The transaction is signed
here; the RPC endpoint sees nothing but signed transactions.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout
from eth_account import Account as ChainAccount
from eth_utils.address import to_checksum_address
from web3 import AsyncWeb3
from web3.exceptions import Web3Exception
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse, TxReceipt

from node.client.errors import DepositFailed
from node.client.signing import OwnerKey
from node.ledger.types import AccountId, Address

_RECEIPT_SECONDS: Final = 60.0
_REQUEST_SECONDS: Final = 30.0
_ABI: Final[list[dict[str, Any]]] = [
    {
        "type": "function",
        "name": name,
        "stateMutability": mutability,
        "inputs": [{"name": f"argument{i}", "type": kind} for i, kind in enumerate(inputs)],
        "outputs": [{"name": "", "type": kind} for kind in outputs],
    }
    for name, mutability, inputs, outputs in (
        ("allowance", "view", ("address", "address"), ("uint256",)),
        ("approve", "nonpayable", ("address", "uint256"), ()),
        ("deposit", "nonpayable", ("bytes32", "address", "uint256"), ()),
    )
]
"""`approve` is declared without its bool: some tokens return nothing, and the receipt's status decides."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain as the owner reaches it: its id and an RPC endpoint of the owner's choice."""

    id: int
    rpc: str


@dataclass(frozen=True, slots=True)
class VaultDeposit:
    """What to pay in, and where: `amount` in base units of `token`."""

    account: AccountId
    vault: Address
    token: Address
    amount: int


async def pay_in(chain: Chain, key: OwnerKey, deposit: VaultDeposit) -> bytes:
    """Approve what is missing, deposit, and wait for the receipt; returns the deposit's transaction hash.

    Raises:
        DepositFailed: the endpoint serves another chain, cannot be reached, or a transaction reverts or is not mined.
    """
    async with ClientSession(timeout=ClientTimeout(total=_REQUEST_SECONDS), raise_for_status=True) as session:
        web3: AsyncWeb3[Any] = AsyncWeb3(Endpoint(session, chain.rpc))
        try:
            served = await web3.eth.chain_id
            if served != chain.id:
                raise DepositFailed(chain.id, f"the endpoint serves chain {served}")
            return await _Payer(web3, chain, key).pay(deposit)
        except (Web3Exception, ClientError, OSError, ValueError, TimeoutError) as error:
            raise DepositFailed(chain.id, str(error)) from error


class Endpoint(AsyncJSONBaseProvider):
    """In place of web3's AsyncHTTPProvider, where one cancelled request can hold up every later one of the process."""

    def __init__(self, session: ClientSession, url: str) -> None:
        super().__init__()
        self._session, self._url = session, url

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        headers = {"Content-Type": "application/json"}
        data = self.encode_rpc_request(method, params)
        async with self._session.post(self._url, data=data, headers=headers) as response:
            return self.decode_rpc_response(await response.read())


class _Payer:
    def __init__(self, web3: "AsyncWeb3[Any]", chain: Chain, key: OwnerKey) -> None:
        self._web3, self._chain, self._key = web3, chain, key
        self._sender = to_checksum_address(key.address)

    async def pay(self, deposit: VaultDeposit) -> bytes:
        token = self._web3.eth.contract(to_checksum_address(deposit.token), abi=_ABI)
        vault = self._web3.eth.contract(to_checksum_address(deposit.vault), abi=_ABI)
        allowed = await token.functions.allowance(self._sender, vault.address).call()
        if allowed < deposit.amount:
            # Tokens in the manner of USDT refuse to change one non-zero allowance into another.
            if allowed:
                await self._send(token.functions.approve(vault.address, 0))
            await self._send(token.functions.approve(vault.address, deposit.amount))
        return await self._send(vault.functions.deposit(deposit.account, token.address, deposit.amount))

    async def _send(self, call: Any) -> bytes:
        receipt = await send_call(self._web3, self._chain.id, self._key, call)
        if receipt["status"] != 1:
            raise DepositFailed(self._chain.id, f"transaction 0x{receipt['transactionHash'].hex()} reverted")
        return bytes(receipt["transactionHash"])


async def send_call(web3: "AsyncWeb3[Any]", chain_id: int, key: OwnerKey, call: Any) -> TxReceipt:
    """The receipt of a contract's call that the owner's address sends. Raises what web3 and the endpoint do."""
    sender = to_checksum_address(key.address)
    nonce = await web3.eth.get_transaction_count(sender, "pending")
    transaction = await call.build_transaction({"from": sender, "nonce": nonce, "chainId": chain_id})
    signed = await asyncio.to_thread(ChainAccount.sign_transaction, transaction, key.secret())
    sent = await web3.eth.send_raw_transaction(signed.raw_transaction)
    return await web3.eth.wait_for_transaction_receipt(sent, timeout=_RECEIPT_SECONDS)
