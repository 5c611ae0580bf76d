"""Texts pasted with BOS, in every field that takes one: read with it once, which is said."""

from __future__ import annotations

import pytest
from support import no_tick

from spaces_app.analyses.attribution import AttributionSpec
from spaces_app.analyses.attribution import compute as attribution_compute
from spaces_app.analyses.context_reliance import ContextRelianceSpec
from spaces_app.analyses.context_reliance import compute as context_reliance_compute
from spaces_app.analyses.neurons import NeuronsSpec
from spaces_app.analyses.neurons import compute as neurons_compute
from spaces_app.analyses.similarity import SimilaritySpec
from spaces_app.analyses.similarity import compute as similarity_compute
from spaces_app.settings import Settings

SAID = "The prompt begins with “<s>” already, which is not added again."
PLAIN, PASTED = "The keys to the cabinet are on the table.", "<s>The nurse said that she was tired."
ASKED = {
    "prompt": (attribution_compute, AttributionSpec(prompt=PASTED, continuation="yes", method="saliency")),
    "contrast_prompt": (
        attribution_compute,
        AttributionSpec(
            prompt=PLAIN, continuation="yes", contrast_prompt=PASTED, step_function="kl_divergence", method="saliency"
        ),
    ),
    "context": (
        context_reliance_compute,
        ContextRelianceSpec(prompt=PLAIN, context=PASTED, continuation="yes", template="{context} {current}"),
    ),
    "others": (neurons_compute, NeuronsSpec(prompt=PLAIN, others=PASTED)),
    "other_prompt": (similarity_compute, SimilaritySpec(prompt=PLAIN, other_prompt="<s>" + PLAIN)),
}


@pytest.mark.parametrize("field", ASKED)
def test_a_pasted_bos_is_said_wherever_it_is(field, loaded_family):
    lm = loaded_family("llama")
    module, spec = ASKED[field]
    result = module.compute(spec, lm, no_tick, Settings())
    assert result.notes["warnings"].count(SAID) == 1, result.notes["warnings"]
    assert [token.id for token in result.tokens].count(lm.facts.bos_id) == 1
