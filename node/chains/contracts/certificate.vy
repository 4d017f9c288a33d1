# pragma version ~=0.4.3
"""
@title Quorum certificates of a set of validators that rotates
@license Apache-2.0
@notice Checks that a quorum (N - (N-1)/3, which is 2f+1 of 3f+1) of a set of signers signed an EIP-712 digest.
        Only the set's hash is stored; a caller brings the set in calldata. A certificate is a bitmap of signers and
        their EIP-2098 compact signatures (r, yParityAndS) in the set's order.
        A quorum hands over to another set. Everything signed names the epoch, which counts the rotations, so that a
        certificate of an earlier set is void. A rotation is certified once, for the hub: the hub and every vault take
        the same calldata, each once and in the order of epochs.
@dev    A module: the contracts that use it initialise it in their constructor.
"""

event SignersRotated:
    epoch: indexed(uint256)
    batch: indexed(uint256)
    signers: bytes32
    committee: bytes32

MAX_SIGNERS: constant(uint256) = 64
HALF_ORDER: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
LOW_255_BITS: constant(uint256) = 2**255 - 1

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME: constant(bytes32) = keccak256("zkclear")
VERSION: constant(bytes32) = keccak256("1")
ROTATE_TYPE: constant(bytes32) = keccak256(
    "Rotate(uint256 epoch,bytes32 newSigners,bytes32 committee,uint256 batch)"
)

# Rotations so far: part of everything signed.
epoch: public(uint256)
# keccak(abi.encode(address[])) of the signer set in its order.
signer_set_hash: public(bytes32)


@deploy
def __init__(signers: DynArray[address, MAX_SIGNERS]):
    self._adopt(signers)


@internal
def _adopt(signers: DynArray[address, MAX_SIGNERS]):
    assert len(signers) > 0, "no signers"
    for i: uint256 in range(len(signers), bound=MAX_SIGNERS):
        # ecrecover answers zero for garbage, and a signer listed twice would count twice.
        assert signers[i] != empty(address), "a signer is zero"
        for j: uint256 in range(i, bound=MAX_SIGNERS):
            assert signers[j] != signers[i], "a signer is listed twice"
    self.signer_set_hash = keccak256(abi_encode(signers))


@internal
def _rotate(
    chain_id: uint256,
    hub: address,
    new_signers: DynArray[address, MAX_SIGNERS],
    committee: bytes32,
    batch: uint256,
    signers: DynArray[address, MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], MAX_SIGNERS],
):
    """
    @notice Hands over to `new_signers`, as a quorum of `signers` certified for the hub at `hub` on chain `chain_id`.
    @param committee Digest of the committee key's public data that the new validators hold shares of.
    @param batch The last batch of the epoch that ends.
    """
    struct_hash: bytes32 = keccak256(
        abi_encode(ROTATE_TYPE, self.epoch, keccak256(abi_encode(new_signers)), committee, batch)
    )
    self._check_for(chain_id, hub, struct_hash, signers, bitmap, signatures)
    self._adopt(new_signers)
    self.epoch += 1
    log SignersRotated(epoch=self.epoch, batch=batch, signers=self.signer_set_hash, committee=committee)


@internal
@view
def _check(
    struct_hash: bytes32,
    signers: DynArray[address, MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], MAX_SIGNERS],
):
    """
    @notice Reverts unless `signatures` are a quorum's over the digest of `struct_hash` for this very contract.
    """
    # The chain's own id each time, so that a chain that splits off under a new id cannot replay certificates.
    self._check_for(chain.id, self, struct_hash, signers, bitmap, signatures)


@internal
@view
def _check_for(
    chain_id: uint256,
    verifying_contract: address,
    struct_hash: bytes32,
    signers: DynArray[address, MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], MAX_SIGNERS],
):
    """
    @notice Reverts unless `signatures` are a quorum's over the digest of `struct_hash` for the contract
            `verifying_contract` of chain `chain_id`, each by the signer of its bit.
    """
    assert keccak256(abi_encode(signers)) == self.signer_set_hash, "not the signer set"
    assert bitmap >> len(signers) == 0, "the bitmap goes beyond the signer set"
    separator: bytes32 = keccak256(abi_encode(DOMAIN_TYPE, NAME, VERSION, chain_id, verifying_contract))
    digest: bytes32 = keccak256(concat(x"1901", separator, struct_hash))
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
    assert used >= len(signers) - (len(signers) - 1) // 3, "no quorum"
