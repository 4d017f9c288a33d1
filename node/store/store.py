"""The store as the rest of the node sees it."""

from node.store.batches import Batches
from node.store.history import History
from node.store.outbox import Outbox
from node.store.votes import Votes


class Store(Batches, Votes, Outbox, History):
    """One database for one deployment: `Store("sqlite:///ledger.db", house.deployment)`.

    Every method is one transaction: it has happened completely when it returns and not at all if it raises. All
    of them block and may be called from any thread.
    """
