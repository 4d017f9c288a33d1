"""The laboratory's house: one validator, a committee of one, perpetuals on the path's symbols, dollars on one chain.

Rules and market figures are those of the devnet and of `node.market`, but for what a policy compares and for three
simplifications: no funding, no proof that is too old while its window lasts, and as many messages as a batch has bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from coincurve import PrivateKey
from eth_hash.auto import keccak

from circuits.committee import CommitteeKey, KeyContribution, KeyOrigin, KeyShare
from circuits.group import ZERO, scalar
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Commitment, Opening
from circuits.polynomials import SeededSource, nonzero_scalar
from circuits.transcript import Deployment
from devnet.genesis import house_rules
from devnet.stress.policies import Extent, Margin, Policy, Sale
from node.chains.certificates import ValidatorKey
from node.ledger.parameters import HouseParameters
from node.ledger.state import House
from node.ledger.types import Address, AssetId, InstrumentId, MicroUsd
from node.market.instruments import FEED_UNITS, PPM, Perpetual, Registry
from node.market.listing import standard_asset
from node.market.parameters import YEAR_SECONDS, MarketParameters, UnderlyingParameters

CHAIN: Final = 31337
BLOCKS_PER_ROUND: Final = 4
_TOKEN: Final = bytes(range(1, 21))
_HUB: Final = bytes(range(20))
_ORIGIN: Final = bytes(32)
_NO_LIMIT: Final = 1 << 20
_WHATEVER_IT_IS_WORTH: Final = MicroUsd(1 << 60)
_FILLED_WITHIN: Final = 4 * BLOCKS_PER_ROUND
_NEVER: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A house, and the secrets behind it: nobody else is in it."""

    house: House
    validator: ValidatorKey
    share: KeyShare
    dollars: AssetId

    def commit(self, opening: Opening) -> Commitment:
        """C = q·G + ρ·H, D = ρ·B, in a time that depends on the opening: nothing here is secret."""
        if opening.blinding == ZERO:
            return Commitment.public(opening.value)
        base = self.house.committee.key.blinding_base
        point = VALUE_BASE * scalar(opening.value) + base * opening.blinding
        return Commitment(point, HANDLE_BASE * opening.blinding)

    @property
    def token(self) -> Address:
        """The dollar token on its chain."""
        return Address(_TOKEN)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys from the run's seed: they decide nothing that is measured, and make runs repeat themselves to the byte."""

    seed: int

    def key(self, label: str, place: int = 0) -> PrivateKey:
        """A signing key."""
        return PrivateKey(bytes(keccak(f"zkclear/stress/{self.seed}/{label}/{place}".encode())))

    def owner(self, place: int) -> Address:
        """The address of owner number `place`."""
        public = self.key("owner", place).public_key.format(compressed=False)
        return Address(bytes(keccak(public[1:]))[12:])


def lot_scale(price: int) -> int:
    """Lots in a whole unit that costs `price` feed units: a power of ten that makes a lot a few dollars."""
    return int(10 ** max(len(str(price // FEED_UNITS)) - 1, 0))


def instrument_of(symbol: str) -> InstrumentId:
    """The perpetual on a symbol."""
    return InstrumentId(f"{symbol}-PERP")


def make_laboratory(
    policy: Policy, prices: Mapping[str, int], secrets: Secrets, backstop: Address, backstop_limit: MicroUsd
) -> Laboratory:
    """The house that runs under `policy`, listed at the path's first prices (feed units).

    Raises:
        node.market.errors.MarketError: a price that the lattice cannot serve.
    """
    validator = ValidatorKey(bytes.fromhex(secrets.key("validator").to_hex()))
    secret = nonzero_scalar(SeededSource(secrets.key("committee").secret, b"zkclear/stress"))
    origin = KeyOrigin(_ORIGIN, (KeyContribution.prove(_ORIGIN, 1, secret),))
    committee = CommitteeKey.of((HANDLE_BASE * secret,), 1, origin)
    deployment = Deployment(CHAIN, _HUB, bytes(keccak(policy.name.encode())))
    registry = listings(prices)
    rules = _rules(policy, house_rules(deployment, backstop, backstop_limit))
    house = House(
        deployment, (Address(validator.address),), committee, registry, market_parameters(policy, prices), rules
    )
    return Laboratory(house, validator, KeyShare(1, secret), AssetId(registry.collateral[0].id))


def _rules(policy: Policy, house: HouseParameters) -> HouseParameters:
    rules = replace(house, max_messages=_NO_LIMIT, plans_per_batch=_NO_LIMIT, openings_per_batch=_NO_LIMIT)
    if policy.extent is Extent.FULL:
        rules = replace(rules, full_below=_WHATEVER_IT_IS_WORTH)
    if policy.sale is Sale.MARKET_ORDER:
        # The price stays at the mark while the order is filled.
        rules = replace(
            rules,
            auction_start_ppm=PPM,
            auction_fast_ppm=PPM,
            auction_fast_blocks=_FILLED_WITHIN,
            insolvent_blocks=_NEVER,
            reset_ppm=_NEVER,
        )
    return rules


def listings(prices: Mapping[str, int]) -> Registry:
    """A perpetual on each symbol (prices in feed units), and dollars."""
    symbols = tuple(sorted(prices))
    instruments = tuple(Perpetual(symbol, lot_scale(prices[symbol])) for symbol in symbols)
    return Registry(symbols, instruments, (standard_asset(CHAIN, _TOKEN, "USD"),))


def market_parameters(policy: Policy, prices: Mapping[str, int]) -> MarketParameters:
    """The house's default figures, with static volatility where the policy has it."""
    house = MarketParameters(
        tuple(UnderlyingParameters(symbol, price, 1) for symbol, price in prices.items()),
        funding_rate_ppm=0,
        max_proof_age_seconds=YEAR_SECONDS,
        oracle_quorum=1,
        round_spacing=BLOCKS_PER_ROUND,
    )
    if policy.margin is not Margin.STATIC:
        return house
    start = house.volatility_start_ppm
    return replace(house, volatility_floor_ppm=start, volatility_ceiling_ppm=start)
