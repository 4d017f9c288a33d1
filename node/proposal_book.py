"""Open proposals of one kind, by id, with room for each proposer. Whoever puts one in has checked it."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from node.api.feeds import Feed
from node.ledger.types import AccountId, Digest


class OpenProposal(Protocol):
    """What one owner signed and another may still accept, until hub block `expiry`."""

    @property
    def id(self) -> Digest: ...
    @property
    def proposer(self) -> AccountId: ...
    @property
    def counterparty(self) -> AccountId: ...
    @property
    def expiry(self) -> int: ...


@dataclass(frozen=True, slots=True)
class BoardLimits:
    """Open proposals of one account to one other, and of all to all."""

    per_pair: int = 32
    total: int = 8192


P = TypeVar("P", bound=OpenProposal)


class ProposalBook(Generic[P]):
    """All open proposals of one kind that this node knows of. `news` tells of each as it arrives.

    An account that proposes too much to one other loses its own oldest there, and where the whole book is full, the
    account with the most proposals loses its oldest: nobody's offers are pushed out by another's flood.
    """

    def __init__(self, limits: BoardLimits) -> None:
        self._limits = limits
        self._open: OrderedDict[Digest, P] = OrderedDict()
        self._of_proposer: dict[AccountId, OrderedDict[Digest, P]] = {}
        self.news: Feed[P] = Feed()

    def to(self, counterparty: AccountId) -> tuple[P, ...]:
        """The proposals that wait for an account, oldest first."""
        return tuple(proposal for proposal in self._open.values() if proposal.counterparty == counterparty)

    def find(self, proposal_id: Digest) -> P | None:
        """One open proposal."""
        return self._open.get(proposal_id)

    def keep(self, proposal: P) -> None:
        """Take in a proposal that was checked, and tell of it; one that is known is kept as it is."""
        if proposal.id in self._open:
            return
        self._open[proposal.id] = proposal
        self._of_proposer.setdefault(proposal.proposer, OrderedDict())[proposal.id] = proposal
        self._make_room(proposal)
        self.news.publish(proposal)

    def on_final(self, hub_height: int, done: Collection[Digest]) -> None:
        """Drop what took effect and what expired."""
        for name, proposal in list(self._open.items()):
            if name in done or proposal.expiry < hub_height:
                self._drop(proposal)

    def _make_room(self, latest: P) -> None:
        own = self._of_proposer[latest.proposer]
        pair = [proposal for proposal in own.values() if proposal.counterparty == latest.counterparty]
        if len(pair) > self._limits.per_pair:
            self._drop(pair[0])
        if len(self._open) > self._limits.total:
            busiest = max(self._of_proposer.values(), key=len)
            self._drop(next(iter(busiest.values())))

    def _drop(self, proposal: P) -> None:
        own = self._of_proposer[proposal.proposer]
        del self._open[proposal.id], own[proposal.id]
        if not own:
            del self._of_proposer[proposal.proposer]
