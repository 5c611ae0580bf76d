"""How probable a model finds a given continuation, and what it writes by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from transformers import GenerationMixin

from spaces_app.grammar.sampling import Example

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


BATCH = 48


@dataclass(frozen=True)
class Item:
    """What is asked: the probability of `continuation` after `prefix`, given `source` ("" for a decoder-only model).

    The text is encoded as a whole; the continuation's tokens are those after the prefix's own.
    """

    source: str
    prefix: str
    continuation: str


@dataclass(frozen=True)
class Score:
    """logprob: nats of the whole continuation. exact: each of its tokens is the most probable one.

    first: log-probabilities (V,) of the position where the continuation begins.
    """

    logprob: float
    exact: bool
    first: torch.Tensor


def items(examples: list[Example], *, encoder_decoder: bool, foil: bool = False) -> list[Item]:
    """The target (or the foil) of every example as an Item."""
    if encoder_decoder:
        return [Item(e.prompt, e.prefix, e.foil if foil else e.target) for e in examples]
    return [Item("", e.prompt, e.foil if foil else e.target) for e in examples]


def score(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, asked: list[Item]) -> list[Score]:
    """Teacher-forced scores of every item, in order."""
    return [found for start in range(0, len(asked), BATCH) for found in _score(model, tokenizer, asked[start:][:BATCH])]


def _score(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, asked: list[Item]) -> list[Score]:
    encoder_decoder = model.config.is_encoder_decoder
    wholes, starts = [], []
    for item in asked:
        whole = tokenizer(item.prefix + item.continuation, add_special_tokens=False)["input_ids"]
        before = tokenizer(item.prefix, add_special_tokens=False)["input_ids"] if item.prefix else []
        if whole[: len(before)] != before:
            raise ValueError(f"{item.prefix!r} + {item.continuation!r} is not cut between two tokens")
        lead = [model.config.decoder_start_token_id] if encoder_decoder else []
        wholes.append(lead + whole)
        starts.append(len(lead) + len(before))
    ids, mask = _padded(wholes, tokenizer.pad_token_id)  # (B, T) each
    with torch.no_grad():
        if encoder_decoder:
            source = [tokenizer(item.source)["input_ids"] for item in asked]
            source_ids, source_mask = _padded(source, tokenizer.pad_token_id)
            out = model(input_ids=source_ids, attention_mask=source_mask, decoder_input_ids=ids, use_cache=False)
        else:
            out = model(input_ids=ids, attention_mask=mask, use_cache=False)
        logprobs = out.logits.log_softmax(-1)  # (B, T, V)
    found = []
    for row, (whole, start) in enumerate(zip(wholes, starts, strict=True)):
        said = torch.tensor(whole[start:], dtype=torch.int64, device="cpu")  # (G,)
        steps = logprobs[row, start - 1 : len(whole) - 1]  # (G, V)
        total = steps.gather(1, said[:, None]).sum().item()
        found.append(Score(total, bool((steps.argmax(-1) == said).all()), steps[0].clone()))
    return found


def _padded(rows: list[list[int]], filler: int) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, rows))
    ids = torch.tensor([row + [filler] * (longest - len(row)) for row in rows], dtype=torch.int64, device="cpu")
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], dtype=torch.int64, device="cpu")
    return ids, mask


def write(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: list[str], *, new_tokens: int = 64
) -> list[tuple[str, bool]]:
    """Greedy continuation (or translation) of every prompt, and whether the model ended it by itself."""
    assert isinstance(model, GenerationMixin)
    written = []
    for prompt in prompts:
        ids = torch.tensor([tokenizer(prompt)["input_ids"]], dtype=torch.int64, device="cpu")  # (1, T)
        room = new_tokens
        if not model.config.is_encoder_decoder:
            room = min(new_tokens, model.config.n_positions - ids.shape[1])
        with torch.no_grad():
            out = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids, dtype=torch.int64, device="cpu"),
                max_new_tokens=room,
                do_sample=False,
                num_beams=1,
            )[0]
        new = out[1:] if model.config.is_encoder_decoder else out[ids.shape[1] :]
        ended = bool((new == tokenizer.eos_token_id).any())
        text = tokenizer.decode(new, skip_special_tokens=True)
        assert isinstance(text, str)  # a list comes of a batch only
        written.append((text, ended))
    return written
