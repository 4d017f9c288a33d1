"""The sigma protocols (opening, equal logarithms, polynomials), and how a linear statement is bound."""

import secrets
from collections.abc import Sequence

from eth_hash.auto import keccak

from tests.support.reference.curve import (
    B,
    G,
    Point,
    R,
    Refused,
    combination,
    decode,
    decode_number,
    encode,
    number,
    same,
    times,
    total,
    words,
)
from tests.support.reference.range_proof import Shape
from tests.support.reference.transcript import Transcript, purpose_transcript


def key_words(H: Point) -> bytes:
    """H, B, and the digest of all other bases."""
    return words(H) + words(B) + keccak(words(G) + b"zkclear/v1/G-vector" + b"zkclear/v1/H-vector")


def prove_opening(H: Point, value: int, blinding: int, transcript: Transcript) -> bytes:
    """R_C ‖ R_D ‖ z_q ‖ z_ρ for C = value·G + blinding·H, D = blinding·B."""
    C, D = total(times(value, G), times(blinding, H)), times(blinding, B)
    k_value, k_blinding = secrets.randbelow(R), secrets.randbelow(R)
    R_C, R_D = total(times(k_value, G), times(k_blinding, H)), times(k_blinding, B)
    transcript.absorb(b"commitment", words(C) + words(D))
    transcript.absorb(b"masked", words(R_C) + words(R_D))
    e = transcript.challenge(b"e")
    return encode(R_C) + encode(R_D) + number(k_value + e * value) + number(k_blinding + e * blinding)


def verify_opening(H: Point, C: Point, D: Point, proof: bytes, transcript: Transcript) -> None:
    """z_q·G + z_ρ·H = R_C + e·C and z_ρ·B = R_D + e·D."""
    if len(proof) != 160:
        raise Refused("length")
    R_C, R_D = decode(proof[:48]), decode(proof[48:96])
    z_value, z_blinding = decode_number(proof[96:128]), decode_number(proof[128:])
    transcript.absorb(b"commitment", words(C) + words(D))
    transcript.absorb(b"masked", words(R_C) + words(R_D))
    e = transcript.challenge(b"e")
    if not same(total(times(z_value, G), times(z_blinding, H)), total(R_C, times(e, C))):
        raise Refused("C")
    if not same(times(z_blinding, B), total(R_D, times(e, D))):
        raise Refused("D")


def _equal_logs(kind: bytes, bases: Sequence[Point], images: Sequence[Point], context: bytes) -> Transcript:
    transcript = purpose_transcript(kind, context)
    transcript.integer(b"bases", len(bases))
    for base, image in zip(bases, images, strict=True):
        transcript.point(b"base", base)
        transcript.point(b"image", image)
    return transcript


def prove_equal_logs(kind: bytes, bases: Sequence[Point], secret: int, context: bytes) -> bytes:
    """c ‖ z."""
    transcript = _equal_logs(kind, bases, [times(secret, base) for base in bases], context)
    nonce = secrets.randbelow(R)
    for base in bases:
        transcript.point(b"mask", times(nonce, base))
    c = transcript.challenge(b"c")
    return number(c) + number(nonce + c * secret)


def verify_equal_logs(
    kind: bytes, bases: Sequence[Point], images: Sequence[Point], proof: bytes, context: bytes
) -> None:
    """A_k = z·base_k − c·image_k must hash to c again."""
    if len(proof) != 64:
        raise Refused("length")
    c, z = decode_number(proof[:32]), decode_number(proof[32:])
    transcript = _equal_logs(kind, bases, images, context)
    for base, image in zip(bases, images, strict=True):
        transcript.point(b"mask", combination([z, -c], [base, image]))
    if transcript.challenge(b"c") != c:
        raise Refused("another challenge")


