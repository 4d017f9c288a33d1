"""Files from outside: read whole or refused, with the file and the field in the error."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.group import ORDER
from node.margin import Commitments, FileExists, FileInvalid, Market, MarketUnusable, Openings, Portfolio, ProvenMargin
from node.margin.documents import MAX_FILE_BYTES, parse, write
from node.margin.market import PARAMETERS
from node.market.errors import ExpiredInstrument


def market_with(examples: Path, change: Callable[[Any], None]) -> FileInvalid:
    document = json.loads((examples / "market.json").read_text())
    change(document)
    with pytest.raises(FileInvalid) as refusal:
        Market.parse("m.json", json.dumps(document).encode())
    assert refusal.value.file == "m.json"
    return refusal.value


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("underlyings[0]", "price_e8_usd", -1),
        ("underlyings[0]", "price_e8_usd", 0),
        ("underlyings[0]", "price_e8_usd", 10**17),
        ("underlyings[0]", "price_e8_usd", "795000000000"),
        ("underlyings[0]", "price_e8_usd", True),
        ("underlyings[0]", "price_e8_usd", None),
        ("underlyings[1]", "volatility_ppm", 0),
        ("underlyings[1]", "confidence_ppm", 1_000_001),
        ("underlyings[1]", "funding_tolerance_micro_usd", 0),
        ("underlyings[1]", "symbol", ""),
        ("underlyings[1]", "symbol", "E TH"),
        ("underlyings[1]", "symbol", "ETH\u200b"),
        ("underlyings[1]", "symbol", "x" * 65),
        ("instruments[0]", "kind", "swap"),
        ("instruments[0]", "lots_per_unit", 0),
        ("instruments[1]", "expiry", -5),
        ("instruments[1]", "expiry", 253_402_300_800),
        ("instruments[2]", "strike_e8_usd", 0),
        ("collateral[0]", "haircut_ppm", 1_000_000),
        ("collateral[0]", "decimals", 37),
        ("collateral[0]", "chain_id", -1),
        ("", "time", 0),
        ("", "version", "zkclear/market/2"),
        ("", "underlyings", {}),
        ("", "instruments", [1]),
        ("", "parameters", []),
        ("parameters", "closing_charge_bps", 0),
        ("parameters", "closing_charge_bps", 10_001),
        ("parameters", "initial_cap_ppm", 600_000),
        ("parameters", "step_numerator", 12),
    ],
)
def test_a_bad_figure_of_a_market_is_named(examples: Path, place: str, key: str, value: object) -> None:
    def change(document: Any) -> None:
        group, _, number = place.rstrip("]").partition("[")
        target = document if not group else document[group] if not number else document[group][int(number)]
        target[key] = value

    refusal = market_with(examples, change)
    assert refusal.field.startswith(f"{place}.{key}".lstrip("."))


@pytest.mark.parametrize(
    ("group", "key"),
    [
        ("underlyings", "price_e8_usd"),
        ("instruments", "kind"),
        ("collateral", "units_per_token"),
        (None, "time"),
        (None, "parameters"),
        (None, "version"),
    ],
)
def test_a_missing_field_and_a_surplus_one_are_named(examples: Path, group: str | None, key: str) -> None:
    def remove(document: Any) -> None:
        del (document[group][0] if group else document)[key]

    def add(document: Any) -> None:
        (document[group][0] if group else document)["surplus"] = 1

    prefix = f"{group}[0]." if group else ""
    assert market_with(examples, remove).field == prefix + key
    assert market_with(examples, add).field == prefix + "surplus"


EXPIRY = 1_585_296_000
DIGITAL = {"kind": "digital_call", "underlying": "BTC", "lots_per_unit": 10_000, "expiry": EXPIRY}
DIGITAL |= {"strike_e8_usd": 8_000 * 10**8, "payout_e8_usd": 500 * 10**8}
BARRIER = {"kind": "barrier_put", "underlying": "BTC", "lots_per_unit": 10_000, "expiry": EXPIRY}
BARRIER |= {"strike_e8_usd": 8_000 * 10**8, "barrier_e8_usd": 7_000 * 10**8, "barrier_kind": "down_in"}


def test_digitals_and_barrier_options_are_read(examples: Path) -> None:
    document = json.loads((examples / "market.json").read_text())
    document["instruments"] += [DIGITAL, BARRIER]
    market = Market.parse("m.json", json.dumps(document).encode())
    assert market.grid.mark_price("BTC-20200327-8000-C-PAYS-500") > 0
    assert market.grid.mark_price("BTC-20200327-8000-P-DI-7000") > 0


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (DIGITAL | {"payout_e8_usd": 0}, "payout_e8_usd"),
        (DIGITAL | {"strike_e8_usd": 0}, "strike_e8_usd"),
        (DIGITAL | {"kind": "digital"}, "kind"),
        (DIGITAL | {"kind": "barrier_digital_call"}, "kind"),
        (DIGITAL | {"barrier_e8_usd": 1}, "barrier_e8_usd"),
        (BARRIER | {"barrier_e8_usd": -1}, "barrier_e8_usd"),
        (BARRIER | {"barrier_kind": "sideways_in"}, "barrier_kind"),
        (BARRIER | {"barrier_kind": "up_in"}, "BTC-20200327-8000-P-UI-7000.barrier"),
        (BARRIER | {"barrier_e8_usd": 7_950 * 10**8}, "BTC-20200327-8000-P-DI-7950.barrier"),
        (BARRIER | {"barrier_e8_usd": 8_000 * 10**8}, "BTC-20200327-8000-P-DI-8000.barrier"),
    ],
)
def test_a_bad_digital_or_barrier_option_is_named(examples: Path, entry: dict[str, Any], field: str) -> None:
    refusal = market_with(examples, lambda document: document["instruments"].append(entry))
    assert refusal.field.split("].")[-1] == field


def test_what_contradicts_itself_is_named(examples: Path) -> None:
    def twice(document: Any) -> None:
        document["instruments"].append(document["instruments"][0])

    def orphan(document: Any) -> None:
        document["instruments"].append({"kind": "perpetual", "underlying": "DOGE", "lots_per_unit": 1})

    def crossed(document: Any) -> None:
        document["parameters"]["level_down_ppm"] = 2_000_000

    assert market_with(examples, twice).field == "BTC-PERP.id"
    assert market_with(examples, orphan).field == "DOGE-PERP.underlying"
    assert market_with(examples, crossed).field == "parameters.level_down_ppm"


def test_each_parameter_of_a_market_counts(examples: Path) -> None:
    """Those that can be set are those that some grid depends on, and each is in the digest."""
    document = json.loads((examples / "market.json").read_text())
    usual = Market.parse("m.json", json.dumps(document).encode())
    for name in PARAMETERS:
        figure = getattr(usual.parameters, name)
        document["parameters"] = {name: figure - 1 if figure > 1 else 2}
        assert Market.parse("m.json", json.dumps(document).encode()).digest != usual.digest


def test_a_market_without_a_grid_is_refused(examples: Path) -> None:
    document = json.loads((examples / "market.json").read_text())
    document["underlyings"][1]["price_e8_usd"] = 5
    with pytest.raises(MarketUnusable):
        Market.parse("m.json", json.dumps(document).encode())


def test_spacing_and_order_do_not_change_a_market(examples: Path, market: Market) -> None:
    document = json.loads((examples / "market.json").read_text())
    document["instruments"].reverse()
    document["underlyings"].reverse()
    assert Market.parse("m.json", json.dumps(document, indent=7).encode()).digest == market.digest


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"b": {"a": 1, "a": 1}}', "twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "reads"),
        (b"[" * 100_000, "nests"),
        (b'{"a":' * 9 + b"1" + b"}" * 9, "nests"),
        (b'{"[[[[[[[[[": ' + b"[" * 8 + b"]" * 8 + b"}", "nests"),
        (b'{"a": 1', "JSON"),
        (b"", "JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[]", "no object"),
        (b" " * (MAX_FILE_BYTES + 1), "bytes"),
    ],
)
def test_text_that_two_programs_could_read_apart_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(FileInvalid, match=reason):
        parse("f.json", text)


@pytest.mark.parametrize("text", ["1.0", "1e3", "NaN", "-Infinity", "[NaN]", '{"b": 1.5}'])
def test_a_figure_that_is_no_whole_number_is_refused_by_field_wherever_it_stands(text: str) -> None:
    document = f'{{"a": {text}}}'.encode()
    for read in (
        lambda fields: fields.integer("a", 0, 9),
        lambda fields: fields.text("a"),
        lambda fields: fields.data("a", 1),
        lambda fields: fields.version("a"),
        lambda fields: [entry.integer("b", 0, 9) for entry in fields.objects("a", 9)],
        lambda fields: fields.object("a").integer("b", 0, 9),
        lambda fields: fields.end(),
    ):
        with pytest.raises(FileInvalid) as refusal:
            read(parse("f.json", document))
        assert refusal.value.field in ("a", "version", "a[0]", "a.b")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "0.8"])
def test_a_volatility_that_is_no_number_is_refused_naming_underlying_and_field(examples: Path, text: str) -> None:
    document = (examples / "market.json").read_text()
    at = document.index('"volatility_ppm"')
    sigma = document[at : document.index(",", at)]
    with pytest.raises(FileInvalid) as refusal:
        Market.parse("m.json", document.replace(sigma, f'"volatility_ppm": {text}', 1).encode())
    assert refusal.value.field == "underlyings[0].volatility_ppm"
    assert refusal.value.reason.startswith("of BTC is ")
    assert (text in refusal.value.reason) is (text != "0.8")


def test_a_figure_of_an_instrument_that_cannot_be_is_refused_naming_kind_and_underlying(examples: Path) -> None:
    refusal = market_with(examples, lambda document: document["instruments"][2].update(strike_e8_usd=0))
    assert refusal.field == "instruments[2].strike_e8_usd"
    assert refusal.reason.startswith("of a call on BTC ") or refusal.reason.startswith("of a put on BTC ")


@pytest.mark.parametrize("late", [0, 1, 10**6])
def test_an_instrument_that_has_expired_is_refused_naming_it_and_its_expiry(examples: Path, late: int) -> None:
    def change(document: Any) -> None:
        document["time"] = EXPIRY + late

    refusal = market_with(examples, change)
    assert refusal.field.startswith("BTC-20200327")
    assert refusal.field.endswith(".expiry")
    assert "expired" in refusal.reason
    assert isinstance(refusal.__cause__, ExpiredInstrument)


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_is_read_or_refused_with_the_file(document: object) -> None:
    for read in (Market.parse, Portfolio.parse, Commitments.parse):
        for whole in (document, {"version": "zkclear/portfolio/1", "cash_micro_usd": 1, "positions": document}):
            with pytest.raises(FileInvalid):
                read("f.json", json.dumps(whole).encode())


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_the_file(data: bytes) -> None:
    for read in (Market.parse, Portfolio.parse, Commitments.parse):
        with pytest.raises(FileInvalid):
            read("f.json", data)


@pytest.mark.parametrize(
    ("group", "amount"),
    [
        ("positions", 1 << 39),
        ("positions", -(1 << 39)),
        ("collateral", -1),
        ("collateral", 1 << 40),
        ("positions", "1"),
    ],
)
def test_an_amount_beyond_what_a_proof_can_bear_is_named_and_not_shown(group: str, amount: object) -> None:
    document = {"version": "zkclear/portfolio/1", "cash_micro_usd": 0, "positions": {}, "collateral": {}}
    document[group] = {"BTC-PERP": amount}
    with pytest.raises(FileInvalid) as refusal:
        Portfolio.parse("p.json", json.dumps(document).encode())
    assert refusal.value.field == f"{group}.BTC-PERP"


def test_brackets_within_text_are_no_nesting() -> None:
    assert parse("f.json", b'{"[[[[[[[[[[\\"{{{{{{{{{{": 1}').members() == ['[[[[[[[[[["{{{{{{{{{{']


# Openings and commitments.


def test_openings_are_kept_for_their_owner_alone_and_never_overwritten(tmp_path: Path, proven: ProvenMargin) -> None:
    path = tmp_path / "o.json"
    proven.openings.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = Openings.load(path)
    assert loaded.portfolio() == proven.openings.portfolio()
    assert loaded.cash == proven.openings.cash
    before = path.read_bytes()
    with pytest.raises(FileExists):
        proven.openings.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["o.json"]


def test_openings_that_others_can_read_are_refused(tmp_path: Path, proven: ProvenMargin) -> None:
    path = tmp_path / "o.json"
    proven.openings.save(path)
    path.chmod(0o640)
    with pytest.raises(FileInvalid, match="0600"):
        Openings.load(path)


@pytest.mark.parametrize("blinding", ["00" * 32, f"{ORDER:064x}", "ff" * 32, "AB" * 32, "12" * 31, 5])
def test_a_blinding_that_is_none_is_refused(tmp_path: Path, proven: ProvenMargin, blinding: object) -> None:
    path = tmp_path / "o.json"
    proven.openings.save(path)
    document = json.loads(path.read_text())
    document["cash"]["blinding"] = blinding
    path.write_text(json.dumps(document))
    with pytest.raises(FileInvalid) as refusal:
        Openings.load(path)
    assert refusal.value.field == "cash.blinding"


def test_commitments_come_back_as_they_were(tmp_path: Path, proven: ProvenMargin) -> None:
    path = tmp_path / "c.json"
    proven.commitments.save(path)
    assert Commitments.load(path).digest == proven.commitments.digest


@pytest.mark.parametrize(
    "text", ["", "00" * 96, "c0" + "00" * 95, "80" + "00" * 47 + "c0" + "00" * 47, "ab" * 95, "zz" * 96, 7]
)
def test_a_commitment_that_is_none_is_refused(tmp_path: Path, proven: ProvenMargin, text: object) -> None:
    path = tmp_path / "c.json"
    proven.commitments.save(path)
    document = json.loads(path.read_text())
    document["positions"]["ETH-PERP"] = text
    path.write_text(json.dumps(document))
    with pytest.raises(FileInvalid) as refusal:
        Commitments.load(path)
    assert refusal.value.field == "positions.ETH-PERP"


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none.json", tmp_path):
        with pytest.raises(FileInvalid) as refusal:
            Market.load(wrong)
        assert refusal.value.file == wrong.name
    with pytest.raises(FileInvalid):
        write(tmp_path / "none" / "x", b"")
