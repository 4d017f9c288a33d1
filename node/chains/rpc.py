"""JSON-RPC over an AsyncWeb3 connection: raw requests and batches, with this package's errors.

The hot paths (polling blocks, relaying) speak JSON-RPC directly: one round trip for a batch, and none of the
per-field formatting that web3's `eth` module does.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, cast

from aiohttp import ClientError, ClientTimeout
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import BadResponseFormat, RequestTimedOut
from web3.types import RPCEndpoint

from node.chains.errors import RpcRefused, RpcUnavailable, WrongChain

Connection: TypeAlias = AsyncWeb3[Any]

REQUEST_TIMEOUT: Final = 10.0
"""Seconds after which a request counts as unanswered."""
_UNAVAILABLE: Final = (ClientError, OSError, TimeoutError, BadResponseFormat, RequestTimedOut, ValueError)


def connect(url: str) -> Connection:
    """A connection to the chain at `url`. It retries nothing: watcher and relayer have their own policies."""
    provider = AsyncHTTPProvider(
        url,
        request_kwargs={"timeout": ClientTimeout(total=REQUEST_TIMEOUT)},
        exception_retry_configuration=None,
    )
    return AsyncWeb3(provider)


async def disconnect(w3: Connection) -> None:
    """Close the connection's HTTP sessions."""
    await w3.provider.disconnect()


async def request(w3: Connection, method: str, *params: Any) -> Any:
    """The result of one JSON-RPC request. Raises RpcUnavailable or RpcRefused."""
    try:
        response = await w3.provider.make_request(cast(RPCEndpoint, method), list(params))
    except _UNAVAILABLE as error:
        raise RpcUnavailable(method, f"{type(error).__name__}: {error}") from error
    return _result(method, response)


async def request_batch(
    w3: Connection,
    requests: Sequence[tuple[str, Sequence[Any]]],
) -> list[Any]:
    """The results of several requests in one round trip, in order. Raises RpcUnavailable or RpcRefused."""
    if not requests:
        return []
    methods = [method for method, _ in requests]
    calls = [(cast(RPCEndpoint, method), list(params)) for method, params in requests]
    try:
        responses = await w3.provider.make_batch_request(calls)
    except _UNAVAILABLE as error:
        raise RpcUnavailable(methods[0], f"{type(error).__name__}: {error}") from error
    if not isinstance(responses, list):  # the endpoint refuses a batch as a whole with a single answer
        responses = [responses]
        _result(methods[0], responses[0])
    if len(responses) != len(requests):
        raise RpcUnavailable(methods[0], f"{len(responses)} answers to {len(requests)} requests")
    return [_result(method, response) for method, response in zip(methods, responses, strict=True)]


async def require_chain(w3: Connection, chain_id: int) -> None:
    """Raise WrongChain unless the endpoint serves `chain_id`.

    Development chains share one genesis hash whatever their id, so nothing else tells them apart.
    """
    actual = int(await request(w3, "eth_chainId"), 16)
    if actual != chain_id:
        raise WrongChain(chain_id, actual)


def _result(method: str, response: Any) -> Any:
    error = response.get("error")
    if error is None:
        return response.get("result")
    if not isinstance(error, dict):
        raise RpcRefused(method, 0, str(error), "")
    data = error.get("data")
    code, message = int(error.get("code", 0)), str(error.get("message", ""))
    raise RpcRefused(method, code, message, data if isinstance(data, str) else "")
