"""One tab on the page: its form, figure, status, link row and events. Knows any Tab, and no tab in particular."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import gradio as gr

from spaces_app.analyses.base import Result
from spaces_app.errors import AppError, ModelUnavailable, SpecError
from spaces_app.gallery import Example, examples
from spaces_app.lanes import shown as plain
from spaces_app.link import to_link
from spaces_app.runner import Runner
from spaces_app.settings import Settings
from spaces_app.spec import Spec
from spaces_app.tabs import Tab
from spaces_app.ui import text
from spaces_app.ui.form import Form
from spaces_app.ui.part import Part

# Everything that computes, in all tabs and the API, counts against one limit. It is above 1 because the lane already
# takes one spec at a time; here it only lets waiting visitors see what they wait for.
COMPUTING = {"concurrency_id": "model", "concurrency_limit": 16}
INSTANT = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
SETTLED = {gr.Textbox: "blur", gr.Slider: "release"}  # the event after which a value stays, where it is not "input"
POLL = 0.4  # seconds between looks at a computation; each look holds a thread of the page's for as long


@dataclass(frozen=True)
class Shown:
    """What a figure shows and how the form relates to it."""

    result: Result
    origin: str
    view: str = ""
    form: list | None = None


class Panel:
    """The controls and outputs of one tab. Build it inside `gr.Tabs`, then `wire` it."""

    def __init__(self, tab: Tab, runner: Runner, settings: Settings):
        self.tab, self.runner, self.settings = tab, runner, settings
        self.kind = tab.analysis.spec
        self.examples: dict[str, Example] = {example.name: example for example in examples(tab.analysis.name)}
        self._recorded = {e.result.spec.digest(): e.result for e in self.examples.values()}
        first = next(iter(self.examples.values()), None)
        self.first = Shown(first.result, "recorded", first.view) if first else None
        self.form = Form(tab, settings, first.result.spec if first else self.kind())
        with gr.Tab(tab.title, id=tab.analysis.name), gr.Column(elem_id=self._id, elem_classes=["seq-tab"]):
            gr.HTML(f"<h2>{html.escape(tab.question)}</h2>", elem_classes=["seq-question"])
            self._gallery = Part("examples", self._cards())
            with gr.Row(elem_classes=["seq-body"]):
                with gr.Column(elem_classes=["seq-form"]):
                    self._controls()
                with gr.Column(elem_classes=["seq-result"]):
                    self._outputs()

    @property
    def _id(self) -> str:
        return f"tab-{self.tab.analysis.name}"

    def _cards(self) -> dict:
        cards = [
            {"name": e.name, "title": e.title, "question": e.question, "digest": e.result.spec.digest()}
            for e in self.examples.values()
        ]
        return {"examples": cards, "shown": cards[0]["digest"] if cards else ""}

    def _controls(self) -> None:
        spec = self.first.result.spec if self.first else self.kind()
        for name in self.form.group("main"):
            self.form.add(name)
        with gr.Row(elem_classes=["seq-buttons"]):
            self.run = gr.Button("Run", variant="primary", elem_classes=["seq-run"])
            self.stop = gr.Button("Stop", elem_classes=["seq-stop"])
        with gr.Accordion(self._method_title(spec), open=False, elem_classes=["seq-more"]) as self._method:
            for name in self.form.group("method"):
                self.form.add(name)
                if name in self.tab.governing:
                    self._about = Part("about", self._about_value(spec))
        with gr.Accordion("Generation", open=False, elem_classes=["seq-more"]):
            for name in self.form.group("generation"):
                self.form.add(name)

    def _outputs(self) -> None:
        self.status = Part("status", text.IDLE)
        with gr.Column(elem_classes=["seq-figure"]):
            self.figure = self.tab.figure(self._figure_value(self.first) if self.first else None)
        self.share = Part("share", self._share_value(self.first, write=False) if self.first else None)
        # Comes back with every run; small, so that two texts at their limit stay within what one request may hold.
        self.kept = Part("kept", self.form.keep(self.first.result.spec) if self.first else {}, shown=False)

    @property
    def outputs(self) -> list:
        """Every component an opened link may change."""
        return [*self.form.controls.values(), self._method, self._about, *self._results]

    @property
    def _results(self) -> list:
        return [self.figure, self.share, self.kept, self.status]

    # What the components are given ------------------------------------------------------------------------------

    def _figure_value(self, shown: Shown) -> dict:
        return self.tab.view(shown.result, state=shown.view, origin=shown.origin)

    def _share_value(self, shown: Shown, *, write: bool = True) -> dict:
        spec = shown.result.spec
        form = self.form.shows(spec) if shown.form is None else shown.form
        value = self._link(spec, shown.view, form)
        return value | {"write": write, "filled": shown.form is None}

    def _link(self, spec: Spec, view: str, form: list) -> dict:
        try:
            token, note = to_link(spec).removeprefix("?s="), ""
        except SpecError:
            token, note = "", text.TOO_LONG
        base = f"https://huggingface.co/spaces/{self.settings.space_id}" if self.settings.space_id else ""
        link = {"token": token, "digest": spec.digest(), "view": view, "base": base, "note": note}
        return link | {"fields": self.form.names, "form": form, "rerun": False}

    def _method_title(self, spec: Spec) -> str:
        label, _, _ = self.tab.about(spec)
        return f"Method: {label}" if label else "Method"

    def _about_value(self, spec: Spec) -> dict:
        _, sentence, source = self.tab.about(spec)
        return {"text": sentence, "source": source}

    def _governed(self, spec: Spec) -> dict:
        return {self._method: gr.update(label=self._method_title(spec)), self._about: self._about_value(spec)}

    # Answers to events ------------------------------------------------------------------------------------------

    def known(self, digest: str) -> Shown | None:
        """What can be shown at once: a recorded example, or a stored result. Never waits for a model."""
        if digest in self._recorded:
            return Shown(self._recorded[digest], "recorded")
        result = self.runner.stored(digest)
        return None if result is None else Shown(result, "stored")

    def present(self, shown: Shown) -> dict:
        """Updates that show a result; its inputs too, unless the form has them already."""
        updates = {
            self.figure: self._figure_value(shown),
            self.share: self._share_value(shown),
            self.kept: self.form.keep(shown.result.spec),
            self.status: text.IDLE,
        }
        if shown.form is None:
            updates |= self.form.fill(shown.result.spec) | self._governed(shown.result.spec)
        return updates

    def prepare(self, spec: Spec, view: str) -> dict:
        """Updates for a link whose result is not stored: the form is filled, and the page asks for the run itself.

        On ZeroGPU the visitor is asked first, since computing spends their daily allowance.
        """
        rerun = not self.settings.zero_gpu
        link = self._link(spec, view, self.form.shows(spec)) | {"write": True, "filled": True, "rerun": rerun}
        status = text.OPENING if rerun else text.ASK
        filled = self.form.fill(spec) | self._governed(spec)
        kept = self.form.keep(spec) | {"spec": spec.to_dict(), "view": view}
        return filled | {self.figure: None, self.share: link, self.kept: kept, self.status: status}

    def pick(self, event: gr.EventData) -> dict:
        """Show a recorded example."""
        example = self.examples.get(str(event._data.get("name")))
        if example is None:
            return {self.status: text.IDLE}
        return self.present(Shown(example.result, "recorded", example.view))

    def answer(self, *values) -> Iterator[dict]:
        """Compute what the form asks, telling of progress."""
        *fields, kept = values
        try:
            spec, fresh = self.form.spec(fields, kept), self.form.spec(fields)
        except AppError as error:
            yield {self.status: text.failed(error)}
            return
        yield from self._compute(spec, form=fields, otherwise=fresh)

    def answer_link(self, kept: Mapping | None) -> Iterator[dict]:
        """Compute what an opened link asks, with its exact output."""
        kept = kept if isinstance(kept, Mapping) else {}
        try:
            asked = kept.get("spec")
            spec = self.kind.from_dict(asked if isinstance(asked, Mapping) else {})
        except AppError as error:
            yield {self.status: text.failed(error)}
            return
        yield from self._compute(spec, view=str(kept.get("view", "")), form=self.form.shows(spec))

    def _compute(
        self, spec: Spec, *, view: str = "", form: list | None = None, otherwise: Spec | None = None
    ) -> Iterator[dict]:
        job = None
        try:
            known = self.known(spec.digest())
            if known is None:
                job = self.runner.submit(spec)
            while known is None:
                try:
                    known = Shown(job.result(timeout=POLL), "computed")
                except TimeoutError:
                    yield {self.status: text.progress(*job.progress, self.runner.waiting())}
            yield self.present(replace(known, view=view, form=form))
        except ModelUnavailable as error:
            if otherwise is None or otherwise == spec:
                yield {self.status: text.failed(error)}
            else:  # the revision of the figure on screen is gone, as when a local folder has been trained anew
                yield from self._compute(otherwise, view=view, form=form)
        except Exception as error:
            yield {self.status: text.failed(plain(error))}
        finally:
            if job is not None:
                job.cancel()  # the visitor has left or pressed Stop; harmless when it is done

    def change(self, *values) -> dict:
        """Say which options count now, after one that governs others has changed."""
        try:
            spec = self.form.spec(values)
        except AppError:
            return gr.skip()  # Run will say what is wrong
        return self.form.state(spec) | self._governed(spec)

    # Wiring -----------------------------------------------------------------------------------------------------

    def wire(self) -> None:
        """Connect the controls. Call it inside the page's Blocks context."""
        controls = list(self.form.controls.values())
        asked = [self.run.click, *(box.submit for box in controls if isinstance(box, gr.Textbox))]
        private = {"show_progress": "hidden", "api_visibility": "private"}
        run = gr.on(asked, self.answer, [*controls, self.kept], self._results, **COMPUTING, **private)
        rerun = self.share.rerun(self.answer_link, [self.kept], self._results, **COMPUTING, **private)
        self.stop.click(lambda: text.STOPPED, None, [self.status], cancels=[run, rerun], **INSTANT)
        self._gallery.pick(self.pick, None, self.outputs, **INSTANT)
        governing = [self.form.controls[name] for name in self.tab.governing]
        settled = [getattr(control, SETTLED.get(type(control), "input")) for control in governing]
        idled = [c for name in ("method", "generation") for c in map(self.form.controls.get, self.form.group(name))]
        gr.on(
            settled, self.change, controls, [*idled, self._method, self._about], trigger_mode="always_last", **INSTANT
        )
        # Not `input`, which Gradio's text boxes leave out when text is pasted.
        gr.on([control.change for control in controls], None, controls, None, js=self._report())

    def _report(self) -> str:
        """Script that tells the tab what the form says now; runs in the browser on every change."""
        names = ", ".join(f'"{name}"' for name in self.form.names)
        return (
            "(...values) => { const names = [" + names + "];"
            f' document.getElementById("{self._id}")?.dispatchEvent(new CustomEvent("seqscope:form",'
            " { detail: Object.fromEntries(names.map((name, i) => [name, values[i]])) })); return []; }"
        )
