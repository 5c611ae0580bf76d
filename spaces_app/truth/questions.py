"""Questions with known answers: held-out sentences of the grammar, and the words in them that decide.

The grammar names the words that decide. Here each of them is put to the test: a word counts only if the model's answer
changes when this word alone is exchanged for another of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces_app.grammar.corpora import CAUSAL, PHENOMENA, TRANSLATION, heldout, seen
from spaces_app.grammar.sampling import Example
from spaces_app.tokens import Token, word_ids
from spaces_app.training import scoring

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel


MODELS = {"bundled/tiny-causal": CAUSAL, "bundled/tiny-en-fr": TRANSLATION}
POOL = 24  # words of its kind that a word is exchanged for


@dataclass(frozen=True)
class Question:
    """Why this token, and not the other one?

    ids: (source, prompt, generated) with one generated token; foil: the token that stands against it. words: the number
    of the word each input belongs to, -1 for marks that are no candidates. decisive: numbers of the words that decide.
    """

    index: int
    ids: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    foil: int
    words: tuple[int, ...]
    decisive: tuple[int, ...]

    @property
    def chance(self) -> float:
        """How often a word drawn at random is a decisive one."""
        return len(self.decisive) / len({word for word in self.words if word >= 0})


def kinds(model: str) -> list[str]:
    """The phenomena of a bundled model in which the grammar names a word that decides."""
    return [kind for kind in MODELS[model] if any(example.decisive for example in heldout(kind, 5))]


def questions(lm: LoadedModel, kind: str, n: int) -> Iterator[Question]:
    """Up to n questions of a kind, from held-out examples that the model answers rightly, with words that do decide."""
    pools, found = _pools(kind), 0
    for index, example in enumerate(heldout(kind, 3 * n)):
        if found == n:
            return
        places = [place for place in _places(example) if _changes(lm, example, place, pools)]
        question = _question(lm, example, index, places) if places and _right(lm, example) else None
        if question is not None and question.decisive:
            found += 1
            yield question


def recorded(lm: LoadedModel, kind: str, indices: list[int], decisive: list[list[int]]) -> list[Question]:
    """Questions that were found before, without testing their words again."""
    examples = heldout(kind, max(indices, default=-1) + 1)
    made = [_question(lm, examples[i], i, []) for i in indices]
    asked = [question for question in made if question is not None]  # they were questions when they were found
    return [Question(q.index, q.ids, q.foil, q.words, tuple(d)) for q, d in zip(asked, decisive, strict=True)]


def _places(example: Example) -> list[tuple[int, int, int]]:
    """(which decisive word, start, stop) of every place where one stands in the prompt."""
    found = []
    for slot, word in enumerate(example.decisive):
        pattern = rf"(?<![^\W_]){re.escape(word)}(?![^\W_])"
        found += [(slot, *match.span()) for match in re.finditer(pattern, example.prompt)]
    return found


def _pools(kind: str) -> list[list[str]]:
    """Words of each decisive word's kind: those that decide other examples."""
    others = [*seen(kind, 200), *heldout(kind, 50)]
    n_slots = max(len(example.decisive) for example in others)
    return [list(dict.fromkeys(e.decisive[slot] for e in others if len(e.decisive) > slot)) for slot in range(n_slots)]


def _right(lm: LoadedModel, example: Example) -> bool:
    return _preferred(lm, example, [example.prompt])[0]


def _changes(lm: LoadedModel, example: Example, place: tuple[int, int, int], pools: list[list[str]]) -> bool:
    """Whether another word in this place, or none where there is no other, makes the model prefer the foil."""
    slot, start, stop = place
    before, word, after = example.prompt[:start], example.prompt[start:stop], example.prompt[stop:]
    prompts = [before + other + after for other in pools[slot] if other != word][:POOL]
    return not all(_preferred(lm, example, prompts or [before.rstrip() + after]))


def _preferred(lm: LoadedModel, example: Example, prompts: list[str]) -> list[bool]:
    """Whether the target is more probable than the foil after each of these prompts."""
    both = lm.facts.encoder_decoder
    sides = []
    for text in (example.target, example.foil):
        asked = [scoring.Item(p, example.prefix, text) if both else scoring.Item("", p, text) for p in prompts]
        sides.append(scoring.score(lm.model, lm.tokenizer, asked))
    return [target.logprob > foil.logprob for target, foil in zip(*sides, strict=True)]


def _question(lm: LoadedModel, example: Example, index: int, places: list[tuple[int, int, int]]) -> Question | None:
    """The question at the first token where target and foil part; None where one begins with the other."""
    source, prompt, target, foil = _ids(lm, example)
    same = next((i for i, (a, b) in enumerate(zip(target, foil, strict=False)) if a != b), None)
    if same is None:
        return None
    ids = (source, (*prompt, *target[:same]), (target[same],))
    tokens = lm.tokens(*ids)[:-1]
    numbers = word_ids(tokens)
    words = tuple(-1 if token.special else number for token, number in zip(tokens, numbers, strict=True))
    return Question(index, ids, foil[same], words, _numbers(example, tokens, words, places))


def _numbers(
    example: Example, tokens: Sequence[Token], words: tuple[int, ...], places: list[tuple[int, int, int]]
) -> tuple[int, ...]:
    """The numbers of the words that stand in these places, which are told apart by counting equal words."""
    texts: dict[int, str] = {}
    for token, number in zip(tokens, words, strict=True):
        if number >= 0 and token.segment == tokens[0].segment:
            texts[number] = texts.get(number, "") + token.text
    read = [(number, text.strip()) for number, text in texts.items() if text.strip()]
    found = []
    for slot, word in enumerate(example.decisive):
        parts = word.split()
        runs = [read[i : i + len(parts)] for i in range(len(read)) if [t for _, t in read[i : i + len(parts)]] == parts]
        spans = [span for span in _places(example) if span[0] == slot]
        if len(runs) == len(spans):
            found += [n for run, span in zip(runs, spans, strict=True) if span in places for n, _ in run]
    return tuple(dict.fromkeys(found))


def _ids(lm: LoadedModel, example: Example) -> tuple[tuple[int, ...], ...]:
    """(source, prompt, target, foil) ids, texts encoded as a whole."""
    encode = lambda text: tuple(lm.tokenizer(text, add_special_tokens=False)["input_ids"])  # noqa: E731
    if lm.facts.encoder_decoder:
        before = encode(example.prefix) if example.prefix else ()
        wholes = [encode(example.prefix + text) for text in (example.target, example.foil)]
        source, prompt = tuple(lm.encode_prompt(example.prompt)), (*lm.decoder_start, *before)
    else:
        before = encode(example.prompt)
        wholes = [encode(example.prompt + text) for text in (example.target, example.foil)]
        source, prompt = (), before
    return source, prompt, *(whole[len(before) :] for whole in wholes)


__all__ = ["MODELS", "PHENOMENA", "Question", "kinds", "questions", "recorded"]
