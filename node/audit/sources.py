"""Where the evidence comes from: any node for the account, and the hub's chain for the root, if it is to be asked."""

from pathlib import Path
from typing import Any, Final

from aiohttp import ClientError as HttpError
from aiohttp import ClientSession, ClientTimeout
from clearing.v1 import ledger_service_pb2, market_service_pb2
from eth_abi.abi import encode as abi_encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from web3 import AsyncWeb3
from web3.exceptions import Web3Exception

from node.audit.errors import LeafInvalid
from node.audit.evidence import Evidence, ShownAccount
from node.client.connection import Connection
from node.client.deposits import Endpoint
from node.client.house import HouseTerms
from node.ledger.types import AccountId

_REQUEST_SECONDS: Final = 30.0
_ROOT: Final = bytes(keccak(b"root(uint256)")[:4])


async def fetch_house(target: str, ca: Path | None, house: bytes | None) -> HouseTerms:
    """What the house is, from the node at `target` (host:port).

    Raises:
        HouseUntrusted: another house than `house`, or one whose parts contradict each other.
        HouseRefused, HouseUnavailable: the node's answer.
    """
    connection = Connection(target, ca)
    try:
        request = market_service_pb2.GetDeploymentRequest()
        return HouseTerms.from_proto(await connection.call(connection.market.GetDeployment, request), house)
    finally:
        await connection.close()


async def fetch_evidence(target: str, ca: Path | None, account: AccountId) -> Evidence:
    """An account after the last final batch, from the node at `target` (host:port). Nothing is checked yet.

    Raises:
        HouseRefused: the account is not open.
        HouseUnavailable: the node does not answer.
    """
    connection = Connection(target, ca)
    try:
        market, ledger = connection.market, connection.ledger
        deployment = await connection.call(market.GetDeployment, market_service_pb2.GetDeploymentRequest())
        request = ledger_service_pb2.GetLeafProofRequest(account=account)
        leaf = await connection.call(ledger.GetLeafProof, request)
        number = leaf.as_of.number
        batch = await connection.call(ledger.GetBatch, ledger_service_pb2.GetBatchRequest(number=number))
        return Evidence(deployment, leaf, batch)
    finally:
        await connection.close()


async def require_on_hub(shown: ShownAccount, rpc: str) -> None:
    """That the hub, asked by an endpoint of its chain, has the account's root: final, whoever the validators are now.

    Raises:
        LeafInvalid: it has another, or none; or the endpoint serves another chain, or does not answer.
    """
    hub = shown.house.deployment
    data = _ROOT + abi_encode(["uint256"], [shown.batch])
    async with ClientSession(timeout=ClientTimeout(total=_REQUEST_SECONDS), raise_for_status=True) as session:
        web3: AsyncWeb3[Any] = AsyncWeb3(Endpoint(session, rpc))
        try:
            served = await web3.eth.chain_id
            call: Any = {"to": to_checksum_address(hub.hub), "data": "0x" + data.hex()}
            root = bytes(await web3.eth.call(call))
        except (Web3Exception, HttpError, OSError, TimeoutError, ValueError) as error:
            raise LeafInvalid("hub", str(error)) from error
    if served != hub.hub_chain_id:
        raise LeafInvalid("hub", f"the endpoint serves chain {served}, not {hub.hub_chain_id}")
    if root != shown.root:
        raise LeafInvalid("hub", f"has another root for batch {shown.batch}, or none")
