# pragma version ~=0.4.3
"""
@title The scalars of a margin proof's one equation
@license Apache-2.0
@notice What check_range of circuits/range_proof.py computes of challenges and final scalars, in that file's names.
@dev    A module without state; all values modulo r. A sum of two values below r is below 2^256, which the unsafe
        additions rely on.
"""

import bls12381
import margin_statement
import margin_transcript

struct Unrolled:
    # Entry i of G and H ends in the final entry i >> rounds with weight weights[i mod 2^rounds].
    weights: uint256[2**margin_transcript.MAX_ROUNDS]
    # gamma and gamma^2 - 1 of every round: the scalars of X and R
    gammas: uint256[2 * margin_transcript.MAX_ROUNDS]
    # mu after the last round
    mu: uint256

struct LinearSide:
    inverse_tau: uint256
    inverse_mu: uint256
    # of H_0
    blinding: uint256
    # of H_1 and so on, in blocks as the data contracts hold them
    scalars: uint256[BLOCK][H_BLOCKS]
    # this side's part of the scalar of G
    offset: uint256

struct DigitSide:
    # The next row, the digits left of the current one, its last place value, and tau·lambda^j
    row: uint256
    left: uint256
    top: uint256
    weight: uint256
    # of the digit before: tau·lambda_i·pi_i and tau·mu^-(i+1)
    place: uint256
    slope: uint256
    # sums of the places, and of slope·place
    places: uint256
    products: uint256
    # of the block's G_i
    scalars: uint256[BLOCK]

R: constant(uint256) = bls12381.R
BLOCK: constant(uint256) = 64
H_BLOCKS: constant(uint256) = 5
MAX_FINAL: constant(uint256) = 16


@internal
@pure
def _negated(scalars: DynArray[uint256, MAX_FINAL]) -> uint256[MAX_FINAL]:
    """
    @notice -l, then -n: the final opening as it stands on the other side of the equation.
    """
    final: uint256[MAX_FINAL] = empty(uint256[MAX_FINAL])
    for i: uint256 in range(len(scalars), bound=MAX_FINAL):
        assert scalars[i] < R, "a scalar is not below the group order"
        final[i] = unsafe_sub(R, scalars[i])
    return final


@internal
@pure
def _row_factor(tau: uint256) -> uint256:
    """
    @notice 2·tau^3: lambda^j times this is the weight of row j.
    """
    return uint256_mulmod(unsafe_add(tau, tau), uint256_mulmod(tau, tau, R), R)


@internal
@pure
def _unroll(drawn: margin_transcript.Challenges, rounds: uint256) -> Unrolled:
    unrolled: Unrolled = empty(Unrolled)
    unrolled.weights[0] = 1
    varrho: uint256 = drawn.varrho
    size: uint256 = 1
    for i: uint256 in range(rounds, bound=margin_transcript.MAX_ROUNDS):
        gamma: uint256 = uint256_mulmod(drawn.folds[i], varrho, R)
        unrolled.gammas[2 * i] = gamma
        unrolled.gammas[2 * i + 1] = uint256_addmod(uint256_mulmod(gamma, gamma, R), R - 1, R)
        for k: uint256 in range(size, bound=2**margin_transcript.MAX_ROUNDS):
            weight: uint256 = unrolled.weights[k]
            unrolled.weights[k] = uint256_mulmod(weight, varrho, R)
            unrolled.weights[unsafe_add(k, size)] = uint256_mulmod(weight, gamma, R)
        size = unsafe_add(size, size)
        varrho = uint256_mulmod(varrho, varrho, R)
    unrolled.mu = uint256_mulmod(varrho, varrho, R)
    return unrolled


@internal
@pure
def _point_scalars(
    drawn: margin_transcript.Challenges, inverse_tau: uint256, unrolled: Unrolled
) -> uint256[margin_transcript.MAX_POINTS]:
    """
    @notice The scalars of C1, C2, S, and X and R of every round.
    """
    scalars: uint256[margin_transcript.MAX_POINTS] = empty(uint256[margin_transcript.MAX_POINTS])
    scalars[0] = drawn.tau
    scalars[1] = uint256_mulmod(drawn.tau, drawn.tau, R)
    scalars[2] = inverse_tau
    for i: uint256 in range(2 * margin_transcript.MAX_ROUNDS):
        scalars[unsafe_add(i, 3)] = unrolled.gammas[i]
    return scalars


