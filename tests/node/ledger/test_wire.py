from dataclasses import replace

import pytest
from clearing.v1 import batch_pb2, messages_pb2
from hypothesis import given
from hypothesis import strategies as st

from circuits.auditor import AuditorKey, Handle
from circuits.group import IDENTITY, scalar
from circuits.pedersen import HANDLE_BASE, Commitment
from node.ledger.batch import (
    AccountOpening,
    Batch,
    ChainSegment,
    Deposited,
    Exited,
    HubHeader,
    LoggedEvent,
    OracleRound,
    Paid,
    PayFailed,
    Seized,
    ShareSet,
    SignedObservation,
    Sold,
)
from node.ledger.errors import WireError
from node.ledger.house_orders import BreakerOrder, WriteOffOrder
from node.ledger.messages import (
    MAX_MESSAGE_BYTES,
    AccountReference,
    Bid,
    Contribute,
    MarginProof,
    Message,
    OpenAccount,
    SetAuditor,
    Trade,
    TradeTerms,
    Transfer,
    TransferTerms,
    Withdraw,
)
from node.ledger.types import AccountId, Address, AssetId, Digest, InstrumentId, MicroUsd
from node.ledger.wire import (
    batch_hash,
    decode_batch,
    decode_message,
    encode_batch,
    encode_message,
    observation_from_proto,
    observation_to_proto,
    size_in_batch,
)
from node.liquidation.breaker import Level
from node.market.oracle_rules import Observation
from node.market.surface import MOST_SLICES, Slice
from tests.circuits.test_group import compress, order_eleven_point
from tests.support.clearing import Clearing
from tests.support.ledger import Setting

digests = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
numbers = st.integers(0, 2**64 - 1)
indices = st.integers(0, 2**32 - 1)
names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
blobs = st.binary(max_size=100)
references = st.builds(AccountReference, digests.map(AccountId), numbers, numbers)
commitments = st.integers(-9, 9).map(Commitment.public)
optional_handles = st.none() | st.integers(1, 9).map(lambda factor: Handle(HANDLE_BASE * scalar(factor)))
terms = st.builds(
    TradeTerms,
    references,
    digests.map(AccountId),
    names.map(InstrumentId),
    numbers.map(MicroUsd),
    numbers.map(MicroUsd),
    numbers,
    commitments,
    digests.map(Digest),
    digests,
    numbers,
    optional_handles,
)
transfer_terms = st.builds(
    TransferTerms,
    references,
    digests.map(AccountId),
    names.map(AssetId),
    numbers,
    commitments,
    digests.map(Digest),
    digests,
    numbers,
    optional_handles,
)
signatures = st.lists(st.binary(min_size=64, max_size=64), max_size=4).map(tuple)
sent: st.SearchStrategy[Message] = st.one_of(
    st.builds(BreakerOrder, numbers, numbers, st.sampled_from(Level), numbers, signatures),
    st.builds(WriteOffOrder, numbers, numbers, names.map(AssetId), st.booleans(), numbers, signatures),
    st.builds(OpenAccount, addresses.map(Address), indices, digests, numbers, digests, numbers, blobs),
    st.builds(MarginProof, references, numbers, digests, numbers, blobs, blobs),
    st.builds(Trade, terms, blobs, blobs, blobs, blobs, references, blobs, blobs, optional_handles, blobs),
    st.builds(Transfer, transfer_terms, blobs, blobs, blobs, blobs, references, blobs, blobs, optional_handles, blobs),
    st.builds(
        SetAuditor,
        references,
        optional_handles.map(lambda handle: None if handle is None else AuditorKey(handle.point)),
        blobs,
        numbers,
        digests,
        numbers,
        blobs,
        blobs,
        blobs,
        blobs,
    ),
    st.builds(
        Withdraw,
        references,
        names.map(AssetId),
        numbers,
        addresses.map(Address),
        numbers,
        digests,
        numbers,
        blobs,
        blobs,
    ),
    st.builds(
        Contribute,
        references,
        st.integers(-(2**63), 2**63 - 1).map(MicroUsd),
        numbers,
        digests,
        numbers,
        blobs,
        blobs,
    ),
    st.builds(
        Bid,
        references,
        digests.map(Digest),
        st.integers(0, 2**32 - 1),
        numbers,
        st.integers(-(2**63), 2**63 - 1).map(MicroUsd),
        numbers,
        digests,
        numbers,
        blobs,
        blobs,
        blobs,
    ),
)
events = st.one_of(
    st.builds(Deposited, digests.map(AccountId), addresses.map(Address), numbers),
    st.builds(Paid, digests.map(Digest)),
    st.builds(PayFailed, digests.map(Digest)),
    st.builds(Seized, digests.map(Digest)),
    st.builds(Sold, digests.map(Digest), numbers.map(MicroUsd)),
    st.builds(Exited, digests.map(AccountId), addresses.map(Address), numbers, numbers),
)
segments = st.builds(
    ChainSegment,
    numbers,
    numbers,
    numbers,
    digests,
    st.lists(st.builds(LoggedEvent, numbers, numbers, events), max_size=3).map(tuple),
)
small = st.integers(0, 2**32 - 1)
slices = st.builds(Slice, numbers, st.integers(-(2**63), 2**63 - 1), small, small, small)
observations = st.builds(
    SignedObservation,
    st.builds(Observation, addresses, numbers, names, numbers, small, numbers, st.lists(slices, max_size=3).map(tuple)),
    st.binary(min_size=64, max_size=64),
)
rounds = st.builds(OracleRound, numbers, numbers, numbers, st.lists(observations, max_size=2).map(tuple))
openings = st.builds(
    AccountOpening,
    digests.map(Digest),
    st.lists(st.integers(-(2**40), 2**40), max_size=4).map(tuple),
    st.lists(st.builds(ShareSet, st.integers(0, 99), st.lists(blobs, max_size=2).map(tuple)), max_size=2).map(tuple),
)
batches = st.builds(
    Batch,
    numbers,
    digests.map(Digest),
    addresses.map(Address),
    st.builds(HubHeader, numbers, digests, numbers),
    st.lists(segments, max_size=2).map(tuple),
    st.lists(rounds, max_size=2).map(tuple),
    st.none(),
    st.lists(openings, max_size=2).map(tuple),
    st.lists(sent, max_size=2).map(tuple),
    digests.map(Digest),
)


