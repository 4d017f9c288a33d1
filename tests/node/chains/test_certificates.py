"""Quorum certificates: what is signed, by whom, and what is refused."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from node.chains.certificates import (
    BatchCommitment,
    Certificate,
    PayAction,
    Rotation,
    SeizeAction,
    ValidatorKey,
    assemble,
    batch_digest,
    pay_digest,
    quorum,
    recover,
    rotation_digest,
    seize_digest,
    signer_set_hash,
    verify,
)
from node.chains.errors import BadSignature, InsufficientQuorum, MalformedCertificate, UnknownSigner

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEYS = tuple(ValidatorKey(bytes([index + 1]) * 32) for index in range(4))
SIGNERS = tuple(key.address for key in KEYS)
DIGEST = bytes(range(32))
CONTRACT = b"\xab" * 20


def signed(*who: int) -> Certificate:
    return Certificate(sum(1 << i for i in who), tuple(KEYS[i].sign_digest(DIGEST) for i in who))


@pytest.mark.parametrize(("signers", "need"), [(1, 1), (2, 2), (3, 3), (4, 3), (7, 5), (10, 7), (50, 34)])
def test_a_quorum_is_two_thirds_and_one_more(signers: int, need: int) -> None:
    assert quorum(signers) == need
    assert 2 * need - signers > (signers - 1) // 3, "two quorums share an honest signer"


def typed_data(primary: str, fields: list[tuple[str, str]], message: dict[str, object]) -> bytes:
    """The digest that a wallet computes, by an independent implementation of EIP-712."""
    data = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            primary: [{"name": name, "type": kind} for kind, name in fields],
        },
        "primaryType": primary,
        "domain": {
            "name": "zkclear",
            "version": "1",
            "chainId": 5,
            "verifyingContract": "0x" + CONTRACT.hex(),
        },
        "message": message,
    }
    signable = encode_typed_data(full_message=data)
    signature = Account.sign_message(signable, b"\1" * 32)
    return bytes(signature.message_hash)


def test_a_batch_digest_is_the_wallets_eip_712_digest() -> None:
    batch = BatchCommitment(7, b"\1" * 32, b"\2" * 32, b"\3" * 32)
    fields = [("uint256", "epoch"), ("uint256", "number"), ("bytes32", "previousRoot")]
    fields += [("bytes32", "newRoot"), ("bytes32", "batchHash")]
    message = {"epoch": 0, "number": 7, "previousRoot": b"\1" * 32}
    message |= {"newRoot": b"\2" * 32, "batchHash": b"\3" * 32}
    assert batch_digest(5, CONTRACT, batch) == typed_data("Batch", fields, message)


def test_a_pay_digest_is_the_wallets_eip_712_digest() -> None:
    action = PayAction(b"\4" * 32, b"\5" * 20, b"\6" * 20, 10**18, 9)
    fields = [("uint256", "epoch"), ("bytes32", "actionId"), ("address", "token"), ("address", "to")]
    fields += [("uint256", "amount"), ("uint256", "batch")]
    message = {"epoch": 0, "actionId": b"\4" * 32, "token": "0x" + "05" * 20, "to": "0x" + "06" * 20}
    message |= {"amount": 10**18, "batch": 9}
    assert pay_digest(5, CONTRACT, action) == typed_data("Pay", fields, message)


def test_a_seize_digest_is_the_wallets_eip_712_digest() -> None:
    action = SeizeAction(b"\4" * 32, b"\5" * 20, 10**18, 2000, 1000, 600, 9)
    fields = [("uint256", "epoch"), ("bytes32", "actionId"), ("address", "token"), ("uint256", "amount")]
    fields += [("uint256", name) for name in ("startPrice", "floorPrice", "duration", "batch")]
    message = {"epoch": 0, "actionId": b"\4" * 32, "token": "0x" + "05" * 20, "amount": 10**18}
    message |= {"startPrice": 2000, "floorPrice": 1000, "duration": 600, "batch": 9}
    assert seize_digest(5, CONTRACT, action) == typed_data("Seize", fields, message)


def test_a_rotation_digest_is_the_wallets_eip_712_digest() -> None:
    rotation = Rotation(SIGNERS[:3], b"\7" * 32, 9, 2)
    fields = [("uint256", "epoch"), ("bytes32", "newSigners"), ("bytes32", "committee"), ("uint256", "batch")]
    message = {"epoch": 2, "newSigners": signer_set_hash(SIGNERS[:3]), "committee": b"\7" * 32, "batch": 9}
    assert rotation_digest(5, CONTRACT, rotation) == typed_data("Rotate", fields, message)


def test_a_digest_binds_chain_and_contract() -> None:
    batch = BatchCommitment(1, b"\1" * 32, b"\2" * 32, b"\3" * 32)
    digests = {batch_digest(chain, who, batch) for chain in (1, 2) for who in (CONTRACT, b"\xac" * 20)}
    assert len(digests) == 4


@given(secret=st.integers(1, ORDER - 1), digest=st.binary(min_size=32, max_size=32))
def test_a_signature_recovers_to_its_signer(secret: int, digest: bytes) -> None:
    key = ValidatorKey(secret.to_bytes(32, "big"))
    signature = key.sign_digest(digest)
    assert len(signature) == 64
    assert recover(digest, signature) == key.address
    assert "0x" + key.address.hex() == Account.from_key(key.secret).address.lower()


def test_a_high_s_is_no_signature() -> None:
    # Only an s just above half the order fits the 255 bits of the compact form.
    high = ORDER // 2 + 1
    assert recover(DIGEST, b"\1" * 32 + high.to_bytes(32, "big")) is None


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_none(length: int) -> None:
    assert recover(DIGEST, b"\1" * length) is None


def test_a_repr_shows_no_secret() -> None:
    key = ValidatorKey.generate()
    assert key.secret.hex() not in repr(key)
    assert key.address.hex() in repr(key)


def test_three_of_four_are_a_quorum() -> None:
    verify(signed(0, 1, 3), DIGEST, SIGNERS)


def test_two_of_four_are_no_quorum() -> None:
    with pytest.raises(InsufficientQuorum) as caught:
        verify(signed(0, 3), DIGEST, SIGNERS)
    assert (caught.value.have, caught.value.need) == (2, 3)


def test_signatures_in_another_order_are_refused() -> None:
    good = signed(0, 1, 3)
    with pytest.raises(BadSignature) as caught:
        verify(Certificate(good.bitmap, good.signatures[::-1]), DIGEST, SIGNERS)
    assert caught.value.address == SIGNERS[0]


def test_one_signature_cannot_stand_for_two_signers() -> None:
    twice = KEYS[0].sign_digest(DIGEST)
    with pytest.raises(BadSignature):
        verify(Certificate(0b111, (twice, twice, KEYS[2].sign_digest(DIGEST))), DIGEST, SIGNERS)


def test_a_signature_over_something_else_is_refused() -> None:
    with pytest.raises(BadSignature):
        verify(signed(0, 1, 2), b"\xff" * 32, SIGNERS)


def test_a_bit_beyond_the_set_is_refused() -> None:
    with pytest.raises(MalformedCertificate):
        verify(Certificate(0b10011, signed(0, 1, 2).signatures), DIGEST, SIGNERS)


@pytest.mark.parametrize("bitmap", [0b11, 0b1111, 1 << 64, -1])
def test_bits_and_signatures_must_pair_up(bitmap: int) -> None:
    with pytest.raises(MalformedCertificate):
        Certificate(bitmap, signed(0, 1, 2).signatures)


def test_a_certificate_survives_its_encoding() -> None:
    certificate = signed(1, 2, 3)
    assert Certificate.decode(certificate.encode()) == certificate
    assert certificate.indices == (1, 2, 3)


@pytest.mark.parametrize("cut", [1, 64, 199])
def test_a_truncated_certificate_is_refused(cut: int) -> None:
    with pytest.raises(MalformedCertificate):
        Certificate.decode(signed(0, 1, 2).encode()[:-cut])


def test_assembling_takes_the_first_quorum_in_signer_order() -> None:
    votes = {KEYS[i].address: KEYS[i].sign_digest(DIGEST) for i in (3, 2, 0, 1)}
    certificate = assemble(DIGEST, SIGNERS, votes, 3)
    assert certificate == signed(0, 1, 2)
    verify(certificate, DIGEST, SIGNERS)


def test_assembling_names_the_stranger() -> None:
    stranger = ValidatorKey(b"\x09" * 32)
    with pytest.raises(UnknownSigner) as caught:
        assemble(DIGEST, SIGNERS, {stranger.address: stranger.sign_digest(DIGEST)}, 3)
    assert caught.value.address == stranger.address


def test_assembling_names_the_forger() -> None:
    with pytest.raises(BadSignature) as caught:
        assemble(DIGEST, SIGNERS, {SIGNERS[1]: KEYS[2].sign_digest(DIGEST)}, 3)
    assert caught.value.address == SIGNERS[1]


def test_assembling_too_few_says_how_many_are_missing() -> None:
    with pytest.raises(InsufficientQuorum):
        assemble(DIGEST, SIGNERS, {SIGNERS[0]: KEYS[0].sign_digest(DIGEST)}, 3)
