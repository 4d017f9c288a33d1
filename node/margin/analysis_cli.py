"""The commands `zkclear margin what-if` and `zkclear margin restore`: the owner's view, nothing is proven or sent."""

import re
from decimal import Decimal
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from node.margin import restoration, whatif
from node.margin.book import Portfolio
from node.margin.errors import FileInvalid
from node.margin.figures import MarginFigures
from node.margin.market import Market
from node.margin.output import JsonOption, MarketOption, PortfolioOption, print_json, reported, scenario_documents
from node.market.instruments import PPM

_ASSIGNMENT: Final = re.compile(r"([!-<>-~]{1,64})=([+-]?[0-9]{1,20})(?:@(-?[0-9]{1,20}))?", re.ASCII)
_PERCENT: Final = re.compile(r"([!-<>-~]{1,64})=([+-][0-9]{1,6}(?:\.[0-9]{1,4})?)%", re.ASCII)


def what_if(
    *,
    portfolio: PortfolioOption,
    market: MarketOption,
    trade: Annotated[list[str] | None, typer.Option(help="ID=LOTS[@µUSD a lot], signed; else at the mark.")] = None,
    cash: Annotated[int, typer.Option(help="µUSD paid in; negative: out.")] = 0,
    collateral: Annotated[list[str] | None, typer.Option(help="ASSET=UNITS paid in; negative: out.")] = None,
    price: Annotated[list[str] | None, typer.Option(help="SYMBOL=±PERCENT% or SYMBOL=PRICE in 1e-8 USD.")] = None,
    volatility: Annotated[list[str] | None, typer.Option(help="SYMBOL=±PERCENT% of itself, or SYMBOL=PPM.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show margin before and after supposed trades, deposits and moves; exit code 1 only for what cannot be read."""
    with reported(as_json=as_json):
        held, listed = Portfolio.load(portfolio), Market.load(market)
        states = {entry.symbol: entry for entry in listed.state.underlyings}
        change = whatif.Change(
            [_trade(text) for text in trade or []],
            cash,
            _amounts("collateral", collateral),
            _moves("price", price, {name: entry.price for name, entry in states.items()}),
            _moves("volatility", volatility, {name: entry.volatility.sigma_ppm for name, entry in states.items()}),
        )
        found = whatif.what_if(held, listed, change)
    if as_json:
        print_json({"before": _document(found.before), "after": _document(found.after)})
        return
    table = Table("", "equity", "margin", "slack", "worst at")
    for name, figures in (("before", found.before), ("after", found.after)):
        amounts = (_usd(amount) for amount in (figures.equity, figures.requirement, figures.slack))
        table.add_row(name, *amounts, " and ".join(map(str, figures.scenarios)) or "every scenario")
    Console(highlight=False).print(table)


def restore(
    *,
    portfolio: PortfolioOption,
    market: MarketOption,
    instrument: Annotated[list[str] | None, typer.Option(help="May be traded; without any, all may.")] = None,
    deposit_cost_ppm: Annotated[
        int, typer.Option(help="What a deposit costs, of its amount.")
    ] = restoration.DEPOSIT_COST_PPM,
    trades_only: Annotated[bool, typer.Option("--trades-only", help="Without a deposit.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find the cheapest trades and deposit after which the portfolio can be proven; exit code 1 if there are none."""
    with reported(as_json=as_json):
        held, listed = Portfolio.load(portfolio), Market.load(market)
        found = restoration.restore(
            held, listed, tradable=instrument, deposit_cost_ppm=None if trades_only else deposit_cost_ppm
        )
    if as_json:
        print_json(_restored(found))
        return
    console = Console(highlight=False, soft_wrap=True)
    for entry in found.trades:
        side = "buy" if entry.lots > 0 else "sell"
        console.print(f"{side} {abs(entry.lots)} lots of {entry.instrument} at {entry.price} µUSD a lot", markup=False)
    if found.deposit:
        console.print(f"deposit {found.deposit} µUSD", markup=False)
    if not found.trades and not found.deposit:
        console.print("nothing is missing", markup=False)
    console.print(f"cost {_usd(found.cost)} USD, slack then {_usd(found.after.slack)} USD", markup=False)
    for alone in found.deposits:
        unit = "µUSD" if alone.asset == "USD" else "units"
        console.print(f"or alone: {alone.amount} {unit} of {alone.asset}", markup=False)


def _document(figures: MarginFigures) -> dict[str, object]:
    return {
        "equity_e9_usd": figures.equity,
        "margin_e9_usd": figures.requirement,
        "slack_e9_usd": figures.slack,
        "deposit_micro_usd": figures.deposit,
        "scenarios": scenario_documents(figures.scenarios),
    }


def _restored(found: restoration.Restoration) -> dict[str, object]:
    return {
        "trades": [
            {"instrument": entry.instrument, "lots": entry.lots, "price_micro_usd": entry.price}
            for entry in found.trades
        ],
        "deposit_micro_usd": found.deposit,
        "cost_e9_usd": found.cost,
        "bound_e9_usd": found.bound,
        "after": _document(found.after),
        "deposits_alone": {entry.asset: entry.amount for entry in found.deposits},
    }


def _trade(text: str) -> whatif.Trade:
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise FileInvalid("--trade", text[:64], "is not ID=LOTS or ID=LOTS@PRICE, in whole numbers")
    return whatif.Trade(match[1], int(match[2]), None if match[3] is None else int(match[3]))


def _amounts(option: str, texts: list[str] | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in texts or []:
        match = _ASSIGNMENT.fullmatch(text)
        if match is None or match[3] is not None:
            raise FileInvalid(f"--{option}", text[:64], "is not NAME=WHOLE NUMBER")
        if match[1] in found:
            raise FileInvalid(f"--{option}", match[1], "is named twice")
        found[match[1]] = int(match[2])
    return found


def _moves(option: str, texts: list[str] | None, now: dict[str, int]) -> dict[str, int]:
    """Figures by symbol: as they stand, or so many percent above or below those of `now`, rounded down."""
    percents = {text: match for text in texts or [] if (match := _PERCENT.fullmatch(text))}
    found = _amounts(option, [text for text in texts or [] if text not in percents])
    for match in percents.values():
        if match[1] not in now:
            raise FileInvalid(f"--{option}", match[1], "is no underlying of the market")
        if match[1] in found:
            raise FileInvalid(f"--{option}", match[1], "is named twice")
        found[match[1]] = now[match[1]] * (PPM + int(Decimal(match[2]) * (PPM // 100))) // PPM
    return found


def _usd(amount: int) -> str:
    return f"{Decimal(amount) / 10**9:,.2f}"
