"""One tab on the page: its form, figures, status, link row and wiring."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from spaces_app.figures import figure_of
from spaces_app.serving.gallery import examples
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.spec import Spec
from spaces_app.tabs import Tab
from spaces_app.ui.page import messages, provenance
from spaces_app.ui.page.answers import Answers
from spaces_app.ui.page.form import SWITCH, Form
from spaces_app.ui.page.script_widget import ScriptWidget

# Everything that computes, in all tabs and the API, counts against one limit. It is above 1 because the lane already
# takes one spec at a time; here it only lets waiting visitors see what they wait for.
COMPUTING: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 16}
INSTANT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
SETTLED: dict[type, str] = {
    gr.Textbox: "blur",
    gr.Slider: "release",
}  # the event after which a value stays, where it is not "input"
# For each text box's place among the values, whether it holds a long text. Of those nothing but the length counts; a
# short one may be a list of numbers, so what it is made of stays. A text that is as the page came with tells nothing.
VEIL = """(...values) => {
  const tab = document.getElementById("tab-%s");
  const root = tab?.closest(".gradio-container");
  if (!root?.hasAttribute("data-private") || (%s && !tab.hasAttribute("data-stale"))) return values;
  const texts = %s;
  const like = (text) => text.replace(/\\d/g, "1").replace(/[^\\d\\s.,:;-]/g, "x");
  const veil = (text, long) => long ? "x".repeat(text.length) : like(text);
  return values.map((value, i) =>
    i in texts && typeof value === "string" && value !== texts[i].told ? veil(value, texts[i].long) : value);
}"""


class Panel(Answers):
    """The controls and outputs of one tab. Build it inside `gr.Tabs`, then `wire` it."""

    def __init__(self, tab: Tab, runner: Runner, settings: Settings):
        super().__init__(tab, runner, settings, {name: examples(name) for name in tab.views})
        spec = self.first.result.spec if self.first else next(iter(self.kinds.values()))()
        self.form = Form(tab, settings, spec)
        self.running: list = []  # the events that Stop ends
        with gr.Tab(tab.title, id=tab.name), gr.Column(elem_id=f"tab-{tab.name}", elem_classes=["seq-tab"]):
            gr.HTML(f"<h2>{html.escape(tab.question)}</h2>", elem_classes=["seq-question"])
            self._gallery = ScriptWidget("examples", self._cards())
            with gr.Row(elem_classes=["seq-body"]):
                with gr.Column(elem_classes=["seq-form"]):
                    self._controls(spec)
                with gr.Column(elem_classes=["seq-result"]):
                    self._outputs(spec)

    def _cards(self) -> dict:
        cards = [
            {"name": e.name, "title": e.title, "question": e.question, "digest": e.result.spec.digest()}
            for e in self.examples.values()
        ]
        return {"examples": cards, "shown": cards[0]["digest"] if cards else ""}

    def _controls(self, spec: Spec) -> None:
        form = self.form
        form.switch()
        for name in form.group("main"):
            form.add(name)
        groups = dict(self.tab.groups)
        self._section("contrast", groups.pop("contrast", ""), open=True)  # there only while the target needs it
        with gr.Row(elem_classes=["seq-buttons"]):
            self.run = gr.Button("Run", variant="primary", elem_classes=["seq-run"])
            self.stop = gr.Button("Stop", elem_classes=["seq-stop"])
        self.costs = ScriptWidget("costs", self.costs_value(spec))
        with form.section("method", self.method_title(spec), open=False):
            lists, others = form.split("method")
            chosen = [name for name in lists if name in [view.choosing for view in self.tab.views.values()]]
            for name in chosen:
                form.add(name)
            self.about = ScriptWidget("about", self.about_value(spec))
            for name in lists[len(chosen) :]:
                form.add(name)
            if others:
                with gr.Accordion("Options", open=False, elem_classes=["seq-more", "seq-options"]):
                    for name in others:
                        form.add(name)
        for group, title in groups.items():
            self._section(group, title, open=False)

    def _section(self, group: str, title: str, **given: Any) -> None:
        if title and self.form.group(group):
            with self.form.section(group, title, **given):
                for name in self.form.group(group):
                    self.form.add(name)

    def _outputs(self, spec: Spec) -> None:
        self.status = ScriptWidget("status", messages.IDLE)
        self.figures = {}
        shown = figure_of(spec.kind).component
        for figure in map(figure_of, self.tab.views):
            if figure.component in self.figures:
                continue
            own = figure.component == shown
            with gr.Column(elem_classes=["seq-figure"], visible=own) as column:
                value = self.first.value() if own and self.first else None
                self.figures[figure.component] = column, figure.gradio_class(value)
        self.share = ScriptWidget("share", self.share_value(self.first, write=False) if self.first else None)
        self.record = ScriptWidget("record", provenance.record(self.first.result, "recorded") if self.first else {})
        self.dialog = ScriptWidget("dialog", {})
        # Comes back with every run; small, so that two texts at their limit stay within what one request may hold.
        self.kept = ScriptWidget("kept", self.form.keep(self.first.result.spec) if self.first else {}, shown=False)

    @property
    def outputs(self) -> list:
        """Every component an opened link may change."""
        return [*self.form.parts, self.about, self.costs, *self._results]

    @property
    def _results(self) -> list:
        columns = [column for column, _ in self.figures.values()] if len(self.figures) > 1 else []
        return [
            *(figure for _, figure in self.figures.values()),
            *columns,
            self.share,
            self.record,
            self.kept,
            self.status,
        ]

    def join(self, tabs: gr.Tabs, panels: Mapping[str, Panel]) -> None:
        """Connect what the figures ask, which may lead to another tab. Before any panel is wired.

        `panels`: the panel of every analysis, by name.
        """
        self.tabs, self.others = tabs, panels
        inputs = [*self.form.controls.values(), self.kept]
        asking = [view for view in self.tab.views.values() if view.asked is not None]
        for component, view in {figure_of(view.name).component: view for view in asking}.items():
            there = [panels[name] for name in view.leads if name in panels]
            outputs = [*self.outputs, *([tabs] if there else ()), *(part for other in there for part in other.outputs)]
            private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
            asked = self.figures[component][1].ask(
                self.follow, inputs, outputs, js=self._veil(stale=True), **COMPUTING, **private
            )
            for panel in (self, *there):
                panel.running.append(asked)

    def wire(self) -> None:
        """Connect the controls. Call it inside the page's Blocks context, after every panel has been joined."""
        form = self.form
        controls = list(form.controls.values())
        asked = [self.run.click, *(box.submit for box in controls if isinstance(box, gr.Textbox))]
        private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        run = gr.on(asked, self.answer, [*controls, self.kept], self._results, **COMPUTING, **private)
        rerun = self.share.rerun(self.answer_link, [self.kept], self._results, **COMPUTING, **private)
        anew = self.record.again(self.recompute, None, self._results, **COMPUTING, **private)
        self.running += [run, rerun, anew]
        self.stop.click(lambda: messages.STOPPED, None, [self.status], cancels=self.running, **INSTANT)
        self._gallery.pick(self.pick, None, self.outputs, **INSTANT)
        self.dialog.ask(self.hand_out, None, [self.dialog], **INSTANT)
        names = dict.fromkeys(name for view in self.tab.views.values() for name in view.governing)
        governing = [form.controls[name] for name in names if name in form.controls]
        settled = [getattr(control, SETTLED.get(type(control), "input")) for control in governing]
        following = [*form.parts, self.about, self.costs]
        if settled:
            gr.on(settled, self.change, controls, following, js=self._veil(), trigger_mode="always_last", **INSTANT)
        if SWITCH in form.controls:
            given = [*controls, self.kept]
            last: dict[str, Any] = {"trigger_mode": "always_last", "js": self._veil()}
            switch = form.controls[SWITCH]
            assert isinstance(switch, gr.Radio)
            switch.input(self.turn, given, self.outputs, **last, **INSTANT)
        self.costs.ask(self.look, [*controls, self.kept], [self.costs], trigger_mode="always_last", **INSTANT)
        # Not `input`, which Gradio's text boxes leave out when text is pasted.
        gr.on([control.change for control in controls], None, controls, None, js=self._report())

    def _veil(self, *, stale: bool = False) -> str:
        """Script for events before Run: of typed texts only the length leaves the browser while the link is private.

        With `stale`, only while the form says other things than the figure.
        """
        boxes = [(i, box) for i, box in enumerate(self.form.controls.values()) if isinstance(box, gr.Textbox)]
        texts = {i: {"long": (box.max_lines or 1) > 1, "told": box.value} for i, box in boxes}
        return VEIL % (self.tab.name, "true" if stale else "false", json.dumps(texts))

    def _report(self) -> str:
        """Script that tells the tab what the form says now; runs in the browser on every change."""
        names = ", ".join(f'"{name}"' for name in self.form.names)
        return (
            "(...values) => { const names = [" + names + "];"
            f' document.getElementById("tab-{self.tab.name}")?.dispatchEvent(new CustomEvent("seqscope:form",'
            " { detail: Object.fromEntries(names.map((name, i) => [name, values[i]])) })); return []; }"
        )
