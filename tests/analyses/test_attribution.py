"""The attribution analysis from spec to result: the right tokens, numbers, units and notes, and clear refusals."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import tiny
import torch
from families import FAMILIES

from spaces_app.analyses import ANALYSES, KINDS
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods import METHODS
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.step_functions import ALWAYS, STEP_FUNCTIONS

PROMPT = "The keys to the cabinet"


def silent(_done: int, _total: int, _what: str) -> None:
    pass


def answer(lm, prompt: str = PROMPT, **options) -> Result:
    options = {"max_new_tokens": 5, "n_steps": 8} | options
    spec = AttributionSpec(model=lm.id, prompt=prompt, **options)
    return ANALYSES["attribution"].compute(spec, lm, silent, Settings())


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_explained_from_prompt_to_scores(loaded_family, name):
    lm = loaded_family(name)
    result = answer(lm, method="input_x_gradient")
    segments = [token.segment for token in result.tokens]
    n_generated = segments.count("generated")
    scores = result.arrays["attributions"].values
    assert scores.shape == (len(segments), n_generated) and 1 <= n_generated <= 5
    first = len(segments) - n_generated
    before = np.arange(len(segments))[:, None] < first + np.arange(n_generated)[None]
    assert (np.isnan(scores) == ~before).all()
    ids = [token.id for token in result.tokens]
    source = tuple(ids[: segments.count("source")])
    sequence = (source, tuple(ids[len(source) : first]), tuple(ids[first:]))
    values, gradients, embeds = tiny.step_by_step(lm, sequence, STEP_FUNCTIONS["probability"].fn)
    expected = (gradients * embeds).sum(-1).T.numpy()  # (n_inputs, G)
    assert np.nanmax(np.abs(scores[:-1] - expected)) <= 1e-5 * np.abs(expected).max()
    probability = result.arrays["step_scores"].select(step_function="probability").values
    assert probability == pytest.approx(values.numpy(), rel=1e-4)


@pytest.mark.parametrize("name", ["gpt2", "llama", "t5", "nllb"])
def test_a_forced_output_is_what_is_explained(loaded_family, name):
    lm = loaded_family(name)
    result = answer(lm, continuation="are on the table.")
    assert result.text.strip() == "are on the table."
    assert result.notes["forced"] and result.spec.continuation_ids == tuple(
        lm.encode_continuation(PROMPT, "are on the table.")
    )
    assert (result.tokens[-1].id in lm.facts.eos_ids) == lm.facts.encoder_decoder
    assert not answer(lm).notes["forced"]


def test_the_pinned_spec_gives_the_same_numbers_again(loaded_family):
    lm = loaded_family("gpt2")
    first = answer(lm, temperature=1.0, seed=5)
    assert first.spec.revision == lm.revision and len(first.spec.continuation_ids) == 5
    again = ANALYSES["attribution"].compute(first.spec, lm, silent, Settings())
    assert [token.id for token in again.tokens] == [token.id for token in first.tokens]
    assert again.spec == first.spec
    for name, array in first.arrays.items():
        assert np.array_equal(array.values, again.arrays[name].values, equal_nan=True)


@pytest.mark.parametrize("name", METHODS)
def test_a_result_survives_json_exactly(loaded_family, name):
    result = answer(loaded_family("bart"), method=name)
    text = json.dumps(result.to_dict(), allow_nan=False)
    back = Result.from_dict(json.loads(text), KINDS["attribution"])
    assert back.to_dict() == result.to_dict()
    assert back.arrays["attributions"].values.tobytes() == result.arrays["attributions"].values.tobytes()


def test_the_memory_for_a_chunk_changes_no_number(loaded_family):
    lm = loaded_family("t5")
    for name in METHODS:
        spec = AttributionSpec(model=lm.id, prompt=PROMPT, continuation="on the table.", method=name, n_steps=8)
        wide, narrow = (
            ANALYSES["attribution"].compute(spec, lm, silent, Settings(chunk_mb=mb)).arrays["attributions"].values
            for mb in (512, 1)
        )
        assert np.nanmax(np.abs(wide - narrow)) <= 1e-6, name


@pytest.mark.parametrize("name", METHODS)
def test_notes_say_how_the_numbers_came_about(loaded_family, name):
    lm = loaded_family("bart")
    method = METHODS[name]
    notes = answer(lm, method=name, step_function="log_probability").notes
    assert notes["method"] == method.label and notes["signed"] == method.signed
    asks = "step_function" in method.options
    assert (notes["target"], notes["unit"]) == (("Log-probability", "nats") if asks else (method.label, name))
    assert notes["baseline"] == ("mask" if "baseline" in method.options else "")
    aggregation = {True: "sum", False: "l2"}[method.signed] if "aggregation" in method.options else ""
    assert notes["aggregation"] == aggregation
    assert (notes["convergence_gap"] is None) == (not method.complete)
    assert (notes["dtype"], notes["device"], notes["attention"]) == ("float32", "cpu", "eager")
    assert notes["model"] == lm.id and notes["revision"] == lm.revision
    assert notes["versions"]["torch"] == torch.__version__ and notes["versions"]["python"].count(".") == 2
    assert set(notes["seconds"]) == {"generate", "attribute"} and notes["seconds"]["attribute"] >= 0


def test_norms_take_the_sign_of_signed_methods_away(loaded_family):
    lm = loaded_family("gpt2")
    result = answer(lm, method="input_x_gradient", aggregation="l2")
    assert not result.notes["signed"] and np.nanmin(result.arrays["attributions"].values) >= 0
    signed = answer(lm, method="input_x_gradient", aggregation="max")
    assert signed.notes["signed"] and np.nanmin(signed.arrays["attributions"].values) < 0


def test_a_path_with_too_few_steps_is_said_beside_the_map(loaded_family):
    lm = loaded_family("llama")  # a norm of zero makes the path from the zero baseline a cliff
    result = answer(lm, method="integrated_gradients", baseline="zero", n_steps=2)
    assert max(map(abs, result.notes["convergence_gap"])) > 0
    sentences = [warning for warning in result.notes["warnings"] if "should add up to" in warning]
    assert len(sentences) == 1
    assert sentences[0].startswith("With 2 steps ") and sentences[0].endswith("more steps come closer.")
    fine = answer(loaded_family("gpt2"), method="integrated_gradients", n_steps=50)
    assert not any("more steps" in warning for warning in fine.notes["warnings"])


def test_a_gap_is_said_in_the_methods_own_steps_or_samples_or_in_neither(loaded_family, monkeypatch):
    lm = loaded_family("llama")

    def said(**options) -> str:
        warnings = answer(lm, baseline="zero", **options).notes["warnings"]
        return next(warning for warning in warnings if "should add up to" in warning)

    drawn = said(method="gradient_shap", n_samples=2, n_steps=7)
    assert drawn.startswith("With 2 samples the shares miss") and drawn.endswith("more samples come closer.")
    path = METHODS["integrated_gradients"]
    fixed = tuple(name for name in path.options if name != "n_steps")
    few = {"options": fixed, "attribute": lambda run, request: path.attribute(run, request.__class__(
        request.score, request.reduce, baseline="zero", n_steps=2))}  # fmt: skip
    monkeypatch.setitem(METHODS, "integrated_gradients", dataclasses.replace(path, **few))
    alone = said(method="integrated_gradients")
    assert alone.startswith("The shares miss up to") and "more" not in alone


def test_without_the_prefix_the_output_gets_no_scores(loaded_family):
    for name in ("gpt2", "bart"):
        result = answer(loaded_family(name), attribute_prefix=False)
        kept = "source" if name == "bart" else "prompt"
        scores = result.arrays["attributions"].values
        for token, row in zip(result.tokens, scores, strict=True):
            assert np.isnan(row).all() == (token.segment != kept)


def test_step_scores_name_what_every_result_carries_and_agree(loaded_family):
    steps = answer(loaded_family("gpt2"), method="attention").arrays["step_scores"]
    assert steps.axes["step_function"] == ALWAYS
    probability = steps.select(step_function="probability").values
    assert np.exp(steps.select(step_function="log_probability").values) == pytest.approx(probability, rel=1e-5)
    assert (steps.select(step_function="entropy").values > 0).all()


def test_a_prompt_beyond_the_positions_is_refused_with_both_numbers(loaded_family):
    lm = loaded_family("gpt2")
    with pytest.raises(SpecError, match=r"prompt: \d+ tokens are too many for this model, which takes 128"):
        answer(lm, prompt="table " * 200)
    with pytest.raises(SpecError, match=r"continuation: \d+ tokens are too many"):
        answer(lm, continuation="table " * 200)


def test_writing_that_reaches_the_last_position_is_said(loaded_family):
    lm = loaded_family("gpt2")
    prompt = PROMPT
    while len(lm.encode_prompt(prompt + " keys")) <= 126:
        prompt += " keys"
    result = answer(lm, prompt=prompt, max_new_tokens=100, temperature=1.0)
    assert len(result.spec.continuation_ids) == 129 - len(lm.encode_prompt(prompt))
    assert "The model stopped at its last position, 128." in result.notes["warnings"]


def test_ids_of_another_model_are_refused(loaded_family):
    with pytest.raises(SpecError, match="outside the model's vocabulary"):
        answer(loaded_family("gpt2"), continuation_ids=(5, 10_000_000))


def test_a_model_that_is_partly_on_disk_gives_no_gradients(loaded_family):
    lm = dataclasses.replace(loaded_family("gpt2"), placement="offload")
    with pytest.raises(NotSupported, match="leaves no room for gradients"):
        answer(lm)
    assert answer(lm, method="occlusion").notes["method"] == "Occlusion"


def test_an_output_of_probability_zero_is_refused_where_its_logarithm_is_asked(loaded_family):
    lm = loaded_family("bart")
    lm.model.final_logits_bias[0, 9] = -torch.inf
    try:
        with pytest.raises(NotSupported, match="not finite: a written token has probability zero"):
            answer(lm, continuation_ids=(9, 10))
    finally:
        lm.model.final_logits_bias[0, 9] = 0.0
