"""The logit lens: what the model would write if it stopped after a layer.

What stands behind the last block (final norm, scaling, output layer, soft cap, bias) is the model's own and is run as
it is: a pass over one token in which the last block gives the states of other layers. So it is right for any model
built of blocks, and the last layer's numbers are the model's. Lens: nostalgebraist 2020 (https://www.lesswrong.com/
posts/AcKRB8wDpdaN6v6ru); KL to the final layer as in https://arxiv.org/abs/2303.08112.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from spaces_app.engine.chunks import in_chunks
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.forward import checked
from spaces_app.engine.hooks import BlockOutput
from spaces_app.engine.progress import beating
from spaces_app.errors import NotSupported
from spaces_app.models.facts import blocks

WIDTHS = 2  # a chunk's logits, and the same in float32
CACHE_BYTES = 2**22
ADDED = 512  # products whose sum keeps its digits in float32
BLOCK = 64  # words whose largest logit is found first, where many are sorted


@dataclass(frozen=True)
class Lens:
    """What each of L + 1 states holds at P positions: the embeddings, then what stands after each block.

    rank: 1 is the likeliest; probability: of the K ids asked at each position, both (L+1, P, K). top_ids and
    top_probabilities: the likeliest ids, (L+1, P, k). entropy, and kl = KL(last layer ‖ layer), in nats, (L+1, P).
    All on the CPU.
    """

    rank: Tensor
    probability: Tensor
    top_ids: Tensor
    top_probabilities: Tensor
    entropy: Tensor
    kl: Tensor


def lens(run: ForcedPass, asked: Tensor, *, top_k: int = 0) -> Lens:
    """The lens at the positions that predict the targets of a ForcedPass.

    asked: (G, K) ids whose rank and probability are wanted at each of them, such as the targets and their rivals.
    Passes: one over the sequence, which gives the logits of the first chunk, and a short one for each further chunk.
    Raises NotSupported for models that are not built of blocks or whose layers are no states of the same kind.
    """
    asked = asked.reshape(run.n_generated, -1)
    n_states, top_k = len(_stack(run)) + 1, min(top_k, run.lm.facts.d_vocab)
    size = max(1, run.budget.bytes // (WIDTHS * 4 * n_states * run.lm.facts.d_vocab))
    run.tick(0, run.n_generated, "Reading layers")
    with torch.no_grad():
        encoded = run.body.encode()
        states, logits = _captured(run, encoded, min(size, run.n_generated))
        own, parts = logits[0, -1], [_read(logits, asked[: len(logits)], top_k)]

        def work(start: int, stop: int) -> tuple[Tensor, ...]:
            run.tick(first + start, run.n_generated, "Reading layers")
            chosen = slice(first + start, first + stop)
            rows = torch.cat([states[chosen].flatten(0, 1), states[0, -1:]])
            logits = unembedded(run, rows, encoded)
            if not _same(logits[-1], own):
                raise _unreadable()
            return _read(logits[:-1].unflatten(0, (stop - start, n_states)), asked[chosen], top_k)

        first = len(logits)
        del logits
        parts += [part for _, _, part in in_chunks(run.n_generated - first, size, work)]
    run.tick(run.n_generated, run.n_generated, "Reading layers")
    return Lens(*(torch.cat(column).transpose(0, 1) for column in zip(*parts, strict=True)))


def unembedded(run: ForcedPass, rows: Tensor, encoded: Tensor | None = None) -> Tensor:
    """Logits of hidden states, as if the last block had given them. rows (R, D) → (R, V) in at least float32.

    encoded: the source's states (1, S, D), which an encoder-decoder model wants to see although nothing looks at them.
    """
    encoded = run.body.encode() if encoded is None else encoded
    last = _stack(run)[-1]
    with torch.no_grad(), _readable(), giving(last, lambda _hidden: rows[:, None]):
        logits = run.body.adapter.decode(run.sequence.decoder[:, :1], states=encoded).logits
    return _wide(logits.flatten(0, 1), len(rows))


def _captured(run: ForcedPass, encoded: Tensor | None, count: int) -> tuple[Tensor, Tensor]:
    """States (G, L+1, D) at the targets' positions, and logits (count, L+1, V) of the first of them: one pass."""
    stack, first = _stack(run), run.sequence.n_prompt - 1
    kept: dict[int, Tensor] = {}

    def keep(number: int, hidden: Tensor) -> None:
        kept[number] = hidden

    def all_of_them(hidden: Tensor) -> Tensor:
        return torch.cat([kept[i].to(hidden.device) for i in range(len(stack))] + [hidden])  # (L+1, n, D)

    with _readable(), ExitStack() as hooks:
        hooks.enter_context(beating(run.body.adapter.blocks, run.tick))
        hooks.enter_context(streaming(stack, keep))
        hooks.enter_context(giving(stack[-1], all_of_them))
        hooks.enter_context(_positions_first(run.body.adapter.head, slice(first, first + count)))
        logits = run.body.adapter.decode(run.sequence.decoder, states=encoded).logits
        states = torch.cat([kept[i].to(logits.device)[:, first:] for i in range(len(stack) + 1)]).transpose(0, 1)
    logits = _wide(logits, count)
    run.body.observe(slice(0, count), logits[:, -1])
    return states, logits


