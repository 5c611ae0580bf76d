"""Text and numbers as people read them in files: visible characters, shares, captions. The same rules as on screen."""

from __future__ import annotations

import re

from spaces_app.figures.still.units import Ranking, Table

# Characters that would be invisible, or would reorder the text around them.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_SPACE = "\u00a0"  # between a number and its per cent sign


def visible(text: str) -> str:
    """The text with control characters as pictures and nothing that XML, LaTeX or a PDF could not hold.

    Outer spaces stay; a text of spaces alone becomes ␣, an empty one ∅.
    """
    if text == "":
        return "∅"
    if text.strip(" ") == "":
        return "␣" * min(len(text), 8)
    joiner_alone = text in ("\u200c", "\u200d")  # within a word or an emoji they shape what is around them
    return "".join(_picture(c) if joiner_alone or _INVISIBLE.match(c) else c for c in text)


def _picture(char: str) -> str:
    code = ord(char)
    if char in "\n\t":
        return "⏎" if char == "\n" else "⇥"
    if code < 32:
        return chr(0x2400 + code)
    if code == 127:
        return "␡"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return f"U+{code:04X}"


def label(text: str, limit: int) -> str:
    """One line for labels and captions: no outer spaces, at most `limit` characters."""
    shown = visible(text).strip() or "␣"
    if len(shown) <= limit:
        return shown
    head, tail = shown[: -(-limit * 6 // 10)], shown[-(limit * 35 // 100) :]
    # At a word's end where one is near; scripts without spaces are cut anywhere.
    return re.sub(r"\s+\S{0,11}\Z", "", head) + " … " + re.sub(r"\A\S{0,11}\s+", "", tail)


def score(value: float | None) -> str:
    """Three significant digits, with a real minus sign."""
    if value is None or value != value:
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-4 or size >= 1e6:
        mantissa, _, exponent = f"{size:.2e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    else:
        text = f"{float(f'{size:.3g}'):.10f}".rstrip("0").rstrip(".")
    return ("−" if value < 0 else "") + text.replace("e-", "e−")


def percent(share: float) -> str:
    """A share with two digits where they matter: "31 %", "4.2 %", "<0.1 %"."""
    size, sign = abs(share) * 100, "−" if share < 0 else ""
    if size == 0:
        return f"0{_SPACE}%"
    if size < 0.1:
        return f"<0.1{_SPACE}%"
    if 99.9 < size < 100:
        return f"{sign}>99.9{_SPACE}%"
    number = f"{size:.1f}" if size < 9.95 or 99 < size < 100 else f"{int(size + 0.5)}"
    return f"{sign}{number}{_SPACE}%"


def probability(p: float) -> str:
    """A probability; it may be tiny for a sentence, where "<0.1 %" would say little."""
    return f"{score(p * 100)}{_SPACE}%" if 0 < p < 0.001 else percent(p)


def forward_caption(table: Table, ranking: Ranking, span: tuple[int, int], *, signed: bool) -> str:
    """ "‘are’ relies most on ‘keys’ (31 %), then ‘The’ (12 %)."""
    subject = _quote(table.text(*span), 48)
    if not ranking.order:
        return f"Nothing before {subject} was scored."
    helping, against = _strongest(ranking, 1), _strongest(ranking, -1)
    if not helping and not against:
        return f"No part of the text has any weight for {subject}."
    if not signed:
        return f"{subject} relies most on {_listed(table, ranking, helping, 3)}."
    if not helping:
        return f"Nothing supports {subject}; it is spoken against most by {_listed(table, ranking, against, 3)}."
    text = f"{subject} is supported most by {_listed(table, ranking, helping, 3)}"
    if not against or abs(ranking.shares[against[0]]) < 0.01:
        return f"{text}."
    first = against[0]
    return f"{text}; {_quote(table.units[first].text)} speaks against it ({percent(abs(ranking.shares[first]))})."


def backward_caption(table: Table, ranking: Ranking, u: int, *, signed: bool) -> str:
    """ "‘keys’ matters most for ‘are’ (31 % of its score), then ‘table’."""
    subject = _quote(table.units[u].text, 48)
    if not ranking.order:
        return f"{subject} was not scored for any word the model wrote."
    helping, against = _strongest(ranking, 1), _strongest(ranking, -1)
    if not helping and not against:
        return f"{subject} has no weight for any word the model wrote."
    if not signed:
        return f"{subject} matters most for {_listed(table, ranking, helping, 1)}."
    if not helping:
        return f"{subject} speaks against {_listed(table, ranking, against, 1)}."
    text = f"{subject} supports {_listed(table, ranking, helping, 1)}"
    return f"{text} and speaks against {_listed(table, ranking, against[:1], 1)}." if against else f"{text}."


def probability_caption(steps: dict, table: Table, span: tuple[int, int]) -> str:
    """What the model gave to targets span[0]…span[1]: the product of their tokens' probabilities."""
    c0, c1 = table.units[table.targets[span[0]]].c0, table.units[table.targets[span[1]]].c1
    given = (steps.get("probability") or [])[c0 : c1 + 1]
    if len(given) != c1 - c0 + 1 or any(p is None for p in given):
        return ""
    product = 1.0
    for p in given:
        product *= p
    text = table.text(*span)
    joint = f", the product over its {len(given)} tokens." if len(given) > 1 else "."
    return f" The model gave {'it' if len(text) > 24 else _quote(text)} {probability(product)}{joint}"


def _quote(text: str, limit: int = 32) -> str:
    return f"‘{label(text, limit)}’"


def _strongest(ranking: Ranking, sign: int) -> list[int]:
    """The strongest units of one sign, at most three, none of them negligible beside the first."""
    found = [u for u in ranking.order if ranking.values[u] * sign > 0]
    return [u for u in found[:3] if abs(ranking.values[u]) >= 0.15 * abs(ranking.values[found[0]])]


def _listed(table: Table, ranking: Ranking, ids: list[int], with_shares: int) -> str:
    parts = []
    for i, u in enumerate(ids):
        parts.append("" if i == 0 else ", then " if i == 1 else " and ")
        parts.append(_quote(table.units[u].text))
        if i < with_shares:
            share = percent(abs(ranking.shares[u]))
            parts.append(f" ({share} of its score)" if with_shares == 1 else f" ({share})")
    return "".join(parts)