@given(sent)
def test_a_message_survives_the_wire(message: Message):
    assert decode_message(encode_message(message)) == message


@given(batches)
def test_a_batch_survives_the_wire(batch: Batch):
    body = encode_batch(batch)
    assert decode_batch(body) == batch
    assert encode_batch(decode_batch(body)) == body


def test_a_grid_survives_the_wire(setting: Setting):
    clearing = Clearing.start(setting)
    assert decode_batch(clearing.body).grid == clearing.grid
    assert batch_hash(clearing.body) != batch_hash(clearing.body + b"\0")


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_raise_a_wire_error_and_nothing_else(data: bytes):
    for decode in (decode_message, decode_batch):
        try:
            decode(data)
        except WireError:
            continue


@given(sent, st.data())
def test_a_damaged_message_raises_a_wire_error_or_decodes(message: Message, data: st.DataObject):
    body = bytearray(encode_message(message))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        decode_message(bytes(body))
    except WireError:
        return


@given(st.data())
def test_a_damaged_grid_raises_a_wire_error_or_decodes(grid_bytes: bytes, data: st.DataObject):
    grid = bytearray(grid_bytes)
    at = data.draw(st.integers(0, len(grid) - 1))
    grid[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(grid)))
    for damaged in (bytes(grid), bytes(grid[:cut])):
        proto = batch_pb2.Batch(previous_root=bytes(32), proposer=bytes(20), grid=damaged, new_root=bytes(32))
        proto.hub.hash = bytes(32)
        try:
            decode_batch(proto.SerializeToString())
        except WireError:
            continue


@pytest.fixture(scope="module")
def grid_bytes(setting: Setting) -> bytes:
    return Clearing.start(setting).grid.encode()


MARGIN_PROOF = MarginProof(AccountReference(AccountId(bytes(32)), 0, 0), 1, bytes(32), 9)
TERMS = TradeTerms(
    MARGIN_PROOF.reference,
    AccountId(bytes(32)),
    InstrumentId("BTC-PERP"),
    MicroUsd(1),
    MicroUsd(1),
    1,
    Commitment.public(1),
    Digest(bytes(32)),
    bytes(32),
    9,
)
TRADE = Trade(TERMS, b"", b"", b"", b"", MARGIN_PROOF.reference)
WITHDRAW = Withdraw(MARGIN_PROOF.reference, AssetId("USD@1"), 1, Address(bytes(20)), 1, bytes(32), 9)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (replace(MARGIN_PROOF, nonce=bytes(31)), "nonce"),
        (replace(MARGIN_PROOF, reference=AccountReference(AccountId(b""), 0, 0)), "reference.account"),
        (replace(WITHDRAW, recipient=Address(bytes(21))), "recipient"),
        (replace(WITHDRAW, asset=AssetId("")), "asset"),
        (replace(WITHDRAW, asset=AssetId("x" * 65)), "asset"),
        (replace(WITHDRAW, asset=AssetId("dóllar")), "asset"),
        (replace(TRADE, terms=replace(TERMS, maker=AccountId(bytes(33)))), "terms.maker"),
        (replace(TRADE, terms=replace(TERMS, box_digest=Digest(b""))), "terms.box_digest"),
    ],
)
def test_a_field_of_the_wrong_length_is_named(message: Message, field: str):
    with pytest.raises(WireError) as caught:
        decode_message(encode_message(message))
    assert caught.value.field == field


