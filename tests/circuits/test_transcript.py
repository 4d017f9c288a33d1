"""The transcript: every field that goes in changes the challenge that comes out."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from circuits import transcript as module
from circuits.errors import ProofRejected
from circuits.group import IDENTITY, ORDER, Scalar, hash_to_point, point_words
from circuits.pedersen import VALUE_BASE
from circuits.transcript import Deployment, ProofContext, Transcript

DEPLOYMENT = Deployment(hub_chain_id=31337, hub=b"\x11" * 20, salt=b"\x22" * 32)
CONTEXT = ProofContext(
    deployment=DEPLOYMENT,
    message_digest=b"\x33" * 32,
    round=7,
    grid_digest=b"\x44" * 32,
    parameters_digest=b"\x55" * 32,
)
KEY_WORDS = b"\x66" * 288


def challenge(kind: bytes = b"kind", context: ProofContext = CONTEXT, key_words: bytes = KEY_WORDS) -> Scalar:
    return Transcript(kind, context, key_words).challenge(b"x")


@pytest.mark.parametrize(
    "changed",
    [
        replace(CONTEXT, deployment=replace(DEPLOYMENT, hub_chain_id=31338)),
        replace(CONTEXT, deployment=replace(DEPLOYMENT, hub=b"\x12" * 20)),
        replace(CONTEXT, deployment=replace(DEPLOYMENT, salt=b"\x23" * 32)),
        replace(CONTEXT, message_digest=b"\x34" * 32),
        replace(CONTEXT, round=8),
        replace(CONTEXT, grid_digest=b"\x45" * 32),
        replace(CONTEXT, parameters_digest=b"\x56" * 32),
    ],
    ids=["chain id", "hub", "salt", "message", "round", "grid", "parameters"],
)
def test_every_field_of_the_context_changes_the_challenge(changed: ProofContext) -> None:
    assert challenge(context=changed) != challenge()


def test_the_kind_and_the_bases_change_the_challenge() -> None:
    assert challenge(kind=b"kine") != challenge()
    assert challenge(key_words=b"\x67" + KEY_WORDS[1:]) != challenge()


def test_the_same_fields_give_the_same_challenge() -> None:
    assert challenge() == challenge()


ABSORPTIONS: list[tuple[str, Callable[[Transcript], None], Callable[[Transcript], None]]] = [
    ("data", lambda t: t.absorb(b"l", b"data"), lambda t: t.absorb(b"l", b"date")),
    ("label", lambda t: t.absorb(b"l", b"data"), lambda t: t.absorb(b"m", b"data")),
    ("frame", lambda t: t.absorb(b"la", b"bel"), lambda t: t.absorb(b"lab", b"el")),
    ("sign", lambda t: t.absorb_integer(b"l", 1), lambda t: t.absorb_integer(b"l", -1)),
    ("point", lambda t: t.absorb_point(b"l", VALUE_BASE), lambda t: t.absorb_point(b"l", IDENTITY)),
    ("scalar", lambda t: t.absorb_scalar(b"l", Scalar(1)), lambda t: t.absorb_scalar(b"l", Scalar(2))),
]


@pytest.mark.parametrize(("left", "right"), [a[1:] for a in ABSORPTIONS], ids=[a[0] for a in ABSORPTIONS])
def test_absorbing_anything_else_changes_the_challenge(
    left: Callable[[Transcript], None], right: Callable[[Transcript], None]
) -> None:
    first, second, untouched = (Transcript(b"kind", CONTEXT, KEY_WORDS) for _ in range(3))
    left(first)
    right(second)
    assert len({int(t.challenge(b"x")) for t in (first, second, untouched)}) == 3


def test_the_order_of_absorption_matters() -> None:
    forward, backward = (Transcript(b"kind", CONTEXT, KEY_WORDS) for _ in range(2))
    forward.absorb(b"a", b"1")
    forward.absorb(b"b", b"2")
    backward.absorb(b"b", b"2")
    backward.absorb(b"a", b"1")
    assert forward.challenge(b"x") != backward.challenge(b"x")


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_two_different_sequences_never_collide(left: list[bytes], right: list[bytes]) -> None:
    first, second = (Transcript(b"kind", CONTEXT, KEY_WORDS) for _ in range(2))
    for data in left:
        first.absorb(b"l", data)
    for data in right:
        second.absorb(b"l", data)
    assert (first.challenge(b"x") == second.challenge(b"x")) == (left == right)


def test_successive_challenges_differ_and_depend_on_their_label() -> None:
    first, second = (Transcript(b"kind", CONTEXT, KEY_WORDS) for _ in range(2))
    drawn = [first.challenge(b"x"), first.challenge(b"x"), second.challenge(b"y")]
    assert len({int(value) for value in drawn}) == 3


def test_the_state_follows_the_stated_formula() -> None:
    def absorb(state: bytes, label: bytes, data: bytes) -> bytes:
        frame = len(label).to_bytes(4, "big") + label + len(data).to_bytes(4, "big") + data
        return bytes(keccak(state + frame))

    state = bytes(keccak(b"zkclear/v2"))
    state = absorb(state, b"deployment", (31337).to_bytes(32, "big") + b"\x11" * 20 + b"\x22" * 32 + KEY_WORDS)
    state = absorb(state, b"kind", b"kind")
    state = absorb(state, b"message", b"\x33" * 32)
    state = absorb(state, b"round", (7).to_bytes(32, "big"))
    state = absorb(state, b"grid", b"\x44" * 32)
    state = absorb(state, b"parameters", b"\x55" * 32)
    point = hash_to_point(b"any", b"zkclear/test")
    state = absorb(state, b"P", point_words(point))
    transcript = Transcript(b"kind", CONTEXT, KEY_WORDS)
    transcript.absorb_point(b"P", point)
    expected = int.from_bytes(keccak(state + b"c"), "big") % ORDER
    assert transcript.challenge(b"c") == Scalar(expected)


def test_a_zero_challenge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    transcript = Transcript(b"kind", CONTEXT, KEY_WORDS)
    monkeypatch.setattr(module, "_keccak", lambda data: ORDER.to_bytes(32, "big"))
    with pytest.raises(ProofRejected, match="zero"):
        transcript.challenge(b"x")


def test_a_deployment_is_named_by_the_keccak_of_its_abi_encoding() -> None:
    words = (31337).to_bytes(32, "big") + bytes(12) + b"\x11" * 20 + b"\x22" * 32
    assert DEPLOYMENT.digest == keccak(words)
    assert len(DEPLOYMENT.encode()) == 84
