"""Factors of a table: as good as scikit-learn's, the same every time, and true where the answer is known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.decomposition import NMF

from spaces_app.engine.states import factors as engine
from spaces_app.engine.states.factors import factorize


def made(n: int, m: int, k: int, *, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A table (n, m) that is a sum of k sparse factors, with noise that leaves it without negative numbers."""
    generator = np.random.default_rng(seed)
    w = generator.gamma(1.0, 1.0, (n, k)) * (generator.random((n, k)) < 0.5)
    h = generator.gamma(1.0, 1.0, (k, m)) * (generator.random((k, m)) < 0.3)
    table = np.maximum(w @ h + noise * generator.standard_normal((n, m)), 0)
    return table.astype(np.float32), w, h


def sklearn_error(table: np.ndarray, k: int) -> float:
    """The error of the usual call: random start, up to 500 steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = NMF(k, init="random", random_state=0, max_iter=500).fit(table)
    return model.reconstruction_err_ / np.linalg.norm(table)


@pytest.mark.parametrize(("n", "m", "k"), [(20, 300, 3), (60, 4000, 10), (40, 20000, 6)])
@pytest.mark.parametrize("noise", [0.2, 1.0])
def test_the_error_is_that_of_scikit_learn_or_less(n, m, k, noise):
    table = made(n, m, k + 3, noise=noise)[0]
    assert factorize(table, k).error <= 1.005 * sklearn_error(table, k)


def test_the_error_told_is_that_of_the_product():
    for shape in ((30, 500), (50, 20000)):  # both precisions
        table = made(*shape, 8, noise=0.5)[0]
        found = factorize(table, 5)
        error = np.linalg.norm(table - found.w @ found.h) / np.linalg.norm(table)
        assert found.error == pytest.approx(error, abs=1e-5)


def test_factors_that_are_there_are_found_again():
    table, w, h = made(30, 400, 4)
    found = factorize(table, 4, stability=True)
    ours, theirs = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (found.h, h))
    assert found.error < 0.01 and found.converged
    assert sorted((ours @ theirs.T).argmax(1)) == [0, 1, 2, 3] and (ours @ theirs.T).max(1).min() > 0.99
    assert found.stability.min() > 0.98


def test_noise_has_no_stable_factors():
    table = np.random.default_rng(0).random((40, 600)).astype(np.float32)
    assert factorize(table, 8, stability=True).stability.mean() < 0.8


def test_nothing_is_negative_weights_have_length_one_and_shares_are_sorted():
    found = factorize(made(25, 300, 6, noise=0.5)[0], 6)
    assert (found.w >= 0).all() and (found.h >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(found.h, axis=1), 1, rtol=1e-6)
    assert (np.diff(found.shares) <= 0).all() and found.shares.sum() == pytest.approx(1)
    sums = [np.outer(found.w[:, i], found.h[i]).sum() for i in range(6)]
    np.testing.assert_allclose(found.shares, np.array(sums) / sum(sums), rtol=1e-5)


def test_the_same_table_gives_the_same_factors():
    table = made(25, 300, 6, noise=0.5)[0]
    np.random.seed(1)
    first = factorize(table, 5, stability=True)
    np.random.seed(2)
    again = factorize(table, 5, stability=True)
    for name in ("w", "h", "shares", "stability"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.error, first.iterations) == (again.error, again.iterations)


def test_more_factors_leave_less_over():
    table = made(30, 400, 10, noise=0.3)[0]
    errors = [factorize(table, k).error for k in (2, 4, 8)]
    assert errors[0] > errors[1] > errors[2]


def test_a_table_of_fewer_parts_than_factors_leaves_the_rest_empty():
    table = np.zeros((6, 40), np.float32)
    table[:3, :20], table[3:, 20:] = 1.0, 2.0
    found = factorize(table, 5, stability=True)
    assert found.error < 1e-3 and np.isfinite(found.w).all() and np.isfinite(found.h).all()
    assert found.shares[:2].sum() == pytest.approx(1, abs=0.01) and np.isfinite(found.stability).all()


def test_the_start_is_not_negative_and_already_near():
    table = made(40, 800, 5, noise=0.3)[0]
    w, h = engine._start(table, 5)
    assert (w >= 0).all() and (h >= 0).all()
    assert np.linalg.norm(table - w @ h) < 0.9 * np.linalg.norm(table)


def test_it_can_be_stopped():
    class Stopped(Exception):
        pass

    def beat():
        raise Stopped

    with pytest.raises(Stopped):
        factorize(made(20, 200, 4, noise=0.3)[0], 3, beat=beat)
