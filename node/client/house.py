"""What a client knows of the house it deals with: identity, commitment key, listings, parameters and contracts.

All of it comes from the node and is checked against itself, and against the house digest if the owner brings one (see
`node.ledger.house_digest`): only then is it more than the node's word. Amounts are whole numbers everywhere; the
converters below turn decimal figures into them and refuse what does not divide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeAlias

from eth_hash.auto import keccak

from circuits.committee import CommitteeKey
from circuits.errors import CircuitError
from circuits.pedersen import CommitmentKey
from circuits.transcript import Deployment
from node.client.errors import AmountInvalid, HouseUntrusted
from node.ledger.house_digest import house_digest
from node.ledger.types import Address, AssetId, Digest, InstrumentId, MicroUsd
from node.market.errors import MarketError
from node.market.instruments import CollateralAsset, Registry
from node.market.parameters import MarketParameters

Figure: TypeAlias = str | int | Decimal
"""An exact decimal figure; a float is none."""
_MICRO: Final = 10**6


@dataclass(frozen=True, slots=True)
class HouseTerms:
    """One house as a client sees it: `digest` is what its owner may pin; `vaults` are addresses by chain id."""

    digest: Digest
    deployment: Deployment
    key: CommitmentKey
    registry: Registry
    market: MarketParameters
    parameters_digest: bytes
    vaults: Mapping[int, Address]

    @classmethod
    def from_proto(cls, proto: Any, expected: bytes | None = None) -> "HouseTerms":
        """From a GetDeploymentResponse.

        Raises:
            HouseUntrusted: its parts contradict each other, or it is not the house with digest `expected`.
        """
        deployment = Deployment(proto.hub_chain_id, proto.hub, proto.salt)
        if deployment.digest != proto.deployment_digest:
            raise HouseUntrusted("deployment", "does not have the digest that the house names")
        try:
            committee = CommitteeKey.decode(proto.committee)
            committee.verify()
            registry = Registry.decode(proto.registry)
            market = MarketParameters.decode(proto.market_parameters)
        except (CircuitError, MarketError) as error:
            raise HouseUntrusted("deployment", str(error)) from error
        if committee.key.encode() != proto.committee_key:
            raise HouseUntrusted("committee key", "is not the committee's")
        parameters = bytes(keccak(market.digest + registry.digest + proto.rules_digest))
        if parameters != proto.parameters_digest:
            raise HouseUntrusted("parameters", "do not have the digest that the house names")
        digest = house_digest(deployment, committee, parameters, proto.validators, proto.chains)
        if digest != proto.house_digest:
            raise HouseUntrusted("house", "does not have the digest that it names")
        if expected not in (None, digest):
            raise HouseUntrusted("house", "is another one than the owner pinned")
        vaults = {chain.chain_id: Address(chain.vault) for chain in proto.chains}
        return cls(digest, deployment, committee.key, registry, market, parameters, vaults)

    def asset(self, asset: AssetId) -> CollateralAsset:
        """A listed token. Raises UnknownInstrument."""
        return self.registry.asset(asset)

    def units(self, asset: AssetId, tokens: Figure) -> int:
        """Ledger units in a decimal number of whole tokens. Raises UnknownInstrument, AmountInvalid."""
        return _whole(asset, Fraction(tokens) * self.registry.asset(asset).unit_scale)

    def lots(self, instrument: InstrumentId, quantity: Figure) -> int:
        """Lots in a decimal quantity of the underlying. Raises UnknownInstrument, AmountInvalid."""
        return _whole(instrument, Fraction(quantity) * self.registry.instrument(instrument).lot_scale)

    def price(self, instrument: InstrumentId, dollars: Figure) -> MicroUsd:
        """Micro-dollars per lot at a price in dollars per whole underlying. Raises UnknownInstrument, AmountInvalid."""
        scale = self.registry.instrument(instrument).lot_scale
        return MicroUsd(_whole(instrument, Fraction(dollars) * _MICRO / scale))


def _whole(unit: str, amount: Fraction) -> int:
    if amount.denominator != 1:
        raise AmountInvalid(unit, f"{amount} is not a whole number of units")
    return amount.numerator
