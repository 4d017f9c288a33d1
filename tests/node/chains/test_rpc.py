"""Requests over one connection, given up at every moment."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from node.chains.errors import RpcUnavailable
from node.chains.rpc import connect, disconnect, request

ANSWER = b'{"jsonrpc": "2.0", "id": 0, "result": "0x1"}'


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An endpoint that knows one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}\r\n\r\n".encode()
    writer.write(head + ANSWER)
    await writer.drain()
    writer.close()


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.close()
    await server.wait_closed()


async def test_requests_given_up_at_any_moment_hold_up_no_other(url: str) -> None:
    w3, other = connect(url), connect(url)
    try:
        async with asyncio.timeout(20):
            for moment in range(200):
                requests = [asyncio.create_task(request(c, "eth_blockNumber")) for c in (w3, other, w3, other)]
                for _ in range(moment % 10):
                    await asyncio.sleep(0)
                for abandoned in requests[moment % 2 :: 2]:
                    abandoned.cancel()
                for kept in requests[1 - moment % 2 :: 2]:
                    assert await kept == "0x1"
    finally:
        await disconnect(w3)
        await disconnect(other)


async def test_a_connection_serves_again_after_it_was_closed(url: str) -> None:
    w3 = connect(url)
    assert await request(w3, "eth_blockNumber") == "0x1"
    await disconnect(w3)
    assert await request(w3, "eth_blockNumber") == "0x1"
    await disconnect(w3)


async def test_an_endpoint_that_nobody_serves_is_named_unavailable() -> None:
    w3 = connect("http://127.0.0.1:1")
    with pytest.raises(RpcUnavailable):
        await request(w3, "eth_blockNumber")
    await disconnect(w3)
