"""One policy's run: the market moves, agents answer, the ledger books; the books are checked after every batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from devnet.stress.agents import Agents
from devnet.stress.composer import Composer
from devnet.stress.errors import BooksBroken, MessageRefused
from devnet.stress.first_margin import FirstMargin
from devnet.stress.house import Secrets, make_laboratory
from devnet.stress.ledger import Ledger
from devnet.stress.market import ImpactMarket
from devnet.stress.outcome import Outcome, Series
from devnet.stress.participants import Participant, Participants
from devnet.stress.paths import ROUND_SECONDS, PricePath
from devnet.stress.policies import Margin, Policy, Sale
from devnet.stress.population import BACKSTOP_PPM, Population, draw_population
from devnet.stress.tally import Tally, attribute
from node.client.holdings import Holdings
from node.ledger.batch import AccountOpening
from node.ledger.effects import Effect, EventKind, LedgerEvent
from node.ledger.errors import InvariantBroken
from node.ledger.invariants import report_invariants
from node.ledger.state import Default, Stage
from node.ledger.types import AccountId, Digest, InstrumentId, MicroUsd, Status
from node.market.instruments import PPM
from node.market.predictive import Covered, warnings
from node.market.window import MarginWindow, lapse

MOST_ROUNDS_IN_A_BATCH: Final = 12
"""No more than the house's gap, after which deadlines would start over."""
_ON_THE_LADDER: Final = (Status.DUE, Status.CALLED, Status.FROZEN, Status.LIQUIDATING)


@dataclass(frozen=True, slots=True)
class Experiment:
    """What every policy is played on."""

    path: PricePath
    accounts: int
    seed: int

    def population(self) -> Population:
        """Alike for every policy, since all start with the same volatility.

        Raises:
            ExperimentInvalid: too few accounts, or too many.
            node.market.errors.MarketError: a price that the ledger cannot serve.
        """
        first = {symbol: prices[0] for symbol, prices in self.path.prices.items()}
        return draw_population(first, self.accounts, self.seed, FirstMargin.at(first).required)


