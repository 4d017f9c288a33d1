from dataclasses import replace

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data

from circuits.auditor import AuditorKey, Handle
from circuits.pedersen import HANDLE_BASE, VALUE_BASE, Commitment
from circuits.transcript import Deployment
from node.ledger.house_orders import BreakerOrder, WriteOffOrder
from node.ledger.messages import (
    AccountReference,
    Bid,
    Contribute,
    MarginProof,
    Message,
    OpenAccount,
    SetAuditor,
    Trade,
    TradeTerms,
    Withdraw,
)
from node.ledger.signatures import SignatureMalformed, recover_compact, recover_owner
from node.ledger.typed_data import typed_data
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.liquidation.breaker import Level
from tests.support.ledger import address_of

HANDLE, OTHER_HANDLE = Handle(HANDLE_BASE), Handle(VALUE_BASE)
HERE = Deployment(31337, bytes(range(20)), bytes(range(32)))
REFERENCE = AccountReference(AccountId(bytes([1] * 32)), 3, 2)
TERMS = TradeTerms(
    taker=REFERENCE,
    maker=AccountId(bytes([2] * 32)),
    instrument=InstrumentId("BTC-PERP"),
    price=MicroUsd(800_000),
    fee=MicroUsd(5),
    round=4,
    commitment=Commitment.public(7),
    box_digest=Digest(bytes([3] * 32)),
    nonce=bytes([4] * 32),
    expiry=99,
    taker_handle=HANDLE,
)
NONCE = bytes([4] * 32)
MESSAGES: dict[str, Message] = {
    "OpenAccount": OpenAccount(Address(bytes([5] * 20)), 1, bytes([6] * 32), 31337, NONCE, 99),
    "MarginProof": MarginProof(REFERENCE, 4, NONCE, 99),
    "TradeTerms": Trade(TERMS, b"", b"", b"", b"", AccountReference(TERMS.maker, 1, 0)),
    "Withdraw": Withdraw(REFERENCE, AssetId("USD@31337"), 10, Address(bytes([5] * 20)), 4, NONCE, 99),
    "Contribute": Contribute(REFERENCE, MicroUsd(-5), 4, NONCE, 99),
    "SetAuditor": SetAuditor(REFERENCE, AuditorKey(VALUE_BASE), HANDLE.encode(), 4, NONCE, 99),
    "Bid": Bid(REFERENCE, Digest(bytes([7] * 32)), 2, 30, MicroUsd(-5), 4, NONCE, 99),
    "BreakerOrder": BreakerOrder(1, 3, Level.NO_BID, 99),
    "WriteOffOrder": WriteOffOrder(1, 3, AssetId("WETH@31338"), True, 99),
}
VALUES = {
    "OpenAccount": {
        "owner": "0x" + "05" * 20,
        "index": 1,
        "sealingKey": bytes([6] * 32),
        "homeChain": 31337,
        "nonce": NONCE,
        "expiry": 99,
    },
    "MarginProof": {**REFERENCE.fields(), "round": 4, "nonce": NONCE, "expiry": 99},
    "TradeTerms": {
        "taker": REFERENCE.account,
        "takerVersion": 3,
        "takerCredits": 2,
        "maker": TERMS.maker,
        "instrument": "BTC-PERP",
        "price": 800_000,
        "fee": 5,
        "round": 4,
        "commitment": TERMS.commitment.encode(),
        "boxDigest": TERMS.box_digest,
        "nonce": NONCE,
        "expiry": 99,
        "takerHandle": HANDLE.encode(),
    },
    "Withdraw": {
        **REFERENCE.fields(),
        "asset": "USD@31337",
        "amount": 10,
        "recipient": "0x" + "05" * 20,
        "round": 4,
        "nonce": NONCE,
        "expiry": 99,
    },
    "SetAuditor": {
        **REFERENCE.fields(),
        "auditor": OTHER_HANDLE.encode(),
        "handles": HANDLE.encode(),
        "round": 4,
        "nonce": NONCE,
        "expiry": 99,
    },
    "Contribute": {**REFERENCE.fields(), "amount": -5, "round": 4, "nonce": NONCE, "expiry": 99},
    "Bid": {
        **REFERENCE.fields(),
        "auction": bytes([7] * 32),
        "number": 2,
        "units": 30,
        "limit": -5,
        "round": 4,
        "nonce": NONCE,
        "expiry": 99,
    },
    "BreakerOrder": {"epoch": 1, "sequence": 3, "level": 2, "until": 99},
    "WriteOffOrder": {"epoch": 1, "sequence": 3, "asset": "WETH@31338", "reinstated": True, "expiry": 99},
}


