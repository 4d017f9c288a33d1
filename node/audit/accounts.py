"""An account as the house shows it, back in the ledger's own type: what a leaf is computed from."""

from collections.abc import Iterable
from typing import Any, Final

from clearing.v1.account_service_pb2 import AccountStatus

from circuits.auditor import NO_HANDLE, AuditorKey, Handle
from circuits.errors import DecodingError
from circuits.pedersen import Commitment
from node.audit.errors import LeafInvalid
from node.ledger.account import Account, CashLimbs, Credit, ExitRun, SettledPosition
from node.ledger.audit import Audit
from node.ledger.types import AccountId, Address, AssetId, InstrumentId, MicroUsd, Status
from node.market.errors import MarketError
from node.market.window import MarginWindow

_PREFIX: Final = "ACCOUNT_STATUS_"


def account_from_proto(proto: Any) -> Account:
    """From clearing.v1.Account. Whether it is the house's account is for its leaf to say.

    Raises:
        LeafInvalid: a field that does not decode.
    """
    decode = Commitment.decode
    try:
        return Account(
            id=AccountId(proto.id),
            owner=Address(proto.owner),
            index=proto.index,
            sealing_key=proto.sealing_key,
            home_chain=proto.home_chain,
            version=proto.version,
            status=Status[AccountStatus.Name(proto.status).removeprefix(_PREFIX)],
            deadline=proto.deadline,
            proposers_since_call=frozenset(Address(proposer) for proposer in proto.proposers_since_call),
            cash=decode(proto.cash),
            collateral={AssetId(item.asset): decode(item.commitment) for item in proto.collateral},
            positions={InstrumentId(item.instrument): decode(item.commitment) for item in proto.positions},
            limbs=_limbs(proto.limbs),
            window=MarginWindow.decode(proto.window.encoding) if proto.HasField("window") else None,
            inbox=tuple(Credit(AssetId(c.asset) if c.asset else None, c.amount) for c in proto.inbox),
            credits_merged=proto.credits_merged,
            audit=_audit(proto.audit) if proto.HasField("audit") else None,
            exits=ExitRun(proto.exits.proven, proto.exits.last) if proto.HasField("exits") else None,
        )
    except (DecodingError, MarketError, ValueError, KeyError) as error:
        raise LeafInvalid("account", f"a field does not decode: {error}") from error


def _limbs(proto: Any) -> CashLimbs:
    return CashLimbs(
        high=Commitment.decode(proto.high) if proto.high else None,
        low=Commitment.decode(proto.low) if proto.low else None,
        public_since=MicroUsd(proto.public_since),
        settled=tuple(
            SettledPosition(MicroUsd(entry.coefficient), Commitment.decode(entry.position)) for entry in proto.settled
        ),
    )


def _audit(proto: Any) -> Audit:
    return Audit(
        auditor=AuditorKey.decode(proto.auditor),
        cash=_handle(proto.cash),
        collateral={AssetId(name): handle for name, handle in _named(proto.collateral)},
        positions={InstrumentId(name): handle for name, handle in _named(proto.positions)},
        high=_handle(proto.high),
        low=_handle(proto.low),
        settled=tuple(map(_handle, proto.settled)),
    )


def _named(handles: Iterable[Any]) -> Iterable[tuple[str, Handle]]:
    return ((entry.name, Handle.decode(entry.handle)) for entry in handles)


def _handle(data: bytes) -> Handle:
    return Handle.decode(data) if data else NO_HANDLE
