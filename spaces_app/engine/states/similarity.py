"""How alike two sets of vectors are that describe the same rows, whatever their axes. Numpy only; no models.

Rows are tokens or words, columns the numbers of a layer; the two sides may differ in width. Columns are centred.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALLEST = 1e-6  # a direction with less of the largest one's size is noise of float32


@dataclass(frozen=True)
class Decomposed:
    """Centred rows X (n, d) as left · diag(sizes) · right, directions of no size left out.

    left (n, r) and right (r, d) are orthonormal, sizes (r,) fall.
    """

    left: np.ndarray
    sizes: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Decomposed:
        """From rows (n, d), n at least 2. Sizes are relative to their mean square, so that none overflows."""
        rows = np.asarray(rows, dtype=np.float64)
        centred = rows - rows.mean(0)
        largest = np.abs(centred).max(initial=0.0)
        if largest > SMALLEST * np.abs(rows).max(initial=0.0):
            left, sizes, right = np.linalg.svd(centred / largest, full_matrices=False)
            kept = sizes > SMALLEST * sizes[0]
            return cls(left[:, kept], sizes[kept], right[kept])
        return cls(np.zeros((len(rows), 0)), np.zeros(0), np.zeros((0, rows.shape[1])))

    @property
    def rank(self) -> int:
        return len(self.sizes)


def cka(first: Decomposed, second: Decomposed) -> float:
    """Linear centred kernel alignment: ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖), Frobenius norms. NaN where one side never varies.

    0 to 1; the same under rotations and one scaling of either side. Kornblith et al. 2019, "Similarity of Neural
    Network Representations Revisited", https://arxiv.org/abs/1905.00414, equation 5.
    """
    if not (first.rank and second.rank):
        return float("nan")
    cross = (first.left * first.sizes).T @ (second.left * second.sizes)
    whole = np.linalg.norm(first.sizes**2) * np.linalg.norm(second.sizes**2)
    return float(min(1.0, (cross**2).sum() / whole))


def canonical_correlations(first: Decomposed, second: Decomposed, dims: int | None = None) -> np.ndarray:
    """Correlations of the best matching pairs of directions, largest first, of the `dims` largest of each side.

    The same under any invertible map of either side when no direction is left out. Hotelling 1936,
    https://doi.org/10.1093/biomet/28.3-4.321.
    """
    return _matched(first, second, dims)[1]


def svcca(first: Decomposed, second: Decomposed, dims: int | None = None) -> float:
    """The mean canonical correlation of the `dims` largest directions of each side. NaN where one never varies.

    Raghu et al. 2017, "SVCCA: Singular Vector Canonical Correlation Analysis", https://arxiv.org/abs/1706.05806; the
    number of directions is given here, where the paper keeps 99 % of the variance.
    """
    found = canonical_correlations(first, second, dims)
    return float(found.mean()) if len(found) else float("nan")


def pwcca(first: Decomposed, second: Decomposed, dims: int | None = None) -> float:
    """Canonical correlations weighted by how much of the first side they account for. NaN where one never varies.

    The weight of a direction h is Σ |⟨h, x⟩| over the first side's columns x, so the sides are not alike. Morcos et al.
    2018, "Insights on representational similarity in neural networks with canonical correlation",
    https://arxiv.org/abs/1806.05759, equation 5.
    """
    turned, found = _matched(first, second, dims)
    if not len(found):
        return float("nan")
    k = len(turned)
    weights = np.abs(turned.T @ (first.sizes[:k, None] * first.right[:k])).sum(1)
    return float((weights * found).sum() / weights.sum())


def _matched(first: Decomposed, second: Decomposed, dims: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The first side's matched directions in terms of its own (k, m), and their correlations (m,)."""
    left, right = (side.left[:, :dims] for side in (first, second))
    turned, found, _ = np.linalg.svd(left.T @ right, full_matrices=False)
    return turned, np.clip(found, 0.0, 1.0)


MEASURES = {"cka": cka, "svcca": svcca, "pwcca": pwcca}
