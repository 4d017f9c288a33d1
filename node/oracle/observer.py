"""A validator's signed observations of its feeds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.market.oracle_rules import Observation, observation_digest
from node.oracle.errors import FeedUnknown, OracleError
from node.oracle.feed import Feed


@dataclass(frozen=True, slots=True)
class SignedObservation:
    """An observation, and its validator's signature over `observation_digest`."""

    observation: Observation
    signature: bytes


@dataclass(frozen=True, slots=True)
class FeedFailure:
    """A feed that gave no observation, and why."""

    feed: str
    error: OracleError


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What a validator saw of all its feeds in one round; feeds in alphabetical order."""

    observations: tuple[SignedObservation, ...]
    failures: tuple[FeedFailure, ...]


class Observer:
    """Makes one observation per round and feed, and the same again when asked again.

    Signing two different observations for one round would be equivocation, and would void both; the first one
    made is therefore kept for as many rounds as `memory` says.
    """

    def __init__(
        self,
        validator: bytes,
        deployment_digest: bytes,
        feeds: Mapping[str, Feed],
        sign: Callable[[bytes], bytes],
        memory: int = 64,
    ) -> None:
        """`validator` is a 20-byte address, `sign` its signature over 32 bytes, `feeds` by underlying."""
        self._validator = validator
        self._deployment_digest = deployment_digest
        self._feeds = dict(feeds)
        self._sign = sign
        self._memory = memory
        self._made: dict[tuple[int, str], SignedObservation] = {}

    @property
    def feeds(self) -> tuple[str, ...]:
        """The names of this validator's feeds, in alphabetical order."""
        return tuple(sorted(self._feeds))

    async def observe(self, round_number: int, feed: str, not_after: int) -> SignedObservation:
        """The observation of `feed` for a round whose hub block has timestamp `not_after`.

        Raises:
            FeedUnknown: this validator has no such feed.
            FeedUnavailable, FeedInvalid: the feed gave no price.
        """
        key = (round_number, feed)
        if key in self._made:
            return self._made[key]
        if feed not in self._feeds:
            raise FeedUnknown(feed)
        reading = await self._feeds[feed].read(not_after)
        if key in self._made:  # another call for the same round was quicker
            return self._made[key]
        observation = Observation(
            self._validator,
            round_number,
            feed,
            reading.price,
            reading.confidence_ppm,
            reading.updated_at,
            reading.slices,
        )
        signed = SignedObservation(observation, self._sign(observation_digest(self._deployment_digest, observation)))
        self._made[key] = signed
        self._forget(round_number - self._memory)
        return signed

    async def observe_all(self, round_number: int, not_after: int) -> RoundReport:
        """Observations of every feed; those that fail are reported, and do not hold up the others."""
        observations, failures = [], []
        for feed in self.feeds:
            try:
                observations.append(await self.observe(round_number, feed, not_after))
            except OracleError as error:
                failures.append(FeedFailure(feed, error))
        return RoundReport(tuple(observations), tuple(failures))

    def _forget(self, before: int) -> None:
        for key in [key for key in self._made if key[0] < before]:
            del self._made[key]
