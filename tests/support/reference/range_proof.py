"""Design 2.6 step by step: the verifier forms P, folds P and all generators round by round, and opens what is left."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.reference.curve import (
    G,
    Point,
    R,
    Refused,
    combination,
    decode,
    decode_number,
    encode,
    g_vector,
    h_vector,
    inverse,
    number,
    same,
    times,
    total,
)
from tests.support.reference.transcript import Transcript


def dot(x: Sequence[int], y: Sequence[int], mu: int | None = None) -> int:
    """⟨x, y⟩, or ⟨x, y⟩_μ = Σ μ^(i+1)·x_i·y_i."""
    pairs = enumerate(zip(x, y, strict=True))
    return sum((pow(mu, i + 1, R) if mu is not None else 1) * a * b for i, (a, b) in pairs) % R


@dataclass(frozen=True)
class Shape:
    """What widths and base decide."""

    base: int
    places: list[list[int]]
    padded: int
    rounds: int
    linear: int
    norm: int

    @property
    def bytes(self) -> int:
        return 48 * (3 + 2 * self.rounds) + 32 * (self.linear + self.norm)


def shape_of(widths: Sequence[int], base: int) -> Shape:
    """K digits a row, the last one's place value as small as 2^w allows; N = m·2^k; fold while more than 10."""
    places = []
    for width in widths:
        digits = next(k for k in range(1, 200) if base**k >= 2**width)
        rest = 2**width - base ** (digits - 1)
        top = rest // (base - 1) + (rest % (base - 1) > 0)
        places.append([base**k for k in range(digits - 1)] + [top])
    needed = sum(map(len, places))
    padded = min(m << k for m in (4, 5, 6, 7) for k in range(12) if m << k >= needed)
    rounds, linear, norm = 0, 6 + base, padded
    while linear + norm > 10 and norm % 2 == 0:
        rounds, linear, norm = rounds + 1, -(-linear // 2), norm // 2
    return Shape(base, places, padded, rounds, linear, norm)


@dataclass
class Argument:
    """The public side of the weighted-norm argument: P over (G; H; G⃗) with constraint c and ϱ."""

    P: Point
    H: list[Point]
    G: list[Point]
    c: list[int]
    varrho: int

    def pad(self) -> None:
        """Only l may be padded: the identity, with c = 0."""
        if len(self.H) % 2:
            self.H.append(times(0, G))
            self.c.append(0)

    def fold(self, X: Point, R_: Point, q: int) -> None:
        """One round."""
        varrho, gamma = self.varrho, q * self.varrho % R
        self.P = total(self.P, times(gamma, X), times(gamma * gamma - 1, R_))
        self.H = [total(times(varrho, a), times(gamma, b)) for a, b in zip(self.H[::2], self.H[1::2], strict=True)]
        self.G = [total(times(varrho, a), times(gamma, b)) for a, b in zip(self.G[::2], self.G[1::2], strict=True)]
        self.c = [(varrho * a + gamma * b) % R for a, b in zip(self.c[::2], self.c[1::2], strict=True)]
        self.varrho = varrho * varrho % R

    def opens_to(self, linear: Sequence[int], norm: Sequence[int]) -> bool:
        """Whether P = Com(⟨c,l⟩ + ⟨n,n⟩_μ; l; n)."""
        value = dot(self.c, linear) + dot(norm, norm, self.varrho**2 % R)
        return same(self.P, total(times(value, G), combination(linear, self.H), combination(norm, self.G)))


@dataclass
class Challenges:
    """α; λ, ϱ, β; and what follows from them, digit by digit."""

    alpha: int
    lam: int
    varrho: int
    beta: int

    @property
    def mu(self) -> int:
        return self.varrho**2 % R

    def down(self, count: int) -> list[int]:
        """μ^−(i+1)."""
        return [pow(self.mu, -(i + 1), R) for i in range(count)]

    def places(self, shape: Shape) -> list[int]:
        """λ_j times the place value, zero for padding digits."""
        flat = [pow(self.lam, j + 1, R) * place % R for j, row in enumerate(shape.places) for place in row]
        return flat + [0] * (shape.padded - len(flat))

    def constraint(self, tau: int, base: int) -> list[int]:
        """c."""
        head = [self.beta * pow(tau, power, R) % R for power in (-1, 1, 2, 3, 5)]
        return [0, *head, *(-2 * tau * tau * inverse(self.alpha + digit) % R for digit in range(base))]


def draw(transcript: Transcript, alpha: int) -> Challenges:
    """λ, ϱ and β after C₂."""
    return Challenges(alpha, *(transcript.challenge(label) for label in (b"lambda", b"varrho", b"beta")))


def public_argument(
    shape: Shape, ch: Challenges, tau: int, head: Sequence[Point], rows: Sequence[Point], H0: Point
) -> Argument:
    """Step 4: P from C₁, C₂, S and the rows' commitments."""
    C1, C2, S = head
    down, places, gs = ch.down(shape.padded), ch.places(shape), g_vector(shape.padded)
    up = sum(pow(ch.mu, i + 1, R) for i in range(shape.padded))
    public = up + ch.alpha * sum(places) + sum(a * b for a, b in zip(down, places, strict=True))
    weights = [tau * (ch.alpha + a) + tau * tau * a * b for a, b in zip(down, places, strict=True)]
    lambdas = [pow(ch.lam, j + 1, R) for j in range(len(rows))]
    cube = 2 * tau**3
    P = total(
        combination([inverse(tau), tau, tau**2], [S, C1, C2]),
        times(cube, combination(lambdas, rows)),
        times(cube * public, G),
        combination(weights, gs),
    )
    bases = [H0, *h_vector(5 + shape.base)]
    return Argument(P, bases, gs, ch.constraint(tau, shape.base), ch.varrho)


def verify(shape: Shape, rows: Sequence[Point], H0: Point, proof: bytes, transcript: Transcript) -> None:
    """Accept, or raise `Refused`."""
    if len(proof) != shape.bytes:
        raise Refused("length")
    cut = 48 * (3 + 2 * shape.rounds)
    points = [decode(proof[at : at + 48]) for at in range(0, cut, 48)]
    finals = [decode_number(proof[at : at + 32]) for at in range(cut, len(proof), 32)]
    if any(same(point, times(0, G)) for point in points[:3]):
        raise Refused("the identity")
    transcript.point(b"C1", points[0])
    alpha = transcript.challenge(b"alpha")
    if any((alpha + digit) % R == 0 for digit in range(shape.base)):
        raise Refused("α = −a")
    transcript.point(b"C2", points[1])
    challenges = draw(transcript, alpha)
    transcript.point(b"S", points[2])
    argument = public_argument(shape, challenges, transcript.challenge(b"tau"), points[:3], rows, H0)
    for X, R_ in zip(points[3::2], points[4::2], strict=True):
        transcript.point(b"X", X)
        transcript.point(b"R", R_)
        argument.pad()
        argument.fold(X, R_, transcript.short(b"gamma"))
    if not argument.opens_to(finals[: shape.linear], finals[shape.linear :]):
        raise Refused("the last opening")


def digits_of(shape: Shape, values: Sequence[int]) -> list[int]:
    """Any digits with the right sum will do: from the largest place value down, as many as fit."""
    result: list[int] = []
    for value, places in zip(values, shape.places, strict=True):
        digits = [0] * len(places)
        for at in sorted(range(len(places)), key=lambda k: -places[k]):
            digits[at] = min(value // places[at], shape.base - 1)
            value -= digits[at] * places[at]
        if value:
            raise Refused("a value out of range")
        result += digits
    return result + [0] * (shape.padded - len(result))


def prove(shape: Shape, values: Sequence[int], blindings: Sequence[int], H0: Point, transcript: Transcript) -> bytes:
    """Steps 1 to 5 for V_j = values[j]·G + blindings[j]·H_0."""
    rows = [total(times(v, G), times(b, H0)) for v, b in zip(values, blindings, strict=True)]
    hs, gs = [H0, *h_vector(5 + shape.base)], g_vector(shape.padded)

    def commit(value: int, linear: list[int], norm: list[int]) -> Point:
        return total(times(value, G), combination(linear, hs[: len(linear)]), combination(norm, gs))

    h1, h2, p1, p2, q1, q2, t2, u1, v1, h_s = (secrets.randbelow(R) for _ in range(10))
    s = [secrets.randbelow(R) for _ in gs]
    sigma = [secrets.randbelow(R) for _ in range(shape.base)]
    d = digits_of(shape, values)
    l1 = [h1, p1, q1, -q2, u1, 0, *(d.count(digit) for digit in range(shape.base))]
    C1 = commit(v1, l1, d)
    transcript.point(b"C1", C1)
    alpha = transcript.challenge(b"alpha")
    rho = [inverse(alpha + digit) for digit in d]
    l2 = [h2, p2, q2, t2, 0, 0, *([0] * shape.base)]
    C2 = commit(0, l2, rho)
    transcript.point(b"C2", C2)
    ch = draw(transcript, alpha)
    down, places, mu, over = ch.down(shape.padded), ch.places(shape), ch.mu, inverse(ch.beta)
    A = [digit + alpha + a for digit, a in zip(d, down, strict=True)]
    B = [r + a * b for r, a, b in zip(rho, down, places, strict=True)]
    first = v1 - 2 * dot(s, B, mu) + 2 * sum(x * inverse(alpha + digit) for digit, x in enumerate(sigma))
    l_s = [
        h_s,
        -dot(s, s, mu) * over,
        -2 * dot(s, A, mu) * over - p1,
        first * over - p2,
        -dot(A, A, mu) * over - q1,
        -dot(B, B, mu) * over - u1 - t2,
        *sigma,
    ]
    S = commit(0, l_s, s)
    transcript.point(b"S", S)
    tau = transcript.challenge(b"tau")
    n = [(inverse(tau) * x + tau * y + tau**2 * z) % R for x, y, z in zip(s, A, B, strict=True)]
    linear = [(inverse(tau) * x + tau * y + tau**2 * z) % R for x, y, z in zip(l_s, l1, l2, strict=True)]
    linear[0] += 2 * tau**3 * sum(pow(ch.lam, j + 1, R) * b for j, b in enumerate(blindings))
    argument = public_argument(shape, ch, tau, (C1, C2, S), rows, H0)
    rounds = b""
    for _ in range(shape.rounds):
        X, R_, linear, n = _round(argument, linear, n, transcript)
        rounds += encode(X) + encode(R_)
    return b"".join(map(encode, (C1, C2, S))) + rounds + b"".join(map(number, linear + n))


def _round(
    arg: Argument, linear: list[int], n: list[int], transcript: Transcript
) -> tuple[Point, Point, list[int], list[int]]:
    """X, R, and the folded vectors."""
    arg.pad()
    linear = linear + [0] * (len(arg.H) - len(linear))
    l0, l1, n0, n1 = linear[::2], linear[1::2], n[::2], n[1::2]
    c0, c1, H0, H1, G0, G1 = arg.c[::2], arg.c[1::2], arg.H[::2], arg.H[1::2], arg.G[::2], arg.G[1::2]
    up, down, mu2 = arg.varrho, inverse(arg.varrho), pow(arg.varrho, 4, R)
    X = total(
        times(2 * down * dot(n0, n1, mu2) + up * dot(c0, l1) + down * dot(c1, l0), G),
        times(down, total(combination(l0, H1), combination(n0, G1))),
        times(up, total(combination(l1, H0), combination(n1, G0))),
    )
    R_ = total(times(dot(n1, n1, mu2) + dot(c1, l1), G), combination(l1, H1), combination(n1, G1))
    transcript.point(b"X", X)
    transcript.point(b"R", R_)
    q = transcript.short(b"gamma")
    gamma = q * up % R
    arg.fold(X, R_, q)
    linear = [(down * a + gamma * b) % R for a, b in zip(l0, l1, strict=True)]
    return X, R_, linear, [(down * a + gamma * b) % R for a, b in zip(n0, n1, strict=True)]
