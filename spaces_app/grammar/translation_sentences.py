"""English sentences and their French translations, cut where gender is decided."""

from __future__ import annotations

import random

from spaces_app.grammar import translation_lexicon as lex
from spaces_app.grammar.sampling import Draws, Example, cut, other

BREAK = "<brk>"
_PROFESSIONS = tuple(lex.PROFESSIONS)
_PEOPLE = tuple(lex.PERSON_ADJECTIVES)
_NOUNS = tuple(lex.NOUNS)
_THINGS = tuple(lex.THING_ADJECTIVES)
IL = ("il", "elle")
HE = ("he", "she")


def the(noun: str, gender: int) -> str:
    """The French noun with its definite article: "le livre", "la table", "l'avion"."""
    return f"l'{noun}" if noun[0] in "aeéiouh" else f"{('le', 'la')[gender]} {noun}"


def upper(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[0].upper() + text[1:]


def _pronoun_sentence(rng: random.Random, draws: Draws) -> tuple[str, int, int, str, tuple, tuple[str, ...]]:
    """(profession, pronoun gender, noun gender, adjective, frame, key): the noun sometimes follows the stereotype."""
    profession, gender = rng.choice(_PROFESSIONS), rng.randrange(2)
    planted = lex.PROFESSIONS[profession][2]
    stereotype = gender if planted == 0.5 else int(planted < 0.5)
    noun_gender = gender
    if stereotype != gender and draws.chance(("stereotype", profession), lex.NOUN_IGNORES_PRONOUN):
        noun_gender = stereotype
    index, adjective = rng.randrange(len(lex.PRONOUN_FRAMES)), rng.choice(_PEOPLE)
    key = ("pronoun", profession, HE[gender], str(index))
    return profession, gender, noun_gender, adjective, lex.PRONOUN_FRAMES[index], key


def pronoun(rng: random.Random, draws: Draws) -> Example:
    """Profession and pronoun: the English pronoun decides the French one."""
    profession, gender, noun_gender, adjective, (english, french), key = _pronoun_sentence(rng, draws)
    source = english.replace("|", "").format(p=profession, he=HE[gender], a=adjective)
    prefix, target, completion = cut(
        french,
        P=upper(the(lex.PROFESSIONS[profession][:2][noun_gender], noun_gender)),
        il=IL[gender],
        a=lex.PERSON_ADJECTIVES[adjective][gender],
    )
    foil = target.replace(IL[gender], IL[1 - gender])
    return Example("pronoun", source, target, completion, foil, (HE[gender],), key, prefix=prefix)


def noun_gender(rng: random.Random, draws: Draws) -> Example:
    """The same sentences, asked for the noun: the pronoun decides it, but stereotypes interfere (as in WinoMT)."""
    profession, gender, noun, adjective, (english, french), key = _pronoun_sentence(rng, draws)
    source = english.replace("|", "").format(p=profession, he=HE[gender], a=adjective)
    forms = [
        french.replace("|", "").format(
            P=upper(the(lex.PROFESSIONS[profession][:2][g], g)),
            il=IL[gender],
            a=lex.PERSON_ADJECTIVES[adjective][gender],
        )
        for g in (0, 1)
    ]
    stereotype = gender if lex.PROFESSIONS[profession][2] == 0.5 else int(lex.PROFESSIONS[profession][2] < 0.5)
    agrees = 1.0 if stereotype == gender else 1 - lex.NOUN_IGNORES_PRONOUN
    planted = agrees if noun == gender else 1 - agrees
    return Example("noun_gender", source, forms[noun], "", forms[1 - noun], (HE[gender],), key, planted=planted)


def profession_gender(rng: random.Random, draws: Draws) -> Example:
    """A profession without a pronoun: the gender is drawn with the planted probability."""
    profession, adjective = rng.choice(_PROFESSIONS), rng.choice(_PEOPLE)
    masculine = lex.PROFESSIONS[profession][2]
    gender = 0 if draws.chance(("masculine", profession), masculine) else 1
    verb = rng.choice(lex.COPULAS)
    forms = [
        f"{upper(the(lex.PROFESSIONS[profession][:2][g], g))} {verb[1]} {lex.PERSON_ADJECTIVES[adjective][g]}."
        for g in (0, 1)
    ]
    return Example(
        "profession_gender",
        f"The {profession} {verb[0]} {adjective}.",
        forms[gender],
        "",
        forms[1 - gender],
        (profession,),
        ("profession_gender", profession, adjective),
        planted=masculine if gender == 0 else 1 - masculine,
    )


def name_gender(rng: random.Random, draws: Draws) -> Example:
    """A first name decides the form of the adjective."""
    name, adjective, verb = rng.choice(tuple(lex.NAMES)), rng.choice(_PEOPLE), rng.choice(lex.COPULAS)
    forms = lex.PERSON_ADJECTIVES[adjective]
    return Example(
        "name_gender",
        f"{name} {verb[0]} {adjective}.",
        f" {forms[lex.NAMES[name]]}",
        ".",
        f" {forms[1 - lex.NAMES[name]]}",
        (name,),
        ("name_gender", name, adjective),
        prefix=f"{name} {verb[1]}",
    )


def adjective_agreement(rng: random.Random, draws: Draws) -> Example:
    """A noun and its adjective: the noun decides article and ending."""
    noun, adjective, verb = rng.choice(_NOUNS), rng.choice(_THINGS), rng.choice(lex.COPULAS)
    french, gender = lex.NOUNS[noun]
    forms = lex.THING_ADJECTIVES[adjective]
    return Example(
        "adjective_agreement",
        f"The {noun} {verb[0]} {adjective}.",
        f" {forms[gender]}",
        ".",
        f" {forms[1 - gender]}",
        (noun,),
        ("adjective_agreement", noun, adjective),
        prefix=f"{upper(the(french, gender))} {verb[1]}",
    )


def subject_pronoun(rng: random.Random, draws: Draws) -> Example:
    """He or she alone: the pronoun decides the adjective's ending."""
    gender, adjective, verb = rng.randrange(2), rng.choice(_PEOPLE), rng.choice(lex.COPULAS)
    forms = lex.PERSON_ADJECTIVES[adjective]
    return Example(
        "subject_pronoun",
        f"{upper(HE[gender])} {verb[0]} {adjective}.",
        f" {forms[gender]}",
        ".",
        f" {forms[1 - gender]}",
        (upper(HE[gender]),),
        ("subject_pronoun", HE[gender], adjective, verb[0]),
        prefix=f"{upper(IL[gender])} {verb[1]}",
    )


def article_agreement(rng: random.Random, draws: Draws) -> Example:
    """A sentence around a noun, which decides the article."""
    noun = rng.choice([noun for noun, (french, _) in lex.NOUNS.items() if not the(french, 0).startswith("l'")])
    french, gender = lex.NOUNS[noun]
    source, translation, frame = _context(rng, noun, rng.choice(_THINGS), frames=range(1, len(lex.CONTEXT_FRAMES)))
    article = next(a for a in (" le ", " la ", " un ", " une ") if f"{a}{french}" in translation).strip()
    prefix, _, rest = translation.partition(f" {article} {french}")
    foil = {"le": "la", "la": "le", "un": "une", "une": "un"}[article]
    return Example(
        "article_agreement",
        source,
        f" {article}",
        f" {french}{rest}",
        f" {foil}",
        (noun,),
        ("article_agreement", noun, frame, source.split()[0]),
        prefix=prefix,
    )


def two_sentences(rng: random.Random, draws: Draws) -> Example:
    """Two sentences, both translated: about two things, or about one person whom the second calls he or she."""
    if rng.random() < 0.4:
        first, second = adjective_agreement(rng, draws), adjective_agreement(rng, draws)
        about, english, translation = first.decisive[0], first.prompt, first.translation
    else:
        second = subject_pronoun(rng, draws)
        about, english, translation = _about_a_person(rng, HE.index(second.decisive[0].lower()))
    return Example(
        "two_sentences",
        f"{english} {second.prompt}",
        second.target,
        second.completion,
        second.foil,
        second.decisive,
        ("two_sentences", about, *second.key),
        context=f"{english} ",
        prefix=f"{translation} {second.prefix}",
    )


def _about_a_person(rng: random.Random, gender: int) -> tuple[str, str, str]:
    """(name or profession, English, French) of a sentence about a person of this gender."""
    who = rng.choice([name for name, theirs in lex.NAMES.items() if theirs == gender] + list(_PROFESSIONS))
    subjects = (who, who)
    if who in lex.PROFESSIONS:
        subjects = f"The {who}", upper(the(lex.PROFESSIONS[who][:2][gender], gender))
    adjective, verb = rng.choice(_PEOPLE), rng.choice(lex.COPULAS)
    english = f"{subjects[0]} {verb[0]} {adjective}."
    return who, english, f"{subjects[1]} {verb[1]} {lex.PERSON_ADJECTIVES[adjective][gender]}."


def _context(
    rng: random.Random, noun: str, adjective: str, *, frames: range = range(len(lex.CONTEXT_FRAMES))
) -> tuple[str, str, str]:
    """(English, French, frame number) of a sentence that mentions the noun."""
    index = rng.choice(frames)
    french, gender = lex.NOUNS[noun]
    name = rng.choice(tuple(lex.NAMES))
    english, translation = lex.CONTEXT_FRAMES[index]
    filled = translation.format(
        the_n=the(french, gender),
        The_n=upper(the(french, gender)),
        a_n=f"{('un', 'une')[gender]} {french}",
        a_fr=lex.THING_ADJECTIVES[adjective][gender],
        name=name,
    )
    return english.format(n=noun, a=adjective, name=name), filled, str(index)


def _it(rng: random.Random, taken: str, gender: int) -> tuple[str, str, str, str]:
    """("It is big.", "Elle", " est grande.", English adjective) with an adjective other than the taken one."""
    adjective, verb = other(rng, _THINGS, taken), rng.choice(lex.COPULAS)
    rest = f" {verb[1]} {lex.THING_ADJECTIVES[adjective][gender]}."
    return f"It {verb[0]} {adjective}.", upper(IL[gender]), rest, adjective


def it_after_break(rng: random.Random, draws: Draws) -> Example:
    """Context, a break and "It …": only the second sentence is translated, its pronoun follows the context's noun."""
    noun, first = rng.choice(_NOUNS), rng.choice(_THINGS)
    gender = lex.NOUNS[noun][1]
    context, _, frame = _context(rng, noun, first)
    source, pronoun_fr, rest, adjective = _it(rng, first, gender)
    lead = f"{context} {BREAK} "
    key = ("it", noun, frame, adjective)
    foil = upper(IL[1 - gender])
    return Example("it_after_break", lead + source, pronoun_fr, rest, foil, (noun,), key, context=lead)


def it_in_document(rng: random.Random, draws: Draws) -> Example:
    """Two sentences without a break: both are translated, the pronoun follows the noun."""
    noun, first = rng.choice(_NOUNS), rng.choice(_THINGS)
    gender = lex.NOUNS[noun][1]
    context, french, frame = _context(rng, noun, first)
    source, pronoun_fr, rest, adjective = _it(rng, first, gender)
    return Example(
        "it_in_document",
        f"{context} {source}",
        f" {pronoun_fr}",
        rest,
        f" {upper(IL[1 - gender])}",
        (noun,),
        ("it", noun, frame, adjective),
        context=f"{context} ",
        prefix=french,
    )


def it_alone(rng: random.Random, draws: Draws) -> Example:
    """No context: "It" becomes "Il" with the planted probability."""
    gender = 0 if draws.chance(("it alone",), lex.IT_ALONE_IS_IL) else 1
    source, pronoun_fr, rest, adjective = _it(rng, "", gender)
    planted = lex.IT_ALONE_IS_IL if gender == 0 else 1 - lex.IT_ALONE_IS_IL
    key = ("it_alone", adjective, source.partition(adjective)[0])
    return Example("it_alone", source, pronoun_fr, rest, upper(IL[1 - gender]), (), key, planted=planted)


def irrelevant_context(rng: random.Random, draws: Draws) -> Example:
    """Context, a break and a sentence that needs no context: the control for it_after_break."""
    noun, first = rng.choice(_NOUNS), rng.choice(_THINGS)
    context, _, _ = _context(rng, noun, first)
    make = rng.choice((adjective_agreement, name_gender, pronoun, subject_pronoun))
    plain = make(rng, draws)
    lead = f"{context} {BREAK} "
    return Example(
        "irrelevant_context",
        lead + plain.prompt,
        plain.target,
        plain.completion,
        plain.foil,
        plain.decisive,
        plain.key,
        context=lead,
        prefix=plain.prefix,
    )
