"""Private transfers from both ends: what a sender sends, and what a receiver checks before it signs.

As in a trade, the box is bound to both accounts and the nonce, the terms name the box's digest and the commitment, and
both owners sign the terms. A receiver therefore signs exactly what it was shown, with an amount that it can open.
"""

from clearing.v1 import transfer_service_pb2
from eth_hash.auto import keccak

from circuits.transcript import Deployment
from node.client.errors import ProposalRejected
from node.client.views import TransferProposal
from node.client.wallet import AccountWallet
from node.ledger.errors import WireError
from node.ledger.messages import Transfer
from node.ledger.types import MAX_AMOUNT, Digest
from node.ledger.wire_proposals import transfer_proposal_from_proto


def transfer_of(proto: transfer_service_pb2.TransferProposal) -> Transfer:
    """The sender's half of a transfer; the receiver's reference is still empty.

    Raises:
        ProposalRejected: it does not decode.
    """
    try:
        return transfer_proposal_from_proto(proto)
    except WireError as error:
        raise ProposalRejected("terms", str(error)) from error


def read_transfer(
    wallet: AccountWallet, deployment: Deployment, proposal_id: bytes, transfer: Transfer
) -> TransferProposal:
    """What the receiver is shown of a transfer, after every check that needs no ledger.

    Raises:
        ProposalRejected: not for this account, from itself, another id or box than the terms', an amount that no
            transfer has.
        BoxRefused, OpeningMismatch: the box does not open to the terms' commitment.
    """
    terms = transfer.terms
    if terms.receiver != wallet.account:
        raise ProposalRejected("receiver", "is another account")
    if terms.sender.account == terms.receiver:
        raise ProposalRejected("sender", "is the receiver itself")
    digest = terms.digest(deployment)
    if digest != proposal_id:
        raise ProposalRejected("id", "is not the digest of the terms")
    if keccak(transfer.sealed_box) != terms.box_digest:
        raise ProposalRejected("box", "is not the one in the terms")
    amount = wallet.unseal(terms, transfer.sealed_box)
    if not 0 < amount.value < MAX_AMOUNT:
        raise ProposalRejected("amount", "is none that a transfer can have")
    return TransferProposal(
        id=Digest(digest),
        sender=terms.sender.account,
        asset=terms.asset,
        amount=amount.value,
        round=terms.round,
        expiry=terms.expiry,
        transfer=transfer,
    )


def check_transfer_unchanged(wallet: AccountWallet, deployment: Deployment, proposal: TransferProposal) -> None:
    """That what the receiver decided on is what it is about to sign.

    Raises:
        ProposalRejected: naming the first field of `proposal` that is not what the signed terms and the box say.
        BoxRefused, OpeningMismatch: as `read_transfer`.
    """
    signed = read_transfer(wallet, deployment, proposal.id, proposal.transfer)
    for name in ("sender", "asset", "amount", "round", "expiry"):
        if getattr(signed, name) != getattr(proposal, name):
            raise ProposalRejected(name, "is not the one in the signed terms")
