"""Transcripts whose challenges are known beforehand: what a forger would need, and what a simulator is given."""

from collections.abc import Mapping, Sequence

from circuits.group import Scalar
from circuits.transcript import Transcript


def programmed(known: Mapping[bytes, Scalar], folds: Sequence[Scalar] = ()) -> type[Transcript]:
    """A kind of transcript that answers `known` for these labels and `folds` in the first rounds of folding.

    It absorbs everything like another, and other challenges depend on what it absorbed.
    """

    class Programmed(Transcript):
        _round = 0

        def challenge(self, label: bytes) -> Scalar:
            drawn = super().challenge(label)
            return known.get(label, drawn)

        def short_challenge(self, label: bytes) -> Scalar:
            drawn = super().short_challenge(label)
            self._round += 1
            return folds[self._round - 1] if self._round <= len(folds) else drawn

    return Programmed
