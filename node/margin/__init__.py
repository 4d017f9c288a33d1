"""Margin without a network: prove that a hidden portfolio survives its window, and check it, in three lines or by file.

    proven = prove_margin(Portfolio.load(p), market := Market.load(m))
    verified = verify_margin(proven.proof, market, proven.commitments)

README.md beside this file tells how a desk and a venue use it, and what it does not say.
"""

from node.margin.book import Commitments, Openings, Portfolio
from node.margin.errors import (
    FileExists,
    FileInvalid,
    MarginError,
    MarginRejected,
    MarketUnusable,
    OpeningsMismatch,
    ShortOfMargin,
)
from node.margin.market import Market
from node.margin.proof import ProvenMargin, VerifiedMargin, prove_margin, verify_margin

__all__ = [
    "Commitments",
    "FileExists",
    "FileInvalid",
    "MarginError",
    "MarginRejected",
    "Market",
    "MarketUnusable",
    "Openings",
    "OpeningsMismatch",
    "Portfolio",
    "ProvenMargin",
    "ShortOfMargin",
    "VerifiedMargin",
    "prove_margin",
    "verify_margin",
]