@contextmanager
def _positions_first(head: nn.Module, positions: slice) -> Iterator[None]:
    """Within, the head is given only these positions of its rows, turned, so that logits are (positions, rows, V)."""
    passes: list[int] = []

    def turn(_module: nn.Module, inputs: tuple) -> tuple:
        passes.append(1)
        return (inputs[0][:, positions].transpose(0, 1).contiguous(), *inputs[1:])

    handle = head.register_forward_pre_hook(turn)
    try:
        yield
    finally:
        handle.remove()
    if not passes:
        raise _unreadable()


def _wide(logits: Tensor, n_rows: int) -> Tensor:
    if logits.shape[0] != n_rows:
        raise _unreadable()
    return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()


@contextmanager
def _readable() -> Iterator[None]:
    """Within, what goes wrong because a model is not built in the usual way becomes a sentence."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, RuntimeError) and "memory" in str(error):
            raise
        raise _unreadable() from error


@contextmanager
def giving(block: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Within, the block gives `change(hidden)` instead of the hidden states it computed."""

    def hook(_module: nn.Module, _inputs: tuple, output: BlockOutput) -> BlockOutput:
        hidden = output[0] if isinstance(output, tuple) else output
        given = change(hidden).to(hidden.device, hidden.dtype)
        return (given, *output[1:]) if isinstance(output, tuple) else given

    handle = block.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def streaming(stack: nn.ModuleList, keep: Callable[[int, Tensor], None]) -> Iterator[None]:
    """Within, keep(0, what goes into the first block) and keep(l, what block l-1 gives) are told of every pass."""

    def enter(_module: nn.Module, inputs: tuple, named: dict) -> None:
        keep(0, inputs[0] if inputs else named["hidden_states"])

    def leave(number: int) -> Callable:
        def hook(_module: nn.Module, _inputs: tuple, output: BlockOutput) -> None:
            keep(number, output[0] if isinstance(output, tuple) else output)

        return hook

    handles = [stack[0].register_forward_pre_hook(enter, with_kwargs=True)]
    handles += [block.register_forward_hook(leave(i + 1)) for i, block in enumerate(stack)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _stack(run: ForcedPass) -> nn.ModuleList:
    return blocks(run.lm.model.get_decoder() if hasattr(run.lm.model, "get_decoder") else run.lm.model)


def _same(found: Tensor, own: Tensor) -> bool:
    tolerance = 1e-3 if found.dtype == own.dtype == torch.float32 else 0.05
    return bool((found - own).abs().max() <= tolerance * own.abs().max().clamp_min(1e-6))


def _unreadable() -> NotSupported:
    return NotSupported("the layers of this model cannot be read through its output layer.", field="model")


def _read(logits: Tensor, asked: Tensor, top_k: int) -> tuple[Tensor, ...]:
    """The fields of Lens, position first, from logits (p, L+1, V) for asked (p, K)."""
    if logits.device.type != "cpu":
        return _read_block(logits, asked, top_k)
    # One position after the other stays in the processor's cache: on 390 rows of 50,257 words twice as fast.
    size = max(1, CACHE_BYTES // (logits.element_size() * logits[0].numel()))
    parts = [
        _read_block(logits[start : start + size], asked[start : start + size], top_k)
        for start in range(0, len(logits), size)
    ]
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))


