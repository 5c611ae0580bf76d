"""The public functions of HTTP API and MCP: one per analysis, typed from its Spec."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr

from spaces_app.analyses.base import Analysis
from spaces_app.errors import Cancelled, SpecError, to_app_error
from spaces_app.link import to_link
from spaces_app.results import Result
from spaces_app.serving.runner import Runner
from spaces_app.spec import Spec
from spaces_app.ui.server.listeners import Listeners

if TYPE_CHECKING:
    from spaces_app.spec import Option


POLL = 0.25  # seconds between looks whether anybody still waits


def endpoint(analysis: Analysis, runner: Runner, listeners: Listeners, base: str = "") -> Callable[..., dict]:
    """A function with one typed parameter per option of the analysis, which returns the result as plain data.

    The result is `Result.to_dict()` with the link that shows it; `base` is what that link begins with. Work whose
    caller has left, as `listeners` tell, is stopped.
    """
    options = [
        (name, default, facts) for name, default, facts in analysis.spec.every_option() if facts.group != "hidden"
    ]
    names = [name for name, _, _ in options]

    def answer(*values: Any, request: gr.Request | None = None, **named: Any) -> dict:
        *given, caller = [*values, request] if len(values) <= len(names) else values
        try:
            asked = dict(zip(names, given, strict=False)) | named
            spec = analysis.spec.from_dict(analysis.spec.heeded(asked))  # every option comes, given or not
            result = _awaited(spec, runner, listeners, caller)
        except Exception as error:
            # Only the sentence goes out; a bug has been logged under the number in it.
            raise gr.Error(str(to_app_error(error)), print_exception=False) from None
        return result.to_dict() | {"link": link(result.spec, base)}

    types = {name: _type(default, facts) for name, default, facts in options}
    answer.__name__ = answer.__qualname__ = analysis.name
    answer.__annotations__ = types | {"request": gr.Request, "return": dict}
    answer.__dict__["__signature__"] = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=types[name])
            for name, default, _ in options
        ]
        + [inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=gr.Request)],
        return_annotation=dict,
    )
    lines = [f"    {name}: {facts.help}" for name, _, facts in options]
    summary = (inspect.getdoc(analysis.spec) or analysis.name).splitlines()[0]
    answer.__doc__ = "\n".join([summary, "", "Args:", *lines])
    return answer


def _awaited(spec: Spec, runner: Runner, listeners: Listeners, request: gr.Request | None) -> Result:
    """The result of a spec, for as long as somebody waits for it. Raises Cancelled when nobody does."""
    session = getattr(request, "session_hash", None) or ""
    if session:
        listeners.answering(session)
    job = runner.submit(spec)
    try:
        while True:
            try:
                return job.result(timeout=POLL)
            except TimeoutError:
                if session and not listeners.anybody(session):
                    raise Cancelled("nobody waits for this answer any more.") from None
    finally:
        job.cancel()  # harmless when it is done


def link(spec: Spec, base: str) -> str:
    """The link that shows the spec's result: the whole question, or its short form where that would be too long."""
    try:
        return to_link(spec, base)
    except SpecError:
        return f"{base}?id={spec.digest()}"


def _type(default: object, facts: Option) -> Any:
    return type(default) if facts.choices is None else Literal[tuple(facts.choices())]
