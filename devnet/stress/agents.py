"""How the accounts behave: answers to calls and warnings, bids, selling off, momentum. All of it in a fixed order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from devnet.stress.composer import Composer
from devnet.stress.house import Laboratory
from devnet.stress.market import ImpactMarket
from devnet.stress.participants import Participant, Participants
from devnet.stress.population import Role
from node.ledger.auctions import asking_price, marked_unit
from node.ledger.state import Default
from node.ledger.types import InstrumentId, MicroUsd
from node.liquidation.auction import gross_notional, portfolio_mark
from node.market.instruments import PPM

DISCOUNT: Final = 0.01
"""What a liquidator wants of a portfolio's notional, beside half of what selling it at once would move."""
UNWOUND_PPM: Final = 2_000
"""Of open interest: what all liquidators together, and the backstop, sell off in a round."""
TOP_UP_PERCENT: Final = 110
FALL: Final = -0.015
REBOUND: Final = 0.005
"""Returns over an hour at which momentum sellers sell, and buy back."""
_MOMENTUM_STEPS: Final = 8
_MOMENTUM_LEVERAGE: Final = 2


@dataclass(slots=True)
class Agents:
    """Everybody's behaviour in one run."""

    laboratory: Laboratory
    participants: Participants
    markets: Mapping[str, ImpactMarket]
    reduced: MicroUsd = MicroUsd(0)
    """Notional that warned owners sold or bought back."""
    _roles: Mapping[Role, tuple[Participant, ...]] = field(init=False, repr=False)
    _makers: Mapping[str, tuple[Participant, ...]] = field(init=False, repr=False)
    _turn: int = 0

    def __post_init__(self) -> None:
        everybody = self.participants.everybody
        self._roles = {role: tuple(e for e in everybody if e.character.role is role) for role in Role}
        makers = self._roles[Role.MAKER]
        self._makers = {name: tuple(e for e in makers if e.character.symbol == name) for name in self.markets}

    def answering(self, round_number: int) -> list[Participant]:
        """Who answers a call or a warning in this round."""
        return [entry for entry in self.participants.everybody if _ready(entry, round_number)]

    def trading(self) -> bool:
        """Whether somebody wants to trade without being asked to."""
        inventories = (*self._roles[Role.LIQUIDATOR], *self._roles[Role.BACKSTOP])
        if any(opening.value for entry in inventories for opening in entry.holdings.positions.values()):
            return True
        sellers = self._roles[Role.MOMENTUM]
        return any(self._wanted(entry, entry.holdings.position(entry.instrument).value) for entry in sellers)

    def prove_all(self, composer: Composer) -> None:
        """Everybody's first margin proof."""
        for entry in self.participants.everybody:
            composer.prove(entry)

    def answer(self, composer: Composer, round_number: int) -> None:
        """Calls and warnings are answered by whoever is there and can."""
        for entry in self.answering(round_number):
            if self._answer(composer, entry):
                entry.noticed = None

    def buy_at_market(self, composer: Composer, defaults: Sequence[Default]) -> bool:
        """Market makers take what is on auction at the asking price, one bid each; whether there was any.

        The price is the mark that the sale has moved already.
        """
        for default in defaults:
            offer, price = default.offer, asking_price(self.laboratory.house, composer.state, default)
            if offer is None or price is None:
                continue
            for maker in self._makers[self._symbol(offer.unit[0].instrument)]:
                if composer.bid(maker, default, price):
                    break
        return bool(composer.messages)

    def trade(self, composer: Composer, defaults: Sequence[Default]) -> None:
        """Selling off, then momentum, then bids for what is on auction."""
        for entry in (*self._roles[Role.LIQUIDATOR], *self._roles[Role.BACKSTOP]):
            self._sell_off(composer, entry)
        for entry in self._roles[Role.MOMENTUM]:
            lots = self._wanted(entry, entry.lots(entry.instrument))
            if lots:
                self._trade(composer, entry, entry.instrument, lots, forced=False)
        self._bid(composer, defaults)

    def market_of(self, instrument: InstrumentId) -> ImpactMarket:
        """Where an instrument's underlying is traded."""
        return self.markets[self._symbol(instrument)]

    def dollars(self, instrument: InstrumentId, lots: int) -> float:
        """Signed dollars of lots at the last quote."""
        scale = self.laboratory.house.registry.instrument(instrument).lot_scale
        return self.markets[self._symbol(instrument)].dollars(lots, scale)

    def _maker(self, symbol: str) -> Participant:
        """Whose turn it is."""
        self._turn += 1
        return self._makers[symbol][self._turn % len(self._makers[symbol])]

    def _symbol(self, instrument: InstrumentId) -> str:
        return self.laboratory.house.registry.instrument(instrument).underlying

    def _answer(self, composer: Composer, entry: Participant) -> bool:
        """Prove; if margin lacks, with a deposit, or, while the account may trade, with a smaller position."""
        if composer.prove(entry):
            return True
        missing = MicroUsd(-composer.slack(entry.draft.merged(len(entry.draft.waiting))) * TOP_UP_PERCENT // 100 + 1)
        if missing <= entry.reserve:
            composer.deposit(entry, missing)
            return composer.prove(entry)
        return entry.active and self._reduce(composer, entry)

    def _reduce(self, composer: Composer, entry: Participant) -> bool:
        instrument = entry.instrument
        held = entry.lots(instrument)
        worst = self._price(composer, instrument, -held)
        lots = composer.least_reduction(entry, instrument, worst)
        if not lots or not self._trade(composer, entry, instrument, lots, forced=False):
            return False
        self.reduced = MicroUsd(self.reduced + int(abs(self.dollars(instrument, lots)) * PPM))
        return True

    def _bid(self, composer: Composer, defaults: Sequence[Default]) -> None:
        """Liquidators bid for what is on auction once its price has fallen to what it is worth to them."""
        for default in defaults:
            offer, price = default.offer, asking_price(self.laboratory.house, composer.state, default)
            if offer is None or price is None:
                continue
            unit = marked_unit(composer.state, offer)
            gross, symbol = gross_notional(unit), self._symbol(offer.unit[0].instrument)
            wanted = DISCOUNT + self.markets[symbol].expected_move(offer.units * gross / PPM) / 2
            if price > portfolio_mark(unit) - int(gross * wanted):
                continue
            left = offer.units
            for entry in self._roles[Role.LIQUIDATOR]:
                if left > 0 and entry.character.symbol == symbol:
                    left -= composer.bid(entry, default, price)

    def _sell_off(self, composer: Composer, entry: Participant) -> None:
        """A part of what was taken over, so that the market is never asked for more than it takes in a round."""
        for instrument, opening in list(entry.draft.positions.items()):
            symbol = self._symbol(instrument)
            sharing = 1
            if entry.character.role is Role.LIQUIDATOR:
                sharing = sum(other.character.symbol == symbol for other in self._roles[Role.LIQUIDATOR])
            one = abs(self.dollars(instrument, 1))
            most = int(self.markets[symbol].open_interest * UNWOUND_PPM / PPM / sharing / one)
            lots = min(abs(opening.value), max(most, 1))
            if lots:
                self._trade(composer, entry, instrument, -lots if opening.value > 0 else lots, forced=True)

    def _wanted(self, entry: Participant, held: int) -> int:
        """Lots that a momentum seller trades now."""
        moved = self.markets[entry.character.symbol].momentum
        one = abs(self.dollars(entry.instrument, 1))
        most = int(entry.character.equity / PPM * _MOMENTUM_LEVERAGE / one)
        step = max(most // _MOMENTUM_STEPS, 1)
        if moved < FALL and held > -most:
            return -min(step, most + held)
        return min(step, -held) if moved > REBOUND and held < 0 else 0

    def _price(self, composer: Composer, instrument: InstrumentId, lots: int) -> MicroUsd:
        factor = self.markets[self._symbol(instrument)].fill(self.dollars(instrument, lots))
        return MicroUsd(max(int(composer.grid.mark_price(instrument) * factor), 1))

    def _trade(
        self, composer: Composer, entry: Participant, instrument: InstrumentId, lots: int, *, forced: bool
    ) -> bool:
        """With a market maker, at the quote and what the order moves it by; whether it was sent."""
        symbol = self._symbol(instrument)
        maker, price = self._maker(symbol), self._price(composer, instrument, lots)
        sent = composer.trade(entry, maker, instrument, lots, price)
        if sent:
            self.markets[symbol].trade(self.dollars(instrument, lots), forced=forced)
        return sent


def _ready(entry: Participant, round_number: int) -> bool:
    if entry.noticed is None or entry.character.delay is None:
        return False
    return round_number >= entry.noticed + entry.character.delay
