"""Into how many passes the targets of gradients are cut. Imports no torch: predictions of cost follow it, too."""

from __future__ import annotations

# Shorter products are slower: on models of 0.6, 14 and 124 M parameters, whatever the lengths, passes over fewer than
# some 700 rows did not pay for themselves.
FEWEST_ROWS = 700


def pieces(n_generated: int, n_fixed: int, *, n_points: float = 1, fewest: float = FEWEST_ROWS) -> float:
    """How many pieces save most, as a real number, for G targets after n other tokens at each of `n_points` points.

    k passes cost k · (n + G/2) rows forward and G · (n + G/2 · (k + 1)/k) backward: least at k = G / √(2n + G); none
    has fewer than `fewest` rows.
    """
    most = n_generated * n_points * (n_fixed + n_generated / 2) / fewest
    return min(n_generated / (2 * n_fixed + n_generated) ** 0.5, most)
