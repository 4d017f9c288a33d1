"""A house handed on to other validators: the committee's key reshared in a whole ceremony, in memory."""

from collections.abc import Sequence

from circuits.ceremony import CeremonyKind, CeremonyTerms
from node.chains.certificates import ValidatorKey, quorum
from node.ledger.epochs import succeed
from node.ledger.types import Address
from tests.circuits.ceremonies import ROUND_BLOCKS, START, hold, make_ceremony
from tests.support.committee import CommitteeDeal
from tests.support.ledger import Setting


def reshare(setting: Setting, keys: Sequence[ValidatorKey]) -> CommitteeDeal:
    """The committee's key in shares of the validators with these keys, by a ceremony of old and new ones."""
    terms = CeremonyTerms(
        CeremonyKind.RESHARE,
        setting.house.deployment.digest,
        tuple(key.address for key in setting.keys),
        tuple(key.address for key in keys),
        quorum(len(keys)),
        START,
        ROUND_BLOCKS,
        setting.deal.public,
    )
    old = {key.address: share for key, share in zip(setting.keys, setting.deal.shares, strict=True)}
    held = hold(make_ceremony(terms, shares=old.get))
    return CommitteeDeal(held.committee, tuple(held.shares[key.address] for key in keys))


def hand_over(setting: Setting, keys: Sequence[ValidatorKey], last_batch: int) -> Setting:
    """The setting of the next epoch, which begins after batch `last_batch`."""
    deal = reshare(setting, keys)
    validators = tuple(Address(key.address) for key in keys)
    return Setting(succeed(setting.house, validators, deal.public, last_batch), tuple(keys), deal)


def with_one_replaced(setting: Setting) -> tuple[ValidatorKey, ...]:
    """The setting's keys with the second one's holder gone and a newcomer in its place."""
    first, _, *others = setting.keys
    return (first, ValidatorKey.generate(), *others)
