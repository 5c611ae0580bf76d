"""What else the model might have written: kept with every attribution, shown beside a word, asked about by a click."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from families import FAMILIES
from support import no_tick

from spaces_app.aggregate import merge
from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.comparison.spec import ComparisonSpec
from spaces_app.analyses.contrastive.spec import ContrastiveSpec
from spaces_app.analyses.shared.alternatives import BESIDE
from spaces_app.errors import SpecError
from spaces_app.figures.comparison import comparison
from spaces_app.figures.token_heatmap import OTHERS, token_heatmap
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.tabs.attribution import why_not


def answer(lm, kind=AttributionSpec, **options) -> Result:
    spec = kind(model=lm.id, **{"prompt": "one two three", "max_new_tokens": 4} | options)
    return ANALYSES[spec.kind].compute(spec, lm, no_tick, Settings())


def ids_of(result: Result) -> tuple[list[int], list[int], list[int]]:
    parts = {name: [t.id for t in result.tokens if t.segment == name] for name in ("source", "prompt", "generated")}
    return parts["source"], parts["prompt"], parts["generated"]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("method", ["saliency", "occlusion", "attention"])
def test_alternatives_are_what_the_model_itself_holds_likeliest(loaded_family, name, method):
    lm = loaded_family(name)
    result = answer(lm, method=method)
    source, prompt, generated = ids_of(result)
    whole = torch.tensor([prompt + generated[:-1]])
    given = {"input_ids": torch.tensor([source]), "decoder_input_ids": whole} if source else {"input_ids": whole}
    with torch.no_grad():
        expected = lm.model(**given).logits[0, len(prompt) - 1 :].float().softmax(-1)
    found = result.arrays["alternatives"].values
    ids = result.arrays["alternative_ids"].values.astype(int)
    assert found.shape == ids.shape == (len(generated), BESIDE)
    top = expected.topk(BESIDE)
    assert np.abs(found - top.values.numpy()).max() <= 1e-6
    assert np.abs(np.take_along_axis(expected.numpy(), ids, 1) - found).max() <= 1e-6


def test_the_figure_is_given_the_other_words_without_the_written_one(loaded_family):
    result = answer(loaded_family("gpt2"))
    value = token_heatmap(Result.from_dict(json.loads(json.dumps(result.to_dict())), AttributionSpec))
    assert value["others"] == token_heatmap(result)["others"]
    written = ids_of(result)[2]
    for ours, others in zip(written, value["others"], strict=True):
        assert len(others) == OTHERS and ours not in [other["id"] for other in others]
        assert [other["p"] for other in others] == sorted((other["p"] for other in others), reverse=True)
    p = result.arrays["step_scores"].select(step_function="probability").values
    assert all(
        sum(other["p"] for other in others) <= 1 - ours + 1e-6 for ours, others in zip(p, value["others"], strict=True)
    )


def test_results_made_before_there_were_alternatives_and_merged_ones_are_drawn_without(loaded_family):
    result = answer(loaded_family("gpt2"))
    arrays = {name: array for name, array in result.arrays.items() if not name.startswith("alternative")}
    old = Result(result.spec, result.tokens, arrays, {k: v for k, v in result.notes.items() if "alternative" not in k})
    assert token_heatmap(old)["others"] == []
    groups = list(range(len(result.tokens)))
    groups[-1] = groups[-2]
    merged = token_heatmap(merge(result, groups))
    assert merged["others"][:-1] == token_heatmap(result)["others"][:-2] and merged["others"][-1] == []


def test_several_methods_share_the_alternatives(loaded_family):
    lm = loaded_family("gpt2")
    several = answer(lm, ComparisonSpec, methods="saliency, occlusion")
    assert comparison(several)["others"] == token_heatmap(answer(lm))["others"] != []


def clicked(result: Result, column: int) -> dict:
    other = token_heatmap(result)["others"][column][0]
    texts = [t.text for t in result.tokens if t.segment == "generated"]
    event = {"ask": "why_not", "column": column, "id": other["id"], "text": other["text"]}
    return event | {"before": "".join(texts[:column]), "written": "".join(texts)}


@pytest.mark.parametrize(("method", "asked"), [("saliency", "integrated_gradients"), ("occlusion", "occlusion")])
def test_a_click_asks_for_the_contrast_at_that_place_and_it_can_be_computed(loaded_family, method, asked):
    lm = loaded_family("gpt2")
    result = answer(lm, method=method, window="token")
    event = clicked(result, 1)
    spec = why_not(result.spec, event)
    written = result.spec.continuation_ids
    assert isinstance(spec, ContrastiveSpec) and spec.method == asked
    assert (spec.model, spec.prompt, spec.revision) == (lm.id, result.spec.prompt, result.spec.revision)
    assert spec.continuation_ids == written and spec.contrast_ids == (written[0], event["id"])
    assert spec.continuation == event["written"] and spec.contrast == event["before"] + event["text"]
    contrast = ANALYSES["contrastive"].compute(spec.replace(n_steps=4), lm, no_tick, Settings())
    assert contrast.notes["first_difference"] == 1 and contrast.notes["b_tokens"][1]["id"] == event["id"]
    other = token_heatmap(result)["others"][1][0]["p"]
    steps = contrast.arrays["step_scores"]
    assert steps.select(step_function="contrast_prob").values[1] == pytest.approx(other, abs=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"ask": "swap"}, {"id": True}, {"id": "3"}, {"column": -1}, {"before": None}, {"written": 3}, {"text": ["x"]}],
)
def test_a_forged_click_is_one_sentence(loaded_family, change):
    result = answer(loaded_family("gpt2"))
    with pytest.raises(SpecError, match="not a word to compare with"):
        why_not(result.spec, clicked(result, 1) | change)
    with pytest.raises(SpecError):
        why_not(result.spec, {})
