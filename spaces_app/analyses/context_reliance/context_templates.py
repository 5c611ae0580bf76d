"""Templates: how context and current text become what the model reads, with and without the context. No torch."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from spaces_app.errors import SpecError
from spaces_app.tokens import Token

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


LOOK_AHEAD = 40  # letters that unknown tokens may stand for before the next known one
FIELD = re.compile(r"\{(context|current)\}")


class Templates(Protocol):
    """The options of a ContextRelianceSpec that say how a context is put before a text."""

    @property
    def prompt(self) -> str: ...

    @property
    def template(self) -> str: ...

    @property
    def plain_template(self) -> str: ...

    @property
    def output_context(self) -> str: ...

    @property
    def output_template(self) -> str: ...

    @property
    def plain_output_template(self) -> str: ...

    @property
    def separator(self) -> str: ...

    @property
    def chat(self) -> bool: ...


@dataclass(frozen=True)
class FilledTemplate:
    """What the model reads before it answers.

    source and prompt: ids, as in a forced sequence. text: what those ids were made from, and `spans` where in it
    (start, stop) "context", "current" and "output_context" stand; for an encoder-decoder model the last one is in
    `before`, which begins the output. lead: what is put before an answer that is given as text.
    """

    source: tuple[int, ...]
    prompt: tuple[int, ...]
    text: str
    spans: dict[str, tuple[int, int]]
    before: str = ""
    lead: str = ""
    said: str = ""

    def continuation(self, lm: LoadedModel, text: str) -> tuple[int, ...]:
        """Ids of an answer given as text."""
        if not lm.facts.encoder_decoder:
            text = self.lead + text.lstrip(" ") if self.lead else text
            return tuple(lm.encode_continuation(self.said, text))
        begun = _begun(lm, self.before)
        whole = tuple(lm.encode_continuation("", self.before + text))
        if whole[: len(begun)] == begun and len(whole) > len(begun):
            return whole[len(begun) :]
        return tuple(lm.encode_continuation("", text))


def fill_templates(spec: Templates, lm: LoadedModel, context: str | None) -> FilledTemplate:
    """The frame of a spec with `context` as its context; None or "" for none.

    Without a context the templates without one count, and the output has no context either. Raises SpecError for
    texts of which nothing is left, and for a chat template that does not exist.
    """
    if context:
        text, spans = fill(spec.template, {"context": context, "current": spec.prompt})
    else:
        text, spans = fill(spec.plain_template, {"current": spec.prompt})
    if context is not None and spec.output_context:
        before, output = fill(spec.output_template, {"context": spec.output_context, "current": ""})
    else:
        before, output = fill(spec.plain_output_template, {"current": ""})
    if lm.facts.encoder_decoder:
        source = _chatted(lm, text)[0] if spec.chat else tuple(lm.encode_prompt(text))
        prompt = (*lm.decoder_start, *_begun(lm, before))
        inside = {"output_context": output["context"]} if "context" in output else {}
        return FilledTemplate(source, prompt, text, spans | inside, before)
    return _single(spec, lm, (text, spans), (before, output))


def _single(spec: Templates, lm: LoadedModel, given: tuple, begun: tuple) -> FilledTemplate:
    """The frame of a model without an encoder, which reads input and output as one text."""
    (text, spans), (before, output) = given, begun
    separator = "" if spec.chat else spec.separator
    said = text
    if spec.chat:
        ids, said = _chatted(lm, text)
    spans = dict(spans)
    if before:
        gap = "" if said.endswith(separator) or before.startswith(separator) else separator
        if "context" in output:
            shift = len(text) + len(gap) if not spec.chat else len(text)
            spans["output_context"] = tuple(place + shift for place in output["context"])
        said, text = said + gap + before, text + ("" if spec.chat else gap) + before
    # A space is written with the word behind it; anything else between the two was there before the answer.
    lead = ""
    if separator.strip(" "):
        said = said if said.endswith(separator) else said + separator
    elif said != said.rstrip(" ") or separator:
        said, lead = (said.rstrip(" "), " ") if not spec.chat or before else (said, "")
    if not spec.chat:
        ids = tuple(lm.encode_prompt(said))
    elif before:
        ids = (*ids, *lm.encode_continuation(said[: len(said) - len(before.rstrip(" "))], before.rstrip(" ")))
    return FilledTemplate((), tuple(ids), text, spans, before, lead, said)


def fill(template: str, values: dict[str, str]) -> tuple[str, dict[str, tuple[int, int]]]:
    """The template with its fields filled in, and where each of them stands."""
    text, spans, last = "", {}, 0
    for match in FIELD.finditer(template):
        text += template[last : match.start()]
        spans[match[1]] = (len(text), len(text) + len(values[match[1]]))
        text += values[match[1]]
        last = match.end()
    return text + template[last:], spans


def _begun(lm: LoadedModel, before: str) -> tuple[int, ...]:
    """Ids with which an encoder-decoder model's output begins."""
    if not before.strip():
        return ()
    return tuple(lm.encode_beginning(before.rstrip(" ")))


def _chatted(lm: LoadedModel, text: str) -> tuple[tuple[int, ...], str]:
    """Ids and text of a user's message in the model's chat template."""
    if not getattr(lm.tokenizer, "chat_template", None):
        raise SpecError("this model has no chat template.", hint="Turn it off.", field="chat")
    message = [{"role": "user", "content": text}]
    said = lm.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    assert isinstance(said, str)  # as asked with tokenize=False
    return tuple(lm.tokenizer(said, add_special_tokens=False)["input_ids"]), said


def located(tokens: Sequence[Token], text: str, span: tuple[int, int]) -> list[int]:
    """Which of the tokens hold text[start:stop], where the tokens together read as `text`.

    White space is not compared, since tokenizers put it where they like; neither is case, nor the form of characters.
    Marks count where they were typed. An unknown token stands for what its neighbours leave over.
    """
    first = len(_letters(text[: span[0]]))
    last = first + len(_letters(text[span[0] : span[1]]))
    covers = _covers(tokens, text)
    inside = [i for i, (start, stop) in covers.items() if start < last and stop > first]
    return list(range(min(inside), max(inside) + 1)) if inside else []


def _covers(tokens: Sequence[Token], text: str) -> dict[int, tuple[int, int]]:
    """Token → (start, stop) among the letters of `text`; those without letters have none."""
    typed = [(i, _letters(token.text)) for i, token in enumerate(tokens) if not token.special or token.text in text]
    wanted = "".join(_letters(text))
    shift = "".join(char for _, letters in typed for char in letters).find(wanted)
    found: dict[int, tuple[int, int]] = {}
    at, unknown = -max(0, shift), []
    for i, letters in typed:
        start = at
        if shift < 0 and letters:
            start = wanted.find("".join(letters), at, at + len(letters) + LOOK_AHEAD)
            if start < 0:
                unknown.append((i, at))
                continue
        for other, begun in unknown:
            found[other] = (begun, max(start, begun + 1))
        unknown, at = [], start + len(letters)
        if letters:
            found[i] = (start, at)
    return found | {i: (begun, begun + 1) for i, begun in unknown}


def _letters(text: str) -> list[str]:
    """The characters that count, one by one."""
    folded = (unicodedata.normalize("NFKC", char).casefold() for char in text if not char.isspace())
    return [char for piece in folded for char in piece if not char.isspace()]