@internal
@view
def _linear_side(
    drawn: margin_transcript.Challenges,
    unrolled: Unrolled,
    layout: margin_statement.Layout,
    final: uint256[MAX_FINAL],
) -> LinearSide:
    """
    @notice The inverses, the scalars of H_0 and the H_i, and -<c, l> - <n, n>_mu.
    """
    side: LinearSide = empty(LinearSide)
    # All inverses with one exponentiation (Montgomery's trick): prefix[a] is the product of alpha + i over i < a.
    prefix: uint256[margin_statement.MAX_BASE] = empty(uint256[margin_statement.MAX_BASE])
    product: uint256 = 1
    for a: uint256 in range(layout.base, bound=margin_statement.MAX_BASE):
        prefix[a] = product
        product = uint256_mulmod(product, unsafe_add(drawn.alpha, a), R)
    assert product > 0, "challenge alpha is the negative of a digit"
    mu: uint256 = uint256_mulmod(drawn.varrho, drawn.varrho, R)
    tau_mu: uint256 = uint256_mulmod(drawn.tau, mu, R)
    inverse: uint256 = bls12381._inverse(uint256_mulmod(product, tau_mu, R))
    running: uint256 = uint256_mulmod(inverse, tau_mu, R)
    inverse = uint256_mulmod(inverse, product, R)
    side.inverse_tau = uint256_mulmod(inverse, mu, R)
    side.inverse_mu = uint256_mulmod(inverse, drawn.tau, R)
    # The counts, last digit first: c is -2·tau^2/(alpha + a).
    rounds: uint256 = layout.shape.rounds
    mask: uint256 = (1 << rounds) - 1
    counts: uint256 = 0
    for k: uint256 in range(layout.base, bound=margin_statement.MAX_BASE):
        a: uint256 = unsafe_sub(unsafe_sub(layout.base, 1), k)
        i: uint256 = unsafe_add(a, margin_statement.MASKS)
        scalar: uint256 = uint256_mulmod(final[i >> rounds], unrolled.weights[i & mask], R)
        i = unsafe_sub(i, 1)
        side.scalars[i // BLOCK][i % BLOCK] = scalar
        counts = uint256_addmod(counts, uint256_mulmod(scalar, uint256_mulmod(running, prefix[a], R), R), R)
        running = uint256_mulmod(running, unsafe_add(drawn.alpha, a), R)
    tau2: uint256 = uint256_mulmod(drawn.tau, drawn.tau, R)
    side.offset = uint256_mulmod(counts, R - uint256_mulmod(2, tau2, R), R)
    # The masks: c is beta times 1/tau, tau, tau^2, tau^3, tau^5.
    side.blinding = uint256_mulmod(final[0], unrolled.weights[0], R)
    tau3: uint256 = uint256_mulmod(tau2, drawn.tau, R)
    powers: uint256[5] = [side.inverse_tau, drawn.tau, tau2, tau3, uint256_mulmod(tau2, tau3, R)]
    masks: uint256 = 0
    for k: uint256 in range(5):
        i: uint256 = unsafe_add(k, 1)
        scalar: uint256 = uint256_mulmod(final[i >> rounds], unrolled.weights[i & mask], R)
        side.scalars[0][k] = scalar
        masks = uint256_addmod(masks, uint256_mulmod(scalar, powers[k], R), R)
    side.offset = uint256_addmod(side.offset, uint256_mulmod(masks, drawn.beta, R), R)
    power: uint256 = 1
    for i: uint256 in range(layout.shape.final_norm, bound=MAX_FINAL):
        power = uint256_mulmod(power, unrolled.mu, R)
        n: uint256 = final[unsafe_add(layout.shape.final_linear, i)]
        side.offset = uint256_addmod(side.offset, R - uint256_mulmod(power, uint256_mulmod(n, n, R), R), R)
    return side


@internal
@pure
def _begin_digits(drawn: margin_transcript.Challenges) -> DigitSide:
    side: DigitSide = empty(DigitSide)
    side.weight = drawn.tau
    side.slope = drawn.tau
    return side


@internal
@pure
def _digit_block(
    before: DigitSide,
    drawn: margin_transcript.Challenges,
    inverse_mu: uint256,
    unrolled: Unrolled,
    layout: margin_statement.Layout,
    final: uint256[MAX_FINAL],
    part: uint256,
    used: uint256,
) -> DigitSide:
    """
    @notice The scalars of the first `used` G_i of block `part`: tau·alpha + slope + slope·place - weight·n.
    """
    side: DigitSide = before
    row: uint256 = before.row
    left: uint256 = before.left
    top: uint256 = before.top
    weight: uint256 = before.weight
    place: uint256 = before.place
    slope: uint256 = before.slope
    rounds: uint256 = layout.shape.rounds
    mask: uint256 = (1 << rounds) - 1
    tau_alpha: uint256 = uint256_mulmod(drawn.tau, drawn.alpha, R)
    for k: uint256 in range(used, bound=BLOCK):
        if left == 0:
            if row < layout.rows:
                top = layout.places[row] >> 8
                left = layout.places[row] & 255
                weight = uint256_mulmod(weight, drawn.lam, R)
                row = unsafe_add(row, 1)
            else:
                # Padding: place value 0 to the end.
                weight = 0
                left = margin_statement.MAX_DIGITS
            place = weight
        else:
            place = uint256_mulmod(place, layout.base, R)
        if left == 1:
            place = uint256_mulmod(weight, top, R)
        left = unsafe_sub(left, 1)
        slope = uint256_mulmod(slope, inverse_mu, R)
        product: uint256 = uint256_mulmod(slope, place, R)
        side.places = uint256_addmod(side.places, place, R)
        side.products = uint256_addmod(side.products, product, R)
        i: uint256 = unsafe_add(unsafe_mul(part, BLOCK), k)
        opening: uint256 = uint256_mulmod(
            final[unsafe_add(layout.shape.final_linear, i >> rounds)], unrolled.weights[i & mask], R
        )
        side.scalars[k] = uint256_addmod(unsafe_add(tau_alpha, slope), unsafe_add(product, opening), R)
    side.row = row
    side.left = left
    side.top = top
    side.weight = weight
    side.place = place
    side.slope = slope
    return side


@internal
@pure
def _value(
    drawn: margin_transcript.Challenges, padded: uint256, digits: DigitSide, linear: uint256, rows: uint256
) -> uint256:
    """
    @notice The scalar of G: 2·tau^3·pub, and the parts of the linear side and of the rows' constants.
    """
    mu: uint256 = uint256_mulmod(drawn.varrho, drawn.varrho, R)
    powers: uint256 = uint256_mulmod(drawn.tau, self._power_sum(mu, padded), R)
    sums: uint256 = uint256_addmod(powers, uint256_mulmod(drawn.alpha, digits.places, R), R)
    sums = uint256_addmod(uint256_mulmod(drawn.tau, sums, R), digits.products, R)
    doubled: uint256 = uint256_mulmod(unsafe_add(drawn.tau, drawn.tau), sums, R)
    return uint256_addmod(doubled, uint256_addmod(linear, rows, R), R)


@internal
@pure
def _power_sum(mu: uint256, count: uint256) -> uint256:
    """
    @notice mu + mu^2 + ... + mu^count, count = m·2^k with m < 8: twice as many terms are 1 + mu^(terms) times the sum.
    """
    terms: uint256 = count
    doublings: uint256 = 0
    for k: uint256 in range(8):
        if terms < 8:
            break
        terms //= 2
        doublings = unsafe_add(doublings, 1)
    power: uint256 = 1
    total: uint256 = 0
    for k: uint256 in range(terms, bound=8):
        power = uint256_mulmod(power, mu, R)
        total = uint256_addmod(total, power, R)
    for k: uint256 in range(doublings, bound=8):
        total = uint256_mulmod(total, unsafe_add(power, 1), R)
        power = uint256_mulmod(power, power, R)
    return total
