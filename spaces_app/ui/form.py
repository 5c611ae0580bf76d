"""The controls of one tab: spec → values, values → spec. Knows widgets, not events."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import gradio as gr
from gradio.components import Component

from spaces_app.errors import AppError
from spaces_app.settings import Settings
from spaces_app.spec import Spec
from spaces_app.tabs import Tab
from spaces_app.ui import widgets


class Form:
    """The controls of a tab's spec, by field name. Add them inside the tab's Blocks context."""

    def __init__(self, tab: Tab, settings: Settings, shown: Spec):
        self.tab, self.settings, self.kind = tab, settings, tab.analysis.spec
        self.controls: dict[str, Component] = {}
        self._shown, self._reasons = shown, tab.idle(shown)

    def group(self, group: str) -> list[str]:
        """The fields of one group, in the order the spec declares them."""
        return [name for name, _, facts in self.kind.options() if facts.group == group]

    def add(self, name: str) -> Component:
        """The control of one field, showing the spec the form was made with."""
        _, default, facts = next(option for option in self.kind.options() if option[0] == name)
        given = {"value": getattr(self._shown, name), "elem_id": f"{self.kind.kind}-{name}"}
        given["elem_classes"] = ["seq-field"]
        if name in self._reasons and self._can_idle(facts.group):
            given |= {"interactive": False, "info": self._reasons[name]}
        self.controls[name] = widgets.control(name, default, facts, self.settings, **given)
        return self.controls[name]

    @property
    def names(self) -> list[str]:
        """The fields with a control, in the order their values arrive."""
        return list(self.controls)

    def spec(self, values: Sequence, kept: Mapping | None = None) -> Spec:
        """The spec of the controls' values. Raises AppError.

        While everything that decides what the model writes stays as in the figure on screen, whose `keep` record this
        is, its exact output and model revision are kept: another method then explains the same words, even where
        sampling would differ. A forged record changes nothing that a link could not ask as well.
        """
        fields = {name: self._plain(name, value) for name, value in zip(self.names, values, strict=True)}
        spec = self.kind.from_dict(fields)
        kept = kept if isinstance(kept, Mapping) else {}
        hidden = kept.get("hidden") if isinstance(kept.get("hidden"), Mapping) else {}
        if kept.get("same") != self._fingerprint(spec):
            hidden = {"revision": hidden.get("revision", "")} if kept.get("model") == fields.get("model") else {}
        try:
            return spec.replace(**{name: hidden[name] for name in self.group("hidden") if name in hidden})
        except AppError:
            return spec

    def keep(self, spec: Spec) -> dict:
        """What the page remembers of the spec it shows: the fields without a control, and what they depend on."""
        full = spec.to_dict()
        hidden = {name: full[name] for name in self.group("hidden")}
        return {"same": self._fingerprint(spec), "model": full.get("model", ""), "hidden": hidden}

    def _fingerprint(self, spec: Spec) -> str:
        """Equal for specs that let the model write the same: a digest of all but the method and the hidden fields."""
        values = {name: getattr(spec, name) for group in ("main", "generation") for name in self.group(group)}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode("ascii")).hexdigest()

    def fill(self, spec: Spec) -> dict[Component, object]:
        """What to return from an event so that the controls show `spec`."""
        updates = {self.controls[name]: getattr(spec, name) for name in self.names}
        if "model" in self.controls:  # a link may name a model that the list does not
            offered = widgets.models(self.settings, spec.model)
            updates[self.controls["model"]] = gr.update(value=spec.model, choices=offered)
        return updates | self.state(spec, values=True)

    def state(self, spec: Spec, *, values: bool = False) -> dict[Component, object]:
        """Updates that enable the options that count, and disable the others with the reason."""
        reasons, updates = self.tab.idle(spec), {}
        for name, _, facts in self.kind.options():
            if name in self.controls and self._can_idle(facts.group):
                update = {"interactive": name not in reasons, "info": reasons.get(name, facts.help)}
                if values:
                    update["value"] = getattr(spec, name)
                updates[self.controls[name]] = gr.update(**update)
        return updates

    def shows(self, spec: Spec) -> list:
        """The controls' values when they show `spec`, in order; plain data, for the page to compare with."""
        return [getattr(spec, name) for name in self.names]

    def _can_idle(self, group: str) -> bool:
        return group in ("method", "generation")

    def _plain(self, name: str, value):
        default = self.kind.default(name)
        if value is None and isinstance(default, str):
            return ""
        return value
