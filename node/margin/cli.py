"""The group `zkclear margin`, and its commands `prove` and `verify`: files in, files and an exit code out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from node.margin.analysis_cli import restore, what_if
from node.margin.book import Commitments, Openings, Portfolio
from node.margin.documents import read, write
from node.margin.errors import FileExists
from node.margin.market import Market
from node.margin.output import JsonOption, MarketOption, print_json, reported
from node.margin.proof import MAX_PROOF_BYTES, VerifiedMargin, prove_margin, verify_margin

app = typer.Typer(help="Prove and check margin without a network.", no_args_is_help=True)
app.command("what-if")(what_if)
app.command()(restore)

ChallengeOption = Annotated[str, typer.Option("--challenge", help="The verifier's words, which the proof is bound to.")]


@app.command()
def prove(
    *,
    portfolio: Annotated[Path, typer.Option(help="The secret side: cash, positions, collateral.")],
    market: MarketOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the proof goes.")],
    commitments: Annotated[Path | None, typer.Option(help="Where the public commitments go.")] = None,
    openings: Annotated[Path | None, typer.Option(help="Where the secret openings go: a new file.")] = None,
    reuse: Annotated[Path | None, typer.Option(help="Earlier openings, kept where an amount is unchanged.")] = None,
    challenge: ChallengeOption = "",
    as_json: JsonOption = False,
) -> None:
    """Prove that a portfolio survives its window; nothing is written if it does not."""
    public = commitments or output.with_suffix(".commitments.json")
    secret = openings or output.with_suffix(".openings.json")
    with reported(as_json=as_json):
        held, listed = Portfolio.load(portfolio), Market.load(market)
        known = None if reuse is None else Openings.load(reuse)
        if secret.exists():
            raise FileExists(secret.name)
        proven = prove_margin(held, listed, challenge=challenge, openings=Openings.of(held, known))
        proven.openings.save(secret)
        proven.commitments.save(public)
        write(output, proven.proof)
    names = {"proof": str(output), "commitments": str(public), "openings": str(secret)}
    if as_json:
        print_json({"proven": True, **names, "bytes": len(proven.proof)})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"proven: {len(proven.proof)} bytes in {output}, commitments in {public}", markup=False)
    console.print(f"keep {secret} secret: it opens the commitments", markup=False)


@app.command()
def verify(
    *,
    proof: Annotated[Path, typer.Argument(help="The proof.")],
    market: MarketOption,
    commitments: Annotated[Path, typer.Option(help="The commitments that it is about.")],
    challenge: ChallengeOption = "",
    as_json: JsonOption = False,
) -> None:
    """Check that a committed portfolio survives the market's window; exit code 1 and a reason if that is not shown."""
    with reported(as_json=as_json):
        shown = read(proof, MAX_PROOF_BYTES)
        verified = verify_margin(shown, Market.load(market), Commitments.load(commitments), challenge=challenge)
    if as_json:
        print_json({"verified": True, **_document(verified)})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"holds: {verified.rows} rows, commitments {verified.commitments.hex()}", markup=False)
    for reach in verified.window.underlyings:
        prices, levels = f"{_usd(reach.low)} to {_usd(reach.high)} USD", f"{reach.level_low} to {reach.level_high} ppm"
        console.print(f"{reach.symbol}: {prices}, volatility {levels}", markup=False)


def _document(verified: VerifiedMargin) -> dict[str, object]:
    ranges = [
        {
            "underlying": reach.symbol,
            "low_e8_usd": reach.low,
            "high_e8_usd": reach.high,
            "volatility_low_ppm": reach.level_low,
            "volatility_high_ppm": reach.level_high,
        }
        for reach in verified.window.underlyings
    ]
    return {
        "market": verified.market.hex(),
        "commitments": verified.commitments.hex(),
        "challenge": verified.challenge,
        "rows": verified.rows,
        "time": verified.window.time,
        "until": verified.until,
        "window": ranges,
    }


def _usd(price: int) -> str:
    return f"{price // 10**8}.{price % 10**8:08d}".rstrip("0").rstrip(".")
