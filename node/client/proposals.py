"""Bilateral trades from both ends: what a taker sends, and what a maker checks before it signs.

The box is bound to taker, maker and nonce; the terms name the box's digest and the commitment; both owners sign the
terms. A maker therefore signs exactly what it was shown, with a size that it can open.
"""

from clearing.v1 import trade_service_pb2
from eth_hash.auto import keccak

from circuits.transcript import Deployment
from node.client.errors import ProposalRejected
from node.client.views import Proposal
from node.client.wallet import MAX_TRADE_LOTS, AccountWallet
from node.ledger.errors import WireError
from node.ledger.messages import Trade
from node.ledger.types import Digest
from node.ledger.wire_proposals import trade_proposal_from_proto


def trade_of(proto: trade_service_pb2.TradeProposal) -> Trade:
    """The taker's half of a trade; the maker's reference is still empty.

    Raises:
        ProposalRejected: it does not decode.
    """
    try:
        return trade_proposal_from_proto(proto)
    except WireError as error:
        raise ProposalRejected("terms", str(error)) from error


def read_proposal(wallet: AccountWallet, deployment: Deployment, proposal_id: bytes, trade: Trade) -> Proposal:
    """What the maker is shown of a proposal, after every check that needs no ledger.

    Raises:
        ProposalRejected: not for this account, a self-trade, another id or box than the terms', a size no trade has.
        BoxRefused, OpeningMismatch: the box does not open to the terms' commitment.
    """
    terms = trade.terms
    if terms.maker != wallet.account:
        raise ProposalRejected("maker", "is another account")
    if terms.taker.account == terms.maker:
        raise ProposalRejected("taker", "is the maker itself")
    digest = terms.digest(deployment)
    if digest != proposal_id:
        raise ProposalRejected("id", "is not the digest of the terms")
    if keccak(trade.sealed_box) != terms.box_digest:
        raise ProposalRejected("box", "is not the one in the terms")
    size = wallet.unseal(terms, trade.sealed_box)
    if not -MAX_TRADE_LOTS <= size.value < MAX_TRADE_LOTS or size.value == 0:
        raise ProposalRejected("size", "is none that a trade can have")
    return Proposal(
        id=Digest(digest),
        taker=terms.taker.account,
        instrument=terms.instrument,
        price=terms.price,
        size=size.value,
        round=terms.round,
        expiry=terms.expiry,
        trade=trade,
    )


def check_unchanged(wallet: AccountWallet, deployment: Deployment, proposal: Proposal) -> None:
    """That what the maker decided on is what it is about to sign.

    Raises:
        ProposalRejected: naming the first field of `proposal` that is not what the signed terms and the box say.
        BoxRefused, OpeningMismatch: as `read_proposal`.
    """
    signed = read_proposal(wallet, deployment, proposal.id, proposal.trade)
    for name in ("taker", "instrument", "price", "size", "round", "expiry"):
        if getattr(signed, name) != getattr(proposal, name):
            raise ProposalRejected(name, "is not the one in the signed terms")