@pytest.mark.parametrize("name", MESSAGES)
def test_what_a_wallet_signs_as_typed_data_is_the_messages_digest(name: str):
    key = PrivateKey(bytes(range(1, 33)))
    document = encode_typed_data(full_message=typed_data(HERE, name, VALUES[name]))
    signed = Account.sign_message(document, key.secret)
    digest = MESSAGES[name].digest(HERE)
    assert bytes(signed.message_hash) == digest
    assert recover_owner(bytes(signed.signature), digest) == address_of(key)


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize(
    "there",
    [
        replace(HERE, hub_chain_id=1),
        replace(HERE, hub=bytes(20)),
        replace(HERE, salt=bytes(32)),
    ],
    ids=["chain", "hub", "salt"],
)
def test_a_message_has_another_digest_in_another_deployment(name: str, there: Deployment):
    assert MESSAGES[name].digest(there) != MESSAGES[name].digest(HERE)


CHANGES = {
    "taker": replace(REFERENCE, version=4),
    "maker": AccountId(bytes([9] * 32)),
    "instrument": InstrumentId("ETH-PERP"),
    "price": MicroUsd(1),
    "fee": MicroUsd(6),
    "round": 5,
    "commitment": Commitment.public(8),
    "box_digest": Digest(bytes(32)),
    "nonce": bytes(32),
    "expiry": 100,
    "taker_handle": OTHER_HANDLE,
}


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_of_the_terms_is_signed_by_both_sides(field: str):
    trade = MESSAGES["TradeTerms"]
    assert isinstance(trade, Trade)
    changed = replace(trade, terms=replace(TERMS, **{field: CHANGES[field]}))
    assert changed.digest(HERE) != trade.digest(HERE)
    assert changed.acceptance_digest(HERE) != trade.acceptance_digest(HERE)


def test_who_names_an_auditor_signs_whom_and_with_which_handles():
    message = MESSAGES["SetAuditor"]
    assert isinstance(message, SetAuditor)
    for changes in ({"auditor": None}, {"handles": b""}, {"round": 5}, {"nonce": bytes(32)}, {"expiry": 98}):
        assert replace(message, **changes).digest(HERE) != message.digest(HERE)
    for proofs in ({"auditor_proof": b"1"}, {"handles_proof": b"1"}, {"proof": b"1"}):
        assert replace(message, **proofs).digest(HERE) == message.digest(HERE)


def test_the_makers_signature_also_covers_its_own_version_credits_and_handle():
    trade = MESSAGES["TradeTerms"]
    assert isinstance(trade, Trade)
    for maker in (replace(trade.maker, version=2), replace(trade.maker, credits=1)):
        assert replace(trade, maker=maker).acceptance_digest(HERE) != trade.acceptance_digest(HERE)
        assert replace(trade, maker=maker).digest(HERE) == trade.digest(HERE)
    with_handle = replace(trade, maker_handle=HANDLE)
    assert with_handle.acceptance_digest(HERE) != trade.acceptance_digest(HERE)


ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def test_a_signature_has_one_encoding():
    key, digest = PrivateKey(), bytes([1] * 32)
    raw = key.sign_recoverable(digest, hasher=None)
    r, s, parity = raw[:32], int.from_bytes(raw[32:64], "big"), raw[64]
    good = raw[:64] + bytes([27 + parity])
    assert recover_owner(good, digest) == address_of(key)
    mirrored = r + (ORDER - s).to_bytes(32, "big") + bytes([27 + (1 - parity)])
    for other in (mirrored, raw, good + b"\0", good[:-1], b"", r + bytes(32) + good[64:], bytes(32) + good[32:]):
        with pytest.raises(SignatureMalformed):
            recover_owner(other, digest)


def test_a_compact_signature_has_one_encoding():
    key, digest = PrivateKey(), bytes([1] * 32)
    raw = key.sign_recoverable(digest, hasher=None)
    good = raw[:32] + bytes([raw[32] | raw[64] << 7]) + raw[33:64]
    assert recover_compact(good, digest) == address_of(key)
    above_half = (2**255 - 1).to_bytes(32, "big")
    for other in (raw[:32] + above_half, good + b"\0", b"", bytes(64)):
        with pytest.raises(SignatureMalformed):
            recover_compact(other, digest)
