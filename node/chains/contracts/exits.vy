# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Forced exits of a vault
@license Apache-2.0
@notice Keeps the newest certified root that anyone relayed. Once none was relayed for EXIT_AFTER seconds, an owner
        without positions may request what it proves to have in that root, and takes it CHALLENGE seconds later,
        unless a newer root was relayed meanwhile.
@dev    A module of CollateralVault, which holds the tokens and pays. The two steps make an exit from an outdated root
        hard: whoever sees the request has CHALLENGE seconds to show that the house lives, and any newer certificate
        of the hub's will do.
"""

import certificate

uses: certificate

interface Verifier:
    def deployment() -> bytes32: view

event CheckpointRelayed:
    number: indexed(uint256)
    root: bytes32

event ExitRequested:
    account: indexed(bytes32)
    token: indexed(address)
    to: indexed(address)
    amount: uint256
    number: uint256

event Exited:
    account: indexed(bytes32)
    token: indexed(address)
    to: indexed(address)
    amount: uint256
    version: uint256

# An account's leaf, word for word (node/ledger/leaves.py).
struct Leaf:
    account: bytes32
    owner: address
    index: uint256
    version: uint256
    status: uint256
    home_chain: uint256
    cash: uint256[8]
    collateral: bytes32
    positions: bytes32
    detail: bytes32

# The holding that leaves, and the hashes of all of the account's holdings.
struct Holding:
    commitment: uint256[8]
    place: uint256
    hashes: DynArray[bytes32, MAX_HOLDINGS]

# A range proof as ISolvencyVerifier takes it.
struct Proof:
    base: uint256
    points: DynArray[uint256[4], 19]
    scalars: DynArray[uint256, 16]

struct Request:
    number: uint256
    time: uint256
    to: address
    units: uint256
    version: uint256

MAX_HOLDINGS: constant(uint256) = 128
MAX_PATH: constant(uint256) = 64
# The last status in which an account is its owner's alone: active, due, called.
LAST_STATUS: constant(uint256) = 2
# node.ledger.leaves.structure_digest of an empty mapping
NO_POSITIONS: constant(bytes32) = keccak256(x"6d0000000000000000")
# Bounds of the ledger, exclusive: MAX_CASH_MOVE and MAX_AMOUNT
CASH_LIMIT: constant(uint256) = 2**62
COLLATERAL_LIMIT: constant(uint256) = 2**40
KIND: constant(Bytes[4]) = b"exit"
VERIFY: constant(bytes4) = method_id(
    "verify(bytes,bytes32,uint256,bytes32,bytes32,uint256[8][],uint256[4][],uint256,uint256[4][],uint256[],bytes)",
    output_type=bytes4,
)
EXIT_TYPE: constant(bytes32) = keccak256(
    "Exit(uint256 chainId,address vault,bytes32 account,address token,uint256 amount,address to,bytes32 root)"
)
BATCH_TYPE: constant(bytes32) = keccak256(
    "Batch(uint256 epoch,uint256 number,bytes32 previousRoot,bytes32 newRoot,bytes32 batchHash)"
)

# Where margin proofs are checked
VERIFIER: public(immutable(address))
# Seconds without a checkpoint after which exits may be requested, and from a request to its end
EXIT_AFTER: public(immutable(uint256))
CHALLENGE: public(immutable(uint256))

# The newest checkpoint: its batch, the root after it, and when it was relayed.
checkpoint_number: public(uint256)
checkpoint_root: public(bytes32)
checkpoint_time: public(uint256)
# The newest batch that any certificate shown here names.
newest_batch: public(uint256)
# By keccak(abi.encode(account, token)): the request that waits, and whether an exit was paid.
requests: public(HashMap[bytes32, Request])
exited: public(HashMap[bytes32, bool])


@deploy
def __init__(hub_deployment: bytes32, verifier: address, exit_after: uint256, challenge: uint256):
    assert staticcall Verifier(verifier).deployment() == hub_deployment, "a verifier of another deployment"
    assert exit_after > 0 and challenge > 0, "an exit needs both delays"
    VERIFIER = verifier
    EXIT_AFTER = exit_after
    CHALLENGE = challenge
    self.checkpoint_time = block.timestamp


@internal
def _saw(batch: uint256):
    """
    @notice A certificate of batch `batch` was shown: what is older is outdated.
    """
    if batch > self.newest_batch:
        self.newest_batch = batch


@internal
def _relay(
    hub_chain: uint256,
    hub: address,
    number: uint256,
    previous_root: bytes32,
    new_root: bytes32,
    batch_hash: bytes32,
    signers: DynArray[address, certificate.MAX_SIGNERS],
    bitmap: uint256,
    signatures: DynArray[bytes32[2], certificate.MAX_SIGNERS],
):
    """
    @notice Takes a batch's certificate, the same calldata that the hub takes, if it is newer than the last one.
    """
    assert number > self.checkpoint_number, "not newer than the last checkpoint"
    struct_hash: bytes32 = keccak256(
        abi_encode(BATCH_TYPE, certificate.epoch, number, previous_root, new_root, batch_hash)
    )
    certificate._check_for(hub_chain, hub, struct_hash, signers, bitmap, signatures)
    self.checkpoint_number = number
    self.checkpoint_root = new_root
    self.checkpoint_time = block.timestamp
    self._saw(number)
    log CheckpointRelayed(number=number, root=new_root)


@internal
def _request(
    leaf: Leaf,
    path: DynArray[bytes32, MAX_PATH],
    holding: Holding,
    proof: Proof,
    is_cash: bool,
    token: address,
    units: uint256,
    to: address,
):
    """
    @notice Notes the caller's exit of `units` ledger units of `token`, once everything about it is proven.
    @dev    Other chains' collateral counts as nothing, and so does all else that the account has: cash must not be
            negative after the exit, and neither must the holding that leaves.
    """
    assert block.timestamp >= self.checkpoint_time + EXIT_AFTER, "a checkpoint was relayed too recently"
    assert self.newest_batch == self.checkpoint_number, "a newer batch was seen"
    assert msg.sender == leaf.owner, "only the account's owner"
    assert leaf.status <= LAST_STATUS, "the account is in default"
    assert leaf.positions == NO_POSITIONS, "the account has positions"
    assert to != empty(address), "the recipient is zero"
    key: bytes32 = keccak256(abi_encode(leaf.account, token))
    assert not self.exited[key], "the account has taken this token"
    self._check_path(keccak256(keccak256(abi_encode(leaf))), path)
    commitments: DynArray[uint256[8], 2] = []
    rows: Bytes[152] = b""
    if is_cash:
        assert leaf.home_chain == chain.id, "not the account's home chain"
        assert 0 < units and units < CASH_LIMIT, "the amount is out of range"
        commitments = [leaf.cash]
        rows = self._row(64, units, 0)
    else:
        assert 0 < units and units < COLLATERAL_LIMIT, "the amount is out of range"
        assert keccak256(abi_encode(holding.hashes)) == leaf.collateral, "not the account's holdings"
        assert holding.hashes[holding.place] == keccak256(
            abi_encode(chain.id, token, holding.commitment)
        ), "not the account's holding of this token"
        commitments = [holding.commitment, leaf.cash]
        rows = concat(self._row(40, units, 0), self._row(64, 0, 1))
    digest: bytes32 = keccak256(
        abi_encode(EXIT_TYPE, chain.id, self, leaf.account, token, units, to, self.checkpoint_root)
    )
    self._verify(digest, commitments, proof, rows)
    self.requests[key] = Request(
        number=self.checkpoint_number, time=block.timestamp, to=to, units=units, version=leaf.version
    )
    log ExitRequested(account=leaf.account, token=token, to=to, amount=units, number=self.checkpoint_number)


@internal
@view
def _verify(digest: bytes32, commitments: DynArray[uint256[8], 2], proof: Proof, rows: Bytes[152]):
    auxiliaries: DynArray[uint256[4], 1] = []
    nothing: bytes32 = empty(bytes32)
    round: uint256 = 0
    # ISolvencyVerifier.verify, encoded by hand: Vyper's own call sends as much as the arguments could hold at most,
    # and the verifier refuses calldata that is longer than they are.
    raw_call(
        VERIFIER,
        abi_encode(
            KIND,
            digest,
            round,
            nothing,
            nothing,
            commitments,
            auxiliaries,
            proof.base,
            proof.points,
            proof.scalars,
            rows,
            method_id=VERIFY,
        ),
        is_static_call=True,
    )


@internal
@view
def _due(account: bytes32, token: address) -> Request:
    """
    @notice An account's request for `token`, which may be paid now.
    """
    key: bytes32 = keccak256(abi_encode(account, token))
    request: Request = self.requests[key]
    assert request.units > 0, "no such request"
    assert not self.exited[key], "the account has taken this token"
    assert self.newest_batch == request.number, "a newer batch was seen"
    assert block.timestamp >= request.time + CHALLENGE, "the request can still be challenged"
    return request


@internal
def _use_up(account: bytes32, token: address):
    """
    @notice The request that `_due` gave is paid in this transaction.
    """
    key: bytes32 = keccak256(abi_encode(account, token))
    self.exited[key] = True
    self.requests[key] = empty(Request)


@internal
@pure
def _row(width: uint256, less: uint256, variable: uint256) -> Bytes[76]:
    """
    @notice x_variable - less >= 0, in `width` bits: the encoding of circuits.linear.Row.
    """
    constant_term: int256 = -convert(less, int256)
    one: uint256 = 1
    return concat(
        convert(convert(width, uint32), bytes4),
        convert(constant_term, bytes32),
        convert(convert(one, uint32), bytes4),
        convert(convert(variable, uint32), bytes4),
        convert(one, bytes32),
    )


@internal
@view
def _check_path(leaf: bytes32, path: DynArray[bytes32, MAX_PATH]):
    """
    @notice OpenZeppelin's standard Merkle tree: pairs are sorted before they are hashed.
    """
    node: bytes32 = leaf
    for sibling: bytes32 in path:
        if convert(node, uint256) < convert(sibling, uint256):
            node = keccak256(concat(node, sibling))
        else:
            node = keccak256(concat(sibling, node))
    assert node == self.checkpoint_root, "the leaf is not in the checkpoint"
