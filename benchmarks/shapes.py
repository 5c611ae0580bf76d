"""Random models of known shapes with a tokenizer of their own, saved as folders that both sides can load."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

N_PROMPT, N_GENERATED = 12, 20
SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


@dataclass(frozen=True)
class Shape:
    """One benchmark model. `floors`: by how much each question must beat Inseq on it; `slow`: measured when asked."""

    name: str
    config: str
    model: str
    options: dict
    encoder_decoder: bool = False
    slow: bool = False
    floors: dict = field(default_factory=dict)


_GPT2 = {"vocab_size": 200, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128}
_GPT2_15M = {"vocab_size": 8000, "n_embd": 384, "n_layer": 6, "n_head": 6, "n_positions": 256}
_LLAMA = {
    "vocab_size": 200,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
_BART = {
    "vocab_size": 200,
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "max_position_embeddings": 128,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": None,
}
_BART_15M = {
    "vocab_size": 8000,
    "d_model": 384,
    "encoder_layers": 3,
    "decoder_layers": 3,
    "encoder_attention_heads": 6,
    "decoder_attention_heads": 6,
    "encoder_ffn_dim": 1536,
    "decoder_ffn_dim": 1536,
    "max_position_embeddings": 256,
}
GPT2_124M = {"vocab_size": 50257, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024}
_T5 = {"vocab_size": 200, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
SHAPES = (
    Shape("GPT-2 tiny", "GPT2Config", "GPT2LMHeadModel", _GPT2),
    Shape("Llama tiny", "LlamaConfig", "LlamaForCausalLM", _LLAMA),
    Shape("BART tiny", "BartConfig", "BartForConditionalGeneration", _BART, encoder_decoder=True),
    Shape(
        "T5 tiny",
        "T5Config",
        "T5ForConditionalGeneration",
        _T5 | {"decoder_start_token_id": 0},
        encoder_decoder=True,
    ),
    Shape(
        "GPT-2 15M",
        "GPT2Config",
        "GPT2LMHeadModel",
        _GPT2_15M,
        floors={
            "saliency": 3,
            "integrated_gradients": 2,
            "gradient_shap": 2,
            "deeplift": 4.5,
            "occlusion": 28,
            "lime": 28,
            "layer_gradient_x_activation": 2.5,
            "KL divergence and P-CXMI": 25,
            "reagent": 3,
            "contrastive saliency": 3,
        },
    ),
    Shape(
        "BART 15M",
        "BartConfig",
        "BartForConditionalGeneration",
        _BART | _BART_15M,
        encoder_decoder=True,
        floors={"saliency": 5, "occlusion": 35},
    ),
    Shape("GPT-2 124M", "GPT2Config", "GPT2LMHeadModel", GPT2_124M, slow=True),
)


def build(shape: Shape, folder: Path) -> Path:
    """Save the model and its tokenizer. The same weights at every call."""
    path = folder / shape.name.replace(" ", "-").lower()
    config = getattr(transformers, shape.config)(**(IDS | shape.options))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(11)
        model = getattr(transformers, shape.model)(config)
    model.eval().save_pretrained(path)
    tokenizer(shape.options["vocab_size"], ends=shape.encoder_decoder).save_pretrained(path)
    return path


def tokenizer(n_words: int, *, ends: bool) -> transformers.PreTrainedTokenizerFast:
    """One word, one token: "w17" is id 17. `ends` adds the end mark, as translation models have it."""
    words = {text: index for index, text in enumerate(SPECIAL.values())}
    words |= {f"w{index}": index for index in range(len(words), n_words)}
    inner = Tokenizer(models.WordLevel(words, unk_token=SPECIAL["unk_token"]))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if ends:
        inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **SPECIAL)


def texts(shape: Shape, *, other: int = 0) -> tuple[str, str]:
    """(prompt, output) of 12 and 20 words; another pair for another number."""
    most = shape.options["vocab_size"] - 4
    words = [f"w{4 + (37 * index * index + 11 * index + 5 * other) % most}" for index in range(N_PROMPT + N_GENERATED)]
    return " ".join(words[:N_PROMPT]), " ".join(words[N_PROMPT:])
