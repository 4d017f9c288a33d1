"""New shares of the same key: refresh by sharings of zero, resharing to other members or another threshold.

    refresh     s_i' = s_i + Σ_j δ_j(i),   A_k' = A_k + Σ_j δ_jk·B      (Herzberg et al., CRYPTO '95)
    resharing   s_i' = Σ_j λ_j·f_j(i),     A_k' = Σ_j λ_j·A_jk          (Desmedt and Jajodia, 1997)

over the qualified dealers j; f_j(0) is the dealer's old share, and its commitment is the old public share, so that
nobody can hand on anything else. H stays. Whoever has t − 1 old shares and t − 1 new ones knows nothing of s as long
as the members erase their old shares; a member that keeps its old one helps whoever comes to break in later.
"""

from collections.abc import Mapping, Sequence

from circuits.ceremony import CeremonyKind, CeremonyTerms
from circuits.committee import CommitteeKey, KeyShare
from circuits.dealing import Dealing, DealtShare
from circuits.errors import WitnessInvalid
from circuits.group import IDENTITY, ONE, ZERO, Point, Scalar, msm
from circuits.polynomials import lagrange_at_zero


def renewed_key(terms: CeremonyTerms, previous: CommitteeKey, dealings: Mapping[int, Dealing]) -> CommitteeKey:
    """The committee's key after the ceremony: H and origin as before, the sharing another.

    Raises:
        StatementUnsound, ProofRejected: dealers that all colluded made a sharing of lower degree.
    """
    dealers = sorted(dealings)
    weights = _weights(terms, dealers)
    coefficients = [
        msm([dealings[dealer].commitments[power] for dealer in dealers], weights) + old
        for power, old in enumerate(_kept(terms, previous))
    ]
    key = CommitteeKey.of(coefficients, len(terms.recipients), previous.origin)
    key.verify()
    return key


def renewed_share(
    terms: CeremonyTerms, recipient: int, shares: Mapping[int, DealtShare], old: KeyShare | None
) -> KeyShare:
    """A recipient's share after the ceremony, from what the qualified dealers sent it.

    Raises:
        WitnessInvalid: a refresh without the share that is to be renewed.
    """
    dealers = sorted(shares)
    pairs = zip(_weights(terms, dealers), dealers, strict=True)
    secret = sum((weight * shares[dealer].value for weight, dealer in pairs), ZERO)
    if terms.kind is CeremonyKind.REFRESH:
        if old is None or old.index != recipient:
            raise WitnessInvalid("a share is renewed by its holder alone")
        secret += old.secret
    return KeyShare(recipient, secret)


def _weights(terms: CeremonyTerms, dealers: Sequence[int]) -> list[Scalar]:
    return lagrange_at_zero(dealers) if terms.kind is CeremonyKind.RESHARE else [ONE] * len(dealers)


def _kept(terms: CeremonyTerms, previous: CommitteeKey) -> list[Point]:
    return list(previous.coefficients) if terms.kind is CeremonyKind.REFRESH else [IDENTITY] * terms.threshold
