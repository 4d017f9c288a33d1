"""Oracle rounds: at which hub blocks they fall, and the validators' signed observations of them."""

from collections.abc import Iterable
from typing import Final

from node.ledger.batch import SignedObservation
from node.ledger.signatures import SignatureMalformed, recover_compact
from node.ledger.state import House
from node.ledger.types import Address
from node.market.errors import MarketError
from node.market.oracle_rules import Observation, observation_digest
from node.market.state import MarketState
from node.network.errors import InvalidGossip

_ROUNDS_AHEAD: Final = 64
"""Observations of rounds further ahead are not kept: a peer cannot be that far before this node."""


def next_round_height(market: MarketState, spacing: int) -> int:
    """The hub block of the round after the market's: rounds are evenly spaced from genesis on."""
    return market.height + spacing


class ObservationBook:
    """Signed observations by round, feed and validator; the first of each counts."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._seen: dict[int, dict[tuple[str, bytes], SignedObservation]] = {}
        self._final_round = 0

    def add(self, signed: SignedObservation) -> bool:
        """Keep an observation; whether it is new and of a round to come.

        Raises:
            InvalidGossip: an unlisted feed, no validator's, or not signed by the validator it names.
        """
        seen = signed.observation
        if seen.feed not in self._house.registry.underlyings or seen.validator not in self._house.validators:
            raise InvalidGossip(f"an observation of feed {seen.feed} by 0x{seen.validator.hex()}")
        if not self._final_round < seen.round <= self._final_round + _ROUNDS_AHEAD:
            return False
        if (seen.feed, seen.validator) in self._seen.get(seen.round, {}):
            return False
        try:
            signer = recover_compact(signed.signature, observation_digest(self._house.deployment.digest, seen))
        except (SignatureMalformed, MarketError) as error:
            raise InvalidGossip(str(error)) from error
        if signer != seen.validator:
            raise InvalidGossip(f"an observation that 0x{seen.validator.hex()} did not sign")
        self._seen.setdefault(seen.round, {})[(seen.feed, seen.validator)] = signed
        return True

    def of_round(self, round_number: int) -> tuple[SignedObservation, ...]:
        """All observations of a round, by feed and validator."""
        held = self._seen.get(round_number, {})
        return tuple(held[key] for key in sorted(held))

    def own(self, round_number: int, validator: Address) -> tuple[Observation, ...]:
        """What one validator saw in a round."""
        return tuple(
            signed.observation for signed in self.of_round(round_number) if signed.observation.validator == validator
        )

    def complete(self, round_number: int, need: int) -> bool:
        """Whether every feed has `need` observations."""
        held = [feed for feed, _ in self._seen.get(round_number, {})]
        return all(held.count(feed) >= need for feed in self._house.registry.underlyings)

    def forget(self, final_round: int) -> None:
        """A batch with this round is final: what came before it matters no more."""
        self._final_round = final_round
        for number in [number for number in self._seen if number <= final_round]:
            del self._seen[number]

    def held(self) -> Iterable[SignedObservation]:
        """Everything kept, by round."""
        return (signed for number in sorted(self._seen) for signed in self.of_round(number))
