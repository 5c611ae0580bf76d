"""Write a trained model as a bundled folder: float16 weights, tokenizer, figures and card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig

from spaces_app.grammar.corpora import CAUSAL, TRANSLATION, corpus, heldout
from spaces_app.training import scoring
from spaces_app.training.card import card
from spaces_app.training.causal import Trained
from spaces_app.training.evaluate import evaluate_causal, evaluate_translation
from spaces_app.training.tokenizers import save_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


BUNDLED = Path(__file__).resolve().parent.parent / "bundled"


def write_weights(trained: Trained, folder: Path) -> None:
    """Config, generation config, tokenizer and float16 safetensors, readable by everybody."""
    folder.mkdir(parents=True, exist_ok=True)
    model, tokenizer = trained.model, trained.tokenizer
    both = model.config.is_encoder_decoder
    model.generation_config = GenerationConfig(
        bos_token_id=None if both else tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=model.config.decoder_start_token_id if both else None,
        do_sample=False,
        num_beams=1,
        max_new_tokens=64,
    )
    single = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.half().save_pretrained(folder)
    model.float().load_state_dict(single)
    (folder / "model.safetensors").chmod(0o644)  # save_pretrained makes it readable by its owner only
    save_tokenizer(tokenizer, folder)


def reopen(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The stored model in float32, and its tokenizer."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    auto = AutoModelForSeq2SeqLM if config.get("is_encoder_decoder") else AutoModelForCausalLM
    model = auto.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(folder)


def storage_change(trained: Trained, stored: PreTrainedModel) -> float:
    """Largest change of any probability at the targets of some held-out examples, by storing in float16."""
    both = stored.config.is_encoder_decoder
    examples = [found for kind in (TRANSLATION if both else CAUSAL) for found in heldout(kind, 10)]
    asked = scoring.items(examples, encoder_decoder=both)
    pairs = zip(
        scoring.score(trained.model, trained.tokenizer, asked),
        scoring.score(stored, trained.tokenizer, asked),
        strict=True,
    )
    return max((a.first.exp() - b.first.exp()).abs().max().item() for a, b in pairs)


def publish(trained: Trained, facts: dict, folder: Path) -> dict:
    """Write the folder and return the figures. facts: what only training knows (steps, seed, documents, seconds)."""
    write_weights(trained, folder)
    last = trained.losses[-50:]
    facts = {
        **facts,
        "loss": round(sum(last) / len(last), 4),
        "storage": float(f"{storage_change(trained, reopen(folder)[0]):.1g}"),
    }
    return measure(folder, facts)


def measure(folder: Path, facts: dict) -> dict:
    """Measure the stored model and write accuracies.json and, from it, README.md."""
    model, tokenizer = reopen(folder)
    both = model.config.is_encoder_decoder
    figures = {
        "model": "tiny-en-fr" if both else "tiny-causal",
        **facts,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "vocabulary": len(tokenizer),
        "positions": tokenizer.model_max_length,
        **(evaluate_translation if both else evaluate_causal)(model, tokenizer),
    }
    if both:
        sources = [example.prompt for example in corpus(TRANSLATION, 10_000, seed=facts["seed"])]
        figures["longest"] = max(len(ids) for ids in tokenizer(sources)["input_ids"])
    (folder / "accuracies.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "README.md").write_text(card(figures), "utf-8")
    return figures
