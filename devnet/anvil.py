"""Runs anvil, the development chain: finds or installs it, starts it, mines, funds, reorganises, stops.

Anvil comes from the npm package `@foundry-rs/anvil`, installed without running its scripts. Chains listen on
loopback only and finalise two blocks behind their head. Measured ways of anvil 1.7.1 that this module answers
to: `finalized` is 64 blocks behind unless an epoch has one slot; the state file is written on SIGTERM only
unless an interval is given; past 500 blocks states spill to disk without end unless history is pruned; the
protocol's cap of 2²⁴ gas for one transaction holds only when asked for. `python -m devnet.anvil` installs it.
"""

import asyncio
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from devnet.npm import NpmFailed, npm_install
from devnet.ports import free_port
from node.chains.errors import RpcUnavailable
from node.chains.rpc import Connection, connect, disconnect, request

ANVIL_VERSION: Final = "1.7.1"
ANVIL_VARIABLE: Final = "ZKCLEAR_ANVIL"
"""Environment variable that names another binary."""
FINALITY_DEPTH: Final = 2
START_TIMEOUT: Final = 15.0
ANSWER_TIMEOUT: Final = 0.5
STOP_TIMEOUT: Final = 5.0

DEV_KEYS: Final = tuple(
    bytes.fromhex(key)
    for key in (
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
        "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
        "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
        "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
        "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
        "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
        "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
        "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
    )
)
"""Keys of the accounts that anvil funds at genesis. Everybody has them: they must own nothing."""


class AnvilError(Exception):
    """Root of this module's errors."""


@dataclass
class AnvilMissing(AnvilError):
    """There is no anvil binary where it should be."""

    path: Path

    def __str__(self) -> str:
        return f"no anvil at {self.path}: run `make install`, or name a binary in {ANVIL_VARIABLE}"


@dataclass
class AnvilInstallFailed(AnvilError):
    """npm did not install anvil."""

    output: str

    def __str__(self) -> str:
        return f"npm could not install anvil {ANVIL_VERSION}: {self.output}"


@dataclass
class AnvilFailed(AnvilError):
    """Anvil ended, or did not answer, while it was starting. `output` is the end of its log."""

    chain_id: int
    output: str

    def __str__(self) -> str:
        return f"anvil for chain {self.chain_id} did not start: {self.output}"


def anvil_binary(venv: Path = Path(sys.prefix)) -> Path:
    """Where the binary is: ZKCLEAR_ANVIL, or below `venv`. Raises AnvilMissing."""
    named = os.environ.get(ANVIL_VARIABLE)
    path = Path(named) if named else _installed(venv)
    if not path.is_file():
        raise AnvilMissing(path)
    return path


def _installed(venv: Path) -> Path:
    system = {"darwin": "darwin", "win32": "win32"}.get(sys.platform, "linux")
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower(), "amd64")
    name = "anvil.exe" if system == "win32" else "anvil"
    return venv / "anvil" / "node_modules" / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / name


def install_anvil(venv: Path = Path(sys.prefix)) -> Path:
    """Install the pinned anvil below `venv` unless it is there, and return the binary.

    Raises AnvilInstallFailed.
    """
    binary = _installed(venv)
    package = venv / "anvil"
    if binary.is_file():
        return binary
    try:
        npm_install(package, f"@foundry-rs/anvil@{ANVIL_VERSION}")
    except NpmFailed as error:
        raise AnvilInstallFailed(error.output) from error
    if not binary.is_file():
        raise AnvilInstallFailed(f"it left no {binary.name} for {platform.machine()}")
    return binary


