"""One policy's run: the market moves, agents answer, the ledger books; the books are checked after every batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from devnet.stress.agents import Agents
from devnet.stress.composer import Composer
from devnet.stress.errors import BooksBroken, MessageRefused
from devnet.stress.house import Secrets, make_laboratory, market_parameters
from devnet.stress.ledger import Ledger
from devnet.stress.market import ImpactMarket
from devnet.stress.outcome import Outcome, Series
from devnet.stress.participants import Participant, Participants
from devnet.stress.paths import ROUND_SECONDS, PricePath
from devnet.stress.policies import Policy, Sale
from devnet.stress.population import BACKSTOP_PPM, Population, draw_population
from node.client.holdings import Holdings
from node.ledger.batch import AccountOpening
from node.ledger.effects import Effect, EventKind, LedgerEvent, Posting, PostingKind
from node.ledger.errors import InvariantBroken
from node.ledger.invariants import report_invariants
from node.ledger.state import Default, Stage
from node.ledger.types import AccountId, InstrumentId, MicroUsd, Status
from node.market.instruments import PPM
from node.market.predictive import Covered, warnings
from node.market.widths import initial_width
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
        """Alike for every policy, since all start with the same volatility."""
        first = {symbol: prices[0] for symbol, prices in self.path.prices.items()}
        parameters = market_parameters(Policy(""), first)
        # A window's edges lie on the lattice: at most one step further out than its width.
        width = initial_width(parameters.volatility_start_ppm, parameters)
        edge = PPM - (PPM - width) * parameters.step_denominator // parameters.step_numerator
        return draw_population(first, self.accounts, self.seed, edge)


@dataclass(slots=True)
class Tally:
    """What is counted on the way."""

    liquidations: int = 0
    cascaded: int = 0
    warned: int = 0
    messages: int = 0
    tear_ups: int = 0
    tear_up_overshoot: MicroUsd = MicroUsd(0)


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
            if self.policy.warnings:
                self._warn(number)
            if self._is_batch_due(number):
                self._batch(number)
            self._note(number)
        if self.ledger.rounds:
            self._batch(len(self.path.times))
        return self._outcome()

    def _move_market(self, number: int) -> None:
        frozen = self._defaults(Stage.OPENING) if self.policy.sale is Sale.MARKET else []
        for symbol, market in self.agents.markets.items():
            market.advance(self.path.prices[symbol][number], ROUND_SECONDS)
        for default in frozen:
            for lot in self.agents.lots_of(default):
                sold = self.agents.dollars(lot.instrument, -lot.quantity)
                self.agents.market_of(lot.instrument).trade(sold, forced=True)
        prices = {symbol: market.quote() for symbol, market in self.agents.markets.items()}
        self.ledger.observe(prices, self.path.times[number])

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
        composer = Composer.begin(self.ledger, self.agents.participants, self.trades + 1)
        frozen = self._defaults(Stage.OPENING)
        if self.ledger.state.number:
            self.agents.answer(composer, number)
            if self.policy.sale is Sale.MARKET:
                self.agents.buy_at_market(composer, frozen)
            self.agents.trade(composer, self._defaults(Stage.AUCTION))
        else:
            self.agents.prove_all(composer)
        self._commit(composer, [self._opening(default) for default in frozen], number)

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
                self.tally.liquidations += 1
                self.tally.cascaded += participant.pushed
        self.tally.tear_up_overshoot = MicroUsd(self.tally.tear_up_overshoot + self._torn(effects, before))

    def _torn(self, effects: tuple[Effect, ...], before: Mapping[AccountId, Holdings]) -> int:
        """What tear-ups took from positions on the winning side beyond the shortfalls that they had to cover."""
        torn = {str(dict(e.attributes)["instrument"]): e for e in effects if _is(e, EventKind.TORN_UP)}
        self.tally.tear_ups += len(torn)
        taken = 0
        for posting in effects:
            if isinstance(posting, Posting) and posting.kind is PostingKind.SETTLED and posting.instrument in torn:
                held = before[posting.account].position(posting.instrument).value
                taken += max(0, (self.ledger.state.grids[-1].mark_price(posting.instrument) - posting.amount) * held)
        missing = sum(int(dict(e.attributes)["amount"]) for e in effects if _is(e, EventKind.SHORTFALL))
        return max(0, taken - missing)

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
        self.series.add(self.path.times[number], prices, self.tally.liquidations, self._bad_debt())

    def _bad_debt(self) -> MicroUsd:
        return MicroUsd(sum(d.insurance_paid + d.shortfall for d in self.ledger.state.defaults.values()))

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
            liquidations=self.tally.liquidations,
            cascaded=self.tally.cascaded,
            overshoot=self.series.overshoot(self.path.prices),
            shortfall=state.shortfall,
            tear_ups=self.tally.tear_ups,
            tear_up_overshoot=self.tally.tear_up_overshoot,
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


def _is(effect: Effect, kind: EventKind) -> bool:
    return isinstance(effect, LedgerEvent) and effect.kind is kind
