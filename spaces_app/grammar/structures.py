"""Texts that follow a rule from item to item: counts, lists, copies, tags, records."""

from __future__ import annotations

import random

from spaces_app.grammar import lexicon as lex
from spaces_app.grammar.sampling import Draws, Example, other

STEPS = (1, 2, 5, 10, -1, -2, -5, -10)
TOP = 100


def copying(rng: random.Random, draws: Draws) -> Example:
    """Words, then the same words again."""
    words = rng.sample(lex.COPY_WORDS, rng.randint(3, 6))
    at = rng.randrange(1, len(words))
    prompt = f"Repeat: {' '.join(words)}. Again: {' '.join(words[:at])}"
    completion = "".join(f" {word}" for word in words[at + 1 :]) + "."
    foil = other(rng, words, words[at])
    return Example(
        "copying", prompt, f" {words[at]}", completion, f" {foil}", (words[at],), ("copying", words[0], words[1])
    )


def counting(rng: random.Random, draws: Draws) -> Example:
    """Numbers a fixed step apart, up or down, ending at a round number; held out per start and step."""
    step = rng.choices(STEPS, (5, 3, 2, 2, 3, 2, 1, 1))[0]
    start = rng.randrange(0, TOP + 1, abs(step) if abs(step) > 2 else 1)
    numbers = _count(start, step, rng)
    if len(numbers) < 5:
        return counting(rng, draws)
    at = rng.randrange(3, len(numbers))
    prompt = ", ".join(map(str, numbers[:at])) + ","
    completion = "".join(f", {number}" for number in numbers[at + 1 :]) + "."
    return Example(
        "counting",
        prompt,
        f" {numbers[at]}",
        completion,
        f" {numbers[at] + 1 if step != 1 else numbers[at] + 2}",
        (str(numbers[at - 1]), str(numbers[at - 2])),
        ("counting", str(step), str(start)),
    )


def _count(start: int, step: int, rng: random.Random) -> list[int]:
    """The count up to the last number before a multiple of ten steps; one in four passes the first such number.

    With lengths of chance the model would never see a reason to stop, and what it wrote beyond the longest count
    it had seen was wrong.
    """
    round_number, numbers = 10 * abs(step), []
    for number in range(start, TOP + 1 if step > 0 else -1, step):
        numbers.append(number)
        gap = -number % round_number if step > 0 else number % round_number
        if len(numbers) >= 5 and gap < abs(step) and (len(numbers) > 12 or rng.random() < 0.75):
            break
    return numbers


def count_until(rng: random.Random, draws: Draws) -> Example:
    """A count whose beginning says where it ends: the target is the full stop after the last number."""
    start, length = rng.randint(1, 20), rng.randint(3, 10)
    numbers = list(range(start, start + length))
    if rng.random() < 0.3:
        numbers.reverse()
    prompt = f"Count from {numbers[0]} to {numbers[-1]}: " + ", ".join(map(str, numbers))
    last = str(numbers[-1])
    return Example("count_until", prompt, ".", "", ",", (last,), ("count_until", str(numbers[0]), last))


def sequences(rng: random.Random, draws: Draws) -> Example:
    """Weekdays, months or letters in their order; three of four go on to Sunday, December or Z."""
    name, items = rng.choice((("weekdays", lex.WEEKDAYS), ("months", lex.MONTHS), ("letters", lex.LETTERS)))
    start = rng.randrange(len(items) - 3 if name == "letters" else len(items))
    length = len(items) - start
    if length < 4:
        length += len(items)
    if rng.random() < 0.25:
        length = rng.randint(4, length)
    listed = [items[(start + i) % len(items)] for i in range(length)]
    at = rng.randrange(2, length)
    completion = "".join(f", {item}" for item in listed[at + 1 :]) + "."
    foil = other(rng, items, listed[at])
    return Example(
        "sequences",
        ", ".join(listed[:at]) + ",",
        f" {listed[at]}",
        completion,
        f" {foil}",
        (listed[at - 1],),
        ("sequences", name, items[start], str(length)),
    )


def country_list(rng: random.Random, draws: Draws) -> Example:
    """Countries of one continent, numbered on lines or after commas, none twice."""
    continent = rng.choice(lex.CONTINENTS)
    countries = [country for country, row in lex.COUNTRIES.items() if row[2] == continent]
    rng.shuffle(countries)
    countries = countries[: rng.randint(4, 6)]
    at = rng.randrange(2, len(countries))
    head = f"Countries in {continent}:"
    if rng.random() < 0.5:
        prompt = head + "".join(f"\n{i}. {country}" for i, country in enumerate(countries[:at], 1)) + f"\n{at + 1}."
        completion = "".join(f"\n{i}. {country}" for i, country in enumerate(countries[at + 1 :], at + 2))
    else:
        prompt = f"{head} {', '.join(countries[:at])},"
        completion = "".join(f", {country}" for country in countries[at + 1 :]) + "."
    foil = other(rng, [country for country, row in lex.COUNTRIES.items() if row[2] != continent])
    key = ("country_list", continent, countries[0], countries[1])
    return Example(
        "country_list",
        prompt,
        f" {countries[at]}",
        completion,
        f" {foil}",
        (continent.split()[-1],),
        key,
        planted=1 / (8 - at),
    )


def xml(rng: random.Random, draws: Draws) -> Example:
    """Nested tags: the closing tag repeats the innermost one that is still open."""
    root, tags = rng.choice(lex.XML_ROOTS), rng.sample(lex.XML_TAGS, rng.randint(1, 3))
    key = ("xml", root, tags[0])
    if rng.random() < 0.4:  # two levels: the tag holds one element
        tag, inner = tags[0], rng.choice([other for other in lex.XML_TAGS if other != tags[0]])
        text = f"<{root}><{tag}>{_element(rng, inner)}</"
        return Example("xml", text, tag, f"></{root}>", root, (tag,), key)
    at = rng.randrange(len(tags))
    before, after = ("".join(_element(rng, tag) for tag in some) for some in (tags[:at], tags[at + 1 :]))
    text = f"<{root}>{before}<{tags[at]}>{_value(rng)}</"
    return Example("xml", text, tags[at], f">{after}</{root}>", root, (tags[at],), key)


def _element(rng: random.Random, tag: str) -> str:
    return f"<{tag}>{_value(rng)}</{tag}>"


def _value(rng: random.Random) -> str:
    return " ".join(rng.sample(lex.COPY_WORDS, rng.randint(1, 2)))


def records(rng: random.Random, draws: Draws) -> Example:
    """A JSON record of a country: the key and the country decide the value."""
    country = rng.choice(tuple(lex.COUNTRIES))
    fields = rng.sample(range(3), rng.randint(1, 3))
    at = rng.randrange(len(fields))
    pairs = [f'"{lex.RELATIONS[column]}": "{lex.COUNTRIES[country][column]}"' for column in fields]
    opening = ", ".join([f'{{"country": "{country}"', *pairs[:at]])
    relation, answer = lex.RELATIONS[fields[at]], lex.COUNTRIES[country][fields[at]]
    foil = other(rng, sorted({row[fields[at]] for row in lex.COUNTRIES.values()}), answer)
    completion = '"' + "".join(f", {pair}" for pair in pairs[at + 1 :]) + "}"
    return Example(
        "records",
        f'{opening}, "{relation}": "',
        answer,
        completion,
        foil,
        (country, relation),
        ("records", country, *(lex.RELATIONS[column] for column in fields)),
    )
