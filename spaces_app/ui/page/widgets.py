"""One field of a Spec → one control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import gradio as gr

from spaces_app.methods import METHODS
from spaces_app.models.cards import listed
from spaces_app.settings import Settings
from spaces_app.spec import Option, label
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.ui.page.picker import Picker

Control: TypeAlias = gr.Radio | gr.Dropdown | gr.Textbox | gr.Checkbox | gr.Number | gr.Slider | Picker
LONG_TEXT = 1000  # a field that may be longer gets a box of several lines
SLIDER_STEPS = 1000  # a range of more whole numbers than this cannot be hit with a pointer
# What a list of records puts together, where the records name no family of their own.
GROUPS = {
    "": "Of the output itself",
    "token": "Against another token",
    "context": "Against another context",
    "distribution": "Between two runs",
    "dropout": "Under dropout",
}


def choices(facts: Option) -> list[tuple[str, str]]:
    """(label, name) of every choice: the label of the table's record where there is one."""
    assert facts.choices is not None
    table = facts.choices()
    if not isinstance(table, Mapping):
        return [(name.replace("_", " ").capitalize(), name) for name in table]
    return [(str(getattr(record, "label", name)), str(name)) for name, record in table.items()]


def records(facts: Option) -> Mapping:
    """The table of records that a field chooses from; empty where its choices are plain names."""
    names = list((facts.names or facts.choices or list)())
    for table in (METHODS, STEP_FUNCTIONS):  # a field may offer some of the records only
        if names and all(name in table for name in names):
            return {name: table[name] for name in names}
    return {}


def about(record: object) -> str:
    """The line that says what a record is: a method's description, a step function's formula."""
    return getattr(record, "description", "") or getattr(record, "formula", "")


def entries(table: Mapping) -> list[dict[str, str]]:
    """What a Picker shows of a table's records, group by group."""
    found: dict[str, list[dict[str, str]]] = {}
    for name, record in table.items():
        kind = str(getattr(record, "family", None) or getattr(record, "compares", ""))
        group = GROUPS.get(kind, kind.replace("_", " ").capitalize())
        entry = {"name": name, "label": getattr(record, "label", name), "group": group, "about": about(record)}
        found.setdefault(group, []).append(entry)
    return [entry for group in found.values() for entry in group]


def picks(facts: Option) -> bool:
    """Whether a field's control is a list of records."""
    return bool(records(facts))


def models(settings: Settings, value: str) -> list[tuple[str, str]]:
    """(label, id) of the models offered, `value` among them."""
    offered = [(card.label, card.id) for card in listed(settings)]
    return offered if value in [name for _, name in offered] else [*offered, (value, value)]


def control(name: str, default: Any, facts: Option, settings: Settings, **given: Any) -> Control:
    """The control of one field; `given` holds its value and Gradio's own arguments."""
    given = {"label": label(name, facts), "info": facts.help, "value": default} | given
    if name == "model":
        given |= {"choices": models(settings, given["value"]), "info": None}
        return gr.Dropdown(allow_custom_value=settings.allow_any_model, filterable=True, **given)
    if picks(facts):
        return Picker(entries=entries(records(facts)), several=facts.names is not None, column=name, **given)
    if facts.choices is not None:
        return gr.Dropdown(choices=choices(facts), filterable=False, **given)
    if isinstance(default, bool):
        return gr.Checkbox(**given)
    if isinstance(default, int | float):
        return _number(default, facts, given)
    if facts.max_chars > LONG_TEXT:  # the help stands in the empty box, where it takes no room
        return gr.Textbox(lines=3, max_lines=8, placeholder=given.pop("info"), **given)
    return gr.Textbox(lines=1, max_lines=1, **given)


def _number(default: float, facts: Option, given: dict) -> Control:
    whole = isinstance(default, int)
    if facts.low is None or facts.high is None or (whole and facts.high - facts.low > SLIDER_STEPS):
        return gr.Number(precision=0 if whole else None, **given)
    return gr.Slider(minimum=facts.low, maximum=facts.high, step=1 if whole else 0.05, **given)
