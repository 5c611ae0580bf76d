"""Train the decoder-only model: rows of packed documents, attention that stays inside each document."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from spaces_app.grammar.corpora import CAUSAL
from spaces_app.grammar.sampling import Sampler
from spaces_app.training.masking import word_mask
from spaces_app.training.optim import initialise, optimisers, train
from spaces_app.training.tokenizers import causal_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel


IGNORED = -100


@dataclass(frozen=True)
class CausalShape:
    """Sizes of the model and of one training step. `length` is both the row and the number of positions."""

    n_layers: int = 4
    d_model: int = 128
    n_heads: int = 4
    vocabulary: int = 1152
    length: int = 128
    rows: int = 12
    documents_for_tokenizer: int = 40_000
    learning_rate: float = 3e-3


@dataclass(frozen=True)
class Trained:
    """What training gives: the model (eval mode, float32), its tokenizer, the loss after every step, and the amounts.

    documents, tokens: texts (or sentence pairs) and labelled tokens of all steps together.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    losses: list[float]
    documents: int
    tokens: int


@dataclass(frozen=True)
class Rows:
    """Packed rows (R, T): what the model reads, what it must say (IGNORED: nothing), and each token's document."""

    inputs: torch.Tensor
    labels: torch.Tensor
    documents: torch.Tensor


def train_causal(
    *,
    steps: int = 1800,
    seed: int = 0,
    shape: CausalShape = CausalShape(),  # noqa: B008 (frozen)
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> Trained:
    """Make tokenizer, corpus and model from nothing; on one thread the same seed gives the same weights bit for bit."""
    examples = iter(Sampler(CAUSAL, seed))
    tokenizer = causal_tokenizer(
        [next(examples).document for _ in range(shape.documents_for_tokenizer)],
        vocabulary=shape.vocabulary,
        length=shape.length,
    )
    rows = pack(tokenizer, documents(seed + 1), n_rows=steps * shape.rows, length=shape.length, seed=seed)
    model = GPT2LMHeadModel(configuration(tokenizer, shape)).eval()
    initialise(model, torch.Generator(device="cpu").manual_seed(seed), n_layers=shape.n_layers)

    def batch_loss(step: int) -> Callable[[], torch.Tensor]:
        return lambda: loss(model, rows, slice(step * shape.rows, (step + 1) * shape.rows))

    history = train(
        model,
        (batch_loss(step) for step in range(steps)),
        optimisers(model, muon=True, learning_rate=shape.learning_rate),
        steps=steps,
        report=report,
    )
    tokens = int((rows.labels != IGNORED).sum())
    return Trained(model, tokenizer, history, documents=int(rows.documents.max()) + 1, tokens=tokens)


def configuration(tokenizer: PreTrainedTokenizerFast, shape: CausalShape) -> GPT2Config:
    """A GPT-2 of this shape, without dropout; as many positions as a row has, because others would be untrained."""
    return GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=shape.length,
        n_embd=shape.d_model,
        n_layer=shape.n_layers,
        n_head=shape.n_heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=True,
    )


def documents(seed: int) -> Iterator[str]:
    """Training documents without end."""
    return (example.document for example in Sampler(CAUSAL, seed))


def pack(tokenizer: PreTrainedTokenizerFast, texts: Iterator[str], *, n_rows: int, length: int, seed: int) -> Rows:
    """Fill rows with whole documents, each followed by the end token and, every other time, begun with one.

    A document that no longer fits begins the next row. The model therefore meets documents at every position.
    """
    rng = random.Random(f"pack|{seed}")
    padding = tokenizer.pad_token_id
    inputs = torch.full((n_rows, length), padding, dtype=torch.int64, device="cpu")
    labels = torch.full((n_rows, length), IGNORED, dtype=torch.int64, device="cpu")
    owners = torch.full((n_rows, length), -1, dtype=torch.int64, device="cpu")
    row, column, number = 0, 0, 0
    while True:
        for seen, said in _encoded(tokenizer, texts, rng):
            if len(seen) > length:
                continue
            if column + len(seen) > length:
                row, column = row + 1, 0
            if row == n_rows:
                return Rows(inputs, labels, owners)
            here = slice(column, column + len(seen))
            inputs[row, here] = torch.tensor(seen, dtype=torch.int64, device="cpu")
            labels[row, here] = torch.tensor(said, dtype=torch.int64, device="cpu")
            owners[row, here] = number
            column, number = column + len(seen), number + 1


def _encoded(
    tokenizer: PreTrainedTokenizerFast, texts: Iterator[str], rng: random.Random
) -> Iterator[tuple[list[int], list[int]]]:
    """One thousand documents as (ids read, ids to say), some of their words replaced by the mask."""
    end = tokenizer.eos_token_id
    batch = tokenizer.backend_tokenizer.encode_batch([next(texts) for _ in range(1000)], add_special_tokens=False)
    for encoding in batch:
        masked = word_mask(encoding.word_ids, rng)
        seen = [tokenizer.mask_token_id if hide else i for i, hide in zip(encoding.ids, masked, strict=True)]
        said = [IGNORED if hide else i for i, hide in zip(encoding.ids, masked, strict=True)]
        begin = [end] if rng.random() < 0.5 else []
        # The first token of a document has nothing before it, so there is nothing to learn from it.
        said = [IGNORED, *said] if begin else [IGNORED, *said[1:]]
        yield [*begin, *seen, end], [*said, end]


def loss(model: GPT2LMHeadModel, rows: Rows, chosen: slice) -> torch.Tensor:
    """Mean cross-entropy () in nats over the labelled tokens of the chosen rows."""
    owners = rows.documents[chosen]  # (B, T)
    causal = torch.ones(owners.shape[1], owners.shape[1], dtype=torch.bool, device="cpu").tril()
    visible = (owners[:, :, None] == owners[:, None, :]) & causal  # (B, T, T)
    # Without this mask, other documents of the row are noise: copying and indirect objects were not learned at all.
    bias = torch.zeros(visible.shape, dtype=torch.float32, device="cpu").masked_fill_(~visible, float("-inf"))
    logits = model(input_ids=rows.inputs[chosen], attention_mask=bias[:, None], use_cache=False).logits
    labels = rows.labels[chosen][:, 1:]
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
