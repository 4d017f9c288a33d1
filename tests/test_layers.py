"""Imports point down: a floor of the house may import itself and the floors below it, nothing above."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FLOORS = (
    "devnet",
    "node",  # the daemon: the files directly in node/
    "node.dashboard",
    "node.api",
    "node.coordinator",
    "node.sequencing",
    "node.audit",
    "node.chains",
    "node.risk",
    "node.oracle",
    "node.network",
    "node.store",
    "node.client",
    "node.ledger",
    "node.liquidation",
    "node.margin",
    "node.market",
    "clearing",
    "circuits",
)
"""Top to bottom."""

NARROWED = {
    "node.client": {
        "node.client": "itself",
        "node.ledger.messages": "what a client signs",
        "node.ledger.types": "the words messages are made of",
        "node.ledger.effects": "the public postings an owner restores its openings from",
        "node.ledger.errors": "the reasons a refusal names, and what decoding raises",
        "node.ledger.wire": "the encoding of what it signs",
        "node.ledger.wire_agreements": "the encoding of what two owners sign",
        "node.ledger.wire_proposals": "the same before the second owner has signed",
        "node.ledger.submissions": "the same as the hub chain carries it",
        "node.ledger.wire_fields": "the encoding of a handle",
        "node.ledger.signatures": "to know its owner's signature again in what a node shows",
        "node.ledger.leaf_format": "its own leaf, to leave by force when no node answers",
        "node.ledger.merkle": "the way from that leaf to the root",
        "node.ledger.house_digest": "what an owner pins, computed as the node computes it",
        "node.market": "prices, grids and windows, to know what it proves",
        "clearing": "the stubs of the services it calls",
        "circuits": "to prove",
    },
    "node.margin": {
        "node.margin": "itself",
        "node.market": "the grid and its rows",
        "circuits": "to prove and to verify: it needs no network and no ledger",
    },
    "node.risk": {
        "node.risk": "itself",
        "node.margin": "portfolios and market files, of which it computes requirements",
        "node.market": "the models that it holds against the record",
        "node.oracle.candles": "the record of prices",
        "node.oracle.errors": "what reading it raises",
        "circuits": "to prove what they require",
    },
    "circuits": {"circuits": "the proofs stand alone"},
}
"""Floors that may import less than everything below them: what they may, and why."""

EXCEPTIONS: dict[str, dict[str, str]] = {}
"""Module → module it may import against the rule → reason."""

PURE = ("node.ledger", "node.liquidation", "node.market", "circuits")
"""Floors without I/O, clock or randomness but what is passed in."""

# fmt: off
IMPURE = {
    "asyncio", "grpc", "http", "logging", "multiprocessing", "os", "prometheus_client", "random", "requests",
    "socket", "sqlalchemy", "stamina", "structlog", "subprocess", "threading", "time", "urllib", "web3",
}
# fmt: on
"""Import roots a pure floor does without. `secrets` is absent: a prover's blindings are always fresh."""

PURE_EXCEPTIONS = {
    "circuits.dlog": {
        "os": "puts the finished table in the cache file its caller names, in one step",
        "logging": "says when that file is damaged and the table is computed anew",
    },
}
"""Module → import root it needs against the rule → reason."""

CLOCKS = {"now", "utcnow", "today"}
"""Calls that read the clock through `datetime`, which pure floors use to write dates."""


@dataclass(frozen=True)
class Import:
    """One import statement's target, as a dotted name."""

    importer: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


def modules() -> Iterator[tuple[str, Path]]:
    """Dotted name and path of every module of the project; the generated stubs and their script are none."""
    for top in ("devnet", "node", "circuits"):
        for path in sorted((ROOT / top).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if relative.parts[:2] == ("node", "stubs"):
                continue
            parts = relative.with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(modules())


def imports_of(module: str, source: str, *, package: bool = False) -> Iterator[Import]:
    """Every import of a source text, wherever in the file it stands."""
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Import):
            for name in statement.names:
                yield Import(module, name.name, statement.lineno)
        elif isinstance(statement, ast.ImportFrom):
            base = _absolute(module, statement, package)
            for name in statement.names:
                yield Import(module, f"{base}.{name.name}", statement.lineno)


