"""Five hours around the crash of 12 March 2020: the report, who is called, who defaults, what shows from outside."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from clearing.v1 import ledger_service_pb2
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from circuits.group import encode_scalar
from devnet.instrumented import instrument
from devnet.network import Devnet
from devnet.nodes import DevNode, connected
from devnet.report import DefaultReport, Report
from devnet.roles import TRADES, Role
from devnet.scenario import WITHDRAWAL, Scenario
from devnet.settings import Cadence
from node.client.derivation import derive_blinding
from node.client.sdk import ZkClear
from node.ledger.batch import Paid
from node.ledger.messages import Trade, Withdraw
from node.ledger.wire import batch_hash, decode_batch, encode_batch, message_to_proto
from tests.e2e.runs import Reserve, bodies, on_a_devnet, reserves, settings
from tests.e2e.secrets_search import Finding, Secret, number, opaque, search, search_rows

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
UNHURRIED = Cadence(round_spacing=12)
"""A trade takes eight blocks or so to be final: all of them fit into the two hours before the fall."""
DEFAULTERS = (Role.STRETCHED_LONG, Role.LEVERAGED_LONG)


@dataclass
class Played:
    """What is left of the run."""

    folder: Path
    report: Report
    document: dict[str, object]
    bodies: list[bytes]
    reserves: list[Reserve]
    secrets: dict[str, list[Secret]]
    accounts: dict[Role, bytes]
    restored: dict[str, int]
    live: dict[str, int]
    reflected: int
    resent: str


def owners_secrets(scenario: Scenario, trades: Sequence[Trade]) -> dict[str, list[Secret]]:
    """By role: planned sizes, positions, blindings (of its trades, its positions, its cash), seed and owner's key."""
    found: dict[str, list[Secret]] = {}
    digest = scenario.actors[Role.MARKET_MAKER].client.house.deployment.digest
    for role, actor in scenario.actors.items():
        mine = [opaque(f"{role} seed", actor.secrets.seed), opaque(f"{role} key", actor.secrets.owner_key)]
        mine += [number(f"{role} size {t.size}", t.size) for t in TRADES if t.role is role]
        for account in actor.accounts.values():
            for terms in (trade.terms for trade in trades if trade.terms.taker.account == account.id):
                blinding = encode_scalar(derive_blinding(actor.secrets.seed, digest, account.id, terms.nonce))
                mine.append(opaque(f"{role} blinding of a trade in {terms.instrument}", blinding))
            held = account._wallet.holdings
            openings = {"cash": held.cash, **held.positions}
            for name, opening in openings.items():
                blinding = encode_scalar(opening.blinding)
                if any(blinding):
                    mine.append(opaque(f"{role} blinding of {name}", blinding))
            if role in (Role.HEDGED_DESK, Role.TOPPED_UP_LONG):
                mine += [number(f"{role} {n}", o.value) for n, o in openings.items() if abs(o.value) >= 10**7]
        found[role] = mine
    return found