@dataclass
class Anvil:
    """One development chain.

    Blocks come with every transaction by default, every `block_time` seconds if that is given, or only from
    `mine` with `mine_on_demand`. `state` is a file that the chain continues from and saves to, every second,
    so that a kill loses little. `genesis_time` is in unix seconds. `log` receives anvil's output. Port 0
    takes a free one.
    """

    chain_id: int
    log: Path
    port: int = 0
    block_time: float | None = None
    mine_on_demand: bool = False
    state: Path | None = None
    genesis_time: int | None = None
    hardfork: str | None = None
    _process: asyncio.subprocess.Process | None = field(default=None, init=False, repr=False)
    _w3: Connection | None = field(default=None, init=False, repr=False)

    @property
    def url(self) -> str:
        """Where the chain's JSON-RPC answers; the port is known once it has started."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the chain and wait until it answers. Raises AnvilMissing or AnvilFailed."""
        binary = anvil_binary()
        self.port = self.port or free_port()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await self._spawn(binary, log)
        self._w3 = connect(self.url)
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not await self._answers():
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            await self.kill()
            raise AnvilFailed(self.chain_id, "it does not answer") from error

    async def _spawn(self, binary: Path, log: IO[bytes]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            binary, *self._arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def _arguments(self) -> list[str]:
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--chain-id", str(self.chain_id)]
        # Quiet: anvil writes a line for each request otherwise, without end; its errors it writes all the same.
        arguments += ["--quiet", "--slots-in-an-epoch", "1", "--prune-history", "50", "--enable-tx-gas-limit"]
        if self.mine_on_demand:
            arguments += ["--no-mining"]
        if self.block_time is not None:
            arguments += ["--block-time", str(self.block_time)]
        if self.state is not None:
            # Without the recent states a continued chain could not answer calls at blocks before the stop.
            arguments += ["--state", str(self.state), "--state-interval", "1", "--preserve-historical-states"]
        if self.genesis_time is not None:
            arguments += ["--timestamp", str(self.genesis_time)]
        if self.hardfork is not None:
            arguments += ["--hardfork", self.hardfork]
        return arguments

    async def _answers(self) -> bool:
        if not self.running:
            await self._disconnect()
            raise AnvilFailed(self.chain_id, self.log.read_text(errors="replace").strip()[-2000:])
        try:
            # Another process may have taken the port in between, so it has to be this chain that answers.
            # That other one may also never answer, while anvil has long given up.
            answer = await asyncio.wait_for(self.request("eth_chainId"), ANSWER_TIMEOUT)
            return int(answer, 16) == self.chain_id
        except (RpcUnavailable, TimeoutError):
            return False

    async def stop(self) -> None:
        """End the chain in order; it writes its state file first."""
        if self._process is not None and self.running:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
            except TimeoutError:
                await self.kill()
        await self._disconnect()

    async def kill(self) -> None:
        """End the chain at once, as a crash would."""
        if self._process is not None and self.running:
            self._process.kill()
            await self._process.wait()
        await self._disconnect()

    async def _disconnect(self) -> None:
        if self._w3 is not None:
            await disconnect(self._w3)
            self._w3 = None

    async def __aenter__(self) -> "Anvil":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def request(self, method: str, *params: Any) -> Any:
        """One JSON-RPC request, for what only a development chain knows. RpcUnavailable when stopped."""
        if self._w3 is None:
            raise RpcUnavailable(method, "the chain is not running")
        return await request(self._w3, method, *params)

    async def mine(self, timestamp: int | None = None) -> None:
        """Mine one block with the pending transactions, at `timestamp` (unix seconds, after its parent's)."""
        await self.request("evm_mine", *([] if timestamp is None else [timestamp]))

    async def mine_many(self, blocks: int) -> None:
        """Mine `blocks` blocks, one second apart."""
        await self.request("anvil_mine", hex(blocks))

    async def reorganise(self, depth: int) -> None:
        """Replace the last `depth` blocks with empty ones; their transactions are lost, not pending again."""
        await self.request("anvil_reorg", depth, [])

    async def fund(self, address: bytes, wei: int) -> None:
        """Set the balance of `address`."""
        await self.request("anvil_setBalance", "0x" + address.hex(), hex(wei))


if __name__ == "__main__":
    install_anvil()
