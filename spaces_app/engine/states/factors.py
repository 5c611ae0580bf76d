"""Non-negative matrix factorization: a table of activations as a sum of few factors.

X ≈ W · H with nothing negative, minimising ‖X − WH‖² one factor at a time (HALS, Cichocki & Phan 2009, in the
accelerated form of Gillis & Glineur, https://arxiv.org/abs/1107.5194), from the start that the singular vectors give
(NNDSVD, Boutsidis & Gallopoulos 2008, https://doi.org/10.1016/j.patcog.2007.09.010). Scikit-learn's coordinate descent
comes to the same error and takes twice the time or more for so few rows and so many columns (benchmarks/factors.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

STEP = 5  # iterations between two looks at the error
MOST = 500
SWEEPS_W, SWEEPS_H = 4, 2  # per iteration: a sweep over the short side costs next to nothing (Gillis & Glineur 2012)
SMALL = 2**19  # cells up to which double precision costs nothing one would notice
RAISED = 0.1  # what zeros of the start become, of the table's mean
NOTHING = 1e-5  # singular values below this part of the largest are rounding
STARTS = (1, 2, 3)  # seeds of the random starts that stability is measured by


@dataclass(frozen=True)
class Factors:
    """w (n, k) and h (k, m), whose rows have length 1; factors in the order of their share, the largest first.

    shares: part of the sum of W·H that each factor brings, (k,). error: ‖X − WH‖ / ‖X‖. stability: for each factor how
    near random starts come to it, 0 to 1 (mean over three), or None when not asked.
    """

    w: np.ndarray
    h: np.ndarray
    shares: np.ndarray
    error: float
    iterations: int
    converged: bool
    stability: np.ndarray | None = None


def factorize(
    table: np.ndarray, k: int, *, stability: bool = False, beat: Callable[[], None] = lambda: None
) -> Factors:
    """The k factors of a table (n, m) without negative numbers, k ≤ min(n, m). The same table gives the same factors.

    `beat` is called between steps and may raise to stop. One thread does it all: the products are small, and threads
    that wait for each other on a busy machine made it twenty times slower.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        return _factors(table, k, stability, beat)


def _factors(table: np.ndarray, k: int, stability: bool, beat: Callable[[], None]) -> Factors:
    small = table.size <= SMALL
    table = table.astype(np.float64 if small else np.float32, copy=False)
    tolerance = 1e-6 if small else 1e-4
    w, h, error, iterations, converged = _descended(table, *_start(table, k), tolerance, beat)
    w, h = _unit(w, h)
    sums = w.sum(0) * h.sum(1)
    order = np.argsort(-sums, kind="stable")
    w, h, shares = w[:, order], h[order], sums[order] / max(sums.sum(), 1e-300)
    near = _stability(table, w, h, beat) if stability else None
    return Factors(w, h, shares, error, iterations, converged, near)


def _start(table: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """NNDSVD: of each pair of singular vectors the half, positive or negative, that holds more. (n, k), (k, m)

    Zeros are raised a little: a descent that begins at them stays at a saddle for a hundred steps on some tables. Where
    a singular value is 0, so is the factor.
    """
    from sklearn.utils.extmath import randomized_svd

    left, values, right = randomized_svd(table, k, random_state=0)
    least = table.dtype.type(RAISED * table.mean())
    w, h = np.zeros((len(table), k), table.dtype), np.zeros((k, table.shape[1]), table.dtype)
    for i, (u, value, v) in enumerate(zip(left.T, values, right, strict=True)):
        halves = [(np.maximum(sign * u, 0), np.maximum(sign * v, 0)) for sign in (1, -1)]
        sizes = [np.linalg.norm(a) * np.linalg.norm(b) for a, b in halves]
        best = int(np.argmax(sizes))
        if sizes[best] > 0 and value > NOTHING * values[0]:
            (a, b), scale = halves[best], np.sqrt(value * sizes[best])
            w[:, i] = np.maximum(scale * a / np.linalg.norm(a), least)
            h[i] = np.maximum(scale * b / np.linalg.norm(b), least)
    return w, h


def _descended(
    table: np.ndarray, w: np.ndarray, h: np.ndarray, tolerance: float, beat: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray, float, int, bool]:
    """(w, h, error, iterations, converged): until STEP iterations lower the relative error by less than `tolerance`."""
    w, h = np.ascontiguousarray(w.T), np.array(h, order="C")  # (k, n), (k, m): changed in place
    square = float(np.vdot(table, table))
    error, done, converged = np.inf, 0, False
    while done < MOST and not converged:
        beat()
        for _ in range(STEP):
            _sweep(w, h @ table.T, h @ h.T, SWEEPS_W)
            cross, gram = w @ table, w @ w.T
            _sweep(h, cross, gram, SWEEPS_H)
        done += STEP
        # ‖X − WH‖² without the product, which is as large as X.
        left = square - 2 * float(np.vdot(cross, h)) + float(np.vdot(gram, h @ h.T))
        before, error = error, float(np.sqrt(max(left, 0.0) / max(square, 1e-300)))
        converged = before - error < tolerance
    return w.T, h, error, done, converged


def _sweep(part: np.ndarray, cross: np.ndarray, gram: np.ndarray, count: int) -> None:
    """Set each row of `part` (k, m) to its best value, the others and the other side (cross, gram) being given."""
    for _ in range(count):
        for row, values in enumerate(part):
            if gram[row, row] > 0:
                step = (cross[row] - gram[row] @ part) / gram[row, row] + values
                np.maximum(step, 0, out=values)
            else:
                values[:] = 0


def _unit(w: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.linalg.norm(h, axis=1)
    sizes = np.where(sizes > 0, sizes, 1.0)
    return w * sizes, h / sizes[:, None]


def _stability(table: np.ndarray, w: np.ndarray, h: np.ndarray, beat: Callable[[], None]) -> np.ndarray:
    """How near three random starts come to each factor: cosine of w·h, as matrices, with its partner. (k,)"""
    from scipy.optimize import linear_sum_assignment

    found = []
    for seed in STARTS:
        generator = np.random.default_rng(seed)
        scale = np.sqrt(table.mean() / len(h))
        start_w, start_h = (
            np.abs(generator.standard_normal(part.shape)).astype(table.dtype) * scale for part in (w, h)
        )
        other_w, other_h = _descended(table, start_w, start_h, 1e-3, beat)[:2]
        cosines = (_normed(w.T) @ _normed(other_w.T).T) * (_normed(h) @ _normed(other_h).T)
        rows, columns = linear_sum_assignment(-cosines)
        found.append(cosines[rows, columns])
    return np.mean(found, axis=0)


def _normed(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