def _polynomials(
    kind: bytes, bases: Sequence[Sequence[Point]], images: Sequence[Sequence[Point]], context: bytes
) -> Transcript:
    transcript = purpose_transcript(kind, context)
    for label, count in ((b"relations", len(bases)), (b"bases", len(bases[0])), (b"images", len(images[0]))):
        transcript.integer(label, count)
    for row, shown in zip(bases, images, strict=True):
        for base in row:
            transcript.point(b"base", base)
        for image in shown:
            transcript.point(b"image", image)
    return transcript


def prove_polynomials(
    kind: bytes,
    bases: Sequence[Sequence[Point]],
    images: Sequence[Sequence[Point]],
    secret: Sequence[Sequence[int]],
    context: bytes,
) -> bytes:
    """c ‖ z_0 ‖ z_1 … for images[i][k] = Σ_m secret[m][k]·bases[i][m]."""
    transcript = _polynomials(kind, bases, images, context)
    nonces = [secrets.randbelow(R) for _ in secret]
    for row in bases:
        transcript.point(b"mask", combination(nonces, row))
    c = transcript.challenge(b"c")
    answers = (n + sum(c ** (k + 1) * f for k, f in enumerate(row)) for n, row in zip(nonces, secret, strict=True))
    return b"".join(map(number, (c, *answers)))


def verify_polynomials(
    kind: bytes, bases: Sequence[Sequence[Point]], images: Sequence[Sequence[Point]], proof: bytes, context: bytes
) -> None:
    """Σ_m z_m·bases[i][m] − Σ_k c^(k+1)·images[i][k] must hash to c again."""
    if len(proof) != 32 * (1 + len(bases[0])):
        raise Refused("length")
    c, *answers = (decode_number(proof[at : at + 32]) for at in range(0, len(proof), 32))
    transcript = _polynomials(kind, bases, images, context)
    for row, shown in zip(bases, images, strict=True):
        powers = [-(c ** (k + 1)) for k in range(len(shown))]
        transcript.point(b"mask", combination([*answers, *powers], [*row, *shown]))
    if transcript.challenge(b"c") != c:
        raise Refused("another challenge")


def matrix_digest(widths: Sequence[int], rows: Sequence[tuple[dict[int, int], int]]) -> bytes:
    """keccak over width (4) ‖ b_j (32) ‖ entries (4) ‖ (variable (4) ‖ A_ji (32))… of every row."""
    encoded = b""
    for width, (coefficients, constant) in zip(widths, rows, strict=True):
        encoded += width.to_bytes(4, "big") + constant.to_bytes(32, "big", signed=True)
        encoded += len(coefficients).to_bytes(4, "big")
        for variable in sorted(coefficients):
            encoded += variable.to_bytes(4, "big") + coefficients[variable].to_bytes(32, "big", signed=True)
    return bytes(keccak(encoded))


def bind_linear(
    transcript: Transcript,
    shape: Shape,
    widths: Sequence[int],
    rows: Sequence[tuple[dict[int, int], int]],
    pairs: Sequence[tuple[Point, Point]],
    auxiliaries: Sequence[Point],
) -> None:
    """k, M, widths, b, digits before and after padding, digest of (A, b), pairs, auxiliaries; a row is (A_j, b_j)."""
    transcript.integer(b"k", len(pairs) + len(auxiliaries))
    transcript.integer(b"M", len(rows))
    transcript.absorb(b"widths", b"".join(width.to_bytes(4, "big") for width in widths))
    transcript.integer(b"b", shape.base)
    transcript.integer(b"digits", sum(map(len, shape.places)))
    transcript.integer(b"N", shape.padded)
    transcript.absorb(b"A, b", matrix_digest(widths, rows))
    for C, D in pairs:
        transcript.absorb(b"C, D", words(C) + words(D))
    for point in auxiliaries:
        transcript.absorb(b"auxiliary", words(point))


def row_points(rows: Sequence[tuple[dict[int, int], int]], points: Sequence[Point]) -> list[Point]:
    """Σ A_ji·C_i + b_j·G."""
    return [
        total(times(constant, G), *(times(factor, points[i]) for i, factor in coefficients.items()))
        for coefficients, constant in rows
    ]