@pytest.mark.parametrize("commitment", [b"", bytes(96), b"\x80" + bytes(95), Commitment.public(1).encode() + b"\0"])
def test_a_commitment_that_is_no_pair_of_points_is_named(commitment: bytes):
    proto = messages_pb2.ClientMessage.FromString(encode_message(TRADE))
    proto.trade.terms.commitment = commitment
    with pytest.raises(WireError) as caught:
        decode_message(proto.SerializeToString())
    assert caught.value.field == "terms.commitment"


@pytest.mark.parametrize(
    "data",
    [b"", bytes(48), Handle(IDENTITY).encode(), compress(order_eleven_point()), Handle(HANDLE_BASE).encode() + b"\0"],
    ids=["empty", "zeros", "identity", "outside the subgroup", "long"],
)
@pytest.mark.parametrize("field", ["terms.taker_handle", "maker_handle", "auditor"])
def test_a_handle_or_key_that_is_no_point_of_the_group_is_named(data: bytes, field: str):
    if field == "auditor":
        naming = SetAuditor(MARGIN_PROOF.reference, None, b"", 0, bytes(32), 9)
        proto = messages_pb2.ClientMessage.FromString(encode_message(naming))
        proto.set_auditor.auditor = data
    else:
        proto = messages_pb2.ClientMessage.FromString(encode_message(TRADE))
        place = proto.trade.terms if field.startswith("terms") else proto.trade
        setattr(place, field.removeprefix("terms."), data)
    with pytest.raises(WireError) as caught:
        decode_message(proto.SerializeToString())
    assert caught.value.field == field


def test_a_trade_without_auditors_has_no_field_of_theirs():
    proto = messages_pb2.ClientMessage.FromString(encode_message(TRADE)).trade
    present = {entry.name for entry, _ in (*proto.ListFields(), *proto.terms.ListFields())}
    assert not {name for name in present if "handle" in name}


@pytest.mark.parametrize(
    ("change", "field"),
    [({"level": 4}, "level"), ({"signatures": [bytes(63)]}, "signatures")],
)
def test_an_order_that_no_validator_could_have_signed_is_named(change: dict[str, object], field: str):
    proto = messages_pb2.BreakerOrder(**{"epoch": 1, "sequence": 2, "level": 3, "until": 9, **change})
    with pytest.raises(WireError) as caught:
        decode_message(messages_pb2.ClientMessage(breaker_order=proto).SerializeToString())
    assert caught.value.field == field


def test_an_empty_message_is_refused():
    with pytest.raises(WireError):
        decode_message(b"")


EMPTY = Batch(
    1, Digest(bytes(32)), Address(bytes(20)), HubHeader(1, bytes(32), 1), (), (), None, (), (), Digest(bytes(32))
)


@pytest.mark.parametrize("over", [0, 1])
def test_a_message_decodes_up_to_its_largest_size_and_not_a_byte_above(over: int):
    half = MAX_MESSAGE_BYTES // 2
    frame = len(encode_message(replace(MARGIN_PROOF, proof=bytes(half)))) - half
    message = replace(MARGIN_PROOF, proof=bytes(MAX_MESSAGE_BYTES - frame + over))
    assert len(encode_message(message)) == MAX_MESSAGE_BYTES + over
    if not over:
        assert decode_message(encode_message(message)) == message
        return
    for decode, body in (
        (decode_message, encode_message(message)),
        (decode_batch, encode_batch(replace(EMPTY, messages=(message,)))),
    ):
        with pytest.raises(WireError) as caught:
            decode(body)
        assert caught.value.field == "message"


@given(sent, openings)
def test_what_a_part_adds_to_a_batch_is_known_beforehand(message: Message, opening: AccountOpening):
    more = replace(EMPTY, messages=(message,), openings=(opening,))
    added = len(encode_batch(more)) - len(encode_batch(EMPTY))
    assert added <= size_in_batch(message) + size_in_batch(opening) <= added + 2 * 6


def test_an_observation_with_too_many_slices_is_refused():
    seen = SignedObservation(
        Observation(bytes(20), 1, "BTC", 1, 1, 1, (Slice(1, 0, 1, 1, 1),) * MOST_SLICES), bytes(64)
    )
    proto = observation_to_proto(seen)
    assert observation_from_proto(proto) == seen
    proto.slices.add()
    with pytest.raises(WireError) as refusal:
        observation_from_proto(proto)
    assert refusal.value.field == "observation.slices"
