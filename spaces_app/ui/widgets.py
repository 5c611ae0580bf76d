"""One field of a Spec → one control. Knows declarations, not what they mean."""

from __future__ import annotations

from collections.abc import Mapping

import gradio as gr
from gradio.components import Component

from spaces_app.models.cards import listed
from spaces_app.settings import Settings
from spaces_app.spec import Option

LONG_TEXT = 1000  # a field that may be longer gets a box of several lines
SLIDER_STEPS = 1000  # a range of more whole numbers than this cannot be hit with a pointer


def label(name: str, facts: Option) -> str:
    """What people read instead of the field's name."""
    return facts.label or name.replace("_", " ").capitalize()


def choices(facts: Option) -> list[tuple[str, str]]:
    """(label, name) of every choice: the label of the table's record where there is one."""
    table = facts.choices()
    if not isinstance(table, Mapping):
        return [(name.replace("_", " ").capitalize(), name) for name in table]
    return [(getattr(record, "label", name), name) for name, record in table.items()]


def models(settings: Settings, value: str) -> list[tuple[str, str]]:
    """(label, id) of the models offered, `value` among them."""
    offered = [(card.label, card.id) for card in listed(settings)]
    return offered if value in [name for _, name in offered] else [*offered, (value, value)]


def control(name: str, default, facts: Option, settings: Settings, **given) -> Component:
    """The control of one field; `given` holds its value and Gradio's own arguments."""
    given = {"label": label(name, facts), "info": facts.help, "value": default} | given
    if name == "model":
        given |= {"choices": models(settings, given["value"]), "info": None}
        return gr.Dropdown(allow_custom_value=settings.allow_any_model, filterable=True, **given)
    if facts.choices is not None:
        return gr.Dropdown(choices=choices(facts), filterable=False, **given)
    if isinstance(default, bool):
        return gr.Checkbox(**given)
    if isinstance(default, int | float):
        return _number(default, facts, given)
    if facts.max_chars > LONG_TEXT:  # the help stands in the empty box, where it takes no room
        return gr.Textbox(lines=3, max_lines=8, placeholder=given.pop("info"), **given)
    return gr.Textbox(lines=1, max_lines=1, **given)


def _number(default: float, facts: Option, given: dict) -> Component:
    whole = isinstance(default, int)
    if facts.low is None or facts.high is None or (whole and facts.high - facts.low > SLIDER_STEPS):
        return gr.Number(precision=0 if whole else None, **given)
    return gr.Slider(minimum=facts.low, maximum=facts.high, step=1 if whole else 0.05, **given)
