"""The chain's own arithmetic in G1, on which the contracts rely: EIP-2537's published vectors on a real anvil."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from circuits.group import hash_to_point, point_words
from devnet.anvil import Anvil
from node.chains.errors import RpcRefused
from node.chains.rpc import Connection, connect, disconnect, request
from tests.support.vectors import load

FILES = load("eip2537-g1.json")["files"]
ADDRESSES = {"add_G1_bls": 0x0B, "msm_G1_bls": 0x0C, "map_fp_to_G1_bls": 0x10}
CHAIN_ID = 31337


def cases(prefix: str) -> list[object]:
    """Every case of the files that start so, with the address of what it calls."""
    return [
        pytest.param(address, case["Input"], case.get("Expected"), id=case["Name"])
        for name, address in ADDRESSES.items()
        for case in FILES[prefix + name]
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def w3(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Connection]:
    """A fresh chain."""
    async with Anvil(CHAIN_ID, tmp_path_factory.mktemp("anvil") / "anvil.log") as anvil:
        connection = connect(anvil.url)
        try:
            yield connection
        finally:
            await disconnect(connection)


async def call(w3: Connection, address: int, data: str) -> str:
    """What the chain answers, as hex digits."""
    answer: str = await request(w3, "eth_call", {"to": f"0x{address:040x}", "data": "0x" + data}, "latest")
    return answer.removeprefix("0x")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("address", "data", "expected"), cases(""))
async def test_the_chain_gives_the_vectors_of_eip_2537(w3: Connection, address: int, data: str, expected: str) -> None:
    assert await call(w3, address, data) == expected


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("address", "data", "expected"), cases("fail-"))
async def test_the_chain_refuses_what_eip_2537_has_it_refuse(
    w3: Connection, address: int, data: str, expected: None
) -> None:
    with pytest.raises(RpcRefused):
        await call(w3, address, data)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_chain_adds_up_points_as_the_circuits_encode_them(w3: Connection) -> None:
    left, right = (hash_to_point(bytes([index]), b"zkclear/test") for index in range(2))
    assert await call(w3, 0x0B, (point_words(left) + point_words(right)).hex()) == point_words(left + right).hex()
