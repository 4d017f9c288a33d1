"""Houses in the situations that tests start from."""

from dataclasses import dataclass

from node.ledger.batch import Deposited
from node.ledger.claims import TrustingVerifier
from node.ledger.state import Default
from node.ledger.types import INSURANCE_ACCOUNT, Status
from tests.support.clearing import Clearing
from tests.support.ledger import USD, Setting, Trader, make_trade, token

LOTS = 10_000
"""One bitcoin."""
ENTRY = 800_000
"""Micro-dollars per lot at 8,000 dollars a bitcoin."""


@dataclass
class Scene:
    """A house with someone who bought a bitcoin on margin, the one who sold it, and someone with money."""

    clearing: Clearing
    debtor: Trader
    maker: Trader
    bidder: Trader

    @property
    def default(self) -> Default:
        return self.clearing.default_of(self.debtor)

    @property
    def status(self) -> Status:
        return self.clearing.account(self.debtor).status

    def fall(self, price: float) -> None:
        """Bitcoin falls out of everybody's window; all but the debtor prove again."""
        self.clearing.batch(prices={"BTC": price}, blocks=4)
        assert self.status is Status.DUE
        self.clearing.accept(self.maker.margin_proof(self.clearing.state))

    def freeze(self) -> None:
        """The debtor lets the call and the grace pass."""
        self.clearing.batch(blocks=8)
        assert self.status is Status.CALLED
        self.clearing.batch(blocks=24)
        self.clearing.batch(blocks=1)
        assert self.status is Status.FROZEN
        self.clearing.accept(self.maker.margin_proof(self.clearing.state))

    def open(self) -> None:
        """The committee opens the debtor's account."""
        self.clearing.batch(openings=(self.clearing.opening(self.default),))
        assert self.status is Status.LIQUIDATING


def on_margin(
    setting: Setting,
    *,
    cash: int = 2_000 * USD,
    collateral: dict[tuple[int, str], int] | None = None,
    instrument: str = "BTC-PERP",
    hollow: bool = True,
) -> Scene:
    """The debtor owns `cash` and `collateral` (by chain and symbol) and one bitcoin, bought at 8,000."""
    debtor, maker, bidder = (Trader(setting, hollow=hollow) for _ in range(3))
    verifier = TrustingVerifier() if hollow else None
    clearing = Clearing.start(setting, debtor, maker, bidder, verifier=verifier)
    events = {
        chain: [Deposited(debtor.id, token(chain, symbol), n)] for (chain, symbol), n in (collateral or {}).items()
    }
    clearing.batch(events=events, blocks=0)
    for trader, amount in ((debtor, cash), (maker, 20_000 * USD), (bidder, 20_000 * USD)):
        clearing.deposit(trader.id, 31337, "USD", amount)
    clearing.accept(make_trade(clearing.state, debtor, maker, instrument, LOTS, ENTRY), blocks=0)
    return Scene(clearing, debtor, maker, bidder)


def frozen(setting: Setting, price: float, *, insurance: int = 0, **holdings: object) -> Scene:
    """The debtor after bitcoin fell to `price` and nobody proved: 6,000 is where `cash` alone would be used up."""
    scene = on_margin(setting, **holdings)  # type: ignore[arg-type]
    if insurance:
        scene.clearing.deposit(INSURANCE_ACCOUNT, 31337, "USD", insurance)
    scene.fall(price)
    scene.freeze()
    return scene


def auctioned(setting: Setting, price: float, *, insurance: int = 0, **holdings: object) -> Scene:
    """The debtor with its portfolio on auction."""
    scene = frozen(setting, price, insurance=insurance, **holdings)
    scene.open()
    return scene
