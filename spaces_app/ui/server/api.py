"""The public functions of HTTP API and MCP: one per analysis, typed from its Spec."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Literal

import gradio as gr

from spaces_app.analyses.base import Analysis
from spaces_app.errors import SpecError
from spaces_app.link import to_link
from spaces_app.serving.lanes import shown as plain
from spaces_app.serving.runner import Runner


def endpoint(analysis: Analysis, runner: Runner, base: str = "") -> Callable[..., dict]:
    """A function with one typed parameter per option of the analysis, which returns the result as plain data.

    The result is `Result.to_dict()` with the link that shows it; `base` is what that link begins with.
    """
    options = [
        (name, default, facts) for name, default, facts in analysis.spec.every_option() if facts.group != "hidden"
    ]
    names = [name for name, _, _ in options]

    def answer(*values, **named) -> dict:
        try:
            given = dict(zip(names, values, strict=False)) | named
            spec = analysis.spec.from_dict(analysis.spec.heeded(given))  # every option comes, given or not
            result = runner.run(spec)
        except Exception as error:
            # Only the sentence goes out; a bug has been logged under the number in it.
            raise gr.Error(str(plain(error)), print_exception=False) from None
        return result.to_dict() | {"link": link(result.spec, base)}

    types = {name: _type(default, facts) for name, default, facts in options}
    answer.__name__ = answer.__qualname__ = analysis.name
    answer.__annotations__ = types | {"return": dict}
    answer.__signature__ = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=types[name])
            for name, default, _ in options
        ],
        return_annotation=dict,
    )
    lines = [f"    {name}: {facts.help}" for name, _, facts in options]
    summary = inspect.getdoc(analysis.spec).splitlines()[0]
    answer.__doc__ = "\n".join([summary, "", "Args:", *lines])
    return answer


def link(spec, base: str) -> str:
    """The link that shows the spec's result: the whole question, or its short form where that would be too long."""
    try:
        return to_link(spec, base)
    except SpecError:
        return f"{base}?id={spec.digest()}"


def _type(default, facts):
    return type(default) if facts.choices is None else Literal[tuple(facts.choices())]
