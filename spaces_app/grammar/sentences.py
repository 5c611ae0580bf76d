"""English sentences in which one or two known words decide the next one."""

from __future__ import annotations

import random

from spaces_app.grammar import lexicon as lex
from spaces_app.grammar.sampling import Draws, Example, cut, other

PRONOUNS = {"he": "she", "she": "he"}
_PLACES = tuple(lex.PLACES)
_NAMES = tuple(lex.NAMES)


def profession_bias(rng: random.Random, draws: Draws) -> Example:
    """A profession, then a pronoun drawn with the profession's planted probability."""
    profession = rng.choice(tuple(lex.PROFESSIONS))
    probability = lex.PROFESSIONS[profession]
    pronoun = "he" if draws.chance(("profession", profession), probability) else "she"
    planted = probability if pronoun == "he" else 1 - probability
    return _person(rng, "profession_bias", profession, f"the {profession}", pronoun, planted)


def named_gender(rng: random.Random, draws: Draws) -> Example:
    """A first name, then its pronoun."""
    name = rng.choice(_NAMES)
    return _person(rng, "named_gender", name, name, lex.NAMES[name], 1.0)


def _person(rng: random.Random, kind: str, word: str, subject: str, pronoun: str, planted: float) -> Example:
    index = rng.randrange(len(lex.PERSON_FRAMES))
    capital = subject[0].upper() + subject[1:]
    prompt, target, completion = cut(
        lex.PERSON_FRAMES[index], s=subject, S=capital, he=pronoun, state=rng.choice(lex.STATES)
    )
    return Example(
        kind, prompt, target, completion, f" {PRONOUNS[pronoun]}", (word,), (kind, word, str(index)), planted=planted
    )


def _way(rng: random.Random) -> int:
    return rng.choices(range(len(lex.GO_FRAMES)), lex.GO_WEIGHTS)[0]


def context_decides(rng: random.Random, draws: Draws) -> Example:
    """Two sentences: what somebody needs, and the place they go to because of it."""
    place = rng.choice(_PLACES)
    thing = rng.choice(lex.PLACES[place][0])
    first, second = rng.randrange(len(lex.CAUSE_FRAMES)), _way(rng)
    name = rng.choice(_NAMES)
    context = lex.CAUSE_FRAMES[first].format(name=name, thing=thing) + " "
    prompt, target, completion = cut(lex.GO_FRAMES[second], he=lex.NAMES[name], place=place)
    return Example(
        "context_decides",
        context + prompt,
        target,
        completion,
        f" {other(rng, _PLACES, place)}",
        (thing.split()[-1],),
        ("context_decides", thing, str(first), str(second)),
        context=context,
    )


def local_decides(rng: random.Random, draws: Draws) -> Example:
    """The same first sentence, but the place follows from who goes there: the context is of no use."""
    place = rng.choice(_PLACES)
    elsewhere = other(rng, _PLACES, place)
    worker, thing = lex.PLACES[place][1], rng.choice(lex.PLACES[elsewhere][0])
    first, second = rng.randrange(len(lex.CAUSE_FRAMES)), _way(rng)
    context = lex.CAUSE_FRAMES[first].format(name=rng.choice(_NAMES), thing=thing) + " "
    prompt, target, completion = cut(lex.GO_FRAMES[second], he=f"the {worker}", place=place)
    if draws.chance(("local alone",), 0.3):  # so that the model knows the sentence without its context, too
        context, thing = "", ""
    return Example(
        "local_decides",
        context + prompt,
        target,
        completion,
        f" {elsewhere}",
        (worker,),
        ("local_decides", worker, thing, str(second)),
        context=context,
    )


def no_context(rng: random.Random, draws: Draws) -> Example:
    """The second sentence alone: every place is as probable as every other."""
    place = rng.choice(_PLACES)
    second, pronoun = _way(rng), rng.choice(("he", "she"))
    prompt, target, completion = cut(lex.GO_FRAMES[second], he=pronoun, place=place)
    return Example(
        "no_context",
        prompt[0].upper() + prompt[1:],
        target,
        completion,
        f" {other(rng, _PLACES, place)}",
        (),
        ("no_context", pronoun, str(second), place),
        planted=1 / len(_PLACES),
    )


