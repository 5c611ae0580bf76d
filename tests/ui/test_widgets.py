"""The form follows the Spec: one control per field, its values make a spec again, idle options say why."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass

import gradio as gr
import pytest

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.comparison.spec import ComparisonSpec
from spaces_app.analyses.neuron_factors.spec import NeuronFactorsSpec
from spaces_app.analyses.neurons.spec import NeuronsSpec
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS
from spaces_app.settings import Settings
from spaces_app.spec import Spec, option
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tabs import TABS
from spaces_app.ui.page import widgets
from spaces_app.ui.page.form import Form
from spaces_app.ui.page.picker import Picker

LOCAL = Settings(allow_any_model=True, models="owner/listed")


@dataclass(frozen=True)
class Sample(Spec):
    kind = "sample"
    flag: bool = option(True, "A switch.")
    small: int = option(5, "A few.", low=1, high=10)
    large: int = option(0, "Any number.", low=0, high=2**31 - 1)
    part: float = option(0.5, "A share.", low=0.0, high=1.0)
    line: str = option("x", "A line.", label="One line")
    story: str = option("", "A story.", max_chars=20_000)
    tone: str = option("calm", "A tone.", choices=lambda: ("calm", "very_loud"))


def controls(kind, settings=LOCAL) -> dict:
    with gr.Blocks():
        return {name: widgets.control(name, default, facts, settings) for name, default, facts in kind.options()}


def test_the_kind_of_control_follows_from_default_bounds_and_choices():
    made = controls(Sample)
    kinds = {name: type(control).__name__ for name, control in made.items()}
    assert kinds == {
        "flag": "Checkbox", "small": "Slider", "large": "Number", "part": "Slider", "line": "Textbox",
        "story": "Textbox", "tone": "Dropdown",
    }  # fmt: skip
    assert (made["small"].minimum, made["small"].maximum, made["small"].step) == (1, 10, 1)
    assert made["tone"].choices == [("Calm", "calm"), ("Very loud", "very_loud")]
    assert (made["line"].label, made["line"].lines, made["story"].lines) == ("One line", 1, 3)
    assert made["story"].placeholder == "A story."


def test_choices_show_the_labels_of_their_table():
    method = controls(AttributionSpec)["method"]
    assert isinstance(method, Picker) and not method.several
    shown = [(entry["name"], entry["label"], entry["about"]) for entry in method.entries]
    assert sorted(shown) == sorted((name, method.label, method.description) for name, method in METHODS.items())
    groups = [entry["group"] for entry in method.entries]
    assert sorted(set(groups)) == sorted({method.family.capitalize() for method in METHODS.values()})
    assert [group for i, group in enumerate(groups) if group not in groups[:i]] == list(dict.fromkeys(groups))
    assert len([1 for a, b in zip(groups, groups[1:], strict=False) if a != b]) == len(set(groups)) - 1
    target = controls(AttributionSpec)["step_function"]
    assert {entry["about"] for entry in target.entries} == {step.formula for step in STEP_FUNCTIONS.values()}


def test_a_list_of_names_is_one_control_whose_value_is_text():
    scores = controls(AttributionSpec)["step_scores"]
    assert isinstance(scores, Picker) and scores.several
    assert AttributionSpec(step_scores=" entropy,logit , entropy").step_scores == "entropy,logit"
    with pytest.raises(SpecError, match="step_scores: 'beauty' is not one of"):
        AttributionSpec(step_scores="entropy,beauty")


def test_a_record_of_a_stranger_travels_as_data():
    label = "</script><script>${alert(1)}`"
    picker = Picker("x", entries=[{"name": "x", "label": label, "group": label, "about": label}], column="method")
    assert "alert" not in picker.js_on_load
    packed = re.search(r'atob\("([^"]+)"\)', picker.js_on_load).group(1)
    assert json.loads(base64.b64decode(packed))["entries"][0]["label"] == label


def test_strange_models_can_be_typed_only_where_they_are_allowed():
    assert controls(AttributionSpec)["model"].allow_custom_value
    strict = controls(AttributionSpec, Settings(allow_any_model=False, models="owner/listed"))["model"]
    assert not strict.allow_custom_value
    assert ("owner/listed", "owner/listed") in strict.choices


@pytest.fixture
def form():
    with gr.Blocks():
        form = Form(TABS["attribution"], LOCAL, AttributionSpec(prompt="a b"))
        form.switch()
        for name in form.group("main"):
            form.add(name)
        for group in ("method", "contrast", "generation"):
            with form.section(group, group):
                for name in form.group(group):
                    form.add(name)
    return form


def values(form, spec: AttributionSpec, **changes) -> list:
    shown = dict(zip(form.names, form.shows(spec), strict=True))
    return list((shown | changes).values())


def test_every_field_people_choose_has_a_control_and_hidden_ones_have_none(form):
    kinds = [view.analysis.spec for view in TABS["attribution"].views.values()]
    seen = {name for kind in kinds for name, _, facts in kind.options() if facts.group != "hidden"}
    assert set(form.names) == seen | {"analysis"}


def test_the_values_of_the_controls_make_the_spec_again(form):
    spec = AttributionSpec(prompt="x", method="integrated_gradients", n_steps=7, temperature=0.5, top_p=0.9, seed=3)
    assert form.spec(values(form, spec)) == spec
    own = {name for name, _, _ in AttributionSpec.options()}
    for name, shown in zip(form.names, form.shows(spec), strict=True):
        assert shown == (getattr(spec, name) if name in own else "attribution" if name == "analysis" else None), name


def test_a_cleared_model_or_number_is_a_sentence(form):
    spec = AttributionSpec(prompt="x", method="integrated_gradients")
    with pytest.raises(SpecError, match="n_steps: None is not a number"):
        form.spec(values(form, spec, n_steps=None))
    assert form.spec(values(form, spec, model=None)).model == ""


REVISION = "f" * 40
SHOWN = AttributionSpec(prompt="x", temperature=1.0, seed=5, revision=REVISION, continuation_ids=(4, 5))


@pytest.mark.parametrize("change", [{"method": "attention"}, {"step_function": "logit"}, {"n_steps": 9}, {}])
def test_another_method_explains_exactly_the_same_output(form, change):
    spec = form.spec(values(form, SHOWN, **change), form.keep(SHOWN))
    assert (spec.continuation_ids, spec.revision) == ((4, 5), REVISION)


@pytest.mark.parametrize(
    "change",
    [{"prompt": "y"}, {"continuation": "z"}, {"max_new_tokens": 3}, {"temperature": 0.5}, {"top_p": 0.5}, {"seed": 6}],
)
def test_another_question_to_the_model_lets_it_write_anew(form, change):
    spec = form.spec(values(form, SHOWN, **change), form.keep(SHOWN))
    assert (spec.continuation_ids, spec.revision) == ((), REVISION)


def test_another_model_keeps_neither_output_nor_revision(form):
    spec = form.spec(values(form, SHOWN, model="gpt2"), form.keep(SHOWN))
    assert (spec.continuation_ids, spec.revision) == ((), "")


def test_a_forged_record_of_what_was_shown_is_ignored(form):
    same = form.keep(SHOWN)["same"]
    for hidden in (
        "text",
        {"continuation_ids": "abc"},
        {"continuation_ids": [-1]},
        {"prompt": "other"},
        {"revision": 5},
    ):
        spec = form.spec(values(form, SHOWN), {"same": same, "hidden": hidden})
        assert (spec.continuation_ids, spec.revision, spec.prompt) == ((), "", "x")
    for record in (None, "text", [], {"same": 1}, {"hidden": 1}):
        assert form.spec(values(form, SHOWN), record).continuation_ids == ()


def test_the_record_of_what_is_shown_holds_no_texts(form):
    kept = form.keep(AttributionSpec(prompt="canary " * 100, continuation="canary"))
    assert "canary" not in str(kept) and len(str(kept)) < 400


def test_only_options_that_count_are_on_the_form_and_the_others_say_why_not(form):
    spec = AttributionSpec(prompt="x", method="saliency")
    updates = form.state(spec)
    assert updates[form.controls["n_steps"]]["visible"] is False
    assert updates[form.controls["aggregation"]]["visible"] is True
    assert ["Steps", f"{METHODS['saliency'].label} does not use this."] in form.idle(spec)
    updates = form.state(AttributionSpec(prompt="x", method="integrated_gradients", temperature=1.0))
    assert updates[form.controls["n_steps"]]["visible"] and updates[form.controls["seed"]]["interactive"]
    seed = form.state(spec)[form.controls["seed"]]
    assert (seed["interactive"], seed["info"]) == (False, "Needs a temperature above 0.")
    given = form.state(AttributionSpec(prompt="x", continuation="y"))[form.controls["max_new_tokens"]]
    assert (given["interactive"], given["info"]) == (False, "The output is given.")


def test_what_to_compare_with_is_asked_only_for_targets_that_compare(form):
    contrastive = next(step.name for step in STEP_FUNCTIONS.values() if "contrast" in step.options)
    plain, comparing = (
        form.state(AttributionSpec(prompt="x", step_function=name)) for name in ("probability", contrastive)
    )
    section, control = form.sections["contrast"], form.controls["contrast"]
    assert [plain[section]["visible"], plain[control]["visible"]] == [False, False]
    assert [comparing[section]["visible"], comparing[control]["visible"]] == [True, True]
    assert plain[form.sections["generation"]]["visible"] is True


def test_one_form_serves_every_question_of_a_tab(form):
    spec = ComparisonSpec(prompt="same text", methods="saliency,attention", n_steps=9)
    asked = values(form, AttributionSpec(prompt="same text"), analysis="comparison", methods="saliency,attention")
    assert form.spec(asked) == spec, "options of the same name are one control"
    updates = form.state(spec)
    assert updates[form.boxes["method"]]["visible"] is False and updates[form.boxes["methods"]]["visible"] is True
    filled = form.fill(spec)
    assert filled[form.controls["analysis"]] == "comparison"
    assert filled[form.controls["methods"]] == "saliency,attention"
    assert form.controls["method"] not in filled, "what the question has no field for stays as it is"
    assert form.kind(values(form, spec, analysis="no such thing")) is AttributionSpec


def test_the_comparison_keeps_the_exact_output_of_the_figure_it_came_from(form):
    kept = form.keep(SHOWN)
    both = form.spec(values(form, SHOWN, analysis="comparison", methods="saliency,attention"), kept)
    assert (both.kind, both.continuation_ids, both.revision) == ("comparison", (4, 5), REVISION)
    back = form.spec(values(form, SHOWN), form.keep(both))
    assert (back.kind, back.continuation_ids) == ("attribution", (4, 5))


def test_choices_that_are_not_possible_say_why_without_a_model():
    no_gradient = next(step for step in STEP_FUNCTIONS.values() if step.no_gradient)
    refused = TABS["attribution"].refused(
        AttributionSpec(prompt="x", method="occlusion", step_function=no_gradient.name)
    )
    families = {METHODS[name].family for name in refused["method"]}
    assert "gradient" in families and "perturbation" not in families and refused["step_function"] == {}
    assert all(reason[0].isupper() and reason.endswith(".") for reason in refused["method"].values())
    following = TABS["attribution"].refused(AttributionSpec(prompt="x", method="saliency"))
    assert no_gradient.name in following["step_function"] and following["method"] == {}


def test_every_idle_option_of_every_method_has_a_reason():
    for method in METHODS:
        for text in ("", "given"):
            spec = AttributionSpec(prompt="x", method=method, continuation=text)
            reasons = TABS["attribution"].views["attribution"].idle(spec)
            assert set(reasons) == set(spec.unused())
            assert all(reason.endswith(".") for reason in reasons.values())


def test_what_one_question_of_a_tab_may_choose_and_another_may_not_is_the_others_default():
    with gr.Blocks():
        form = Form(TABS["neuron_factors"], LOCAL, NeuronFactorsSpec(prompt="a b"))
        form.switch()
        for name in [
            name for group in ("main", "method", "reading", "ablation", "generation") for name in form.group(group)
        ]:
            form.add(name)
    both = NeuronFactorsSpec(prompt="a b", side="both")
    assert form.spec(values(form, both)) == both
    other = form.spec(values(form, NeuronsSpec(prompt="a b"), side="both"))
    assert (other.kind, other.side) == ("neurons", "auto")
    update = form.state(other)[form.controls["side"]]
    assert update["value"] == "auto" and [name for _, name in update["choices"]] == ["auto", "decoder", "encoder"]
    back = form.state(both)[form.controls["side"]]
    assert back["value"] == "both" and [name for _, name in back["choices"]][-1] == "both"
    with pytest.raises(SpecError, match="side: 'beside' is not one of"):
        form.spec(values(form, NeuronsSpec(prompt="a b"), side="beside"))
    assert form.spec(values(form, NeuronsSpec(prompt="a b"), side="encoder")).side == "encoder"
