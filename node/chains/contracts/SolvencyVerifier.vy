# pragma version ~=0.4.3
"""
@title Verifier of margin proofs
@license Apache-2.0
@notice Checks what a node checks of a margin proof: that every row of a statement A·x + b >= 0 holds over committed
        integers. No owner, no state: what the constructor sets stays.
@dev    The range proof of circuits/range_proof.py, unrolled into one sum of points that must be the identity; the
        names are that file's. Any base b of the digits proves the same, since b, N and the widths are in the
        transcript and K digits reach 2^width in each; so b is the prover's, and all else of the shape is derived.
        The generators lie in the code of data contracts (0x00, then abi.encode(uint256[4][]) of 64 points): first
        G_0 to G_1023, then H_1 to H_320. Their hash is pinned here, so that no others can be set; and a code that
        begins with STOP never changes.
"""

import ISolvencyVerifier
import bls12381
import margin_scalars
import margin_statement
import margin_transcript

implements: ISolvencyVerifier

DATA_POINTS: constant(uint256) = margin_scalars.BLOCK
DATA_BYTES: constant(uint256) = 64 + 128 * DATA_POINTS
G_PARTS: constant(uint256) = 16
PARTS: constant(uint256) = G_PARTS + margin_scalars.H_BLOCKS
# of the calldata: eleven arguments, six of them with a length
HEAD_WORDS: constant(uint256) = 17
# keccak of the code hashes of the data contracts, in their order
GENERATORS: constant(bytes32) = 0x0bc915a13145abce63a44575189454ee618809c85aac5ac4ac3c3ca264428d07
VALUE_BASE: constant(uint256[4]) = [
    25557900445108654256534426986104450653,
    112462079031145770252428229491506547666291324707517556202858139919244903857645,
    6698672782528356807332160246093793162,
    6365817343059852524403123422116257191209367837459665730562569459503922515524,
]
HANDLE_BASE: constant(uint256[4]) = [
    27580235151930984422704300519902628652,
    22700141633337885986167485944317560528097405780381123293961491675154614409564,
    31832805222626500538970272383008977663,
    59572074998076116620105470705091113919769463124070424274547140320920679232248,
]

# The transcript's state once it has absorbed the deployment and the public bases
BEGUN: immutable(bytes32)
DEPLOYMENT: immutable(bytes32)
KEY: immutable(uint256[4])
DATA: immutable(address[PARTS])


@deploy
def __init__(hub_chain_id: uint256, hub: address, salt: bytes32, key: uint256[4], data: address[PARTS]):
    """
    @param hub_chain_id, hub, salt The deployment whose proofs these are.
    @param key The committee's key H, the blinding base of all commitments.
    @param data The data contracts.
    """
    hashes: bytes32[PARTS] = empty(bytes32[PARTS])
    for i: uint256 in range(PARTS):
        hashes[i] = data[i].codehash
    assert keccak256(abi_encode(hashes)) == GENERATORS, "the data contracts do not hold the generators"
    assert not bls12381._is_identity(key), "the key is the identity"
    # Only a member of the group has a multiple.
    one: uint256 = 1
    assert bls12381._add_sum(empty(uint256[4]), abi_encode(key, one))[0] == key[0], "the key is not a point"
    BEGUN = margin_transcript._begin(hub_chain_id, hub, salt, key, HANDLE_BASE, VALUE_BASE)
    DEPLOYMENT = keccak256(abi_encode(hub_chain_id, hub, salt))
    KEY = key
    DATA = data


@external
@view
def deployment() -> bytes32:
    """
    @notice Name of the deployment whose proofs these are, as vaults know it.
    """
    return DEPLOYMENT


@external
@view
def key() -> uint256[4]:
    """
    @notice The committee's key H, under which the proofs' commitments are made.
    """
    return KEY


