"""Orders of the house's validators: set the breaker, write a chain's token off, reinstate it.

An order is signed by a quorum of the current epoch's validators, for this deployment, and numbered: each is carried out
once and in order. It comes into a batch like an owner's message, from a node's pool or by way of the hub, where nobody
can keep it back.
"""

from dataclasses import replace

from node.ledger.checks import Applied, require_live
from node.ledger.effects import EventKind, event
from node.ledger.errors import Reason, Refused
from node.ledger.house_orders import BreakerOrder, HouseOrder, WriteOffOrder
from node.ledger.signatures import SignatureMalformed, recover_compact
from node.ledger.state import Breaker, House, LedgerState
from node.ledger.steps import Step
from node.ledger.types import Digest
from node.ledger.write_offs import reinstate, write_off
from node.liquidation.breaker import Level


def apply_order(house: House, state: LedgerState, order: HouseOrder) -> Applied:
    """The step that an order takes.

    Raises:
        Refused: with the reason; `state` is what it was.
    """
    require_orderly(house, state, order)
    taken = replace(state, orders=state.orders + 1)
    match order:
        case BreakerOrder():
            return _set_breaker(house, taken, order)
        case WriteOffOrder(asset=asset, reinstated=True):
            step = reinstate(house, taken, asset, order.sequence)
        case WriteOffOrder(asset=asset):
            step = write_off(house, taken, asset, order.sequence)
    return Applied(step.state, step.effects)


def require_orderly(house: House, state: LedgerState, order: HouseOrder) -> None:
    """What has to be true of any order before it is looked into.

    Raises:
        Refused: EXPIRED; ORDER_OUT_OF_TURN, of another epoch or with another number than the next; SIGNATURE_INVALID,
            no quorum of the validators signed it.
    """
    require_live(state, order.expiry)
    if (order.epoch, order.sequence) != (house.epoch, state.orders):
        raise Refused(
            Reason.ORDER_OUT_OF_TURN,
            f"order {order.sequence} of epoch {order.epoch} where {state.orders} of {house.epoch} is next",
            (("epoch", str(house.epoch)), ("sequence", str(state.orders))),
        )
    _require_quorum(house, order.signatures, order.digest(house.deployment))


def _require_quorum(house: House, signatures: tuple[bytes, ...], digest: Digest) -> None:
    if not house.quorum <= len(signatures) <= len(house.validators):
        raise Refused(Reason.SIGNATURE_INVALID, f"{len(signatures)} signatures, {house.quorum} needed")
    places = {validator: place for place, validator in enumerate(house.validators)}
    last = -1
    for signature in signatures:
        try:
            signer = recover_compact(signature, digest)
        except SignatureMalformed as error:
            raise Refused(Reason.SIGNATURE_INVALID, str(error)) from error
        if places.get(signer, -1) <= last:
            raise Refused(Reason.SIGNATURE_INVALID, "not of different validators, in their order")
        last = places[signer]


def _set_breaker(house: House, state: LedgerState, order: BreakerOrder) -> Applied:
    most = state.hub_height + house.rules.breaker_blocks
    if order.until > most:
        raise Refused(Reason.ORDER_INVALID, f"until hub block {order.until}, at most {most}", (("until", str(most)),))
    breaker = Breaker() if order.level is Level.OPEN else Breaker(order.level, order.until)
    told = event(EventKind.BREAKER_SET, None, level=int(breaker.level), until=breaker.until, order=order.sequence)
    return Applied(replace(state, breaker=breaker), (told,))


def end_breaker(state: LedgerState) -> Step:
    """The state of a batch whose hub block is after the breaker's last: nothing is stopped any more."""
    breaker = state.breaker
    if breaker.level is Level.OPEN or state.hub_height <= breaker.until:
        return Step(state)
    told = event(EventKind.BREAKER_ENDED, None, level=int(breaker.level), until=breaker.until)
    return Step(replace(state, breaker=Breaker()), (told,))
