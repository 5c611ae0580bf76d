"""Context reliance to Inseq's file and back, and a file as Inseq itself writes it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import no_tick

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.context_reliance.spec import METRICS, ContextRelianceSpec
from spaces_app.errors import NotSupported, SpecError
from spaces_app.figures.context_reliance import context_reliance
from spaces_app.figures.terminal.pairs import context_table
from spaces_app.inseq import write_context
from spaces_app.results import Result
from spaces_app.settings import Settings

# Numbers as Inseq's own test has them for GPT-2, with the pieces of its tokenizer.
THEIRS = {
    "input_context": "George was sick yesterday.",
    "input_context_tokens": ["George", "Ġwas", "Ġsick", "Ġyesterday", "."],
    "output_context": None,
    "output_context_tokens": None,
    "output_current": "to the hospital. He said he was fine",
    "output_current_tokens": ["Ġto", "Ġthe", "Ġhospital", ".", "ĠHe", "Ġsaid", "Ġhe", "Ġwas", "Ġfine"],
    "cti_scores": [0.31, 0.25, 0.55, 0.16, 0.43, 0.19, 0.13, 0.07, 0.37],
    "cci_scores": [
        {
            "cti_idx": 2,
            "cti_token": "Ġhospital",
            "cti_score": 0.55,
            "contextual_output": "… to the hospital",
            "contrast_token": "Ġoffice",
            "contextless_output": "… to the office",
            "input_context_scores": [0.39, 0.29, 0.52, 0.26, 0.16],
            "output_context_scores": None,
        }
    ],
    "info": {
        "model_name_or_path": "gpt2",
        "attribution_method": "saliency",
        "attributed_fn": "contrast_prob_diff",
        "context_sensitivity_metric": "kl_divergence",
        "context_sensitivity_std_threshold": 1.0,
        "input_current_text": "His colleagues asked him to come",
        "input_template": "{context} {current}",
        "output_template": "{current}",
    },
}


@pytest.fixture(scope="module", params=["gpt2", "bart"])
def result(request, loaded_family) -> Result:
    lm = loaded_family(request.param)
    spec = ContextRelianceSpec(
        model=lm.id,
        context="The keys are lost.",
        prompt="So he went to the",
        output_context="Well then.",
        continuation="table.",
        method="input_x_gradient",
    )
    return ANALYSES["context_reliance"].compute(spec, lm, no_tick, Settings())


def test_what_we_wrote_comes_back_whole(result):
    back = write_context.loads(write_context.dumps(result))
    assert back.to_dict() == result.to_dict()


def test_files_of_that_kind_are_saved_and_opened_by_name(result, tmp_path):
    from spaces_app.export.files import load, save

    path = save(result, tmp_path / "a.inseq.json")
    assert [found.to_dict() for found in load(path)] == [result.to_dict()]
    (tmp_path / "theirs.json").write_text(json.dumps(THEIRS), encoding="utf-8")
    assert load(tmp_path / "theirs.json")[0].text.endswith("fine")


@pytest.mark.parametrize("metric", METRICS)
def test_inseqs_numbers_have_its_names_directions_and_signs(result, metric):
    from dataclasses import replace

    document = json.loads(write_context.dumps(replace(result, notes=result.notes | {"metric": metric})))
    cti, n = result.arrays["cti"], len(document["cti_scores"])
    expected = {
        "kl_divergence": cti.select(metric="kl_divergence_reverse").values,
        "pcxmi": cti.select(metric="pcxmi").values,
        "in_context_pvi": cti.select(metric="in_context_pvi").values,
        "contrast_prob_diff": -cti.select(metric="contrast_prob_diff").values,
        "contrast_logits_diff": -cti.select(metric="contrast_logits_diff").values,
    }[document["info"]["context_sensitivity_metric"]]
    assert document["cti_scores"] == pytest.approx(expected[:n].tolist())
    assert n == len(document["output_current_tokens"]) == len(document["cci_scores"])
    sizes = [abs(found["cti_score"]) for found in document["cci_scores"]]
    assert sizes == sorted(sizes, reverse=True)


def test_the_cues_of_every_word_are_in_the_file(result):
    document = json.loads(write_context.dumps(result))
    for found in document["cci_scores"]:
        column = result.arrays["attributions"].values[:, found["cti_idx"]]
        assert found["input_context_scores"] == [float(column[i]) for i in result.notes["context_tokens"]]
        assert found["output_context_scores"] == [float(column[i]) for i in result.notes["output_context_tokens"]]
        assert found["contrast_token"] == result.notes["alternatives"][found["cti_idx"]]["text"]
        assert found["contextual_output"].endswith(found["cti_token"])
    assert len(document["input_context_tokens"]) == len(document["cci_scores"][0]["input_context_scores"])


def test_a_file_of_inseqs_own_is_read_and_drawn():
    found = write_context.loads(json.dumps(THEIRS))
    assert found.text == " to the hospital. He said he was fine" and found.spec.prompt.startswith("His colleagues")
    assert found.spec.step_function == "contrast_prob_diff" and found.notes["model"] == "gpt2"
    cti = found.arrays["cti"].select(metric="kl_divergence_reverse")
    assert cti.values == pytest.approx(THEIRS["cti_scores"])
    column = found.arrays["attributions"].values[:, 2]
    assert column[found.notes["context_tokens"]] == pytest.approx([0.39, 0.29, 0.52, 0.26, 0.16])
    assert np.isnan(found.arrays["attributions"].values[:, 0]).all()  # a word it did not select
    assert found.notes["alternatives"][2]["text"] == " office" and not found.notes["agrees"][2]
    assert json.dumps(context_reliance(found), allow_nan=False)
    assert context_table(found).renderables
    again = Result.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)), ContextRelianceSpec)
    assert again.to_dict() == found.to_dict()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "null", json.dumps(THEIRS | {"cti_scores": [0.1]}), json.dumps(THEIRS | {"cci_scores": 5})],
)
def test_anything_else_is_refused_in_one_sentence(text):
    with pytest.raises(SpecError, match="no file of inseq attribute-context"):
        write_context.loads(text)


def test_other_analyses_have_no_such_file():
    with pytest.raises(NotSupported, match="no place for a attribution result"):
        write_context.dumps(Result(AttributionSpec(), (), {}))
