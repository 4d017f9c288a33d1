"""A comparison as pictures: one file for each symbol's prices, one for liquidations and bad debt over time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from devnet.stress.outcome import Outcome
from devnet.stress.paths import PricePath
from node.market.instruments import FEED_UNITS, PPM
from node.risk.errors import PlotsUnwritable


def write_plots(path: PricePath, outcomes: Sequence[Outcome], folder: Path) -> tuple[Path, ...]:
    """`<symbol>.png` and `losses.png`; the folder is made if need be. Raises PlotsUnwritable."""
    figures = {f"{symbol.lower()}.png": _prices(path, outcomes, symbol) for symbol in path.symbols}
    figures["losses.png"] = _losses(outcomes)
    made = []
    for name, figure in figures.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(folder / name, dpi=120)
        except OSError as error:
            raise PlotsUnwritable(name, str(error.strerror or error)) from error
        made.append(folder / name)
    return tuple(made)


def _figure() -> Figure:
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)  # no display is needed, and none is asked for
    return figure


def _prices(path: PricePath, outcomes: Sequence[Outcome], symbol: str) -> Figure:
    figure = _figure()
    upper, lower = figure.subplots(2, 1, sharex=True)
    alone = path.prices[symbol]
    times = _times(path.times)
    upper.plot(times, [price / FEED_UNITS for price in alone], color="black", linewidth=1.2, label="path")
    for outcome in outcomes:
        prices = outcome.series.prices[symbol]
        upper.plot(times, [price / FEED_UNITS for price in prices], linewidth=0.8, label=outcome.policy.name)
        impact = [100 * (price / path_price - 1) for price, path_price in zip(prices, alone, strict=True)]
        lower.plot(times, impact, linewidth=0.9, label=outcome.policy.name)
    upper.set_ylabel(f"{symbol}, USD")
    lower.set_ylabel("impact, % of the path")
    _dress(upper, lower)
    return figure


def _losses(outcomes: Sequence[Outcome]) -> Figure:
    figure = _figure()
    upper, lower = figure.subplots(2, 1, sharex=True)
    for outcome in outcomes:
        times, series = _times(outcome.series.times), outcome.series
        upper.plot(times, series.liquidations, linewidth=0.9, label=outcome.policy.name)
        lower.plot(times, [lost / PPM for lost in series.bad_debt], linewidth=0.9, label=outcome.policy.name)
    upper.set_ylabel("liquidations so far")
    lower.set_ylabel("bad debt so far, USD")
    _dress(upper, lower)
    return figure


def _times(seconds: Sequence[int]) -> list[datetime]:
    return [datetime.fromtimestamp(second, UTC) for second in seconds]


def _dress(*panels: Axes) -> None:
    for panel in panels:
        panel.legend(loc="upper left", fontsize="small")
        panel.grid(alpha=0.3)
