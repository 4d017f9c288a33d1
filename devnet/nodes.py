"""The devnet's nodes as separate processes: started, watched, killed, started again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
from clearing.v1 import ledger_service_pb2, operator_service_pb2, operator_service_pb2_grpc

from devnet.errors import NodeFailed
from node.client.connection import Connection

START_TIMEOUT: Final = 60.0
STOP_TIMEOUT: Final = 10.0
CALL_TIMEOUT: Final = 5.0


@asynccontextmanager
async def connected(target: str) -> AsyncIterator[Connection]:
    """A client's connection to a node at host:port, closed at the end."""
    connection = Connection(target)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class LedgerTip:
    """How far a node's final ledger is: batch number, root (32 bytes), hub block."""

    number: int
    root: bytes
    hub_block: int


@dataclass(slots=True)
class DevNode:
    """One node process. `command` starts it; `api` and `operator` are host:port."""

    name: str
    command: tuple[str, ...]
    folder: Path
    log: Path
    api: str
    operator: str
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's id. Raises NodeFailed when it does not run."""
        if self._process is None or not self.running:
            raise NodeFailed(self.name, "is not running", self.log)
        return self._process.pid

    async def start(self) -> None:
        """Start the process; `ready` waits until it answers."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # One BLAS thread each: four nodes share the machine.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment,
            )

    async def ready(self) -> LedgerTip:
        """Wait until the node answers. Raises NodeFailed if it ends or takes too long."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + START_TIMEOUT
        while loop.time() < limit:
            if not self.running:
                raise NodeFailed(self.name, "ended while it started", self.log)
            tip = await self.tip()
            if tip is not None:
                return tip
            await asyncio.sleep(0.1)
        raise NodeFailed(self.name, f"does not answer after {START_TIMEOUT:.0f} s", self.log)

    async def tip(self) -> LedgerTip | None:
        """The node's own final ledger, None while it does not answer."""
        async with connected(self.api) as connection:
            try:
                request = ledger_service_pb2.GetStatusRequest()
                status = await connection.ledger.GetStatus(request, timeout=CALL_TIMEOUT)
            except grpc.aio.AioRpcError:
                return None
        final = status.final
        return LedgerTip(final.number, final.root, final.hub_block)

    async def status(self) -> operator_service_pb2.GetNodeStatusResponse:
        """What the node tells its operator. Raises grpc.aio.AioRpcError."""
        async with grpc.aio.insecure_channel(self.operator) as channel:
            stub = operator_service_pb2_grpc.OperatorServiceStub(channel)
            return await stub.GetNodeStatus(operator_service_pb2.GetNodeStatusRequest(), timeout=CALL_TIMEOUT)

    def kill(self) -> None:
        """End the process at once, as a crash would (SIGKILL)."""
        if self._process is not None and self.running:
            self._process.kill()

    async def stop(self) -> None:
        """End the process in order (SIGTERM), at last at once."""
        if self._process is None or not self.running:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def ended(self) -> int:
        """Wait until the process ends; its exit code."""
        if self._process is None:
            raise NodeFailed(self.name, "was never started", self.log)
        return await self._process.wait()


async def start_all(nodes: Sequence[DevNode]) -> None:
    """Start every node and wait until each answers.

    Raises:
        NodeFailed: the first that does not.
    """
    await asyncio.gather(*(node.start() for node in nodes))
    await asyncio.gather(*(node.ready() for node in nodes))


@dataclass(slots=True)
class QuorumHeight:
    """Follows the hub block that a quorum of nodes has in its final ledger."""

    nodes: Sequence[DevNode]
    quorum: int
    height: int = 0
    interval: float = 0.5

    async def follow(self) -> None:
        """Ask the nodes again and again."""
        while True:
            tips = await asyncio.gather(*(node.tip() for node in self.nodes if node.running))
            heights = sorted((tip.hub_block for tip in tips if tip is not None), reverse=True)
            if len(heights) >= self.quorum:
                self.height = heights[self.quorum - 1]
            await asyncio.sleep(self.interval)
