"""The real Uniswap V2 for development chains: its published bytecode, deployed, seeded, and kept at the market's price.

The artefacts come from the npm packages `@uniswap/v2-core` and `@uniswap/v2-periphery`, installed without running their
scripts; what is deployed has to have the pinned hash. `python -m devnet.uniswap` installs them.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Final

from eth_abi.abi import encode

from devnet.errors import DevnetError
from devnet.npm import npm_install
from node.chains.calls import balance_of, encode_approve, encode_call, read
from node.chains.relayer import Relayer
from node.chains.rpc import Connection

PACKAGES: Final = ("@uniswap/v2-core@1.0.1", "@uniswap/v2-periphery@1.1.0-beta.0")
_FACTORY: Final = "@uniswap/v2-core/build/UniswapV2Factory.json"
_ROUTER: Final = "@uniswap/v2-periphery/build/UniswapV2Router02.json"
_SHA256: Final = {
    _FACTORY: "3708cb3b10f129c91c22ae6b6c129e60d2e6484055799e7d9986d7c83284ceff",
    _ROUTER: "b6437c1c7f6e761aaee6d4c19e8c993f7c91a5c5580ce3bd0d255ca059107f65",
}
FAR: Final = 2**40
"""A deadline that no development chain reaches, unix seconds."""


@dataclass
class ArtefactRefused(DevnetError):
    """A build artefact is missing, or not the one that was pinned."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; run `make install`"


def install_uniswap(venv: Path = Path(sys.prefix)) -> Path:
    """Install the pinned packages below `venv` unless they are there; the folder. Raises NpmFailed, ArtefactRefused."""
    folder = venv / "uniswap"
    if not all((folder / "node_modules" / name).is_file() for name in _SHA256):
        npm_install(folder, *PACKAGES)
    for name in _SHA256:
        artefact(name, venv)
    return folder


def artefact(name: str, venv: Path = Path(sys.prefix)) -> bytes:
    """The creation code of one artefact, checked against its pin. Raises ArtefactRefused."""
    path = venv / "uniswap" / "node_modules" / name
    try:
        code = bytes.fromhex(json.loads(path.read_text())["bytecode"])
    except (OSError, ValueError, KeyError) as error:
        raise ArtefactRefused(path, f"no bytecode ({error})") from error
    if hashlib.sha256(code).hexdigest() != _SHA256[name]:
        raise ArtefactRefused(path, "not the pinned bytecode")
    return code


@dataclass(frozen=True, slots=True)
class Uniswap:
    """Factory and router on one chain, 20 bytes each. Amounts are base units."""

    w3: Connection
    factory: bytes
    router: bytes

    @classmethod
    async def deploy(cls, w3: Connection, relayer: Relayer, weth: bytes) -> "Uniswap":
        """Deploy both; `weth` is what the router wraps native money in."""
        factory = await relayer.send(None, artefact(_FACTORY) + encode(["address"], [relayer.address]))
        arguments = encode(["address", "address"], [factory.contract, weth])
        router = await relayer.send(None, artefact(_ROUTER) + arguments)
        return cls(w3, factory.contract or b"", router.contract or b"")

    async def pair(self, token: bytes, usd: bytes) -> bytes:
        """The pair's address; zero for none."""
        return bytes(await read(self.w3, self.factory, "getPair", ("address", "address"), [token, usd], "address"))

    async def reserves(self, token: bytes, usd: bytes) -> tuple[int, int]:
        """What the pair holds of `token` and of `usd`."""
        pair = await self.pair(token, usd)
        return await balance_of(self.w3, token, pair), await balance_of(self.w3, usd, pair)

    async def seed(self, relayer: Relayer, token: bytes, amount: int, usd: bytes, dollars: int) -> None:
        """Found the pair, or add to it at its ratio, with what the relayer's account holds."""
        for asset, units in ((token, amount), (usd, dollars)):
            await relayer.send(asset, encode_approve(self.router, units))
        types = ("address", "address", "uint256", "uint256", "uint256", "uint256", "address", "uint256")
        values = [token, usd, amount, dollars, 0, 0, relayer.address, FAR]
        await relayer.send(self.router, encode_call("addLiquidity", types, values))

    async def swap(self, relayer: Relayer, path: Sequence[bytes], amount: int) -> None:
        """Sell `amount` of the path's first token for its last, at whatever price."""
        await relayer.send(path[0], encode_approve(self.router, amount))
        types = ("uint256", "uint256", "address[]", "address", "uint256")
        values = [amount, 0, list(path), relayer.address, FAR]
        await relayer.send(self.router, encode_call("swapExactTokensForTokens", types, values))


def towards(reserve_in: int, reserve_out: int, value_in: int, value_out: int) -> int:
    """How much to sell into a pair so that its price becomes that of the market; zero or less: nothing.

    One base unit of what is sold is worth `value_in`, of what is bought `value_out`, in any common measure. The fee of
    0.3 % is counted as kept by the pair, which leaves the price within it.
    """
    return isqrt(reserve_in * reserve_out * value_out // value_in) - reserve_in


if __name__ == "__main__":
    install_uniswap()