def _read_block(logits: Tensor, asked: Tensor, top_k: int) -> tuple[Tensor, ...]:
    wanted = logits.gather(-1, asked[:, None].expand(-1, logits.shape[1], -1))  # (p, L+1, K)
    rank = torch.stack([_above(logits, column) for column in wanted.unbind(-1)], -1) + 1
    top, ids = _likeliest(logits, max(1, top_k))
    shares = logits.softmax(-1)
    # The sum of exponentials, from the likeliest word: no pass over the logits, and exact as its share is large.
    total = checked(top[..., :1] - shares.gather(-1, ids[..., :1]).log())  # (p, L+1, 1)
    entropy = total[..., 0] - _means(shares, logits)
    # −Σ p_last · log p_layer, less p_last's own
    kl = total[..., 0] - _means(shares[:, -1:].expand_as(logits), logits) - entropy[:, -1:]
    kl[:, -1] = 0
    kept = slice(0, top_k)
    found = ((wanted - total).exp(), ids[..., kept], (top[..., kept] - total).exp())
    return tuple(part.cpu() for part in (rank, *found, entropy.clamp_min(0), kl.clamp_min(0)))


def _means(shares: Tensor, logits: Tensor) -> Tensor:
    """Σ p z over the words, (p, L+1, V) both → (p, L+1)."""
    if logits.device.type != "cpu":
        return (shares * logits).sum(-1)
    # In parts that are added in float64: half of the time of torch's product of vectors, and a half of its error.
    p, z, whole = shares.numpy(), logits.numpy(), logits.shape[-1] // ADDED * ADDED
    parts = (values[..., :whole].reshape(*values.shape[:2], -1, ADDED) for values in (p, z))
    found = np.einsum("abnv,abnv->abn", *parts).sum(-1, dtype=np.float64)
    return torch.from_numpy(found + np.einsum("abv,abv->ab", p[..., whole:], z[..., whole:])).to(logits.dtype)


def _above(logits: Tensor, value: Tensor) -> Tensor:
    """How many logits (p, L+1, V) are larger than `value` (p, L+1)."""
    if logits.device.type != "cpu":
        return (logits > value[..., None]).sum(-1)
    larger = logits.numpy() > value[..., None].numpy()  # three times as fast as torch, which compares one by one
    counts = [np.count_nonzero(row) for row in larger.reshape(-1, logits.shape[-1])]
    return torch.tensor(counts).view(value.shape)


def _likeliest(logits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest logits and their ids, largest first. (..., V) → (..., count)

    Only the blocks of words with the largest maxima can hold them, which takes a fraction of sorting all.
    """
    width = logits.shape[-1]
    n_blocks = width // BLOCK
    if n_blocks < 4 * count or not count:
        return logits.topk(count, sorted=True)
    whole = n_blocks * BLOCK  # the few words behind the last block are sorted with those found
    folded = logits[..., :whole].unflatten(-1, (n_blocks, BLOCK))
    chosen = folded.amax(-1).topk(count, sorted=False).indices  # (..., count)
    near = folded.gather(-2, chosen[..., None].expand(*chosen.shape, BLOCK)).flatten(-2)
    places = (chosen[..., None] * BLOCK + torch.arange(BLOCK, device=chosen.device)).flatten(-2)
    if whole < width:
        rest = torch.arange(whole, width, device=chosen.device).expand(*chosen.shape[:-1], -1)
        near, places = torch.cat([near, logits[..., whole:]], -1), torch.cat([places, rest], -1)
    values, index = near.topk(count, sorted=True)
    return values, places.gather(-1, index)
