"""Every figure of the margin model and of the oracle's rules: integers, chosen by the house, bound into each
proof.

The reasons for the values below stand in README.md beside this file.
"""

from dataclasses import dataclass
from typing import Final

from node.market import canonical
from node.market.errors import InvalidParameters, MissingFeed
from node.market.instruments import MAXIMUM_PRICE, PPM

WIDTH_LIMIT_PPM: Final = 600_000
"""No window reaches further than this below the price."""
BASIS_POINTS: Final = 10**4
FUNDING_TOLERANCE_LIMIT: Final = 10**15
"""µUSD per lot: a billion USD, beyond any price."""
NOTIONAL_LIMIT_USD: Final = 10**12
DEPTH_EXTRA_LIMIT: Final = 1_000
TAIL_WHOLE_LIMIT: Final = 1_024
SKEW_REACH: Final = 2
"""Standard deviations from the forward beyond which a skewed smile goes flat."""
YEAR_SECONDS: Final = 365 * 86_400
DAY_SECONDS: Final = 86_400
FUNDING_PERIOD_SECONDS: Final = 8 * 3600


@dataclass(frozen=True, slots=True)
class DepthStep:
    """Beyond positions of `notional_usd` on one underlying, closing costs `extra` times the closing charge more."""

    notional_usd: int
    extra: int


@dataclass(frozen=True, slots=True)
class CorrelatedPair:
    """Two underlyings that are taken not to go far apart: see `near_ppm`. In alphabetical order."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class UnderlyingParameters:
    """Figures of one underlying: price of lattice node 0 (feed units), fixed at listing; funding tolerance
    (µUSD a lot); the stated depth of its market, by ascending notional.

    The tolerance φ is how far a perpetual's funding index may move before a window lapses; every proof sets
    it aside.
    """

    symbol: str
    lattice_origin: int
    funding_tolerance: int
    depth: tuple[DepthStep, ...] = (DepthStep(10_000_000, 1), DepthStep(50_000_000, 3))


@dataclass(frozen=True, slots=True)
class MarketParameters:
    """The margin model's figures. Fractions, multiples and volatilities in ppm, times in seconds."""

    underlyings: tuple[UnderlyingParameters, ...]
    correlated: tuple[CorrelatedPair, ...] = ()
    stablecoin: str = ""
    """The feed of the settlement token's own price in dollars; empty where the house observes none."""
    step_numerator: int = 11
    step_denominator: int = 10
    width_quantile_ppm: int = 3_000_000
    width_horizon_seconds: int = 4 * 3600
    maintenance_floor_ppm: int = 95_000
    maintenance_cap_ppm: int = 350_000
    initial_multiple_ppm: int = 1_700_000
    initial_cap_ppm: int = 550_000
    volatility_start_ppm: int = 800_000
    volatility_fast_seconds: int = 12 * 3600
    volatility_slow_seconds: int = 10 * 86_400
    volatility_floor_ppm: int = 600_000
    volatility_ceiling_ppm: int = 4_000_000
    volatility_fall_ppm_per_day: int = 250_000
    level_down_ppm: int = 600_000
    level_up_ppm: int = 1_500_000
    maintenance_level_down_ppm: int = 800_000
    maintenance_level_up_ppm: int = 1_200_000
    level_reference_seconds: int = 30 * 86_400
    level_scale_floor_ppm: int = 500_000
    level_scale_cap_ppm: int = 2_000_000
    surface_widening_ppm_per_day: int = 250_000
    surface_staleness_seconds: int = 4_200
    smile_tolerance_ppm: int = 100_000
    carry_tolerance_ppm: int = 1_000
    closing_charge_bps: int = 20
    short_option_minimum_ppm: int = 10_000
    tail_multiple_ppm: int = 2_000_000
    tail_floor_ppm: int = 100_000
    tail_part: int = 1
    tail_whole: int = 8
    near_ppm: int = 400_000
    skew_shock_ppm: int = 50_000
    basis_shock_ppm: int = 2_000
    basis_shock_ppm_per_year: int = 20_000
    depeg_threshold_ppm: int = 990_000
    depeg_multiple_ppm: int = 4_000_000
    funding_rate_ppm: int = 100
    max_proof_age_seconds: int = 4 * 3600
    settlement_average_seconds: int = 1_800
    oracle_quorum: int = 3
    oracle_staleness_seconds: int = 4_200
    oracle_deviation_ppm: int = 20_000
    oracle_confidence_limit_ppm: int = 50_000
    round_spacing: int = 4
    accepted_rounds: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "underlyings", tuple(sorted(self.underlyings, key=lambda entry: entry.symbol)))
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise InvalidParameters(name, "is not positive")
        for lesser, greater in _ASCENDING:
            if not getattr(self, lesser) <= getattr(self, greater):
                raise InvalidParameters(lesser, f"exceeds {greater}")
        self._check_widths()
        self._check_tails()
        self._check_underlyings()
        self._check_pairs()

    def _check_widths(self) -> None:
        if not self.step_denominator < self.step_numerator <= 2 * self.step_denominator:
            raise InvalidParameters("step_numerator", "the lattice's ratio is not within (1, 2]")
        if self.initial_cap_ppm >= WIDTH_LIMIT_PPM:
            raise InvalidParameters("initial_cap_ppm", f"is not below {WIDTH_LIMIT_PPM}")
        if self.maintenance_cap_ppm >= self.initial_cap_ppm:
            raise InvalidParameters("maintenance_cap_ppm", "leaves no room below the initial cap")
        if self.initial_multiple_ppm <= PPM:
            raise InvalidParameters("initial_multiple_ppm", "does not exceed 1")
        down, up = self.maintenance_level_down_ppm, self.maintenance_level_up_ppm
        if not self.level_down_ppm < down <= PPM <= up < self.level_up_ppm:
            raise InvalidParameters("level_down_ppm", "the levels do not lie outside the maintenance shocks")
        if (PPM - self.level_down_ppm) * self.level_scale_cap_ppm >= PPM * PPM:
            raise InvalidParameters("level_scale_cap_ppm", "shocks a volatility to nothing")
        for name, whole in _FRACTIONS:
            if getattr(self, name) > whole:
                raise InvalidParameters(name, "exceeds the whole price")
        if abs(self.funding_rate_ppm) >= PPM:
            raise InvalidParameters("funding_rate_ppm", "is not a fraction")

    def _check_tails(self) -> None:
        if self.tail_multiple_ppm <= PPM:
            raise InvalidParameters("tail_multiple_ppm", "puts the tails inside the window")
        if not 0 < self.tail_part < self.tail_whole <= TAIL_WHOLE_LIMIT:
            raise InvalidParameters("tail_part", f"is no share of a whole of at most {TAIL_WHOLE_LIMIT}")
        if self.basis_shock_ppm < 0 or self.basis_shock_ppm_per_year < 0:
            raise InvalidParameters("basis_shock_ppm", "is negative")

    def _check_pairs(self) -> None:
        symbols = [symbol for pair in self.correlated for symbol in (pair.first, pair.second)]
        if len(set(symbols)) != len(symbols):
            raise InvalidParameters("correlated", "an underlying is in two pairs")
        for pair in self.correlated:
            if pair.first >= pair.second:
                raise InvalidParameters("correlated", f"{pair.first} and {pair.second} are not in alphabetical order")
            for symbol in (pair.first, pair.second):
                if symbol not in {entry.symbol for entry in self.underlyings}:
                    raise InvalidParameters("correlated", f"{symbol} is no underlying")

    def _check_underlyings(self) -> None:
        symbols = [entry.symbol for entry in self.underlyings]
        if len(set(symbols)) != len(symbols):
            raise InvalidParameters("underlyings", "one is listed twice")
        for entry in self.underlyings:
            if not 0 < entry.lattice_origin < MAXIMUM_PRICE:
                raise InvalidParameters(f"{entry.symbol}.lattice_origin", "is not a price")
            if not 0 < entry.funding_tolerance <= FUNDING_TOLERANCE_LIMIT:
                raise InvalidParameters(f"{entry.symbol}.funding_tolerance", "is not within a price")
            _check_depth(entry)

    def underlying(self, symbol: str) -> UnderlyingParameters:
        """The figures of one underlying. Raises MissingFeed."""
        for entry in self.underlyings:
            if entry.symbol == symbol:
                return entry
        raise MissingFeed(symbol)

    def encode(self) -> bytes:
        """Canonical bytes."""
        return canonical.encode(self)

    @staticmethod
    def decode(data: bytes) -> "MarketParameters":
        """The parameters that `data` encodes. Raises EncodingInvalid, InvalidParameters."""
        return canonical.decode(MarketParameters, data)

    @property
    def digest(self) -> bytes:
        """32 bytes, over the encoding."""
        return canonical.digest(self)


