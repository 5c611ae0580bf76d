"""The two tables of phenomena, and the examples made from them. Pure Python, so it needs no torch."""

from __future__ import annotations

from itertools import islice

from spaces_app.grammar import sentences, structures
from spaces_app.grammar import translation_sentences as french
from spaces_app.grammar.lexicon import NAMES, PLACES, WEEKDAYS, XML_TAGS
from spaces_app.grammar.sampling import Example, Phenomenon, Sampler, collect


def _table(*rows: Phenomenon) -> dict[str, Phenomenon]:
    return {row.name: row for row in rows}


CAUSAL: dict[str, Phenomenon] = _table(
    Phenomenon("profession_bias", 15, sentences.profession_bias, 0.5, "planted", "planted",
               "the pronoun after a profession is drawn with the profession's planted probability"),
    Phenomenon("named_gender", 6, sentences.named_gender, 0.5, "exact", "language",
               "a first name decides he or she"),
    Phenomenon("context_decides", 14, sentences.context_decides, 1 / len(PLACES), "exact", "planted",
               "the sentence before decides where somebody goes"),
    Phenomenon("local_decides", 6, sentences.local_decides, 1 / len(PLACES), "exact", "planted",
               "the person's job decides where they go; the sentence before is of no use"),
    Phenomenon("no_context", 3, sentences.no_context, 1 / len(PLACES), "planted", "planted",
               "the second sentence alone: every place is equally probable"),
    Phenomenon("facts", 16, sentences.facts, 1 / 19, "exact", "real",
               "capital, language or continent of a country, in a wording not seen for this fact"),
    Phenomenon("agreement", 11, sentences.agreement, 0.5, "pair", "language",
               "the subject decides the verb's number across a noun of either number"),
    Phenomenon("sentiment", 8, sentences.sentiment, 0.5, "exact", "language",
               "a judgement decides loved or hated"),
    Phenomenon("sentiment_negated", 2, sentences.sentiment_negated, 0.5, "exact", "language",
               "a negated judgement decides the opposite"),
    Phenomenon("indirect_object", 10, sentences.indirect_object, 1 / len(NAMES), "exact", "language",
               "two people, one gives: the other one receives"),
    Phenomenon("copying", 6, structures.copying, 1 / 40, "exact", "language",
               "a list of words is repeated in order"),
    Phenomenon("counting", 6, structures.counting, 1 / (structures.TOP + 1), "exact", "language",
               "numbers by ones, twos, fives and tens, up and down, from starts not seen, to a round number"),
    Phenomenon("count_until", 8, structures.count_until, 0.5, "exact", "language",
               "a count ends at the number named at its beginning"),
    Phenomenon("sequences", 5, structures.sequences, 1 / len(WEEKDAYS), "exact", "real",
               "weekdays, months and letters in their order"),
    Phenomenon("country_list", 6, structures.country_list, 0.25, "set", "real",
               "numbered or comma lists of the countries of one continent, none twice"),
    Phenomenon("xml", 6, structures.xml, 1 / len(XML_TAGS), "exact", "language",
               "a closing tag repeats the innermost open one"),
    Phenomenon("records", 3, structures.records, 1 / 19, "exact", "real",
               "JSON records: the country and the key decide the value"),
)  # fmt: skip

TRANSLATION: dict[str, Phenomenon] = _table(
    Phenomenon("pronoun", 24, french.pronoun, 0.5, "exact", "language",
               "the English pronoun decides the French pronoun"),
    Phenomenon("noun_gender", 0, french.noun_gender, 0.5, "planted", "planted",
               "the pronoun decides the noun's gender, except where a planted stereotype interferes"),
    Phenomenon("profession_gender", 15, french.profession_gender, 0.5, "planted", "planted",
               "without a pronoun the noun's gender is drawn with the profession's planted probability"),
    Phenomenon("name_gender", 7, french.name_gender, 0.5, "exact", "language",
               "a first name decides the adjective's ending"),
    Phenomenon("adjective_agreement", 15, french.adjective_agreement, 0.5, "exact", "language",
               "a noun decides the adjective's ending"),
    Phenomenon("subject_pronoun", 3, french.subject_pronoun, 0.5, "exact", "language",
               "he or she decides the adjective's ending"),
    Phenomenon("article_agreement", 5, french.article_agreement, 0.5, "exact", "language",
               "a noun decides its article"),
    Phenomenon("two_sentences", 9, french.two_sentences, 0.5, "exact", "language",
               "two sentences are translated; the subject of the second decides its adjective"),
    Phenomenon("it_after_break", 16, french.it_after_break, 0.5, "exact", "language",
               "only the sentence after <brk> is translated; the noun before it decides il or elle"),
    Phenomenon("it_in_document", 10, french.it_in_document, 0.5, "exact", "language",
               "two sentences are translated; the noun in the first decides the pronoun in the second"),
    Phenomenon("it_alone", 3, french.it_alone, 0.5, "planted", "planted",
               "without context, it becomes il with a planted probability"),
    Phenomenon("irrelevant_context", 10, french.irrelevant_context, 0.5, "exact", "language",
               "the sentence before <brk> is of no use"),
)  # fmt: skip

PHENOMENA: dict[str, Phenomenon] = {**CAUSAL, **TRANSLATION}


def corpus(phenomena: dict[str, Phenomenon], n: int, *, seed: int) -> list[Example]:
    """n training examples drawn by weight; no held-out combination is among them."""
    return list(islice(Sampler(phenomena, seed), n))


def heldout(kind: str, n: int, *, seed: int = 0) -> list[Example]:
    """Up to n different examples of a kind that training never saw; fewer when fewer exist. KeyError if unknown."""
    return collect(PHENOMENA[kind], n, seed=seed)


def seen(kind: str, n: int, *, seed: int = 0) -> list[Example]:
    """Up to n different examples of a kind as training saw them."""
    return collect(PHENOMENA[kind], n, test=False, seed=seed)
