"""Sending a signed message through the hub chain, where no validator can keep it out of the ledger.

The owner's address pays the gas; the RPC endpoint is of the owner's choice and sees a signed transaction. What the hub
shows of the message is what a batch shows of it: no hidden amount.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import ClientError as HttpError
from aiohttp import ClientSession, ClientTimeout
from eth_utils.address import to_checksum_address
from web3 import AsyncWeb3
from web3.exceptions import Web3Exception

from node.client.deposits import Chain, Endpoint, send_call
from node.client.errors import SubmissionFailed
from node.client.session import Session
from node.client.signing import OwnerKey
from node.ledger.errors import WireError
from node.ledger.messages import Message
from node.ledger.submissions import encode_submission
from node.ledger.types import Address

_REQUEST_SECONDS: Final = 30.0
_ABI: Final[list[dict[str, Any]]] = [
    {
        "type": "function",
        "name": "submit",
        "stateMutability": "nonpayable",
        "inputs": [{"name": "data", "type": "bytes"}],
        "outputs": [],
    }
]


def once_on_hub(session: Session, chain: Chain, message: Message) -> Callable[[], Awaitable[None]]:
    """What puts a signed message on the hub when first awaited; afterwards it does nothing, as the hub loses nothing.

    Awaiting it raises as `submit_to_hub`, and SubmissionFailed for a chain that is not the hub's.
    """
    deployment, mined = session.house.deployment, False

    async def send() -> None:
        nonlocal mined
        if chain.id != deployment.hub_chain_id:
            raise SubmissionFailed(chain.id, f"the hub is on chain {deployment.hub_chain_id}")
        async with session.paying:
            if not mined:
                await submit_to_hub(chain, session.owner, Address(deployment.hub), message)
                mined = True

    return send


async def submit_to_hub(chain: Chain, key: OwnerKey, hub: Address, message: Message) -> bytes:
    """Put a signed message on the hub and wait until it is mined; the transaction's hash.

    Raises:
        SubmissionFailed: the message is too long for the hub, the endpoint serves another chain or cannot be reached,
            or the transaction reverts or is not mined in time; in the last case it may still be.
    """
    try:
        data = encode_submission(message)
    except WireError as error:
        raise SubmissionFailed(chain.id, error.detail) from error
    async with ClientSession(timeout=ClientTimeout(total=_REQUEST_SECONDS), raise_for_status=True) as session:
        web3: AsyncWeb3[Any] = AsyncWeb3(Endpoint(session, chain.rpc))
        try:
            served = await web3.eth.chain_id
            if served != chain.id:
                raise SubmissionFailed(chain.id, f"the endpoint serves chain {served}")
            contract = web3.eth.contract(to_checksum_address(hub), abi=_ABI)
            receipt = await send_call(web3, chain.id, key, contract.functions.submit(data))
        except (Web3Exception, HttpError, OSError, ValueError, TimeoutError) as error:
            raise SubmissionFailed(chain.id, str(error)) from error
    if receipt["status"] != 1:
        raise SubmissionFailed(chain.id, f"transaction 0x{receipt['transactionHash'].hex()} reverted")
    return bytes(receipt["transactionHash"])