def _check_depth(entry: UnderlyingParameters) -> None:
    sizes = [step.notional_usd for step in entry.depth]
    if any(not 0 < size <= NOTIONAL_LIMIT_USD for size in sizes) or sizes != sorted(set(sizes)):
        raise InvalidParameters(f"{entry.symbol}.depth", "is not a list of ascending notionals")
    if any(not 0 < step.extra <= DEPTH_EXTRA_LIMIT for step in entry.depth):
        raise InvalidParameters(f"{entry.symbol}.depth", f"has an extra charge outside 1 to {DEPTH_EXTRA_LIMIT}")


_POSITIVE: Final = (
    "step_denominator",
    "width_quantile_ppm",
    "width_horizon_seconds",
    "maintenance_floor_ppm",
    "volatility_fast_seconds",
    "volatility_slow_seconds",
    "volatility_floor_ppm",
    "volatility_fall_ppm_per_day",
    "level_down_ppm",
    "level_reference_seconds",
    "level_scale_floor_ppm",
    "surface_widening_ppm_per_day",
    "surface_staleness_seconds",
    "smile_tolerance_ppm",
    "carry_tolerance_ppm",
    "closing_charge_bps",
    "short_option_minimum_ppm",
    "tail_floor_ppm",
    "near_ppm",
    "skew_shock_ppm",
    "depeg_threshold_ppm",
    "depeg_multiple_ppm",
    "max_proof_age_seconds",
    "settlement_average_seconds",
    "oracle_quorum",
    "oracle_staleness_seconds",
    "oracle_deviation_ppm",
    "oracle_confidence_limit_ppm",
    "round_spacing",
    "accepted_rounds",
)
_FRACTIONS: Final = (
    ("closing_charge_bps", BASIS_POINTS),
    ("short_option_minimum_ppm", PPM),
    ("tail_floor_ppm", PPM),
    ("near_ppm", PPM),
    ("skew_shock_ppm", PPM // SKEW_REACH),
    ("basis_shock_ppm", PPM),
    ("basis_shock_ppm_per_year", PPM),
    ("depeg_threshold_ppm", PPM),
    ("oracle_confidence_limit_ppm", PPM),
    ("smile_tolerance_ppm", PPM),
    ("carry_tolerance_ppm", PPM),
)
_ASCENDING: Final = (
    ("maintenance_floor_ppm", "maintenance_cap_ppm"),
    ("volatility_fast_seconds", "volatility_slow_seconds"),
    ("volatility_floor_ppm", "volatility_start_ppm"),
    ("volatility_start_ppm", "volatility_ceiling_ppm"),
    ("level_scale_floor_ppm", "level_scale_cap_ppm"),
)