def reflected_batches(target: str) -> int:
    """The number of final batches, asked by a client that knows nothing but the server's own description."""
    with grpc.insecure_channel(target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "clearing.v1.LedgerService" in database.get_services()
        pool = descriptor_pool.DescriptorPool(database)
        method = pool.FindServiceByName("clearing.v1.LedgerService").FindMethodByName("GetStatus")
        request = message_factory.GetMessageClass(method.input_type)
        response = message_factory.GetMessageClass(method.output_type)
        call = channel.unary_unary(
            "/clearing.v1.LedgerService/GetStatus",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        return int(call(request(), timeout=10).final.number)


async def send_again(node: DevNode, messages: Sequence[bytes]) -> str:
    """The reason with which a withdrawal that was carried out is refused when somebody sends it again."""
    withdrawals = [m for body in messages for m in decode_batch(body).messages if isinstance(m, Withdraw)]
    async with connected(node.api) as connection:
        request = ledger_service_pb2.SubmitMessageRequest(message=message_to_proto(withdrawals[0]))
        try:
            await connection.ledger.SubmitMessage(request, timeout=10)
        except grpc.aio.AioRpcError as error:
            return str(error.details())
    return "accepted"


async def play(devnet: Devnet, scenario: Scenario) -> Played:
    await scenario.open_accounts()
    await scenario.play()
    desk = scenario.actors[Role.HEDGED_DESK]
    live = dict(desk.accounts[0].positions) | {"cash": desk.accounts[0].cash}
    async with await ZkClear.connect(devnet.nodes[3].api, desk.secrets) as anew:
        again = await anew.open_account(0)
        restored = dict(again.positions) | {"cash": again.cash}
    report = await scenario.report()
    path = devnet.settings.folder / "report.json"
    report.write(path)
    final = await bodies(devnet.nodes[0])
    messages = [message for body in final for message in decode_batch(body).messages]
    secrets = owners_secrets(scenario, [message for message in messages if isinstance(message, Trade)])
    return Played(
        devnet.settings.folder,
        report,
        json.loads(path.read_text()),
        final,
        await reserves(devnet, scenario, devnet.nodes[0]),
        secrets,
        {role: actor.accounts[0].id for role, actor in scenario.actors.items() if 0 in actor.accounts},
        restored,
        live,
        reflected_batches(devnet.nodes[1].api),
        await send_again(devnet.nodes[2], final),
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Played:
    folder = tmp_path_factory.mktemp("scenario")

    def record(nodes: Sequence[DevNode]) -> None:
        for node in nodes:
            instrument(node, gossip=folder / f"{node.name}.gossip")

    chosen = settings(folder / "run", cache, hours=5, cadence=UNHURRIED)
    return on_a_devnet(chosen, play, prepare=record)


def test_the_report_has_every_figure(played: Played):
    wanted = {
        "chains", "nodes", "batches", "trades", "margin_proofs", "calls", "defaults", "invariants", "roots",
        "certified_ms", "final_ms", "prove_ms", "verify_ms", "wall_s", "ceremony_s",
    }  # fmt: skip
    assert wanted <= set(played.document)
    assert played.report.chains == played.report.nodes == 4
    assert played.report.trades == len(TRADES)
    for quantity in ("certified_ms", "final_ms", "prove_ms", "verify_ms"):
        figures = getattr(played.report, quantity)
        assert 0 < figures.p50 <= figures.p99


def test_every_node_has_the_same_root_and_the_books_add_up(played: Played):
    assert len(played.report.roots) == 4
    assert played.report.agreed
    assert played.report.invariants.matched_book
    assert played.report.invariants.full_reserves


def test_the_vaults_hold_what_the_ledger_says(played: Played):
    assert [r for r in played.reserves if r.on_chain != r.in_ledger] == []
    assert sum(r.on_chain for r in played.reserves) > 0


def default_of(played: Played, role: Role) -> DefaultReport:
    """The only default of a role."""
    (found,) = [default for default in played.report.defaults if default.account == role]
    return found


def told(played: Played, role: Role) -> list[str]:
    """The kinds of all events of a role's account, in order, as the first node recorded them."""
    account = played.accounts[role]
    with closing(sqlite3.connect(f"file:{databases(played)[0]}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT kind FROM events WHERE account = ? ORDER BY sequence", (account,))
        return [kind for (kind,) in found]


def test_nobody_else_defaults(played: Played):
    assert {default.account for default in played.report.defaults} == set(DEFAULTERS)


def test_the_leveraged_trader_is_sold_out_and_liquidated_on_several_chains(played: Played):
    default = default_of(played, Role.LEVERAGED_LONG)
    assert default.closed
    assert len(default.opened_by) == 3
    assert default.auctions >= 1
    assert default.buyers
    assert len([usd for usd in default.seized.values() if usd > 0]) >= 2


def test_the_funds_pay_while_a_chain_is_down_and_its_collateral_pays_when_it_is_back(played: Played):
    events = told(played, Role.LEVERAGED_LONG)
    steps = ["FROZEN", "SEIZED", "COLLATERAL_AWAITED", "INSURANCE_PAID", "REOPENED", "DEFAULT_CLOSED"]
    places = [events.index(step) for step in steps[:-1]] + [len(events) - 1 - events[::-1].index(steps[-1])]
    assert places == sorted(places)
    assert default_of(played, Role.LEVERAGED_LONG).seized["east"] > 0


def test_the_stretched_trader_is_sold_in_part_and_its_account_given_back(played: Played):
    default = default_of(played, Role.STRETCHED_LONG)
    assert default.closed
    assert default.buyers
    assert not default.seized
    assert (default.insurance_usd, default.shortfall_usd) == (0, 0)
    assert "RESTORED" in told(played, Role.STRETCHED_LONG)


def test_the_hedged_desk_is_never_called_but_the_same_book_split_is(played: Played):
    assert Role.HEDGED_DESK not in played.report.called
    assert f"{Role.ISOLATED_DESK}/0" in played.report.called


def test_the_trader_who_tops_up_on_another_chain_is_called_and_survives(played: Played):
    assert played.report.called[Role.TOPPED_UP_LONG] >= 1
    assert Role.TOPPED_UP_LONG not in {default.account for default in played.report.defaults}


def test_a_wallet_is_restored_from_its_seed_alone(played: Played):
    assert played.restored == played.live
    assert len(played.restored) >= 3


def test_a_client_that_knows_only_the_reflection_service_reads_the_ledger(played: Played):
    assert played.reflected == len(played.bodies)


def test_a_withdrawal_pays_once_and_its_copy_is_refused(played: Played):
    decoded = [decode_batch(body) for body in played.bodies]
    withdrawals = [m for batch in decoded for m in batch.messages if isinstance(m, Withdraw)]
    paid = [e.event for batch in decoded for s in batch.segments for e in s.events if isinstance(e.event, Paid)]
    assert [w.amount for w in withdrawals] == [WITHDRAWAL]
    assert len(paid) == 1
    assert "version" in played.resent


def test_batches_read_back_are_byte_for_byte_what_was_signed(played: Played):
    assert all(encode_batch(decode_batch(body)) == body for body in played.bodies)


def leaves(played: Played) -> dict[str, bytes]:
    """Everything that left the owners: databases with their journals, logs, what nodes told each other, batches."""
    files = [p for p in played.folder.rglob("*") if p.is_file() and (".db" in p.name or p.suffix == ".log")]
    files += sorted(played.folder.parent.glob("*.gossip"))
    assert len([p for p in files if p.suffix == ".gossip"]) == 4
    assert len([p for p in files if ".db" in p.name]) >= 4
    found = {str(p.relative_to(played.folder.parent)): p.read_bytes() for p in files}
    return {name: data for name, data in found.items() if data}


def test_the_search_finds_a_planted_secret_in_each_form():
    secret = number("planted", 10_000_141)
    forms = (
        (10_000_141).to_bytes(8, "big"), (10_000_141).to_bytes(32, "little"), b"size=10000141,",
        (10_000_141).to_bytes(8, "big").hex().encode(), b"\x10\x8d\xae\xe2\x04",
    )  # fmt: skip
    assert all(secret.find("here", b"\xff" + form + b"\xff") for form in forms)
    assert not secret.find("here", b"0xab10000141cd")
    seed = bytes(range(32))
    assert search([opaque("seed", seed)], "here", b"key: " + seed.hex().encode())


def record_since(database: Path, first: int) -> bytes:
    """The attributes of all events since batch `first`, as they are stored."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        told = connection.execute("SELECT attributes FROM events WHERE batch >= ?", (first,))
        return "\n".join(attributes for (attributes,) in told).encode()


def databases(played: Played) -> list[Path]:
    """Every node's own."""
    found = sorted(played.folder.glob("node-*/*.db"))
    assert len(found) == 4
    return found


def sizes(played: Played, role: Role) -> list[Secret]:
    """The planned sizes of a role's trades."""
    return [secret for secret in played.secrets[role] if "size" in secret.name]


def opened(played: Played) -> int:
    """The number of the batch that opened the leveraged trader's account."""
    wanted = {t.size for t in TRADES if t.role is Role.LEVERAGED_LONG}
    found = ((n, o) for n, body in enumerate(played.bodies, 1) for o in decode_batch(body).openings)
    return next(n for n, opening in found if wanted & {abs(v) for v in opening.values})


def told_before(gossip: bytes, marks: Sequence[bytes]) -> bytes:
    """What a node told its peers before the first payload that holds one of `marks`, which there must be."""
    at, payloads = 0, []
    while at < len(gossip):
        length = int.from_bytes(gossip[at : at + 8], "big")
        payload = gossip[at + 8 : at + 8 + length]
        if any(mark in payload for mark in marks):
            return b"".join(payloads)
        payloads.append(payload)
        at += 8 + length
    raise AssertionError("the node never spoke of these batches")


def test_the_search_finds_a_planted_secret_in_a_column_of_integers(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "node.db")) as database:
        database.execute("CREATE TABLE postings (batch INTEGER, amount INTEGER)")
        database.execute("INSERT INTO postings VALUES (7, -10000141)")
        database.commit()
    planted = [number("planted", 10_000_141)]
    assert search(planted, "file", (tmp_path / "node.db").read_bytes()) == [], "the bytes alone do not show it"
    assert [finding.secret for finding in search_rows(planted, tmp_path / "node.db")] == ["planted"]
    assert search_rows(planted, tmp_path / "node.db", before_batch=7) == []


def test_nothing_hidden_leaves_its_owner_but_what_the_default_opened(played: Played):
    places = leaves(played)
    findings: list[Finding] = []
    for role, secrets in played.secrets.items():
        # What a default opened is public; the blindings of that account are not.
        public = sizes(played, Role(role)) if role in DEFAULTERS else []
        hidden = [secret for secret in secrets if secret not in public]
        for place, data in places.items():
            findings += search(hidden, place, data)
        for database in databases(played):
            findings += search_rows(hidden, database)
    assert findings == []


def test_the_defaulters_sizes_are_nowhere_before_its_opening_and_public_after_it(played: Played):
    hidden, first = sizes(played, Role.LEVERAGED_LONG), opened(played)
    before = b"".join(played.bodies[: first - 1])
    values = {abs(v) for body in played.bodies[first - 1 :] for o in decode_batch(body).openings for v in o.values}
    assert {t.size for t in TRADES if t.role is Role.LEVERAGED_LONG} <= values
    assert search(hidden, "batches before the opening", before) == []
    for database in databases(played):
        assert search(hidden, "the record", record_since(database, first)) != [], "it tells what was opened"
        assert search_rows(hidden, database, before_batch=first) == []


def test_no_node_tells_another_the_defaulters_sizes_before_its_opening(played: Played):
    hidden = sizes(played, Role.LEVERAGED_LONG)
    marks = [mark for body in played.bodies[opened(played) - 1 :] for mark in (body, batch_hash(body))]
    for gossip in sorted(played.folder.parent.glob("*.gossip")):
        told = told_before(gossip.read_bytes(), marks)
        assert len(told) > 50_000
        assert search(hidden, gossip.name, told) == []