@dataclass(slots=True)
class Run:
    """One policy on one experiment."""

    policy: Policy
    path: PricePath
    population: Population
    ledger: Ledger
    agents: Agents
    series: Series = field(default_factory=Series)
    tally: Tally = field(default_factory=Tally)
    trades: int = 0
    _covered: dict["_Cover", list[Participant]] = field(default_factory=dict)
    """Good accounts by their window and positions: of equal ones all are warned, or none."""
    _sent: set["_Order"] = field(default_factory=set)
    """Market orders that have met the market."""
    _calling: bool = True
    """Whether somebody stands on the ladder."""

    @classmethod
    def prepare(cls, policy: Policy, experiment: Experiment) -> "Run":
        """Everybody with a first position, and no window yet.

        Raises:
            ExperimentInvalid: too few accounts, or too many.
            node.market.errors.MarketError: a price that the ledger cannot serve.
        """
        path, secrets, population = experiment.path, Secrets(experiment.seed), experiment.population()
        first = {symbol: prices[0] for symbol, prices in path.prices.items()}
        limit = MicroUsd(population.total_open_interest * BACKSTOP_PPM // PPM)
        backstop = secrets.owner(len(population.characters) - 1)
        laboratory = make_laboratory(policy, first, secrets, backstop, limit)
        participants = Participants.enter(laboratory, population, secrets, first)
        time = path.times[0] - ROUND_SECONDS
        ledger = Ledger.open(laboratory, participants.accounts(), population, time)
        markets = {
            symbol: ImpactMarket(population.open_interest[symbol] / PPM, price) for symbol, price in first.items()
        }
        return cls(policy, path, population, ledger, Agents(laboratory, participants, markets))

    def play(self) -> Outcome:
        """The whole path.

        Raises:
            BooksBroken: matched book, full reserves or an owner's own books do not hold.
            MessageRefused: the ledger did not take what an agent had reason to send.
        """
        for number in range(len(self.path.times)):
            self._move_market(number)
            if self.policy.margin is Margin.PREDICTIVE:
                self._warn(number)
            if self._is_batch_due(number):
                self._batch(number)
            self._note(number)
        if self.ledger.rounds:
            self._batch(len(self.path.times))
        return self._outcome()

    def _move_market(self, number: int) -> None:
        for symbol, market in self.agents.markets.items():
            market.advance(self.path.prices[symbol][number], ROUND_SECONDS)
        if self.policy.sale is Sale.MARKET_ORDER:
            self._send_market_orders()
        prices = {symbol: market.quote() for symbol, market in self.agents.markets.items()}
        self.ledger.observe(prices, self.path.times[number])

    def _send_market_orders(self) -> None:
        """What has come on auction since the last round meets the market before the oracle looks at it."""
        for default in self._defaults(Stage.AUCTION):
            order = _Order(default.id, default.auctions)
            if default.offer is None or order in self._sent:
                continue
            self._sent.add(order)
            for lot in default.offer.unit:
                sold = self.agents.dollars(lot.instrument, -lot.quantity * default.offer.units)
                self.agents.market_of(lot.instrument).trade(sold, forced=True)

    def _warn(self, number: int) -> None:
        """What every node says after every round, from public data."""
        house = self.ledger.laboratory.house
        groups = {members[0].id: members for members in self._covered.values()}
        asked = (Covered(members[0].id, cover.window, cover.positions, ()) for cover, members in self._covered.items())
        for warned in warnings(asked, self.ledger.market, house.registry, house.market):
            for entry in groups[AccountId(warned.account)]:
                if entry.noticed is None:
                    entry.noticed = number
                    self.tally.warned += 1

    def _is_batch_due(self, number: int) -> bool:
        """Whether anything can happen but the market moving on."""
        if self._calling or len(self.ledger.rounds) >= MOST_ROUNDS_IN_A_BATCH:
            return True
        return bool(self.agents.answering(number)) or self.agents.trading() or any(map(self._lapsed, self._covered))

    def _lapsed(self, cover: "_Cover") -> bool:
        house = self.ledger.laboratory.house
        return lapse(cover.window, self.ledger.market, cover.positions, (), house.registry, house.market) is not None

    def _batch(self, number: int) -> None:
        composer = self._begin()
        openings = [self._opening(default) for default in self._defaults(Stage.OPENING)]
        if self.ledger.state.number:
            at_market = self.policy.sale is Sale.MARKET_ORDER
            self.agents.answer(composer, number)
            self.agents.trade(composer, () if at_market else self._defaults(Stage.AUCTION))
        else:
            self.agents.prove_all(composer)
        self._commit(composer, openings, number)
        if self.policy.sale is Sale.MARKET_ORDER:
            self._fill_market_orders(number)

    def _begin(self) -> Composer:
        return Composer.begin(self.ledger, self.agents.participants, self.trades + 1)

    def _fill_market_orders(self, number: int) -> None:
        """Batches in the same hub block, since an account bids once in each, until every order is filled."""
        while True:
            composer = self._begin()
            due = [d for d in self._defaults(Stage.AUCTION) if _Order(d.id, d.auctions) in self._sent]
            if not self.agents.buy_at_market(composer, due):
                return
            self._commit(composer, (), number)

    def _commit(self, composer: Composer, openings: Sequence[AccountOpening], number: int) -> None:
        before = {entry.id: entry.holdings for entry in self.agents.participants.everybody}
        try:
            proposal = self.ledger.commit(composer, openings)
        except InvariantBroken as error:
            raise BooksBroken(self.policy.name, number, str(error)) from error
        for left_out in proposal.refused:
            raise MessageRefused(self.policy.name, number, str(left_out.refusal))
        self.trades += composer.trades
        self.tally.messages += len(proposal.batch.messages)
        self._follow(proposal.executed.effects, number)
        self._count(proposal.executed.effects, before, number)
        self._look_around()

    def _follow(self, effects: tuple[Effect, ...], number: int) -> None:
        """Everybody's books move along, and must still say what the ledger says."""
        participants = self.agents.participants
        for name in sorted(participants.follow(effects)):
            if not participants.agree(self.ledger.state.accounts[name]):
                raise BooksBroken(self.policy.name, number, f"the books of account {name.hex()} differ from the ledger")

    def _count(self, effects: tuple[Effect, ...], before: Mapping[AccountId, Holdings], number: int) -> None:
        for entry in effects:
            if not isinstance(entry, LedgerEvent) or entry.account is None:
                continue
            participant = self.agents.participants[entry.account]
            if entry.kind is EventKind.DUE:
                participant.noticed = number if participant.noticed is None else participant.noticed
                participant.pushed = self._holds_without_forced_sales(participant.id)
            elif entry.kind is EventKind.FROZEN:
                participant.noticed = None
                if participant.pushed:
                    self.tally.pushed.add(Digest(bytes.fromhex(attribute(entry, "default"))))
        self.tally.count_tear_ups(effects, before, self.ledger.state.grids[-1])

    def _holds_without_forced_sales(self, name: AccountId) -> bool:
        """Whether the account's window would hold at the prices without the impact of forced sales."""
        account, house = self.ledger.state.accounts[name], self.ledger.laboratory.house
        market = self.ledger.state.market
        unmoved = tuple(
            replace(entry, price=self.agents.markets[entry.symbol].price_without_forced) for entry in market.underlyings
        )
        calm = replace(market, underlyings=unmoved)
        if account.window is None:
            return False
        return lapse(account.window, calm, tuple(account.positions), (), house.registry, house.market) is None

    def _look_around(self) -> None:
        """Which windows stand, and whether somebody is called or in default."""
        self._covered = {}
        participants, backstop = self.agents.participants, self.ledger.laboratory.house.rules.backstop
        called = False
        for name, account in self.ledger.state.accounts.items():
            called = called or account.status in _ON_THE_LADDER
            if account.status is Status.ACTIVE and account.window and account.positions and name != backstop:
                cover = _Cover(account.window, tuple(account.positions))
                self._covered.setdefault(cover, []).append(participants[name])
        self._calling = called

    def _defaults(self, stage: Stage) -> list[Default]:
        """In the order of their ids."""
        defaults = self.ledger.state.defaults
        return [defaults[name] for name in sorted(defaults) if defaults[name].stage is stage]

    def _opening(self, default: Default) -> AccountOpening:
        return self.agents.participants.opening(self.ledger.state.accounts[default.account], default)

    def _note(self, number: int) -> None:
        prices = {symbol: self.ledger.market.price(symbol) for symbol in self.agents.markets}
        self.series.add(self.path.times[number], prices, len(self._liquidated()), self._bad_debt())

    def _liquidated(self) -> list[Digest]:
        """Defaults of which something was sold or torn up: who has margin again when opened is its own master."""
        return [name for name, default in self.ledger.state.defaults.items() if default.gross_sold]

    def _bad_debt(self) -> MicroUsd:
        closed = self.ledger.state.defaults.values()
        return MicroUsd(sum(d.insurance_paid + d.shortfall + d.torn_up for d in closed) - self.tally.beyond)

    def _outcome(self) -> Outcome:
        state = self.ledger.state
        report = report_invariants(self.ledger.laboratory.house, state)
        if report.failing:
            raise BooksBroken(self.policy.name, len(self.path.times), f"{', '.join(report.failing)} at the end")
        paid = sum(default.insurance_paid for default in state.defaults.values())
        return Outcome(
            policy=self.policy,
            bad_debt=self._bad_debt(),
            insurance=MicroUsd(state.insurance + paid),
            open_interest=self.population.total_open_interest,
            liquidations=len(self._liquidated()),
            cascaded=len(self.tally.pushed.intersection(self._liquidated())),
            overshoot=self.series.overshoot(self.path.prices),
            shortfall=MicroUsd(state.shortfall + self.tally.torn - self.tally.beyond),
            tear_ups=self.tally.tear_ups,
            tear_up_overshoot=MicroUsd(self.tally.beyond),
            moved=MicroUsd(self.tally.moved),
            sold=MicroUsd(sum(default.gross_sold for default in state.defaults.values())),
            batches=self.ledger.batches,
            messages=self.tally.messages,
            warned=self.tally.warned,
            reduced=self.agents.reduced,
            series=self.series,
        )


@dataclass(frozen=True, slots=True)
class _Cover:
    """What the public sees of a good account."""

    window: MarginWindow
    positions: tuple[InstrumentId, ...]


@dataclass(frozen=True, slots=True)
class _Order:
    """One auction of one default, which becomes one order."""

    default: Digest
    auction: int
