"""What a tab of the page answers to events: updates of its components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.blocks import Block

from spaces_app.errors import AppError, ModelUnavailable, SpecError, to_app_error
from spaces_app.figures import figure_of
from spaces_app.link import spec_from_dict, to_link, valid_view
from spaces_app.results import Result
from spaces_app.serving.gallery import Example
from spaces_app.serving.runner import Job, Runner
from spaces_app.settings import Settings
from spaces_app.spec import Spec
from spaces_app.tabs import Tab
from spaces_app.ui.page import messages, provenance
from spaces_app.ui.page.parts import Parts, Shown
from spaces_app.ui.page.sharing import shared

POLL = 0.4  # seconds between looks at a computation; each look holds a thread of the page's for as long
PATIENCE = 2.0  # seconds that a look at what questions would take may wait for a busy lane


class Answers(Parts):
    """The answers of one tab. A subclass makes the components. `others` are the other tabs' answers, by analysis."""

    others: Mapping[str, Answers]

    def __init__(self, tab: Tab, runner: Runner, settings: Settings, recorded: Mapping[str, tuple[Example, ...]]):
        self.tab, self.runner, self.settings = tab, runner, settings
        self.kinds = {name: view.analysis.spec for name, view in tab.views.items()}
        self.examples = {example.name: example for name in tab.views for example in recorded[name]}
        self._recorded = {e.result.spec.digest(): e.result for e in self.examples.values()}
        first = next(iter(self.examples.values()), None)
        self.first = Shown(first.result, "recorded", first.view) if first else None

    # What the components are given ------------------------------------------------------------------------------

    def drawn(self, kind: str, value: dict | None) -> dict:
        """Updates that show the figure of one question with this value, and no other."""
        own = figure_of(kind).component
        updates: dict[Block, object] = {self.figures[own][1]: value}
        if len(self.figures) > 1:
            updates |= {column: gr.update(visible=name == own) for name, (column, _) in self.figures.items()}
        return updates if value is not None else updates | {self.record: {}}

    def share_value(self, shown: Shown, *, write: bool = True) -> dict:
        spec = shown.result.spec
        form = self.form.shows(spec) if shown.form is None else shown.form
        value = self._link(spec, shown.view, form)
        return value | {"write": write, "filled": shown.form is None}

    def _link(self, spec: Spec, view: str, form: list) -> dict:
        try:
            token, note = to_link(spec).removeprefix("?s="), ""
        except SpecError:
            token, note = "", messages.TOO_LONG
        base = f"https://huggingface.co/spaces/{self.settings.space_id}" if self.settings.space_id else ""
        link = {"token": token, "digest": spec.digest(), "view": view, "base": base, "note": note}
        return link | {"fields": self.form.names, "form": form, "rerun": False}

    def method_title(self, spec: Spec) -> str:
        label, _, _ = self.tab.views[spec.kind].about(spec)
        return f"Method: {label}" if label else "Method"

    def about_value(self, spec: Spec) -> dict:
        _, sentence, source = self.tab.views[spec.kind].about(spec)
        return {"text": sentence, "source": source, "idle": self.form.idle(spec)}

    def costs_value(self, spec: Spec, *, look: bool = False) -> dict:
        """What is known before a run: seconds by choice, reasons by field and choice. `look` asks the lane."""
        view = self.tab.views[spec.kind]
        reasons = {field: dict(found) for field, found in view.refused(spec).items()}
        seconds: dict[str, float] = {}
        value = {"field": view.choosing, "seconds": seconds, "limit": self.settings.max_seconds, "note": "", "text": ""}
        if not look or not view.choosing:
            return value | {"reasons": reasons}
        found = self.runner.estimate(view.priced(spec), PATIENCE)
        if found is None:
            return value | {"reasons": reasons, "note": messages.LOOKING, "again": True}
        for name, estimate in found.items():
            if estimate.reason:
                reasons.setdefault(view.choosing, {}).setdefault(name, messages.sentence(estimate.reason))
            elif estimate.seconds is not None:
                seconds[name] = round(estimate.seconds, 2)
        chosen = [seconds.get(name) for name in str(getattr(spec, view.choosing)).split(",")]
        told = [found for found in chosen if found is not None]
        if chosen and len(told) == len(chosen):
            value["text"] = messages.expected(sum(told))
        return value | {"reasons": reasons, "note": "" if seconds else messages.UNKNOWN_TIME}

    def governed(self, spec: Spec) -> dict:
        """Updates of what follows from the options that govern others."""
        section = self.form.sections.get("method")
        updates = {section: gr.update(label=self.method_title(spec), visible=True)} if section is not None else {}
        return updates | {self.about: self.about_value(spec), self.costs: self.costs_value(spec)}

    # Answers to events ------------------------------------------------------------------------------------------

    def known(self, digest: str) -> Shown | None:
        """What can be shown at once: a recorded example, or a stored result. Never waits for a model."""
        if digest in self._recorded:
            return Shown(self._recorded[digest], "recorded")
        result = self.runner.stored(digest)
        return None if result is None or result.spec.kind not in self.kinds else Shown(result, "stored")

    def present(self, shown: Shown) -> dict:
        """Updates that show a result; its inputs too, unless the form has them already."""
        spec = shown.result.spec
        updates = self.drawn(spec.kind, shown.value()) | {
            self.share: self.share_value(shown),
            self.record: provenance.record(shown.result, shown.origin),
            self.kept: self.form.keep(spec),
            self.status: messages.IDLE,
        }
        return updates if shown.form is not None else updates | self.form.fill(spec) | self.governed(spec)

    def prepare(self, spec: Spec, view: str) -> dict:
        """Updates for a link whose result is not stored: the form is filled, and the page asks for the run itself.

        On ZeroGPU the visitor is asked first, since computing spends their daily allowance; so is whoever opens a link
        to a model that has not been used here.
        """
        strange = self.runner.strange(spec)
        rerun = not (self.settings.zero_gpu or strange)
        said = messages.stranger(strange) if strange else messages.OPENING if rerun else messages.ASK
        link = self._link(spec, view, self.form.shows(spec)) | {"write": True, "filled": True, "rerun": rerun}
        kept = self.form.keep(spec) | {"spec": spec.to_dict(), "view": view}
        filled = self.form.fill(spec) | self.governed(spec) | self.drawn(spec.kind, None)
        return filled | {self.share: link, self.kept: kept, self.status: said}

    def hand_out(self, event: gr.EventData) -> dict:
        """What the share dialog shows for a figure, or a sentence when its result is gone."""
        data = event._data if isinstance(event._data, Mapping) else {}
        try:
            shown = self.known(str(data.get("digest", "")))
            if shown is None:
                return {self.dialog: {"error": messages.FORGOTTEN}}
            page, view = str(data.get("page", "")), str(data.get("view", ""))
            return {self.dialog: shared(shown.result, page=page, view=view, settings=self.settings)}
        except (AppError, ValueError) as error:
            return {self.dialog: {"error": str(error)}}

    def follow(self, event: gr.EventData, *values: Any) -> Iterator[dict]:
        """Compute the question that a click in the figure asks, here or in the tab it belongs to."""
        *fields, kept = values
        data = event._data if isinstance(event._data, Mapping) else {}
        try:
            shown = self._clicked(fields, kept)
            asked = self.tab.views[shown.kind].asked
            if asked is None:
                yield gr.skip()
                return
            spec = asked(shown, data)
        except AppError as error:
            yield {self.status: messages.failed(error)}
            return
        there = self if spec.kind in self.kinds else self.others[spec.kind]
        updates = there.form.fill(spec) | there.governed(spec)
        if there is not self:  # what is drawn there is about something else
            updates |= there.drawn(spec.kind, None) | {self.tabs: gr.update(selected=there.tab.name)}
        yield updates
        yield from there._compute(spec, form=there.form.shows(spec))

    def _clicked(self, fields: list, kept: object) -> Spec:
        """The question of the form as long as it is about the words on screen, else that of the figure."""
        spec = self.form.spec(fields, kept)
        if getattr(spec, "continuation_ids", ()) or not isinstance(kept, Mapping):
            return spec
        shown = self.known(str(kept.get("digest", "")))
        return spec if shown is None else shown.result.spec

    def pick(self, event: gr.EventData) -> dict:
        """Show a recorded example."""
        example = self.examples.get(str(event._data.get("name")))
        if example is None:
            return {self.status: messages.IDLE}
        return self.present(Shown(example.result, "recorded", example.view))

    def answer(self, *values: Any) -> Iterator[dict]:
        """Compute what the form asks, telling of progress."""
        *fields, kept = values
        try:
            spec, fresh = self.form.spec(fields, kept), self.form.spec(fields)
        except AppError as error:
            yield {self.status: messages.failed(error)}
            return
        yield from self._compute(spec, form=fields, otherwise=fresh)

    def answer_link(self, kept: Mapping | None) -> Iterator[dict]:
        """Compute what an opened link asks, with its exact output."""
        kept = kept if isinstance(kept, Mapping) else {}
        try:
            asked = kept.get("spec")
            spec = spec_from_dict(asked if isinstance(asked, Mapping) else {}, self.kinds)
        except AppError as error:
            yield {self.status: messages.failed(error)}
            return
        if strange := self.runner.strange(spec):
            yield {self.status: messages.stranger(strange)}
            return
        yield from self._compute(spec, view=str(kept.get("view", "")), form=self.form.shows(spec))

    def recompute(self, event: gr.EventData) -> Iterator[dict]:
        """Compute the question of the figure anew, and say whether the numbers are those that were kept."""
        data = event._data if isinstance(event._data, Mapping) else {}
        try:
            before = self.known(str(data.get("digest", "")))
        except ValueError:  # not a digest
            before = None
        if before is None:
            yield {self.status: {"tone": "error", "text": messages.GONE}}
            return
        spec, view = before.result.spec, str(data.get("view", ""))
        view = view if valid_view(view) else ""
        yield from self._compute(spec, view=view, form=self.form.shows(spec), before=before.result)

    def _compute(
        self,
        spec: Spec,
        *,
        view: str = "",
        form: list | None = None,
        otherwise: Spec | None = None,
        before: Result | None = None,
    ) -> Iterator[dict]:
        """Updates while a question is answered. With `before` it is computed anew, and compared with that result."""
        job: Job | None = None
        try:
            known = self.known(spec.digest()) if before is None else None
            if known is None:
                job = self.runner.submit(spec, fresh=before is not None)
            while known is None:
                assert job is not None
                try:
                    known = Shown(job.result(timeout=POLL), "computed")
                except TimeoutError:
                    done, total, what = job.progress
                    yield {self.status: messages.progress(done, total, what, self.runner.waiting())}
            updates = self.present(replace(known, view=view, form=form))
            if before is not None:
                sentence = provenance.verdict(before, known.result)
                updates[self.record] = provenance.record(known.result, known.origin, sentence)
            yield updates
        except ModelUnavailable as error:
            if otherwise is None or otherwise == spec:
                yield {self.status: messages.failed(error)}
            else:  # the revision of the figure on screen is gone, as when a local folder has been trained anew
                yield from self._compute(otherwise, view=view, form=form)
        except Exception as error:
            yield {self.status: messages.failed(to_app_error(error))}
        finally:
            if job is not None:
                job.cancel()  # the visitor has left or pressed Stop; harmless when it is done

    def change(self, *values: Any) -> dict:
        """Say which options count now, after one that governs others has changed."""
        try:
            spec = self.form.spec(values)
        except AppError:
            return gr.skip()  # Run will say what is wrong
        return self.form.state(spec) | self.governed(spec)

    def turn(self, *values: Any) -> dict:
        """Show the form of another question of the tab, and what is known: its answer, else a recorded example."""
        *fields, kept = values
        try:
            spec = self.form.spec(fields, kept)
        except AppError:  # something on the form is wrong, of which Run will tell; its layout can follow all the same
            spec = self.form.kind(fields)()
        found = {} if len(self.figures) == 1 else self.drawn(spec.kind, None)
        recorded = [example.result.spec for example in self.examples.values()]
        prompts = {getattr(other, "prompt", None) for other in recorded}
        if found and getattr(spec, "prompt", None) in prompts:  # nothing of the visitor's own is lost
            spec = next((other for other in recorded if other.kind == spec.kind), spec)
        shown = self.known(spec.digest()) if found else None
        return self.present(shown) if shown else self.form.state(spec) | self.governed(spec) | found

    def look(self, *values: Any) -> dict:
        """Tell what the question would take, before it is run."""
        *fields, kept = values
        try:
            spec = self.form.spec(fields, kept)
        except AppError:
            return gr.skip()
        return {self.costs: self.costs_value(spec, look=True)}
