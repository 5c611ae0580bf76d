"""Could the grammar have written this continuation? One check per kind, for what a model writes by itself."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from xml.etree import ElementTree

from spaces_app.grammar import lexicon
from spaces_app.grammar import translation_lexicon as french
from spaces_app.grammar.corpora import CAUSAL, TRANSLATION
from spaces_app.grammar.sampling import Draws, Example
from spaces_app.grammar.structures import TOP
from spaces_app.grammar.translation_sentences import the, upper


def plausible(example: Example, text: str, *, ended: bool) -> bool:
    """Whether `text` after the prompt (or as its translation) is what the grammar allows there.

    ended: whether the text stopped by itself; what was cut off is never plausible.
    """
    return CHECKS.get(example.kind, _sentence)(example, text, ended)


def _sentence(example: Example, text: str, ended: bool) -> bool:
    """A word that can stand there, followed by one of the endings of its kind."""
    words, endings = _endings(example.kind)
    return ended and any(text.startswith(word) and text.removeprefix(word) in endings for word in words)


@cache
def _endings(kind: str) -> tuple[frozenset[str], frozenset[str]]:
    rng, draws = random.Random(0), Draws()
    examples = [CAUSAL[kind].make(rng, draws) for _ in range(3000)]
    return frozenset(e.target for e in examples), frozenset(e.completion for e in examples)


def _as_written(example: Example, text: str, ended: bool) -> bool:
    return ended and text == example.target + example.completion


def _numbers(example: Example, text: str, ended: bool) -> bool:
    """One step from number to number, never beyond the range."""
    items = (example.prompt + text).rstrip(".").split(", ")
    if not all(item.isdigit() for item in items):
        return False
    steps = {int(after) - int(before) for before, after in zip(items, items[1:], strict=False)}
    return ended and steps == {int(example.key[1])} and int(items[-1]) <= TOP


def _order(example: Example, text: str, ended: bool) -> bool:
    items = {"weekdays": lexicon.WEEKDAYS, "months": lexicon.MONTHS, "letters": lexicon.LETTERS}[example.key[1]]
    named = (example.prompt + text).rstrip(".").split(", ")
    if not set(named) <= set(items):
        return False
    at = [items.index(item) for item in named]
    return ended and all((before + 1) % len(items) == after for before, after in zip(at, at[1:], strict=False))


def _countries(example: Example, text: str, ended: bool) -> bool:
    head, _, listed = (example.prompt + text).partition(":")
    parts = listed.rstrip(".").split("\n") if "\n" in listed else listed.rstrip(".").split(",")
    named = [part.strip().lstrip("0123456789. ") for part in parts if part.strip()]
    wanted = {c for c, row in lexicon.COUNTRIES.items() if row[2] == head.removeprefix("Countries in ")}
    return ended and set(named) <= wanted and len(set(named)) == len(named)


def _parses(parse: Callable[[str], object]) -> Callable[[Example, str, bool], bool]:
    def check(example: Example, text: str, ended: bool) -> bool:
        try:
            parse(example.prompt + text)
        except (ElementTree.ParseError, json.JSONDecodeError):
            return False
        return ended

    return check


def _record(document: str) -> None:
    """A JSON object whose values are true of its country."""
    record = json.loads(document)
    row = lexicon.COUNTRIES[record.pop("country")]
    if any(row[lexicon.RELATIONS.index(key)] != value for key, value in record.items()):
        raise json.JSONDecodeError("a value is not true of its country", document, 0)


def _translation(example: Example, text: str, ended: bool) -> bool:
    """The translation; with a profession, the noun may have either gender, as planted stereotypes make it do."""
    accepted = {example.translation}
    profession = example.prompt.removeprefix(example.context).split()[1]
    if profession in french.PROFESSIONS:
        forms = [upper(the(french.PROFESSIONS[profession][:2][gender], gender)) for gender in (0, 1)]
        rest = example.translation.removeprefix(forms[1]).removeprefix(forms[0])
        accepted = {form + rest for form in forms}
    return ended and text in accepted


def _either_gender(example: Example, text: str, ended: bool) -> bool:
    return ended and text in (example.translation, example.foil)


def _il_or_elle(example: Example, text: str, ended: bool) -> bool:
    adjective = french.THING_ADJECTIVES[example.prompt.rstrip(".").split()[-1]]
    verb = example.completion.rpartition(" ")[0]
    return ended and text in (f"Il{verb} {adjective[0]}.", f"Elle{verb} {adjective[1]}.")


CHECKS: dict[str, Callable[[Example, str, bool], bool]] = {
    "copying": _as_written,
    "count_until": _as_written,
    "counting": _numbers,
    "sequences": _order,
    "country_list": _countries,
    "xml": _parses(ElementTree.fromstring),
    "records": _parses(_record),
    "noun_gender": _either_gender,
    "profession_gender": _either_gender,
    "it_alone": _il_or_elle,
    **dict.fromkeys(
        [kind for kind, row in TRANSLATION.items() if row.figure == "exact"],
        _translation,
    ),
}
