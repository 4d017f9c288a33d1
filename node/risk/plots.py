"""A backtest as pictures: one file per symbol, prices with the initial window around them, and the widths below."""

from datetime import UTC, datetime
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from node.market.instruments import FEED_UNITS, PPM
from node.risk.backtest import EMIR, INITIAL, MAINTENANCE, UNBUFFERED, AssetBacktest, Backtest
from node.risk.errors import PlotsUnwritable

_LABELS = {
    INITIAL: "initial",
    MAINTENANCE: "maintenance",
    UNBUFFERED: "initial, without floors and slow descent",
    EMIR: "the same with EMIR's buffer of 25 %",
}


def write_plots(backtest: Backtest, folder: Path) -> tuple[Path, ...]:
    """`<symbol>.png` for each symbol; the folder is made if need be. Raises PlotsUnwritable."""
    made = []
    for asset in backtest.assets:
        path = folder / f"{asset.tape.symbol.lower()}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _figure(asset).savefig(path, dpi=120)
        except OSError as error:
            raise PlotsUnwritable(path.name, str(error.strerror or error)) from error
        made.append(path)
    return tuple(made)


def _figure(asset: AssetBacktest) -> Figure:
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)  # no display is needed, and none is asked for
    upper, lower = figure.subplots(2, 1, sharex=True)
    times = [datetime.fromtimestamp(tick.time, UTC) for tick in asset.tape.ticks]
    prices = [tick.price / FEED_UNITS for tick in asset.tape.ticks]
    initial = asset.rule(INITIAL).ppm
    low = [price * (1 - width / PPM) for price, width in zip(prices, initial, strict=True)]
    high = [price * (1 + width / PPM) for price, width in zip(prices, initial, strict=True)]
    upper.fill_between(times, low, high, alpha=0.2, label="initial window")
    upper.plot(times, prices, linewidth=0.8, label="price")
    upper.set_ylabel(f"{asset.tape.symbol}, USD")
    for entry in asset.widths:
        lower.plot(times, [100 * width / PPM for width in entry.ppm], linewidth=0.9, label=_LABELS[entry.rule])
    lower.set_ylabel("width, % of the price")
    for axes in (upper, lower):
        axes.legend(loc="upper left", fontsize="small")
        axes.grid(alpha=0.3)
    return figure
