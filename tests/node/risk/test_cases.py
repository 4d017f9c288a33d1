"""Reading published cases: figures as numbers or text, and for anything malformed the file and the field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.market.pmrm2.model import VolatilityShock
from node.risk.cases import Case, read_case
from node.risk.errors import FileInvalid

CASES = Path(__file__).parents[2] / "vectors" / "pmrm2"
PERPS = CASES / "test_31_perps_basic_perp_low_confidence_2.json"
SPREAD = CASES / "test_52_discounting_multi_expiry_discounting.json"


def changed(folder: Path, source: Path, change: Callable[[Any], object]) -> Path:
    document = json.loads(source.read_text())
    change(document)
    path = folder / "case.json"
    path.write_text(json.dumps(document))
    return path


def test_a_case_has_its_account_parameters_and_outcome() -> None:
    case = read_case(SPREAD)

    assert case.file == SPREAD.name
    assert [option.amount for option in case.account.options] == [1.5, 2.1, -4.0]
    assert [feed.rate for feed in case.account.feeds] == [0.2, 0.1]
    assert case.parameters.scenarios[0].shock is VolatilityShock.UP
    assert len(case.expected.profits) == len(case.parameters.scenarios)
    assert case.expected.initial == -94908.87072619566


def test_missing_lists_are_empty(tmp_path: Path) -> None:
    def drop(document: Any) -> None:
        for name in ("Collaterals", "Options", "OptionFeeds"):
            del document["Scenario"][name]

    account = read_case(changed(tmp_path, PERPS, drop)).account
    assert (account.collateral, account.options, account.feeds) == ((), (), ())


def test_figures_may_be_decimal_text(tmp_path: Path) -> None:
    path = changed(tmp_path, PERPS, lambda document: document["Scenario"].update(Cash="-12.5e1", NumPerps="-1"))

    account = read_case(path).account
    assert (account.cash, account.perp.amount) == (-125.0, -1.0)


def test_profits_keep_the_order_of_their_scenarios(tmp_path: Path) -> None:
    def skew_first(document: Any) -> None:
        scenarios = document["Parameters"]["Scenarios"]
        document["Parameters"]["Scenarios"] = scenarios[-2:] + scenarios[:-2]

    before, after = read_case(SPREAD), read_case(changed(tmp_path, SPREAD, skew_first))
    assert after.expected.profits == before.expected.profits[-2:] + before.expected.profits[:-2]


def test_one_feed_named_twice_alike_is_one_feed(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        SPREAD,
        lambda document: document["Scenario"]["OptionFeeds"].append(document["Scenario"]["OptionFeeds"][0]),
    )

    assert len(read_case(path).account.feeds) == 2


def setter(*path: object, value: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return change


def dropper(*path: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return change


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("Scenario", dropper("Scenario")),
        ("Scenario", setter("Scenario", value=[])),
        ("Scenario.SpotPrice", dropper("Scenario", "SpotPrice")),
        ("Scenario.SpotPrice", setter("Scenario", "SpotPrice", value=-5)),
        ("Scenario.SpotPrice", setter("Scenario", "SpotPrice", value=0)),
        ("Scenario.Cash", setter("Scenario", "Cash", value=True)),
        ("Scenario.Cash", setter("Scenario", "Cash", value="1_000")),
        ("Scenario.Cash", setter("Scenario", "Cash", value="nan")),
        ("Scenario.Cash", setter("Scenario", "Cash", value=1e19)),
        ("Scenario.Cash", setter("Scenario", "Cash", value=10**400)),
        ("Scenario.StablePrice", setter("Scenario", "StablePrice", value=0.0)),
        ("Scenario.SpotConfidence", setter("Scenario", "SpotConfidence", value=1.5)),
        ("Scenario.Options", setter("Scenario", "Options", value={})),
        ("Scenario.Options[1]", setter("Scenario", "Options", 1, value=7)),
        ("Scenario.Options[1].Strike", setter("Scenario", "Options", 1, "Strike", value=0)),
        ("Scenario.Options[1].MarkVol", setter("Scenario", "Options", 1, "MarkVol", value=-0.1)),
        ("Scenario.Options[1].IsCall", setter("Scenario", "Options", 1, "IsCall", value=2)),
        ("Scenario.Options[1].Expiry", setter("Scenario", "Options", 1, "Expiry", value=5)),
        ("Scenario.Options[1].Expiry", setter("Scenario", "Options", 1, "Expiry", value=5.5)),
        ("Scenario.OptionFeeds[0].Forward", setter("Scenario", "OptionFeeds", 0, "Forward", value=None)),
        ("Scenario.OptionFeeds[1].FeedExpiry", setter("Scenario", "OptionFeeds", 1, "FeedExpiry", value=18938852)),
        ("Parameters.Scenarios", setter("Parameters", "Scenarios", value=[])),
        (
            "Parameters.Scenarios[3].VolShockDirection",
            setter("Parameters", "Scenarios", 3, "VolShockDirection", value="Sideways"),
        ),
        ("Parameters.Scenarios[3].SpotShock", setter("Parameters", "Scenarios", 3, "SpotShock", value=-0.5)),
        ("Parameters.Margin.MM_LOSS_FACTOR", setter("Parameters", "Margin", "MM_LOSS_FACTOR", value=-1)),
        ("Parameters.VolShock.DTE_FLOOR", dropper("Parameters", "VolShock", "DTE_FLOOR")),
        ("Result.IM", dropper("Result", "IM")),
        ("Result.reg_losses", dropper("Result", "reg_losses")),
        ("Result.reg_losses[2]", setter("Result", "reg_losses", 2, value=["0.1", 1])),
        ("Result.reg_losses[2][2]", setter("Result", "reg_losses", 2, 2, value="much")),
        ("Result.reg_losses", dropper("Result", "skew_losses", 0)),
    ],
)
def test_a_malformed_field_is_named(tmp_path: Path, field: str, change: Callable[[Any], None]) -> None:
    with pytest.raises(FileInvalid) as caught:
        read_case(changed(tmp_path, SPREAD, change))

    assert (caught.value.file, caught.value.field) == ("case.json", field)


def test_a_perpetual_without_a_price_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match="PerpPrice"):
        read_case(changed(tmp_path, PERPS, setter("Scenario", "PerpPrice", value=0)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"Scenario": NaN}',
        b'{"Scenario": Infinity}',
        b'{"a": 1, "a": 2}',
        b"[" * 200_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b" " * (5 << 20),
    ],
    ids=["empty", "no object", "no UTF-8", "NaN", "infinity", "twice", "deep", "long figure", "oversize"],
)
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "case.json"
    path.write_bytes(data)

    with pytest.raises(FileInvalid) as caught:
        read_case(path)
    assert caught.value.file == "case.json"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match="cannot be read"):
        read_case(tmp_path / "case.json")


def test_every_published_case_here_is_read() -> None:
    cases = [read_case(path) for path in sorted(CASES.glob("*.json"))]

    assert len(cases) >= 9
    assert all(isinstance(case, Case) for case in cases)