@external
@view
def verify(
    kind: Bytes[32],
    message_digest: bytes32,
    oracle_round: uint256,
    grid_digest: bytes32,
    parameters_digest: bytes32,
    commitments: DynArray[uint256[8], margin_transcript.MAX_COMMITMENTS],
    auxiliaries: DynArray[uint256[4], margin_transcript.MAX_COMMITMENTS],
    base: uint256,
    points: DynArray[uint256[4], margin_transcript.MAX_POINTS],
    scalars: DynArray[uint256, margin_scalars.MAX_FINAL],
    rows: Bytes[margin_statement.MAX_ROW_BYTES],
):
    """
    @notice See ISolvencyVerifier.
    """
    words: uint256 = HEAD_WORDS + (len(kind) + 31) // 32 + (len(rows) + 31) // 32
    words += 8 * len(commitments) + 4 * len(auxiliaries) + 4 * len(points) + len(scalars)
    assert len(msg.data) == 4 + 32 * words, "the calldata is longer than its arguments"
    layout: margin_statement.Layout = margin_statement._layout(rows, base)
    assert len(points) == 3 + 2 * layout.shape.rounds, "not the number of points of this shape"
    final_length: uint256 = layout.shape.final_linear + layout.shape.final_norm
    assert len(scalars) == final_length, "not the number of scalars of this shape"
    variables: uint256 = len(commitments) + len(auxiliaries)
    state: bytes32 = margin_transcript._bind_context(
        BEGUN, kind, message_digest, oracle_round, grid_digest, parameters_digest
    )
    state = margin_transcript._bind_statement(state, variables, layout, keccak256(rows))
    state = margin_transcript._bind_commitments(state, commitments, auxiliaries)
    drawn: margin_transcript.Challenges = margin_transcript._draw(state, points, layout.shape.rounds)
    final: uint256[margin_scalars.MAX_FINAL] = margin_scalars._negated(scalars)
    unrolled: margin_scalars.Unrolled = margin_scalars._unroll(drawn, layout.shape.rounds)
    linear: margin_scalars.LinearSide = margin_scalars._linear_side(drawn, unrolled, layout, final)
    folded: margin_statement.Folded = margin_statement._fold(
        rows, variables, margin_scalars._row_factor(drawn.tau), drawn.lam
    )
    terms: bls12381.Term[bls12381.TERMS] = self._own_terms(
        margin_scalars._point_scalars(drawn, linear.inverse_tau, unrolled),
        folded.weights,
        linear.blinding,
        points,
        commitments,
        auxiliaries,
    )
    count: uint256 = 1 + len(points) + variables
    total: uint256[4] = empty(uint256[4])
    digits: margin_scalars.DigitSide = margin_scalars._begin_digits(drawn)
    for part: uint256 in range(PARTS):
        used: uint256 = self._used(part, layout.shape)
        if used == 0:
            continue
        block_scalars: uint256[DATA_POINTS] = empty(uint256[DATA_POINTS])
        if part < G_PARTS:
            digits = margin_scalars._digit_block(digits, drawn, linear.inverse_mu, unrolled, layout, final, part, used)
            block_scalars = digits.scalars
        else:
            block_scalars = linear.scalars[part - G_PARTS]
        loaded: DynArray[uint256[4], DATA_POINTS] = abi_decode(
            slice(DATA[part].code, 1, DATA_BYTES), DynArray[uint256[4], DATA_POINTS]
        )
        for i: uint256 in range(used, bound=DATA_POINTS):
            if count == bls12381.TERMS:
                total = bls12381._add_sum(total, abi_encode(terms))
                count = 0
            terms[count].point = loaded[i]
            terms[count].scalar = block_scalars[i]
            count = unsafe_add(count, 1)
    if count == bls12381.TERMS:
        total = bls12381._add_sum(total, abi_encode(terms))
        count = 0
    terms[count].point = VALUE_BASE
    terms[count].scalar = margin_scalars._value(drawn, layout.shape.padded, digits, linear.offset, folded.offset)
    count = unsafe_add(count, 1)
    bls12381._require_no_sum(total, slice(abi_encode(terms), 0, bls12381.TERM_BYTES * count))


@internal
@pure
def _used(part: uint256, shape: margin_statement.Shape) -> uint256:
    """
    @notice How many of the points of data contract `part` a proof of this shape uses.
    """
    wanted: uint256 = shape.padded
    first: uint256 = DATA_POINTS * part
    if part >= G_PARTS:
        wanted = shape.linear - 1
        first -= DATA_POINTS * G_PARTS
    if wanted <= first:
        return 0
    return min(DATA_POINTS, wanted - first)


@internal
@view
def _own_terms(
    scalars: uint256[margin_transcript.MAX_POINTS],
    weights: uint256[margin_statement.MAX_VARIABLES],
    blinding: uint256,
    points: DynArray[uint256[4], margin_transcript.MAX_POINTS],
    commitments: DynArray[uint256[8], margin_transcript.MAX_COMMITMENTS],
    auxiliaries: DynArray[uint256[4], margin_transcript.MAX_COMMITMENTS],
) -> bls12381.Term[bls12381.TERMS]:
    """
    @notice H_0, the proof's points, C of every variable: at most 84 terms, so that a piece of the sum holds them.
    """
    terms: bls12381.Term[bls12381.TERMS] = empty(bls12381.Term[bls12381.TERMS])
    terms[0].point = KEY
    terms[0].scalar = blinding
    count: uint256 = 1
    for i: uint256 in range(len(points), bound=margin_transcript.MAX_POINTS):
        terms[count].point = points[i]
        terms[count].scalar = scalars[i]
        count = unsafe_add(count, 1)
    for i: uint256 in range(len(commitments), bound=margin_transcript.MAX_COMMITMENTS):
        # C, without D
        for word: uint256 in range(4):
            terms[count].point[word] = commitments[i][word]
        terms[count].scalar = weights[i]
        count = unsafe_add(count, 1)
    for i: uint256 in range(len(auxiliaries), bound=margin_transcript.MAX_COMMITMENTS):
        terms[count].point = auxiliaries[i]
        terms[count].scalar = weights[unsafe_add(len(commitments), i)]
        count = unsafe_add(count, 1)
    return terms
