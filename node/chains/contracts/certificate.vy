# pragma version ~=0.4.3
"""
@title Quorum certificates of one fixed set of validators
@license Apache-2.0
@notice Checks that a quorum (N - (N-1)/3, which is 2f+1 of 3f+1) of a set of signers signed an EIP-712 digest.
        Only the set's hash is stored, in code; a caller brings the set in calldata. A certificate is a bitmap of
        signers and their EIP-2098 compact signatures (r, yParityAndS) in the set's order.
@dev    A module: the contracts that use it initialise it in their constructor.
"""

MAX_SIGNERS: constant(uint256) = 64
EPOCH: constant(uint256) = 0
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
LOW_255_BITS: constant(uint256) = 2**255 - 1

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME: constant(bytes32) = keccak256("zkclear")
VERSION: constant(bytes32) = keccak256("1")

SIGNER_SET_HASH: immutable(bytes32)
QUORUM: immutable(uint256)


@deploy
def __init__(signers: DynArray[address, MAX_SIGNERS]):
    assert len(signers) > 0, "no signers"
    for i: uint256 in range(len(signers), bound=MAX_SIGNERS):
        # ecrecover answers zero for garbage, and a signer listed twice would count twice.
        assert signers[i] != empty(address), "a signer is zero"
        for j: uint256 in range(i, bound=MAX_SIGNERS):
            assert signers[j] != signers[i], "a signer is listed twice"
    SIGNER_SET_HASH = keccak256(abi_encode(signers))
    QUORUM = len(signers) - (len(signers) - 1) // 3


@external
@view
def signer_set_hash() -> bytes32:
    """
    @notice keccak(abi.encode(address[])) of the signer set in its order.
    """
    return SIGNER_SET_HASH


@external
@view
def epoch() -> uint256:
    """
    @notice Epoch of the signer set, part of everything signed.
    """
    return EPOCH


@external
@view
def quorum() -> uint256:
    """
    @notice Signatures that a certificate needs.
    """
    return QUORUM


@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    # Computed anew each time, so that a chain that splits off under a new id cannot replay certificates.
    separator: bytes32 = keccak256(abi_encode(DOMAIN_TYPE, NAME, VERSION, chain.id, self))
    return keccak256(concat(x"1901", separator, struct_hash))


@internal
@view
def _check(
    struct_hash: bytes32,
    signers: DynArray[address, MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], MAX_SIGNERS],
):
    """
    @notice Reverts unless `signatures` are a quorum's over the digest of `struct_hash`, each by the signer of its bit.
    """
    assert keccak256(abi_encode(signers)) == SIGNER_SET_HASH, "not the signer set"
    assert bitmap >> len(signers) == 0, "the bitmap goes beyond the signer set"
    digest: bytes32 = self._digest(struct_hash)
    used: uint256 = 0
    for i: uint256 in range(len(signers), bound=MAX_SIGNERS):
        if (bitmap >> i) & 1 == 0:
            continue
        assert used < len(signatures), "fewer signatures than bits"
        r: uint256 = convert(signatures[used][0], uint256)
        y_parity_and_s: uint256 = convert(signatures[used][1], uint256)
        s: uint256 = y_parity_and_s & LOW_255_BITS
        assert s <= HALF_ORDER, "a signature has a high s"
        assert ecrecover(digest, 27 + (y_parity_and_s >> 255), r, s) == signers[i], "a signature is not its signer's"
        used += 1
    assert used == len(signatures), "more signatures than bits"
    assert used >= QUORUM, "no quorum"
