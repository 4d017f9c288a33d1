"""This validator's part in the oracle: its feeds read at each round's hub block, signed, broadcast."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from node.chains.errors import ChainError
from node.ledger.batch import SignedObservation
from node.ledger.state import House, LedgerState
from node.ledger.wire import observation_to_proto
from node.oracle.observer import RoundReport
from node.sequencing.inputs import due_heights
from node.sequencing.observations import ObservationBook
from node.sequencing.payloads import OBSERVATION
from node.sequencing.ports import ChainView, Mesh

_POLL_SECONDS: Final = 0.05
_FAILED_SECONDS: Final = 0.5
"""How soon a feed that had nothing to say is asked again."""
log = structlog.get_logger(__name__)


class RoundSource(Protocol):
    """Signed observations of all feeds (`node.oracle.observer.Observer`)."""

    async def observe_all(self, round_number: int, not_after: int) -> RoundReport:
        """The same again when asked again."""


class RoundObserver:
    """Observes every round that is due and not final yet."""

    def __init__(self, house: House, hub: ChainView, source: RoundSource, book: ObservationBook, mesh: Mesh) -> None:
        self._house = house
        self._hub = hub
        self._source = source
        self._book = book
        self._mesh = mesh
        self._done: set[int] = set()

    async def run(self, state: Callable[[], LedgerState]) -> None:
        """Observe until cancelled; `state` gives the final state of the moment."""
        while True:
            pause = _POLL_SECONDS
            try:
                if not await self._observe_due(state()):
                    pause = _FAILED_SECONDS
            except ChainError as error:
                log.debug("hub_not_followed", error=str(error))
            await asyncio.sleep(pause)

    async def _observe_due(self, state: LedgerState) -> bool:
        """Whether every feed had something to say."""
        heights = due_heights(self._house, state, self._hub.final.number)
        complete = True
        self._done = {number for number in self._done if number > state.market.round}
        for number, height in enumerate(heights, state.market.round + 1):
            if number in self._done:
                continue
            report = await self._source.observe_all(number, self._hub.header(height).timestamp)
            for made in report.observations:
                signed = SignedObservation(made.observation, made.signature)
                if self._book.add(signed):
                    await self._mesh.broadcast(OBSERVATION, observation_to_proto(signed).SerializeToString())
            for failure in report.failures:
                log.info("feed_silent", round=number, feed=failure.feed, error=str(failure.error))
            if report.failures:
                complete = False
            else:
                self._done.add(number)
        return complete
