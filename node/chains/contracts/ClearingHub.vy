# pragma version ~=0.4.3
"""
@title The clearing house's order of batches
@license Apache-2.0
@notice Accepts exactly one successor of each batch, certified by a quorum of validators. No owner, no proxy.
"""

import certificate

initializes: certificate
exports: (certificate.signer_set_hash, certificate.epoch)

event BatchCommitted:
    number: indexed(uint256)
    previousRoot: bytes32
    newRoot: bytes32
    batchHash: bytes32

event Submitted:
    sender: indexed(address)
    data: Bytes[MAX_SUBMISSION]

MAX_SUBMISSION: constant(uint256) = 9216
BATCH_TYPE: constant(bytes32) = keccak256(
    "Batch(uint256 epoch,uint256 number,bytes32 previousRoot,bytes32 newRoot,bytes32 batchHash)"
)

DEPLOYMENT: immutable(bytes32)
height: public(uint256)
root: public(HashMap[uint256, bytes32])
batch_hash: public(HashMap[uint256, bytes32])


@deploy
def __init__(salt: bytes32, signers: DynArray[address, certificate.MAX_SIGNERS]):
    """
    @param salt Random bytes of this deployment's genesis.
    @param signers The validators, in the order that bitmaps follow.
    """
    certificate.__init__(signers)
    DEPLOYMENT = keccak256(abi_encode(chain.id, self, salt))
    self.root[0] = DEPLOYMENT


@external
@view
def deployment() -> bytes32:
    """
    @notice Name of this deployment, and root of its batch 0: keccak(abi.encode(chain id, hub, salt)).
    """
    return DEPLOYMENT


@external
def commit(
    number: uint256,
    previous_root: bytes32,
    new_root: bytes32,
    batch_hash: bytes32,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    """
    @notice Makes the certified batch the successor of batch `number - 1`. Anyone may send it.
    """
    assert number == self.height + 1, "not the next batch"
    assert previous_root == self.root[self.height], "not the root of the previous batch"
    struct_hash: bytes32 = keccak256(
        abi_encode(BATCH_TYPE, certificate.epoch, number, previous_root, new_root, batch_hash)
    )
    certificate._check(struct_hash, signers, bitmap, signatures)
    self.height = number
    self.root[number] = new_root
    self.batch_hash[number] = batch_hash
    log BatchCommitted(number=number, previousRoot=previous_root, newRoot=new_root, batchHash=batch_hash)


@external
def rotate(
    new_signers: DynArray[address, certificate.MAX_SIGNERS],
    committee: bytes32,
    batch: uint256,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    """
    @notice Hands over to `new_signers`, who certify from batch `batch` + 1 on. Anyone may send it.
    @param committee Digest of the committee key's public data that the new validators hold shares of.
    @param batch The last batch so far: what was committed meanwhile makes the certificate void.
    """
    assert batch == self.height, "not the last batch"
    certificate._rotate(chain.id, self, new_signers, committee, batch, signers, bitmap, signatures)


@external
def submit(data: Bytes[MAX_SUBMISSION]):
    """
    @notice Puts `data` where all nodes see it, in one order and in the sender's name. Anyone may; it changes nothing here.
    """
    log Submitted(sender=msg.sender, data=data)
