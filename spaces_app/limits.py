"""What a spec will cost, before it is computed; refuses with both numbers and a request that would fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spaces_app.errors import TooLarge
from spaces_app.methods import METHODS, Load
from spaces_app.settings import Settings

MAX_CELLS = 2_000_000  # scores in one result: 8 MB of numbers, more than a browser shows at ease
OVERHEAD_SECONDS = 0.1  # generation, step scores and bookkeeping of the smallest questions


@dataclass(frozen=True)
class Size:
    """How many tokens a question has: read by an encoder, given to the decoder, and written (at most)."""

    n_source: int
    n_prompt: int
    n_generated: int


def size_of(spec, model) -> Size:
    """The size of a question about a text, at most: a model may stop writing early. Raises SpecError for empty texts.

    Never more than the model has positions: that a text is longer than that is for the analysis to say.
    """
    facts, prompt = model.facts, model.encode_prompt(spec.prompt)
    if spec.continuation_ids:
        written = len(spec.continuation_ids)
    elif spec.continuation:
        written = len(model.encode_continuation(spec.prompt, spec.continuation))
    else:
        written = spec.max_new_tokens
    begun = len(model.decoder_start) if facts.encoder_decoder else _at_most(len(prompt), facts.max_positions)
    room = None if facts.max_positions is None else facts.max_positions - begun + 1
    source = _at_most(len(prompt), facts.max_source_positions) if facts.encoder_decoder else 0
    return Size(source, begun, _at_most(written, room))


def _at_most(count: int, most: int | None) -> int:
    return count if most is None else min(count, most)


def predicted_seconds(spec, facts, size: Size, *, operations_per_second: float) -> float:
    """How long attributing takes: the method's count of floating-point operations over the measured speed."""
    return OVERHEAD_SECONDS + METHODS[spec.method].cost(_load(spec, facts, size)) / operations_per_second


def check(spec, facts, size: Size, settings: Settings, *, operations_per_second: float) -> float:
    """The predicted seconds. Raises TooLarge when they, or the result's size, are over the limit."""
    cells = (size.n_source + size.n_prompt + size.n_generated) * size.n_generated
    if cells > MAX_CELLS:
        raise TooLarge(
            f"the result would hold {cells:,} scores, more than {MAX_CELLS:,}.",
            hint="Use a shorter text or fewer new tokens.",
        )
    seconds = predicted_seconds(spec, facts, size, operations_per_second=operations_per_second)
    if seconds > settings.max_seconds:
        raise TooLarge(
            f"this would take about {math.ceil(seconds):,} s, more than the {settings.max_seconds:,} s allowed.",
            hint=_smaller(spec, settings.max_seconds / seconds, size),
        )
    return seconds


def _load(spec, facts, size: Size) -> Load:
    asked = {"n_steps": spec.n_steps, "n_samples": spec.n_samples, "layer": spec.layer}
    return Load(facts, size.n_source, size.n_prompt, size.n_generated, **asked)


def _smaller(spec, share: float, size: Size) -> str:
    """A request that fits. Costs grow at least in proportion to what is named, so the share of it is safe."""
    ways = []
    if "n_steps" in METHODS[spec.method].options and spec.n_steps * share >= 2:
        ways.append(f"at most {int(spec.n_steps * share)} steps")
    if size.n_generated * share >= 1:
        ways.append(f"at most {int(size.n_generated * share)} new tokens")
    return f"Use {', or '.join(ways)}." if ways else "Use a shorter text, a faster method or a smaller model."
