"""The recorded examples cover what the bundled models were made to know."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import ROOT

from spaces_app.analyses import ANALYSES
from spaces_app.serving import gallery
from spaces_app.tokens import word_ids

CARDS = sorted(Path(ROOT, "spaces_app", "bundled").glob("*/accuracies.json"))
# The example, the word it is about, and the word that the grammar makes decisive for it.
DECISIVE = [
    ("job", " bakery", "baker"),
    ("agreement", " are", "keys"),
    ("context", " bakery", "croissant"),
    ("sophie", " occupée", "Sophie"),
    ("absent", " absente", "Elle"),
    ("are_is", " are", "keys"),
    ("she_he", " she", "nurse"),
    ("elle", "Elle", "chair"),
    ("article", " la", "door"),
    ("judgement", " hated", "dreadful"),
]


def phenomena() -> list[tuple[str, str]]:
    return [
        (card.parent.name, row["kind"])
        for card in CARDS
        for row in json.loads(card.read_text(encoding="utf-8"))["phenomena"]
    ]


def test_two_cards_are_read():
    assert [card.parent.name for card in CARDS] == ["tiny-causal", "tiny-en-fr"]


@pytest.mark.parametrize(("model", "kind"), phenomena())
def test_every_phenomenon_of_a_card_has_an_example_on_its_model(model, kind):
    assert any(kind in entry.shows and entry.spec.model == f"bundled/{model}" for entry in gallery.questions())


def test_examples_name_known_phenomena_only():
    known = {kind for _, kind in phenomena()}
    assert {kind for entry in gallery.questions() for kind in entry.shows} <= known


@pytest.mark.parametrize(("name", "written", "decisive"), DECISIVE)
def test_the_recorded_map_points_at_the_decisive_word(name, written, decisive):
    found = [example for kind in ANALYSES for example in gallery.examples(kind) if example.name == name]
    result = found[0].result
    generated = [i for i, token in enumerate(result.tokens) if token.segment == "generated"]
    column = next(g for g, i in enumerate(generated) if result.tokens[i].text == written)
    array = result.arrays["difference" if "difference" in result.arrays else "attributions"]
    scores = np.nan_to_num(array.values[:, column])
    words, texts = np.array(word_ids(result.tokens)), {}
    for word, token in zip(words, result.tokens, strict=True):
        texts[word] = texts.get(word, "") + token.text
    sums = {word: scores[words == word].sum() for word in texts}
    assert texts[max(sums, key=sums.get)].strip(" ,.") == decisive