def _absolute(module: str, statement: ast.ImportFrom, package: bool) -> str:
    if statement.level == 0:
        return statement.module or ""
    parts = module.split(".")
    kept = parts[: len(parts) - statement.level + package]
    return ".".join([*kept, *([statement.module] if statement.module else [])])


def within(target: str, floor: str) -> bool:
    """Whether a dotted name is a package or lies in it."""
    return target == floor or target.startswith(floor + ".")


def floor_of(target: str) -> str | None:
    """The floor a dotted name of the project lies on; None for other libraries."""
    matches = [floor for floor in FLOORS if within(target, floor)]
    return max(matches, key=len) if matches else None


def violation(found: Import) -> str | None:
    """Why an import is against the rules, if it is."""
    source, target = floor_of(found.importer), floor_of(found.target)
    assert source is not None, f"{found.importer} is on no floor"
    if target is None or any(within(found.target, allowed) for allowed in EXCEPTIONS.get(found.importer, {})):
        return None
    if FLOORS.index(target) < FLOORS.index(source):
        return f"{found}: up from {source} to {target}"
    narrowed = NARROWED.get(source)
    if narrowed is not None and not any(within(found.target, allowed) for allowed in narrowed):
        return f"{found}: {source} may import only {', '.join(narrowed)}"
    return None


def all_imports() -> Iterator[Import]:
    for module, path in MODULES.items():
        yield from imports_of(module, path.read_text(), package=path.name == "__init__.py")


def test_imports_point_down():
    wrong = [reason for found in all_imports() if (reason := violation(found))]

    assert not wrong, "\n".join(wrong)


def test_every_folder_of_the_node_is_a_floor():
    folders = {module for module, path in MODULES.items() if path.name == "__init__.py" and module.count(".") == 1}

    assert {folder for folder in folders if folder.startswith("node.")} <= set(FLOORS)


def test_pure_floors_import_nothing_that_reads_a_clock_or_does_io():
    wrong = [
        str(found)
        for found in all_imports()
        if floor_of(found.importer) in PURE
        and (root := found.target.split(".")[0]) in IMPURE
        and root not in PURE_EXCEPTIONS.get(found.importer, {})
    ]

    assert not wrong, "\n".join(wrong)


def test_pure_floors_do_not_ask_for_the_date():
    wrong = [
        f"{module}:{call.lineno}"
        for module, path in MODULES.items()
        if floor_of(module) in PURE
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in CLOCKS
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("table", [EXCEPTIONS, PURE_EXCEPTIONS])
def test_every_exception_is_still_needed(table):
    used = list(all_imports())

    for module, allowed in table.items():
        for target in allowed:
            assert any(found.importer == module and within(found.target, target) for found in used), (
                f"{module} needs no exception for {target}"
            )


@pytest.mark.parametrize(
    ("module", "source", "allowed"),
    [
        ("node.ledger.apply", "import node.market.grid", True),
        ("node.market.grid", "from node.ledger import apply", False),
        ("node.market.grid", "from node import ledger", False),
        ("node.market.grid", "if True:\n    def late():\n        from ..ledger import apply", False),
        ("node.market.grid", "from .rows import compile_terms", True),
        ("node.daemon", "from node.api import server", True),
        ("node.api.server", "from node.daemon import Daemon", False),
        ("node.network.mesh", "from node.chains.certificates import ValidatorKey", False),
        ("node.client.wallet", "from node.ledger.messages import Trade", True),
        ("node.client.wallet", "from node.ledger.apply import apply", False),
        ("node.client.wallet", "from node.liquidation import plan", False),
        ("node.margin.proof", "from node.market.rows import compile_terms", True),
        ("node.margin.proof", "from node.ledger.messages import Trade", False),
        ("circuits.linear", "import clearing.v1.batch_pb2", False),
        ("circuits.linear", "from circuits.group import Point", True),
        ("devnet.cli", "from node import cli", True),
        ("node.cli", "import devnet.cli", False),
        ("node.cli", "import typer", True),
    ],
)
def test_the_rule_itself_tells_right_from_wrong(module, source, allowed):
    wrong = [reason for found in imports_of(module, source) if (reason := violation(found))]

    assert (not wrong) is allowed
