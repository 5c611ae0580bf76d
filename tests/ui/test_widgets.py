"""The form follows the Spec: one control per field, its values make a spec again, idle options say why."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr
import pytest

from spaces_app.analyses.attribution import AttributionSpec
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS
from spaces_app.settings import Settings
from spaces_app.spec import Spec, option
from spaces_app.tabs import TABS
from spaces_app.ui import widgets
from spaces_app.ui.form import Form

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
    assert method.choices == [(method.label, name) for name, method in METHODS.items()]


def test_strange_models_can_be_typed_only_where_they_are_allowed():
    assert controls(AttributionSpec)["model"].allow_custom_value
    strict = controls(AttributionSpec, Settings(allow_any_model=False, models="owner/listed"))["model"]
    assert not strict.allow_custom_value
    assert ("owner/listed", "owner/listed") in strict.choices


@pytest.fixture
def form():
    with gr.Blocks():
        form = Form(TABS["attribution"], LOCAL, AttributionSpec(prompt="a b"))
        for group in ("main", "method", "generation"):
            for name in form.group(group):
                form.add(name)
    return form


def values(form, spec: AttributionSpec, **changes) -> list:
    return [changes.get(name, getattr(spec, name)) for name in form.names]


def test_every_field_people_choose_has_a_control_and_hidden_ones_have_none(form):
    fields = {name: facts.group for name, _, facts in AttributionSpec.options()}
    assert set(form.names) == {name for name, group in fields.items() if group != "hidden"}


def test_the_values_of_the_controls_make_the_spec_again(form):
    spec = AttributionSpec(prompt="x", method="integrated_gradients", n_steps=7, temperature=0.5, top_p=0.9, seed=3)
    assert form.spec(values(form, spec)) == spec
    assert [getattr(spec, name) for name in form.names] == form.shows(spec)


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
    assert "canary" not in str(kept) and len(str(kept)) < 300


def test_idle_options_are_disabled_and_say_why(form):
    updates = form.state(AttributionSpec(prompt="x", method="saliency"))
    steps = updates[form.controls["n_steps"]]
    assert (steps["interactive"], steps["info"]) == (False, f"{METHODS['saliency'].label} does not use this.")
    seed = updates[form.controls["seed"]]
    assert (seed["interactive"], seed["info"]) == (False, "Needs a temperature above 0.")
    updates = form.state(AttributionSpec(prompt="x", method="integrated_gradients", temperature=1.0))
    assert updates[form.controls["n_steps"]]["interactive"] and updates[form.controls["seed"]]["interactive"]
    given = form.state(AttributionSpec(prompt="x", continuation="y"))[form.controls["max_new_tokens"]]
    assert (given["interactive"], given["info"]) == (False, "The output is given.")


def test_every_idle_option_of_every_method_has_a_reason():
    for method in METHODS:
        for text in ("", "given"):
            spec = AttributionSpec(prompt="x", method=method, continuation=text)
            reasons = TABS["attribution"].idle(spec)
            assert set(reasons) == set(spec.unused())
            assert all(reason.endswith(".") for reason in reasons.values())
