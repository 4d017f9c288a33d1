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
    NotRestorable,
    OpeningsMismatch,
    ShortOfMargin,
)
from node.margin.figures import MarginFigures, margin_figures
from node.margin.market import Market
from node.margin.proof import ProvenMargin, VerifiedMargin, prove_margin, verify_margin
from node.margin.restoration import Restoration, restore
from node.margin.whatif import Change, Trade, WhatIf, what_if

__all__ = [
    "Change",
    "Commitments",
    "FileExists",
    "FileInvalid",
    "MarginError",
    "MarginFigures",
    "MarginRejected",
    "Market",
    "MarketUnusable",
    "NotRestorable",
    "Openings",
    "OpeningsMismatch",
    "Portfolio",
    "ProvenMargin",
    "Restoration",
    "ShortOfMargin",
    "Trade",
    "VerifiedMargin",
    "WhatIf",
    "margin_figures",
    "prove_margin",
    "restore",
    "verify_margin",
    "what_if",
]
