"""Train the translation model: batches of sentence pairs, words of both sides sometimes masked."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from transformers import MarianConfig, MarianMTModel, PreTrainedTokenizerFast

from spaces_app.grammar.corpora import TRANSLATION
from spaces_app.grammar.sampling import Sampler
from spaces_app.training.causal import IGNORED, Trained
from spaces_app.training.masking import word_mask
from spaces_app.training.optim import initialise, optimisers, train
from spaces_app.training.tokenizers import translation_tokenizer


@dataclass(frozen=True)
class TranslationShape:
    """Sizes of the model and of one training step."""

    n_layers: int = 3
    d_model: int = 128
    n_heads: int = 4
    d_ffn: int = 512
    vocabulary: int = 512
    length: int = 128
    pairs: int = 48
    documents_for_tokenizer: int = 40_000
    learning_rate: float = 2e-3


@dataclass(frozen=True)
class Batch:
    """Padded ids: source (B, S) and its mask, decoder input (B, T) and the labels (B, T) it must say."""

    source: torch.Tensor
    source_mask: torch.Tensor
    decoder: torch.Tensor
    labels: torch.Tensor


def train_translation(
    *,
    steps: int = 1500,
    seed: int = 0,
    shape: TranslationShape = TranslationShape(),  # noqa: B008 (frozen)
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> Trained:
    """Make tokenizer, corpus and model from nothing; on one thread the same seed gives the same weights bit for bit."""
    first = islice(Sampler(TRANSLATION, seed), shape.documents_for_tokenizer)
    texts = [text for example in first for text in (example.prompt.replace(" <brk>", ""), example.translation)]
    tokenizer = translation_tokenizer(texts, vocabulary=shape.vocabulary, length=shape.length)
    model = MarianMTModel(configuration(tokenizer, shape)).eval()
    initialise(model, torch.Generator(device="cpu").manual_seed(seed), n_layers=shape.n_layers)
    made = list(islice(batches(tokenizer, shape.pairs, seed), steps))
    history = train(
        model,
        (partial(loss, model, batch) for batch in made),
        optimisers(model, muon=False, learning_rate=shape.learning_rate),
        steps=steps,
        report=report,
    )
    tokens = sum(int((batch.labels != IGNORED).sum()) for batch in made)
    return Trained(model, tokenizer, history, documents=steps * shape.pairs, tokens=tokens)


def configuration(tokenizer: PreTrainedTokenizerFast, shape: TranslationShape) -> MarianConfig:
    """A Marian of this shape without dropout; decoding starts with the padding token, as in Marian."""
    return MarianConfig(
        vocab_size=len(tokenizer),
        decoder_vocab_size=len(tokenizer),
        d_model=shape.d_model,
        encoder_layers=shape.n_layers,
        decoder_layers=shape.n_layers,
        encoder_attention_heads=shape.n_heads,
        decoder_attention_heads=shape.n_heads,
        encoder_ffn_dim=shape.d_ffn,
        decoder_ffn_dim=shape.d_ffn,
        activation_function="swish",
        scale_embedding=True,
        share_encoder_decoder_embeddings=True,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        max_position_embeddings=shape.length,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
        forced_eos_token_id=None,
    )


def batches(tokenizer: PreTrainedTokenizerFast, size: int, seed: int) -> Iterator[Batch]:
    """Batches of training pairs without end."""
    examples, rng = iter(Sampler(TRANSLATION, seed + 1)), random.Random(f"mask|{seed}")
    while True:
        pairs = list(islice(examples, size))
        sources = tokenizer.backend_tokenizer.encode_batch([example.prompt for example in pairs])
        targets = tokenizer.backend_tokenizer.encode_batch([example.translation for example in pairs])
        read, start, said = [], [], []
        for source, target in zip(sources, targets, strict=True):
            # Start and end tokens are hidden, too: else leaving one out would surprise the model more than any word.
            hidden = word_mask(source.word_ids, rng, special=True)
            # One hidden word in five becomes the unknown token instead, so that unknown words are known, too.
            instead = tokenizer.unk_token_id if rng.random() < 0.2 else tokenizer.mask_token_id
            read.append([instead if hide else i for i, hide in zip(source.ids, hidden, strict=True)])
            begun = [tokenizer.pad_token_id, *target.ids[:-1]]
            hidden = word_mask([None, *target.word_ids[:-1]], rng, special=True)
            start.append([tokenizer.mask_token_id if hide else i for i, hide in zip(begun, hidden, strict=True)])
            said.append(target.ids)
        source_ids = padded(read, tokenizer.pad_token_id)
        yield Batch(
            source_ids,
            (source_ids != tokenizer.pad_token_id).to(dtype=torch.int64, device="cpu"),
            padded(start, tokenizer.pad_token_id),
            padded(said, IGNORED),
        )


def padded(rows: list[list[int]], filler: int) -> torch.Tensor:
    """Rows of ids as one tensor (B, longest), filled up on the right."""
    longest = max(map(len, rows))
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows], dtype=torch.int64, device="cpu")


def loss(model: MarianMTModel, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy () in nats over the tokens of the translations."""
    logits = model(
        input_ids=batch.source, attention_mask=batch.source_mask, decoder_input_ids=batch.decoder, use_cache=False
    ).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
