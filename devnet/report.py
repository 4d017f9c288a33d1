"""The result of a scenario as figures: read from the nodes, measured by the actors, nothing assumed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from clearing.v1 import ledger_service_pb2, liquidation_service_pb2

from devnet.nodes import DevNode, connected
from devnet.timing import Quantiles
from node.client.connection import Connection
from node.ledger.effects import EventKind
from node.ledger.types import AccountId

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class DefaultReport:
    """One default; dollars. `opened_by` are the committee members whose shares opened the account."""

    account: str
    opened_by: list[int]
    seized: dict[str, float]
    auctions: int
    buyers: list[str]
    sale_price_usd: float
    penalty_usd: float
    shortfall_usd: float
    insurance_usd: float
    closed: bool


@dataclass(frozen=True, slots=True)
class Invariants:
    """Whether the two sums held on every node at the end, as each node computed them."""

    matched_book: bool
    full_reserves: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What `--report` writes."""

    chains: int
    nodes: int
    rounds: int
    batches: int
    trades: int
    margin_proofs: int
    proofs: int
    calls: int
    called: dict[str, int]
    defaults: list[DefaultReport]
    invariants: Invariants
    roots: dict[str, str]
    certified_ms: Quantiles | None
    final_ms: Quantiles | None
    prove_ms: Quantiles | None
    verify_ms: Quantiles | None
    wall_s: float
    ceremony_s: float | None

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @property
    def agreed(self) -> bool:
        """Whether all nodes have one root."""
        return len(set(self.roots.values())) == 1


@dataclass(frozen=True, slots=True)
class PublicRecord:
    """Every event of the run, as one node tells it."""

    events: tuple[ledger_service_pb2.LedgerEvent, ...]

    def count(self, kind: EventKind) -> int:
        """How many events of a kind."""
        return sum(event.kind == kind for event in self.events)

    def by_account(self, kind: EventKind, names: Mapping[AccountId, str]) -> dict[str, int]:
        """How many of a kind for each named account."""
        counts: dict[str, int] = {}
        for event in self.events:
            if event.kind == kind:
                name = names.get(AccountId(event.account), event.account.hex())
                counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))


async def read_record(connection: Connection) -> PublicRecord:
    """All events up to now."""
    events = []
    async for response in connection.ledger.StreamEvents(ledger_service_pb2.StreamEventsRequest()):
        if response.HasField("complete_through"):
            break
        events.append(response.event)
    return PublicRecord(tuple(events))


async def read_defaults(
    connection: Connection, names: Mapping[AccountId, str], chain_names: dict[int, str]
) -> list[DefaultReport]:
    """Every default of the run with its figures."""
    request = liquidation_service_pb2.ListDefaultsRequest(include_closed=True)
    listed = await connection.call(connection.liquidations.ListDefaults, request)
    reports = []
    for default in listed.defaults:
        seized: dict[str, float] = {}
        for seizure in default.seizures:
            chain = chain_names[int(seizure.asset.rpartition("@")[2])]
            seized[chain] = seized.get(chain, 0.0) + seizure.proceeds / MICRO
        reports.append(
            DefaultReport(
                account=names.get(AccountId(default.account), default.account.hex()),
                opened_by=list(default.opened_by),
                seized=seized,
                auctions=default.auctions,
                buyers=[names.get(AccountId(buyer), buyer.hex()) for buyer in default.buyers],
                sale_price_usd=default.sale_price / MICRO,
                penalty_usd=default.penalty / MICRO,
                shortfall_usd=default.shortfall / MICRO,
                insurance_usd=default.insurance_paid / MICRO,
                closed=default.stage == liquidation_service_pb2.DEFAULT_STAGE_CLOSED,
            )
        )
    return reports


async def read_invariants(nodes: list[DevNode]) -> Invariants:
    """Both invariants as every running node computes them."""
    matched, reserves = True, True
    for node in nodes:
        async with connected(node.api) as connection:
            held = await connection.call(connection.ledger.GetInvariants, ledger_service_pb2.GetInvariantsRequest())
            matched = matched and not any(name.startswith("matched book") for name in held.broken)
            reserves = reserves and not any(name.startswith("full reserves") for name in held.broken)
    return Invariants(matched, reserves)
