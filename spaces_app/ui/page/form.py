"""The controls of one tab: spec → values, values → spec."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block

from spaces_app.errors import AppError
from spaces_app.settings import Settings
from spaces_app.spec import Option, Spec
from spaces_app.tabs import Tab
from spaces_app.ui.page import widgets
from spaces_app.ui.page.picker import Picker
from spaces_app.ui.page.widgets import Control

SWITCH = "analysis"  # the control that says which of the tab's questions is asked; there where it has several
COLLAPSING = ("method", "contrast")  # groups whose options are there only while they count
DISABLING = "generation"  # the group whose options stay, and say why they do not count


class Form:
    """The controls of a tab, by field name. Add them inside the tab's Blocks context.

    A tab with several questions has one control for each field, whichever of the specs declare it.
    """

    def __init__(self, tab: Tab, settings: Settings, shown: Spec):
        self.tab, self.settings = tab, settings
        self.kinds: dict[str, type[Spec]] = {name: view.analysis.spec for name, view in tab.views.items()}
        self.controls: dict[str, Control] = {}
        self.boxes: dict[str, gr.Column] = {}  # around controls that cannot be hidden themselves
        self.sections: dict[str, gr.Accordion] = {}
        self._options: dict[str, tuple[object, Option]] = {}
        for kind in reversed(self.kinds.values()):  # what the first question says of a field counts
            self._options |= {name: (default, facts) for name, default, facts in kind.every_option() if _seen(facts)}
        self._differing = {name for name in self._options if len(set(self._choices(name).values())) > 1}
        self._shown, self._reasons = shown, tab.views[shown.kind].idle(shown)

    def _choices(self, name: str) -> dict[str, tuple[str, ...]]:
        """What a field may be, by the kinds of question that have it."""
        fields = {kind: {field: facts for field, _, facts in spec.every_option()} for kind, spec in self.kinds.items()}
        declared = {kind: own[name].choices for kind, own in fields.items() if name in own}
        return {kind: tuple(choices()) for kind, choices in declared.items() if choices}

    def group(self, group: str) -> list[str]:
        """The fields of one group, in the order the specs declare them."""
        chosen = [view.choosing for view in self.tab.views.values()]  # what everything else depends on comes first
        declared = [name for kind in self.kinds.values() for name, _, _ in kind.every_option()]
        order = [name for name in dict.fromkeys([*chosen, *declared]) if name in self._options]
        return [name for name in order if self._options[name][1].group == group]

    def split(self, group: str) -> tuple[list[str], list[str]]:
        """The fields of a group that choose from a table of records, and the other ones."""
        names = self.group(group)
        lists = [name for name in names if widgets.picks(self._options[name][1])]
        return lists, [name for name in names if name not in lists]

    def switch(self) -> gr.Radio | None:
        """The control that chooses the question, or None where there is one only."""
        if len(self.kinds) < 2:
            return None
        choices = [(view.label or view.title, name) for name, view in self.tab.views.items()]
        self.controls[SWITCH] = switch = gr.Radio(
            choices, value=self._shown.kind, show_label=False, container=False,
            elem_id=f"{self.tab.name}-{SWITCH}", elem_classes=["seq-switch"],
        )  # fmt: skip
        return switch

    def section(self, group: str, title: str, **given: Any) -> gr.Accordion:
        """The folding part of the form that holds a group; enter it and `add` the group's fields."""
        self.sections[group] = gr.Accordion(
            title, elem_classes=["seq-more"], visible=self._holds(group, self._shown, self._reasons), **given
        )
        return self.sections[group]

    def add(self, name: str) -> Control:
        """The control of one field, showing the spec the form was made with."""
        default, facts = self._options[name]
        declared = {name for name, _, _ in self._shown.declared()}
        value = self._shown.value(name) if name in declared else default
        given = {"value": value, "elem_id": f"{self.tab.name}-{name}", "elem_classes": ["seq-field"]}
        there, reason = self._there(name, self._shown, self._reasons), self._reasons.get(name)
        if reason and facts.group == DISABLING:
            given |= {"interactive": False, "info": reason}
        if widgets.picks(facts):
            with gr.Column(visible=there, elem_classes=["seq-box"]) as self.boxes[name]:
                self.controls[name] = widgets.control(name, default, facts, self.settings, **given)
        else:
            self.controls[name] = widgets.control(name, default, facts, self.settings, visible=there, **given)
        return self.controls[name]

    @property
    def names(self) -> list[str]:
        """The fields with a control, in the order their values arrive."""
        return list(self.controls)

    @property
    def parts(self) -> list:
        """Every component that changes with the spec."""
        return [*self.controls.values(), *self.boxes.values(), *self.sections.values()]

    def kind(self, values: Sequence) -> type[Spec]:
        """The kind of question that the controls' values ask."""
        asked = dict(zip(self.names, values, strict=True)).get(SWITCH)
        return self.kinds.get(asked or "") or next(iter(self.kinds.values()))

    def spec(self, values: Sequence, kept: object = None) -> Spec:
        """The spec of the controls' values. Raises AppError.

        While everything that decides what the model writes stays as in the figure on screen, whose `keep` record this
        is, its exact output and model revision are kept: another method then explains the same words, even where
        sampling would differ. A forged record changes nothing that a link could not ask as well.
        """
        kind = self.kind(values)
        own = {name for name, _, facts in kind.every_option() if _seen(facts)}
        given = zip(self.names, values, strict=True)
        fields = {name: self._plain(kind, name, value) for name, value in given if name in own}
        spec = kind.from_dict(kind.heeded(fields))
        known: Mapping = kept if isinstance(kept, Mapping) else {}
        given_back = known.get("hidden")
        hidden: Mapping = given_back if isinstance(given_back, Mapping) else {}
        if known.get("same") != self._fingerprint(spec):
            hidden = {"revision": hidden.get("revision", "")} if known.get("model") == fields.get("model") else {}
        if known.get("contrast") != _digest(fields.get("contrast", "")):
            hidden = {name: value for name, value in hidden.items() if name != "contrast_ids"}
        try:
            return spec.replace(**{name: hidden[name] for name in _hidden(kind) if name in hidden})
        except AppError:
            return spec

    def keep(self, spec: Spec) -> dict:
        """What the page remembers of the spec it shows: the fields without a control, and what they depend on."""
        full = spec.to_dict()
        hidden = {name: full[name] for name in _hidden(type(spec)) if name not in self._options}
        contrast = _digest(full.get("contrast", ""))
        same, model = self._fingerprint(spec), full.get("model", "")
        return {"digest": spec.digest(), "same": same, "model": model, "contrast": contrast, "hidden": hidden}

    def _fingerprint(self, spec: Spec) -> str:
        """Equal for specs that let the model write the same: a digest of all but the method and the hidden fields."""
        names = [name for group in ("main", "generation") for name in self.group(group)]
        return _digest({name: getattr(spec, name) for name in names if hasattr(spec, name)})

    def fill(self, spec: Spec) -> dict[Block, object]:
        """What to return from an event so that the controls show `spec`. What it has no field for stays."""
        switched: dict[Block, object] = {self.controls[SWITCH]: spec.kind} if SWITCH in self.controls else {}
        return switched | self.state(spec, values=True)

    def state(self, spec: Spec, *, values: bool = False) -> dict[Block, object]:
        """Updates that show the options that count, and hide or disable the others."""
        reasons = self.tab.views[spec.kind].idle(spec)
        updates: dict[Block, object] = {}
        shown = self._values(spec) if values else {}
        for name, control in self.controls.items():
            if name == SWITCH:
                continue
            facts, there = self._options[name][1], self._there(name, spec, reasons)
            if isinstance(control, Picker):
                updates[self.boxes[name]] = gr.update(visible=there)
                updates |= {control: shown[name]} if name in shown else {}
                continue
            update: dict[str, Any] = {"value": shown[name]} if name in shown else {}
            if facts.group in COLLAPSING or len(self.kinds) > 1:
                update["visible"] = there
            if facts.group == DISABLING:
                update |= {"interactive": name not in reasons, "info": reasons.get(name, facts.help)}
            if name == "model" and name in shown:  # a link may name a model that the list does not
                update["choices"] = widgets.models(self.settings, spec.model)
            if name in self._differing and spec.kind in self._choices(name):
                own = next(facts for field, _, facts in spec.declared() if field == name)
                update |= {"choices": widgets.choices(own), "value": spec.value(name)}
            if update:
                updates[control] = gr.update(**update)
        for group, section in self.sections.items():
            updates[section] = gr.update(visible=self._holds(group, spec, reasons))
        return updates

    def idle(self, spec: Spec) -> list[list[str]]:
        """[label, reason] of the options that are hidden because they do not count."""
        reasons = self.tab.views[spec.kind].idle(spec)
        labels = {name: widgets.label(name, facts) for name, _, facts in spec.declared() if facts.group in COLLAPSING}
        return [[label, reasons[name]] for name, label in labels.items() if name in reasons]

    def shows(self, spec: Spec) -> list:
        """The controls' values when they show `spec`, in order; None where it has no such field."""
        values = self._values(spec)
        return [values.get(name) for name in self.names]

    def _values(self, spec: Spec) -> dict:
        own = {name for name, _, facts in spec.declared() if _seen(facts)}
        values = {name: spec.value(name) for name in self.controls if name in own}
        return values | ({SWITCH: spec.kind} if SWITCH in self.controls else {})

    def _there(self, name: str, spec: Spec, reasons: Mapping[str, str]) -> bool:
        """Whether a control is on the page: its question is asked, and it counts or says why it does not."""
        facts = next((facts for field, _, facts in spec.declared() if field == name and _seen(facts)), None)
        return facts is not None and not (name in reasons and facts.group in COLLAPSING)

    def _holds(self, group: str, spec: Spec, reasons: Mapping[str, str]) -> bool:
        return any(self._there(name, spec, reasons) for name in self.group(group))

    def _plain(self, kind: type[Spec], name: str, value: object) -> object:
        if value is None and isinstance(kind.default(name), str):
            return ""
        # What another question of the tab may choose and this one may not, such as both sides, is its own default here.
        known = self._choices(name) if name in self._differing else {}
        elsewhere = any(value in choices for choices in known.values())
        return kind.default(name) if elsewhere and value not in known[kind.kind] else value


def _seen(facts: Option) -> bool:
    return facts.group != "hidden"


def _hidden(kind: type[Spec]) -> list[str]:
    return [name for name, _, facts in kind.options() if not _seen(facts)]


def _digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("ascii")).hexdigest()
