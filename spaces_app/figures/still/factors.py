"""Still pictures of neuron factors: the text in the hues of its factors, and each factor's curve along it."""

from __future__ import annotations

import re
from dataclasses import replace

from spaces_app.figures.still import captions
from spaces_app.figures.still.drawing import Curve, Drawing, Legend, Paragraph, Span, hue_of
from spaces_app.figures.still.pins import marks, pins_of
from spaces_app.figures.still.units import Unit, units_of

_STATE = re.compile(r"(factor|token):(\d{1,6})", re.ASCII)
_NOISE = 0.08  # of a factor's highest activation; a hue below it would tell of noise
_FAINT = 0.04  # what is fainter has no box


def neuron_factors(value: dict) -> Drawing:
    """The text and the curves as on screen: the strongest factor of each token, or the one factor of the view."""
    factors = value["factors"]
    units = units_of(value | {"generated": [], "groups": {}}, "token")
    factor, token = _asked(value)
    tops = [max((v for v in known["values"] if v is not None), default=0.0) for known in factors]
    parts = [
        tuple(None if v is None else v / top if top > 0 else 0.0 for v in known["values"])
        for known, top in zip(factors, tops, strict=True)
    ]
    pinned = pins_of(value)
    spans = [
        replace(
            _span(unit, factors, parts, factor, token),
            marks=marks(pinned, range(unit.first, unit.last + 1)),
        )
        for unit in units
    ]
    curves = tuple(
        Curve(
            name=str(known["number"]),
            number=captions.percent(known["share"]),
            about=f"{marks(pinned, [f'f{f + 1}'])} {_listed(value['tokens'], values)}".strip(),
            values=values,
            hue=hue_of(f),
            at=-1 if token is None else token,
            focus=f == factor,
        )
        for f, (known, values) in enumerate(zip(factors, parts, strict=True))
    )
    return Drawing(
        title=captions.visible("".join(unit.text for unit in units if not unit.special).strip() or "Nothing"),
        paragraphs=_paragraphs(value, units, spans),
        curves=curves,
        legend=_legend(value, factor, tops),
        caption=_caption(value, parts, factor, token),
        notes=(_provenance(value), *(captions.visible(note) for note in value["notes"])),
    )


def _asked(value: dict) -> tuple[int | None, int | None]:
    """The factor and the token of the view, counted from 0; what it names wrongly is as if it were not there."""
    asked = {m[1]: int(m[2]) for part in value["state"].split(",") if (m := _STATE.fullmatch(part))}
    factor = asked["factor"] - 1 if 1 <= asked.get("factor", 0) <= len(value["factors"]) else value.get("selected")
    token = asked.get("token", len(value["tokens"]))
    return factor, token if token < len(value["tokens"]) else None


def _strongest(parts: list[tuple], token: int) -> int | None:
    """The factor that is strongest at a token, relative to its own highest activation."""
    found = [(values[token] or 0.0, -f) for f, values in enumerate(parts)]
    best, f = max(found)
    return -f if best > _NOISE else None


def _peaks(values: tuple, count: int) -> list[int]:
    """The tokens at which a factor is strongest, strongest first."""
    known = [(i, v) for i, v in enumerate(values) if v]
    return [i for i, v in sorted(known, key=lambda item: (-item[1], item[0]))[:count] if v >= 0.25]


def _listed(tokens: list[dict], values: tuple) -> str:
    """Where a factor is strongest; a text that recurs is named once."""
    return ", ".join(_named(tokens, values, 12, 16)[:4])


def _named(tokens: list[dict], values: tuple, count: int, limit: int) -> list[str]:
    return list(dict.fromkeys(captions.label(tokens[i]["text"], limit) for i in _peaks(values, count)))


def _span(unit: Unit, factors: list[dict], parts: list[tuple], factor: int | None, token: int | None) -> Span:
    own = _strongest(parts, unit.first) if factor is None else factor
    part = 0.0 if own is None else parts[own][unit.first] or 0.0
    shown = own if part > _FAINT else None
    return Span(
        text=captions.visible(unit.text),
        shade=part if shown is not None else None,
        hue=None if shown is None else hue_of(shown),
        bold=unit.segment == "generated",
        focus=token is not None and unit.first <= token <= unit.last,
        special=unit.special,
        note=str(factors[shown]["number"]) if shown is not None and factor is None else "",
        breaks=unit.text.count("\n"),
    )


def _paragraphs(value: dict, units: list[Unit], spans: list[Span]) -> tuple[Paragraph, ...]:
    """Source and output apart; without a source all tokens in one flow."""
    source = [span for unit, span in zip(units, spans, strict=True) if unit.segment == "source"]
    rest = [span for unit, span in zip(units, spans, strict=True) if unit.segment != "source"]
    if not source:
        return (Paragraph("", tuple(rest)),)
    return tuple(Paragraph(name, tuple(part)) for name, part in (("Source", source), ("Output", rest)) if part)


def _legend(value: dict, factor: int | None, tops: list[float]) -> Legend:
    if factor is not None:
        about = f"Activation of factor {value['factors'][factor]['number']}"
        return Legend("0", captions.score(tops[factor]), about, hue=hue_of(factor))
    return Legend(
        "0",
        "the factor’s highest",
        "Hue, number below: the token’s strongest factor. At the curves: share of the activation, strongest tokens.",
        hue=hue_of(7),
    )


def _caption(value: dict, parts: list[tuple], factor: int | None, token: int | None) -> str:
    tokens, factors = value["tokens"], value["factors"]
    if factor is not None:
        peaks = [f"‘{text}’" for text in _named(tokens, parts[factor], 12, 20)[:3]]
        where = " and ".join(filter(None, (", ".join(peaks[:-1]), peaks[-1]))) if peaks else "no token"
        share = captions.percent(factors[factor]["share"])
        return f"Factor {factors[factor]['number']} is most active at {where}; it holds {share} of the activation."
    if token is not None:
        best, name = _strongest(parts, token), f"‘{captions.label(tokens[token]['text'], 24)}’"
        strongest = f"Factor {factors[best]['number']} is the strongest" if best is not None else "No factor is active"
        return f"{strongest} at {name}."
    first = captions.percent(factors[0]["share"])
    return f"{len(factors)} factors of the neurons’ activations along the text; the largest holds {first} of their sum."


def _provenance(value: dict) -> str:
    facts = {badge["label"]: badge["text"] for badge in value["badges"]}
    made = re.sub(r"\Arecorded", "recorded on", facts.get("Result", ""))
    named = [f"{name.lower()} {facts[name]}" for name in ("Error", "Stability") if facts.get(name)]
    return captions.visible(" · ".join(part for part in (facts.get("Model", ""), *named, made, "Seqscope") if part))
