"""What the view of an attribution hands to the component: exact numbers, good defaults, nothing a link can break."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import made_results
import numpy as np
import pytest

from spaces_app.arrays import NamedArray, positions
from spaces_app.figures.state import format_state, parse_state
from spaces_app.figures.token_heatmap import token_heatmap
from spaces_app.link import valid_view


def decoded(value: dict) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(value["scores"]["f32"]), dtype="<f4")
    return flat.reshape(value["scores"]["rows"], value["scores"]["cols"])


def test_scores_travel_without_losing_a_bit():
    result = made_results.keys()
    value = token_heatmap(result)
    np.testing.assert_array_equal(decoded(value), result.arrays["attributions"].values)
    assert decoded(value)[1].tolist() == [np.float32(0.2), np.float32(0.3), 0.0, 0.0]
    assert np.isnan(decoded(value)[7, 0]), "a token does not explain itself"
    assert value["generated"] == [7, 8, 9, 10]


def test_tokens_come_with_the_words_and_sentences_they_make():
    value = token_heatmap(made_results.keys())
    assert "".join(token["text"] for token in value["tokens"]) == "The keys to the cabinet are on time."
    assert value["groups"]["word"] == [0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 8]
    assert value["groups"]["sentence"] == [0] * 7 + [1] * 4


def test_the_first_content_word_is_selected_and_a_link_may_select_another():
    result = made_results.result(["Say", ":"], ["</s>", "\n", " yes", " sir"], special=("</s>",))
    assert token_heatmap(result)["selected"] == [2, 2]
    assert token_heatmap(result, state="sel:1-3")["selected"] == [1, 3]
    assert token_heatmap(result, state="sel:1-4")["selected"] == [2, 2], "there are only four columns"


def test_an_empty_output_is_a_value_too():
    value = token_heatmap(made_results.result(["Hello"], []))
    assert (value["generated"], value["selected"], value["scores"]["f32"]) == ([], [], "")
    assert value["scores"] == {"rows": 1, "cols": 0, "f32": ""}


def test_the_value_is_strict_json_and_small():
    result = made_results.large(28, 12)
    text = json.dumps(token_heatmap(result), allow_nan=False)
    assert len(text) < 8_000, "40 tokens should stay a matter of a few kilobytes"
    assert json.loads(text) == token_heatmap(result)


def test_step_scores_carry_the_probability_and_the_explained_number_with_label_and_unit():
    value = token_heatmap(made_results.keys())
    assert value["steps"] == {"probability": [0.62, 0.5, 0.25, 0.999], "entropy": [1.25] * 4}
    assert value["step_labels"]["entropy"] == {"label": "Entropy", "unit": "nats"}
    missing = NamedArray([[0.5, np.nan, 0.25, 1]], {"step_function": ("probability",), "generated": positions(4)}, "")
    result = made_results.keys()
    result = replace(result, arrays=result.arrays | {"step_scores": missing})
    assert token_heatmap(result)["steps"] == {"probability": [0.5, None, 0.25, 1.0]}


def test_badges_name_what_was_asked_and_leave_out_what_is_unknown():
    result = made_results.keys(
        revision="1a2b3c4d5e6f", seconds={"load": 1.25, "attribute": 0.5}, recorded="2026-03-01",
        convergence_gap=[0.001, None, -0.0034], warnings=["The baseline is the zero vector."], forced=True,
    )  # fmt: skip
    badges = {badge["label"]: badge["text"] for badge in token_heatmap(result, origin="recorded")["badges"]}
    assert badges == {
        "Model": "bundled/made-up @ 1a2b3c4d", "Method": "Saliency", "Target": "Probability",
        "Completeness gap": "at most 0.0034", "Time": "1.8 s", "Result": "recorded 2026-03-01",
    }  # fmt: skip
    notes = token_heatmap(result)["notes"]
    assert notes == ["The baseline is the zero vector.", "The output was given, not written by the model."]
    plain = [badge["label"] for badge in token_heatmap(made_results.keys())["badges"]]
    assert plain == ["Model", "Method", "Target"]


def test_scores_that_do_not_belong_to_the_tokens_are_refused():
    result = made_results.keys()
    with pytest.raises(ValueError, match="do not fit 10 tokens"):
        token_heatmap(replace(result, tokens=result.tokens[1:]))


def test_a_common_scale_travels_only_when_it_is_given_and_makes_sense():
    assert "domain" not in token_heatmap(made_results.keys())
    assert token_heatmap(made_results.keys(), domain=(-1, 2))["domain"] == [-1.0, 2.0]
    for wrong in ((2, 1), (0, float("nan")), (0, float("inf")), (1,)):
        with pytest.raises(ValueError, match="lowest and a highest"):
            token_heatmap(made_results.keys(), domain=wrong)


STATES = {
    "": {},
    "sel:4-6,unit:word,range:token,view:flow": {"sel": [4, 6], "unit": "word", "range": "token", "view": "flow"},
    "view:matrix,in:2": {"in": 2, "view": "matrix"},
    "sel:3": {"sel": [3, 3]},
    "sel:6-4,unit:sentence": {"unit": "sentence"},
    "sel:4-99,in:40,range:output": {"range": "output"},
    "unit:paragraph,view:,range,sel:-1-2,in:1-2": {},
    "constructor:1,toString:2,__proto__:3,unit:toString": {},
    "sel:1e1-2,sel:0x1,in:1.5": {},
    "sel:99999999999999999999": {},
    ",,:,unit:token,unit:word": {"unit": "word"},
    "SEL:1-2,Unit:word": {},
}


@pytest.mark.parametrize("text", STATES)
def test_a_view_state_is_read_as_far_as_it_is_understood(text):
    parts = parse_state(text, 10, 20)
    assert parts == STATES[text]
    assert parse_state(format_state(parts), 10, 20) == parts
    assert not parts or valid_view(format_state(parts))


def test_the_value_repeats_the_state_only_as_far_as_it_was_asked():
    assert token_heatmap(made_results.keys(), state="view:percent,bogus:1,sel:1-2")["state"] == "sel:1-2,view:percent"
    assert token_heatmap(made_results.keys())["state"] == ""


def test_views_and_exports_import_neither_torch_nor_gradio():
    code = (
        "import sys, spaces_app.figures.token_heatmap, spaces_app.export.html;"
        "print(sorted({'torch', 'transformers', 'gradio'} & set(sys.modules)))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"
