"""Several methods on one output: the same numbers as each alone, what cannot be answered, and what is expected."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution.compute import compute as attribute
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.comparison.compute import compute
from spaces_app.analyses.comparison.spec import MOST, ComparisonSpec, single
from spaces_app.costs.limits import Inquiry, estimates
from spaces_app.costs.model import Speed
from spaces_app.errors import NotSupported, SpecError
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.settings import Settings

PROMPT = "The keys to the cabinet"


@pytest.fixture(scope="module")
def lm():
    return load(resolve("bundled/tiny-causal", Settings()), Settings(), lambda *_: None)


def quiet(*_):
    """No progress."""


def test_every_method_gives_what_it_gives_alone_on_the_same_output(lm):
    found = compute(ComparisonSpec(prompt=PROMPT, methods="saliency,occlusion"), lm, quiet, Settings())
    assert found.arrays["attributions"].axes["method"] == ("saliency", "occlusion")
    for name in ("saliency", "occlusion"):
        alone = attribute(AttributionSpec(prompt=PROMPT, method=name), lm, quiet, Settings())
        part = single(found, name)
        np.testing.assert_allclose(
            part.arrays["attributions"].values, alone.arrays["attributions"].values, atol=1e-7, equal_nan=True
        )
        assert part.spec.continuation_ids == alone.spec.continuation_ids and part.spec.method == name
        assert part.notes["signed"] == alone.notes["signed"] and "methods" not in part.notes
        assert set(part.arrays) == set(alone.arrays)


def test_what_is_sampled_is_sampled_once_and_explained_by_all(lm):
    asked = {"prompt": PROMPT, "temperature": 1.5, "seed": 3, "max_new_tokens": 5}
    found = compute(ComparisonSpec(**asked, methods="attention,saliency"), lm, quiet, Settings())
    alone = attribute(AttributionSpec(**asked, method="attention"), lm, quiet, Settings())
    assert found.spec.continuation_ids == alone.spec.continuation_ids
    assert [token.text for token in found.tokens] == [token.text for token in alone.tokens]


def test_a_method_agrees_with_itself_and_the_table_is_symmetric(lm):
    methods = "saliency,input_x_gradient,occlusion"
    found = compute(ComparisonSpec(prompt=PROMPT, methods=methods), lm, quiet, Settings())
    table = found.arrays["agreement"].values
    assert np.diag(table) == pytest.approx(1) and np.allclose(table, table.T) and np.abs(table).max() <= 1 + 1e-6


def test_a_method_that_cannot_answer_is_left_out_with_its_reason(lm):
    offloaded = dataclasses.replace(lm, placement="offload")
    asked = ComparisonSpec(prompt=PROMPT, methods="occlusion,saliency,attention")
    found = compute(asked, offloaded, quiet, Settings())
    assert found.arrays["attributions"].axes["method"] == ("occlusion", "attention")
    assert "only partly in memory" in found.notes["refused"]["saliency"]
    with pytest.raises(NotSupported, match="fewer than two of these methods"):
        compute(asked.replace(methods="saliency,occlusion"), offloaded, quiet, Settings())


def test_two_to_eight_methods_are_compared():
    with pytest.raises(SpecError, match="needs two methods"):
        ComparisonSpec(prompt=PROMPT, methods="saliency")
    many = (
        "saliency,input_x_gradient,integrated_gradients,gradient_shap,deeplift,occlusion,lime,attention,value_zeroing"
    )
    assert len(many.split(",")) == MOST + 1
    with pytest.raises(SpecError, match="9 methods are too many"):
        ComparisonSpec(prompt=PROMPT, methods=many)


def test_questions_are_estimated_one_by_one_and_a_bad_one_spoils_no_other(lm):
    speed = Speed(call=0.002, operations=1e10)
    specs = {
        "quick": AttributionSpec(prompt=PROMPT, method="attention"),
        "slow": AttributionSpec(prompt=PROMPT, method="integrated_gradients", n_steps=200),
        "empty": AttributionSpec(prompt=""),
    }
    found = estimates(ANALYSES, Inquiry(specs), lm, speed=speed)
    assert 0 < found["quick"].seconds < found["slow"].seconds
    assert found["empty"].seconds is None
    offloaded = estimates(ANALYSES, Inquiry(specs), dataclasses.replace(lm, placement="offload"), speed=speed)
    assert offloaded["slow"].seconds is None and "only partly in memory" in offloaded["slow"].reason
    assert offloaded["quick"].seconds == found["quick"].seconds
