"""What margin rows say between their nodes, computed the plain way."""

import numpy as np


def interpolated(corners, nodes, levels, prices, volatilities):
    """Bilinear interpolation of corner values, shape (nodes, levels), at points inside the window."""
    cell = np.clip(np.searchsorted(nodes, prices, side="right") - 1, 0, len(nodes) - 2)
    floor = np.clip(np.searchsorted(levels, volatilities, side="right") - 1, 0, len(levels) - 2)
    x = (prices - nodes[cell]) / (nodes[cell + 1] - nodes[cell])
    y = (volatilities - levels[floor]) / (levels[floor + 1] - levels[floor])
    low = corners[cell, floor] * (1 - x) + corners[cell + 1, floor] * x
    high = corners[cell, floor + 1] * (1 - x) + corners[cell + 1, floor + 1] * x
    return low * (1 - y) + high * y
