"""JSON-RPC over an AsyncWeb3 connection: raw requests and batches, with this package's errors.

The hot paths (polling blocks, relaying) speak JSON-RPC directly: one round trip for a batch, and none of the
per-field formatting that web3's `eth` module does.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias, cast

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from web3 import AsyncWeb3
from web3.exceptions import BadResponseFormat, RequestTimedOut
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from node.chains.errors import RpcRefused, RpcUnavailable, WrongChain

Connection: TypeAlias = AsyncWeb3[Any]

REQUEST_TIMEOUT: Final = 10.0
"""Seconds after which a request counts as unanswered."""
_UNAVAILABLE: Final = (ClientError, OSError, TimeoutError, BadResponseFormat, RequestTimedOut, ValueError)


class HttpEndpoint(AsyncJSONBaseProvider):
    """One endpoint, one session of the event loop that uses it.

    web3's own AsyncHTTPProvider takes a lock of the whole process, in a thread, for every request. A request that is
    cancelled beside others can leave it taken for good, and no connection of the process gets an answer from then on.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._session: ClientSession | None = None

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request. Raises ClientError, OSError, TimeoutError, ValueError."""
        return self.decode_rpc_response(await self._post(self.encode_rpc_request(method, params)))

    async def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse] | RPCResponse:
        """Several requests in one; the answers in their order, or the single one of a refusal. Raises as above."""
        encoded = [self.form_request(method, params) for method, params in requests]
        answers: Any = self.decode_rpc_response(await self._post(self.encode_batch_request_dicts(encoded)))
        if not isinstance(answers, list):
            return cast(RPCResponse, answers)
        if not all(isinstance(answer, dict) for answer in answers):
            raise ValueError("an answer of the batch is no object")
        places = {str(entry["id"]): place for place, entry in enumerate(encoded)}
        return sorted(answers, key=lambda answer: places.get(str(answer.get("id")), len(places)))

    async def disconnect(self) -> None:
        """Close the session; a later request opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, body: bytes) -> bytes:
        if self._session is None:
            timeout = ClientTimeout(total=REQUEST_TIMEOUT)
            connector = TCPConnector(force_close=True)
            headers = {"Content-Type": "application/json"}
            self._session = ClientSession(timeout=timeout, connector=connector, headers=headers, raise_for_status=True)
        async with self._session.post(self._url, data=body) as response:
            return await response.read()


def connect(url: str) -> Connection:
    """A connection to the chain at `url`. It retries nothing: watcher and relayer have their own policies."""
    return AsyncWeb3(HttpEndpoint(url))


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
