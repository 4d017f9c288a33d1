"""Deployment, listings and prices as messages of clearing.v1."""

from collections.abc import Iterable, Sequence
from typing import Final

from clearing.v1 import market_service_pb2 as market_pb

from node.api.backend import ChainEndpoint
from node.ledger.house_digest import house_digest
from node.ledger.parameters import HouseParameters
from node.ledger.state import House, LedgerState
from node.ledger.types import Digest
from node.market.grid import RiskGrid
from node.market.instruments import (
    Barrier,
    BarrierKind,
    CollateralAsset,
    Curved,
    Digital,
    Future,
    Instrument,
    Option,
    OptionKind,
    Perpetual,
)
from node.market.state import MarketState


def deployment_proto(house: House, endpoints: Sequence[ChainEndpoint]) -> market_pb.GetDeploymentResponse:
    """Everything that a deployment fixed at genesis."""
    return market_pb.GetDeploymentResponse(
        hub_chain_id=house.deployment.hub_chain_id,
        hub=house.deployment.hub,
        salt=house.deployment.salt,
        deployment_digest=house.deployment.digest,
        committee_key=house.committee.key.encode(),
        committee=house.committee.encode(),
        validators=house.validators,
        registry=house.registry.encode(),
        registry_digest=house.registry.digest,
        market_parameters=house.market.encode(),
        market_parameters_digest=house.market.digest,
        rules=rules_proto(house.rules),
        rules_digest=house.rules.digest,
        parameters_digest=house.parameters_digest,
        chains=[_chain_proto(house, endpoint) for endpoint in endpoints],
        house_digest=endpoints_digest(house, endpoints),
    )


def endpoints_digest(house: House, endpoints: Iterable[ChainEndpoint]) -> Digest:
    """What clients pin."""
    return house_digest(house.deployment, house.committee, house.parameters_digest, house.validators, endpoints)


def rules_proto(rules: HouseParameters) -> market_pb.HouseRules:
    """The house's rules; the fields have the same names on both sides."""
    names = market_pb.HouseRules.DESCRIPTOR.fields_by_name
    return market_pb.HouseRules(**{name: getattr(rules, name) for name in names})


def _chain_proto(house: House, endpoint: ChainEndpoint) -> market_pb.Chain:
    return market_pb.Chain(
        chain_id=endpoint.chain_id,
        name=endpoint.name,
        hub=endpoint.is_hub,
        vault=endpoint.vault,
        auction=endpoint.auction,
        tokens=[_token_proto(asset) for asset in house.registry.collateral if asset.chain_id == endpoint.chain_id],
    )


def _token_proto(asset: CollateralAsset) -> market_pb.Token:
    return market_pb.Token(
        asset=asset.id,
        address=asset.token,
        symbol=asset.symbol,
        decimals=asset.decimals,
        unit_scale=asset.unit_scale,
        haircut_ppm=asset.haircut_ppm,
        underlying=asset.underlying or "",
    )


def instruments_proto(house: House, state: LedgerState, underlying: str) -> market_pb.ListInstrumentsResponse:
    """The listed instruments of one underlying, or of all if that is empty."""
    grid = state.grids[-1] if state.grids else None
    listed = [entry for entry in house.registry.instruments if underlying in ("", entry.underlying)]
    return market_pb.ListInstrumentsResponse(
        instruments=[_instrument_proto(entry, grid, state.market) for entry in listed],
        round=grid.round if grid is not None else 0,
    )


def _instrument_proto(entry: Instrument, grid: RiskGrid | None, market: MarketState) -> market_pb.Instrument:
    marks = {row.id: row.mark for row in grid.instruments} if grid is not None else {}
    return market_pb.Instrument(
        id=entry.id,
        kind=_kind(entry),
        underlying=entry.underlying,
        lot_scale=entry.lot_scale,
        expiry=0 if isinstance(entry, Perpetual) else entry.expiry,
        strike=entry.strike if isinstance(entry, Curved) else 0,
        mark=marks.get(entry.id),
        funding_index=market.funding_index(entry.id),
        tick=entry.tick,
        payout=entry.payout if isinstance(entry, Digital) else 0,
        barrier=entry.barrier if isinstance(entry, Barrier) else 0,
        barrier_kind=_BARRIER_KINDS[entry.barrier_kind] if isinstance(entry, Barrier) else None,
        knocked_in_round=market.knocked_in_round(entry.id),
    )


_BARRIER_KINDS: Final = {
    BarrierKind.DOWN_OUT: market_pb.BARRIER_KIND_DOWN_OUT,
    BarrierKind.DOWN_IN: market_pb.BARRIER_KIND_DOWN_IN,
    BarrierKind.UP_OUT: market_pb.BARRIER_KIND_UP_OUT,
    BarrierKind.UP_IN: market_pb.BARRIER_KIND_UP_IN,
}


def _kind(entry: Instrument) -> market_pb.InstrumentKind:
    match entry:
        case Perpetual():
            return market_pb.INSTRUMENT_KIND_PERPETUAL
        case Future():
            return market_pb.INSTRUMENT_KIND_FUTURE
        case Option(kind=OptionKind.CALL):
            return market_pb.INSTRUMENT_KIND_CALL
        case Option():
            return market_pb.INSTRUMENT_KIND_PUT
        case Digital(kind=OptionKind.CALL):
            return market_pb.INSTRUMENT_KIND_DIGITAL_CALL
        case Digital():
            return market_pb.INSTRUMENT_KIND_DIGITAL_PUT
        case Barrier(kind=OptionKind.CALL):
            return market_pb.INSTRUMENT_KIND_BARRIER_CALL
        case Barrier():
            return market_pb.INSTRUMENT_KIND_BARRIER_PUT


def round_proto(market: MarketState) -> market_pb.Round:
    """An oracle round with its prices and volatilities."""
    prices = [
        market_pb.Price(
            underlying=entry.symbol,
            price=entry.price,
            confidence_ppm=entry.confidence_ppm,
            priced_at=entry.priced_at,
            sigma_ppm=entry.volatility.sigma_ppm,
            stale=entry.symbol in market.stale,
        )
        for entry in market.underlyings
    ]
    return market_pb.Round(number=market.round, height=market.height, time=market.time, prices=prices)