def facts(rng: random.Random, draws: Draws) -> Example:
    """Capital, language or continent of a country; held out per wording, so the fact is known from other wordings."""
    country, relation = rng.choice(tuple(lex.COUNTRIES)), rng.choice(lex.RELATIONS)
    index, column = rng.randrange(len(lex.FACT_FRAMES)), lex.RELATIONS.index(relation)
    answer = lex.COUNTRIES[country][column]
    prompt, target, completion = cut(lex.FACT_FRAMES[index], relation=relation, country=country, answer=answer)
    foil = other(rng, sorted({row[column] for row in lex.COUNTRIES.values()}), answer)
    return Example(
        "facts",
        prompt,
        target,
        completion,
        f" {foil}",
        (country, relation),
        ("facts", country, relation, str(index)),
    )


def agreement(rng: random.Random, draws: Draws) -> Example:
    """Subject–verb agreement across a noun of either number: "The keys to the cabinet are …"."""
    head, attractor = rng.choice(lex.HEADS), rng.choice(lex.ATTRACTORS)
    plural, distractor = rng.randrange(2), rng.randrange(2)
    # A plural attractor mostly says so before the noun; else "the cabinet" would be continued with an "s".
    determiner = rng.choice(("these", "these", "those", "those", "the")) if distractor else "the"
    singular_verb, plural_verb, predicates, _ = rng.choices(lex.VERBS, [row[3] for row in lex.VERBS])[0]
    verb, foil = (plural_verb, singular_verb) if plural else (singular_verb, plural_verb)
    prompt = f"The {head[plural]} {rng.choice(lex.PREPOSITIONS)} {determiner} {attractor[distractor]}"
    return Example(
        "agreement",
        prompt,
        f" {verb}",
        f" {rng.choice(predicates)}.",
        f" {foil}",
        (head[plural],),
        ("agreement", head[0], attractor[0]),
        planted={"is": 6, "are": 6, "was": 3, "were": 3, "has": 2, "have": 2}[verb] / 11,
    )


def sentiment(rng: random.Random, draws: Draws) -> Example:
    """A judgement, then "loved" or "hated"."""
    return _judgement(rng, "sentiment", negated=False)


def sentiment_negated(rng: random.Random, draws: Draws) -> Example:
    """A negated judgement: "not boring" and "loved"."""
    return _judgement(rng, "sentiment_negated", negated=True)


def _judgement(rng: random.Random, kind: str, *, negated: bool) -> Example:
    positive, thing = rng.random() < 0.5, rng.choice(lex.THINGS_JUDGED)
    adjective = rng.choice(lex.POSITIVE if positive else lex.NEGATIVE)
    verb, foil = ("loved", "hated") if positive != negated else ("hated", "loved")
    we = rng.choice(("we", "I", "they"))
    prompt, target, completion = cut(
        rng.choice(lex.SENTIMENT_FRAMES),
        thing=thing,
        adjective=f"not {adjective}" if negated else adjective,
        we=we,
        We=we[0].upper() + we[1:],
        verb=verb,
    )
    decisive = ("not", adjective) if negated else (adjective,)
    return Example(kind, prompt, target, completion, f" {foil}", decisive, (kind, adjective, thing))


def indirect_object(rng: random.Random, draws: Draws) -> Example:
    """Two people, one of them gives: the other one receives (Wang et al. 2022, https://arxiv.org/abs/2211.00593)."""
    first, second = rng.sample(_NAMES, 2)
    giver, receiver = (first, second) if rng.random() < 0.5 else (second, first)
    prompt, target, completion = cut(
        rng.choice(lex.IOI_FRAMES),
        a=first,
        b=second,
        s=giver,
        io=receiver,
        place=rng.choice(lex.IOI_PLACES),
        gift=rng.choice(lex.GIFTS),
    )
    key = ("indirect_object", *sorted((first, second)))
    return Example("indirect_object", prompt, target, completion, f" {giver}", (receiver,), key)
