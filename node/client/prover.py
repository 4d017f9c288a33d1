"""Margin proofs: from an owner's openings and the house's grid to the bytes that a message carries.

A proof takes the owner's processor for some 50 to 500 ms, so it runs in an executor: a thread by default, a process
pool if one is given. What crosses to a worker is a `ProofTask`, whose repr shows no secret.
"""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from circuits.auditor import AuditorKey
from circuits.errors import Insolvent, WitnessInvalid
from circuits.group import decode_scalar, encode_scalar
from circuits.pedersen import CommitmentKey, Opening
from circuits.solvency import (
    SolvencyInputs,
    SolvencyTerms,
    SolvencyWitness,
    prove_solvency,
)
from circuits.transcript import Deployment, ProofContext
from node.client.errors import AmountInvalid, ShortOfMargin
from node.client.holdings import Holdings
from node.ledger.types import AssetId, Digest
from node.market.grid import RiskGrid
from node.market.margin import Margin, open_margin
from node.market.rows import compile_terms

_ROW_UNITS_PER_USD: Final = 10**9


@dataclass(frozen=True, slots=True)
class ProofTask:
    """One statement with its witness, in types that pickle: openings are (value, 32-byte blinding)."""

    key: CommitmentKey
    terms: SolvencyTerms
    cash: "PlainOpening"
    exposures: tuple["PlainOpening", ...]
    trade: "PlainOpening | None"
    transfer: "PlainOpening | None"
    context: ProofContext
    auditor: AuditorKey | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PlainOpening:
    """An Opening as plain data, for another process of the same owner. Not encrypted; its repr shows nothing."""

    value: int
    blinding: bytes

    @classmethod
    def of(cls, opening: Opening) -> "PlainOpening":
        """From an opening."""
        return cls(opening.value, encode_scalar(opening.blinding))

    def opening(self) -> Opening:
        """Back to an opening."""
        return Opening(self.value, decode_scalar(self.blinding))

    def __repr__(self) -> str:
        return "PlainOpening(…)"


def run_task(task: ProofTask) -> bytes:
    """The encoded solvency proof; runs in a worker.

    Raises:
        Insolvent: the openings fail the terms.
    """
    cash = task.cash.opening()
    trade = None if task.trade is None else task.trade.opening()
    transfer = None if task.transfer is None else task.transfer.opening()
    exposures = tuple(entry.opening() for entry in task.exposures)
    commit = task.key.commit
    inputs = SolvencyInputs(
        commit(cash),
        tuple(map(commit, exposures)),
        None if trade is None else commit(trade),
        None if transfer is None else commit(transfer),
    )
    witness = SolvencyWitness(cash, exposures, trade, transfer)
    return prove_solvency(task.key, task.terms, inputs, witness, task.context, task.auditor).encode()


@dataclass(frozen=True, slots=True)
class Statement:
    """What is to be proven of `holdings` in a grid: `trade` is the opening of a size that the account takes, `transfer`
    that of an amount that it sends."""

    holdings: Holdings
    grid: RiskGrid
    trade: Opening | None = None
    transfer: Opening | None = None
    withdrawn: AssetId | None = None
    """Collateral that the message takes out, whose remaining balance must not be negative."""

    def terms(self) -> SolvencyTerms:
        """The public terms, exactly as the ledger compiles them.

        Raises:
            UnknownInstrument: the grid lacks something the account holds.
        """
        return compile_terms(
            self.grid,
            tuple(self.holdings.positions),
            tuple(self.holdings.collateral),
            trade=self.trade is not None,
            transfer=self.transfer is not None,
            withdrawn=self.withdrawn,
        )

    def exposures(self) -> tuple[Opening, ...]:
        """In the order of the terms: positions by id, then collateral by id."""
        held = (self.holdings.positions, self.holdings.collateral)
        return tuple(opening for amounts in held for _, opening in sorted(amounts.items()))

    def worst(self) -> str:
        """The words for the scenario in which the account does worst: every underlying with price and volatility."""
        worst = margin_of(self.holdings, self.grid).worst
        return " and ".join(map(str, worst)) or "every scenario: cash alone is short"


def margin_of(holdings: Holdings, grid: RiskGrid) -> Margin:
    """The margin of what the owner knows it holds. Raises UnknownInstrument."""
    positions = {name: opening.value for name, opening in holdings.positions.items()}
    collateral = {name: opening.value for name, opening in holdings.collateral.items()}
    return open_margin(grid, holdings.cash.value, positions, collateral)


class MarginProver:
    """Proves statements of one house. `executor` None is a thread; a ProcessPoolExecutor uses other cores."""

    def __init__(
        self,
        deployment: Deployment,
        key: CommitmentKey,
        parameters_digest: bytes,
        executor: Executor | None = None,
    ) -> None:
        self._deployment, self._key, self._parameters_digest = deployment, key, parameters_digest
        self._executor = executor

    def context(self, grid: RiskGrid, digest: Digest) -> ProofContext:
        """What proofs of the message `digest` in the grid's round are bound to."""
        return ProofContext(self._deployment, digest, grid.round, grid.digest, self._parameters_digest)

    def message_context(self, digest: Digest) -> ProofContext:
        """What proofs of the message `digest` are bound to where no round has a part in them."""
        return ProofContext(self._deployment, digest, 0, bytes(32), self._parameters_digest)

    async def prove(self, statement: Statement, digest: Digest) -> bytes:
        """The encoded solvency proof of `statement`, for the message `digest`.

        Raises:
            ShortOfMargin: the account would fail its window.
            AmountInvalid: more collateral would leave than there is, or an amount exceeds the ledger's bounds.
            UnknownInstrument: the grid lacks something the account holds.
        """
        trade = None if statement.trade is None else PlainOpening.of(statement.trade)
        transfer = None if statement.transfer is None else PlainOpening.of(statement.transfer)
        task = ProofTask(
            self._key,
            statement.terms(),
            PlainOpening.of(statement.holdings.cash),
            tuple(map(PlainOpening.of, statement.exposures())),
            trade,
            transfer,
            self.context(statement.grid, digest),
            statement.holdings.auditor,
        )
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, run_task, task)
        except Insolvent as error:
            shortfall = Decimal(error.shortfall) / _ROW_UNITS_PER_USD
            raise ShortOfMargin(statement.worst(), shortfall) from None
        except WitnessInvalid as error:
            raise AmountInvalid("account", error.reason) from None
