# pragma version ~=0.4.3
"""
@title The statement A·x + b >= 0 and the shape of its range proof
@license Apache-2.0
@notice Reads the rows as the provers encode them, and derives from their widths and the base of the digits all that
        is to be known about a proof's shape.
@dev    A module without state. Row: width (4 bytes), constant (32, signed), number of entries (4), and for each entry
        variable (4) and coefficient (32, signed), big-endian.
"""

import bls12381

struct Shape:
    # N, |l|, the folding rounds, and the lengths of l and n after them
    padded: uint256
    linear: uint256
    rounds: uint256
    final_linear: uint256
    final_norm: uint256

struct Layout:
    # M, b, the number of digits before padding
    rows: uint256
    base: uint256
    digits: uint256
    shape: Shape
    # top << 8 | K of each row: the place value of its last digit, and how many digits it has
    places: uint256[MAX_ROWS]
    # 4 bytes for each row, as the transcript absorbs them
    widths: uint256[MAX_ROWS // 8]

struct Folded:
    # of G, from the rows' constants
    offset: uint256
    # of the variables
    weights: uint256[MAX_VARIABLES]

MAX_ROWS: constant(uint256) = 96
MAX_VARIABLES: constant(uint256) = 64
MAX_DIGITS: constant(uint256) = 1024
MAX_ROW_BYTES: constant(uint256) = 24576
MAX_WIDTH: constant(uint256) = 128
MIN_BASE: constant(uint256) = 4
MAX_BASE: constant(uint256) = 256
HEAD_BYTES: constant(uint256) = 40
ENTRY_BYTES: constant(uint256) = 36
MASKS: constant(uint256) = 6
FOLD_ABOVE: constant(uint256) = 10


@internal
@pure
def _layout(rows: Bytes[MAX_ROW_BYTES], base: uint256) -> Layout:
    """
    @notice The shape of the proof of `rows` in base `base`; reverts for rows that do not fill their bytes exactly.
    """
    assert base >= MIN_BASE and base <= MAX_BASE, "the base is not 4 to 256"
    layout: Layout = empty(Layout)
    layout.base = base
    at: uint256 = 0
    last_width: uint256 = max_value(uint256)
    place: uint256 = 0
    for row: uint256 in range(MAX_ROWS):
        if at == len(rows):
            break
        assert unsafe_add(at, HEAD_BYTES) <= len(rows), "the rows end early"
        width: uint256 = convert(extract32(rows, at), uint256) >> 224
        entries: uint256 = convert(extract32(rows, unsafe_add(at, 8)), uint256) & (2**32 - 1)
        at = unsafe_add(at, unsafe_add(HEAD_BYTES, unsafe_mul(ENTRY_BYTES, entries)))
        if width != last_width:
            place = self._place(width, base)
            last_width = width
        layout.places[row] = place
        layout.widths[row // 8] |= width << unsafe_sub(224, unsafe_mul(32, row % 8))
        layout.digits = unsafe_add(layout.digits, place & 255)
        layout.rows = unsafe_add(row, 1)
    assert at == len(rows), "the rows end early or are too many"
    assert layout.rows > 0, "a statement without rows"
    assert layout.digits <= MAX_DIGITS, "too many digits"
    layout.shape = self._shape(layout.digits, base)
    return layout


@internal
@pure
def _place(width: uint256, base: uint256) -> uint256:
    """
    @notice top << 8 | K of a row: K, the number of digits, is the least with base^K >= 2^width, and
            top = ceil((2^width - base^(K-1)) / (base-1)) the place value of the last one.
    """
    assert width > 0 and width <= MAX_WIDTH, "a row is not 1 to 128 bits wide"
    limit: uint256 = 1 << width
    count: uint256 = 1
    power: uint256 = 1
    for k: uint256 in range(MAX_WIDTH // 2):
        if power * base >= limit:
            break
        power *= base
        count += 1
    return (limit - power + base - 2) // (base - 1) << 8 | count


@internal
@pure
def _shape(digits: uint256, base: uint256) -> Shape:
    """
    @notice N is the least m·2^k >= digits with m of 4 to 7; l and n are halved while more than ten entries are left.
    """
    size: uint256 = 1
    for k: uint256 in range(8):
        if 7 * size >= digits:
            break
        size *= 2
    shape: Shape = empty(Shape)
    shape.padded = size * max(4, (digits + size - 1) // size)
    shape.linear = MASKS + base
    shape.final_linear = shape.linear
    shape.final_norm = shape.padded
    for k: uint256 in range(10):
        # An odd n is never folded: its padding would be a free square.
        if shape.final_linear + shape.final_norm <= FOLD_ABOVE or shape.final_norm % 2 == 1:
            break
        shape.final_linear = (shape.final_linear + 1) // 2
        shape.final_norm //= 2
        shape.rounds += 1
    return shape


@internal
@pure
def _fold(rows: Bytes[MAX_ROW_BYTES], variables: uint256, factor: uint256, lam: uint256) -> Folded:
    """
    @notice The weight of every variable, sum_j factor·lam^j·A_ji with j from 1, and that of the constants.
    @dev    `rows` have passed _layout, which checked their lengths.
    """
    folded: Folded = empty(Folded)
    weight: uint256 = factor
    at: uint256 = 0
    for row: uint256 in range(MAX_ROWS):
        if at == len(rows):
            break
        weight = uint256_mulmod(weight, lam, bls12381.R)
        product: uint256 = self._signed_product(weight, convert(extract32(rows, unsafe_add(at, 4)), uint256))
        folded.offset = uint256_addmod(folded.offset, product, bls12381.R)
        entries: uint256 = convert(extract32(rows, unsafe_add(at, 8)), uint256) & (2**32 - 1)
        assert entries <= variables, "a row has more entries than there are variables"
        at = unsafe_add(at, HEAD_BYTES)
        least: uint256 = 0
        for entry: uint256 in range(entries, bound=MAX_VARIABLES):
            variable: uint256 = convert(extract32(rows, at), uint256) >> 224
            assert variable >= least, "a row does not name ascending variables"
            assert variable < variables, "a row names an unknown variable"
            least = unsafe_add(variable, 1)
            product = self._signed_product(weight, convert(extract32(rows, unsafe_add(at, 4)), uint256))
            folded.weights[variable] = uint256_addmod(folded.weights[variable], product, bls12381.R)
            at = unsafe_add(at, ENTRY_BYTES)
    return folded


@internal
@pure
def _signed_product(weight: uint256, word: uint256) -> uint256:
    """
    @notice weight·word modulo r, where `word` is a signed integer in two's complement.
    """
    if word < 2**255:
        return uint256_mulmod(weight, word, bls12381.R)
    return unsafe_sub(bls12381.R, uint256_mulmod(weight, unsafe_sub(0, word), bls12381.R))
