"""The house's rules in numbers. Blocks are hub blocks; fractions are parts per million."""

from dataclasses import dataclass, fields
from typing import Final

from eth_hash.auto import keccak

from node.ledger.errors import RulesInvalid
from node.ledger.types import AccountId, MicroUsd
from node.liquidation.auction import PPM, AuctionSchedule
from node.liquidation.slices import PlanRules
from node.liquidation.validity import ValidityLimits

_POSITIVE: Final = (
    "due_blocks",
    "grace_blocks",
    "hub_gap_blocks",
    "auction_blocks",
    "insolvent_blocks",
    "plan_slices",
    "sale_seconds",
    "chain_silent_blocks",
    "seizure_blocks",
    "sale_blocks",
    "absent_blocks",
    "max_hub_lag",
    "max_messages",
    "breaker_blocks",
    "plans_per_batch",
    "openings_per_batch",
)
_FRACTIONS: Final = (
    "auction_start_ppm",
    "auction_fast_ppm",
    "auction_discount_ppm",
    "plan_discount_ppm",
    "penalty_ppm",
    "sale_floor_ppm",
)
_NOT_NEGATIVE: Final = (
    "auction_fast_blocks",
    "margin_buffer_ppm",
    "full_below",
    "account_cap",
    "batch_cap",
    "reset_ppm",
    "max_resets",
    "jump_ppm",
    "uncertain_ppm",
    "volatile_ppm",
    "tear_up_band_ppm",
    "backstop_limit",
    "seizure_buffer_ppm",
)


@dataclass(frozen=True, slots=True)
class HouseParameters:
    """Deadlines, fees and limits of default management (design of the ladder in node/liquidation/README.md).

    Raises:
        RulesInvalid: a deadline that is not positive, or a fraction that is none.
    """

    due_blocks: int
    """From a lapsed window to the call (D)."""
    grace_blocks: int
    """From the call to the breach (G)."""
    hub_gap_blocks: int
    """A silence of the house longer than this restarts running deadlines: its own pause calls nobody."""
    auction_start_ppm: int
    """What an auction's price keeps, at its start, of the way from mark to bankruptcy price."""
    auction_fast_ppm: int
    """What it still keeps after the fast blocks."""
    auction_fast_blocks: int
    auction_blocks: int
    """How long the price then falls to the bankruptcy price."""
    insolvent_blocks: int
    """How long it falls below that, as far as insurance and default fund reach."""
    auction_discount_ppm: int
    """How far below mark, of gross notional, the price may fall at all."""
    plan_slices: int
    """Parts that a position is cut into for a partial liquidation."""
    plan_discount_ppm: int
    """The discount that a plan expects, of gross notional."""
    margin_buffer_ppm: int
    """By how much of the requirement a plan restores more than initial margin."""
    full_below: MicroUsd
    """An account worth less is sold whole."""
    account_cap: MicroUsd
    """Gross notional of one account that is on auction at once."""
    batch_cap: MicroUsd
    """Gross notional that one batch puts on auction, of all accounts."""
    reset_ppm: int
    """An auction starts anew, on a new plan, when its mark has moved by more than this, of gross notional."""
    max_resets: int
    """How often in one default."""
    penalty_ppm: int
    """Of gross notional, from the defaulter's remains to the insurance fund."""
    jump_ppm: int
    """A price that moves by more than this in one round needs another round that confirms it."""
    uncertain_ppm: int
    """A price is uncertain with a confidence interval (half of it) of more than this."""
    volatile_ppm: int
    """A price is too volatile with a volatility in force of more than this."""
    tear_up_band_ppm: int
    """How far from its mark an instrument is settled, at most, to cover a loss that no fund does."""
    backstop: AccountId
    """The account that takes a portfolio nobody bid for; its book is public."""
    backstop_limit: MicroUsd
    """Gross notional that the backstop has funded."""
    seizure_buffer_ppm: int
    """How much more collateral than the deficit is seized, against slippage of the on-chain sale."""
    sale_floor_ppm: int
    """Lowest price of an on-chain sale, of the asset's mark."""
    sale_seconds: int
    """How long an on-chain sale's price falls to its floor."""
    chain_silent_blocks: int
    """A chain that has shown no new final block for so long is out of reach until it shows one."""
    seizure_blocks: int
    """A seizure that its vault has not carried out by then is set aside."""
    sale_blocks: int
    """So is a lot that is not sold by then, counted from where the vault handed it over."""
    absent_blocks: int
    """How long a default with nothing else left waits for collateral out of reach before its loss is shared."""
    max_hub_lag: int
    """A batch whose hub header is further behind the voter's view is refused."""
    max_messages: int
    """Messages in one batch."""
    breaker_blocks: int
    """The longest that one order of the validators may set the breaker for."""
    plans_per_batch: int
    """Opened accounts for which one batch decides what to sell next."""
    openings_per_batch: int
    """Accounts that one batch opens."""

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise RulesInvalid(name, getattr(self, name))
        for name in _FRACTIONS:
            if not 0 <= getattr(self, name) <= PPM:
                raise RulesInvalid(name, getattr(self, name))
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise RulesInvalid(name, getattr(self, name))
        if self.auction_fast_ppm > self.auction_start_ppm:
            raise RulesInvalid("auction_fast_ppm", self.auction_fast_ppm)

    @property
    def schedule(self) -> AuctionSchedule:
        """How the price of an auction falls."""
        return AuctionSchedule(
            self.auction_start_ppm,
            self.auction_fast_ppm,
            self.auction_fast_blocks,
            self.auction_blocks,
            self.insolvent_blocks,
        )

    @property
    def validity(self) -> ValidityLimits:
        """From when on a price is unfit for some actions."""
        return ValidityLimits(self.jump_ppm, self.uncertain_ppm, self.volatile_ppm)

    @property
    def plan(self) -> PlanRules:
        """What a plan of partial liquidation assumes."""
        cost = self.plan_discount_ppm + self.penalty_ppm
        return PlanRules(self.plan_slices, cost, self.margin_buffer_ppm, self.full_below)

    @property
    def digest(self) -> bytes:
        """keccak over name and value of every field, in order."""
        text = b""
        for item in fields(self):
            value = getattr(self, item.name)
            raw = value if isinstance(value, bytes) else value.to_bytes(32, "big", signed=True)
            text += item.name.encode() + b"\0" + raw
        return bytes(keccak(text))
