"""Writing a continuation: greedy or seeded sampling, one token at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel

from spaces_app.engine.progress import Progress, beating
from spaces_app.errors import NotSupported, SpecError
from spaces_app.models.adapters import Adapter
from spaces_app.models.loaded import LoadedModel
from spaces_app.types import ForcedIds, Tick


def check_length(lm: LoadedModel, ids: ForcedIds) -> None:
    """Raises SpecError when (source_ids, prompt_ids, generated_ids) has more tokens than the model has positions.

    The last generated token is read by nobody and needs no position.
    """
    source, prompt, generated = (len(part) for part in ids)
    facts = lm.facts
    if facts.encoder_decoder:
        _check("prompt", source, facts.max_source_positions)
    else:
        _check("prompt", prompt, facts.max_positions)
    _check("continuation", prompt + max(0, generated - 1), facts.max_positions)


def _check(field: str, count: int, most: int | None) -> None:
    if most is not None and count > most:
        raise SpecError(
            f"{count:,} tokens are too many for this model, which takes {most:,}.",
            hint="Shorten the text.",
            field=field,
        )


def generate(
    lm: LoadedModel,
    ids: tuple[Sequence[int], Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: tuple[float, float, int] = (0.0, 1.0, 0),
    tick: Tick,
) -> tuple[int, ...]:
    """The ids the model writes after (source_ids, prompt_ids), up to and including an end mark.

    sampling: (temperature, top_p, seed); temperature 0 takes the likeliest token. Stops at `max_new_tokens` or at the
    model's last position. Raises SpecError when the prompt does not fit and NotSupported when nothing but an end mark
    comes out.
    """
    check_length(lm, (*ids, ()))
    most = lm.facts.max_positions
    room = max_new_tokens if most is None else min(max_new_tokens, most - len(ids[1]) + 1)
    choose = _chooser(*sampling)
    barred = _barred(lm.model)
    written: list[int] = []
    progress = Progress(tick)
    progress(0, room, "Writing")
    with torch.no_grad(), beating(Adapter.of(lm).blocks, progress):
        for logits in _next_logits(lm, ids, written):
            progress(len(written), room, "Writing")
            if not torch.isfinite(logits.max()) or logits.isnan().any():
                raise NotSupported(
                    "the model's output is not finite: its numbers overflow in this precision.", field="model"
                )
            logits[barred] = -torch.inf
            written.append(choose(logits))
            if written[-1] in lm.facts.eos_ids or len(written) >= room:
                break
    if written[0] in lm.facts.eos_ids:
        raise NotSupported(
            "the model wrote nothing: its first token is the end mark.",
            hint="Change the prompt, or give the output to explain yourself.",
            field="prompt",
        )
    return tuple(written)


def _next_logits(lm: LoadedModel, ids: tuple[Sequence[int], Sequence[int]], written: list[int]) -> Iterator[Tensor]:
    """float32 logits (V,) on the CPU after the prompt and `written`, which the caller extends between two steps."""
    adapter = Adapter.of(lm)
    source, prompt = (torch.tensor([list(part)], dtype=torch.long, device=lm.device) for part in ids)
    states = adapter.encode(source) if adapter.encoder_decoder else None
    cache: Cache | None = adapter.new_cache(whole=False)
    fed = prompt
    while True:
        output = adapter.decode(fed, states=states, cache=cache)
        yield output.logits[0, -1].to("cpu", torch.float32, copy=True)
        fed = torch.tensor([written[-1:]], dtype=torch.long, device=lm.device)
        if cache is None or not _holds(cache, len(ids[1]) + len(written) - 1):
            # A model that keeps no keys and values: it reads everything again.
            cache = None
            fed = torch.cat([prompt, torch.tensor([written], dtype=torch.long, device=lm.device)], 1)


def _holds(cache: Cache, n_tokens: int) -> bool:
    try:
        return cache.get_seq_length() == n_tokens
    except ValueError:  # what a cache of recurrent layers alone answers
        return False


def _barred(model: PreTrainedModel) -> list[int]:
    """Ids the checkpoint says never to write, such as Marian's padding."""
    config = getattr(model, "generation_config", None)
    single = [ids[0] for ids in getattr(config, "bad_words_ids", None) or [] if len(ids) == 1]
    return single + list(getattr(config, "suppress_tokens", None) or [])


def _chooser(temperature: float, top_p: float, seed: int) -> Callable[[Tensor], int]:
    if temperature == 0:
        return lambda logits: int(logits.argmax())
    generator = torch.Generator(device="cpu")
    generator.manual_seed(seed)

    def sample(logits: Tensor) -> int:
        probabilities = (logits.double() / temperature).softmax(-1)
        ordered, index = probabilities.sort(descending=True, stable=True)
        # The likeliest tokens whose probabilities together first reach top_p; always at least one.
        ordered[(ordered.cumsum(0) - ordered) >= top_p] = 0.0
        return int(index[torch.multinomial(ordered, 1, generator=generator)])

    return sample
