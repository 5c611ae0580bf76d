"""A tiny model of each supported family, random weights from its own configuration, and a tokenizer made in code.

`make(name, folder)` writes one as a Hugging Face folder. Engine and loading tests share them: FAMILIES names them all.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers as tf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = (
    "The keys to the cabinet are on the table.",
    "The nurse said that she was tired, and the doctor said that he was not.",
    "Marie was born in France; the capital of France is Paris.",
    "one, two, three, four, five, six, seven, eight, nine, ten",
    "Les clés du placard sont sur la table. L'infirmière a dit qu'elle était fatiguée.",
    "Die Schlüssel liegen auf dem Tisch, und 1984 ist ein Buch.",
)
D, LAYERS, HEADS, POSITIONS = 32, 2, 4, 128


@dataclass(frozen=True)
class Family:
    """How to build one family.

    `config(n_ids, tokenizer)` gives its configuration, `generation` goes into its generation config, and `facts`
    are what must be found.
    """

    name: str
    config: Callable
    tokenizer: Callable
    encoder_decoder: bool = False
    facts: dict = field(default_factory=dict)
    generation: dict = field(default_factory=dict)


def make(name: str, folder: Path, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Path:
    """Write the family `name` to `folder` as safetensors with tokenizer files."""
    return write(FAMILIES[name], folder, seed=seed, dtype=dtype)


def write(family: Family, folder: Path, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Path:
    """Write any family to `folder`, as `make` does."""
    tokenizer = family.tokenizer()
    config = family.config(_n_ids(tokenizer), tokenizer)
    auto = tf.AutoModelForSeq2SeqLM if family.encoder_decoder else tf.AutoModelForCausalLM
    model = auto.from_config(config, attn_implementation="eager")
    randomize(model, seed)
    for key, value in family.generation.items():
        setattr(model.generation_config, key, value)
    model.to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def randomize(model: torch.nn.Module, seed: int) -> None:
    """Weights that give varied predictions; the default initialization of so small a model predicts uniformly."""
    generator = torch.Generator("cpu").manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue  # sinusoidal positions
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32, device="cpu")
            if parameter.dim() > 1:
                parameter.copy_(noise * (1.5 / math.sqrt(D)))
            else:
                parameter.copy_(noise * 0.1 + (1.0 if "norm" in name or "ln_" in name else 0.0))
    if hasattr(model, "final_logits_bias"):
        model.final_logits_bias.zero_()


def byte_level(*, marks=("<|endoftext|>",), before=(), after=(), prefix_space=False, **roles):
    """Byte-level BPE, as in GPT-2, OPT, GPT-NeoX, Phi, Qwen and BART. `before`/`after`: marks around every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(marks),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return _fast(tokenizer, before, after, roles)


def sentencepiece_bpe(*, marks=("<unk>", "<s>", "</s>"), before=("<s>",), dummy_prefix=True, **roles):
    """SentencePiece BPE with byte fallback, as in Llama, Mistral and (without the space in front) Gemma."""
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    replace = normalizers.Replace(" ", "▁")
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace]) if dummy_prefix else replace
    trained.normalizer = normalizer
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trained.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=220, special_tokens=["<unk>"], show_progress=False)
    )
    state = json.loads(trained.to_str())["model"]
    pieces = [piece for piece in sorted(state["vocab"], key=state["vocab"].get) if piece not in marks]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys([*marks, *byte_tokens, "▁", *pieces]))}
    merges = [tuple(merge) for merge in state["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizer
    strip = [decoders.Strip(" ", 1, 0)] if dummy_prefix else []
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens(list(marks))
    return _fast(tokenizer, before, (), {"unk_token": "<unk>", **roles})


def unigram(*, marks=("<pad>", "</s>", "<unk>", "<extra_id_0>"), after=("</s>",), **roles):
    """SentencePiece unigram, as in T5 and mT5."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("\n", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=160, special_tokens=list(marks), unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.model = _in_order(tokenizer, marks)
    return _fast(tokenizer, (), after, {"unk_token": "<unk>", "eos_token": "</s>", "pad_token": "<pad>", **roles})


def _in_order(tokenizer: Tokenizer, marks) -> models.Unigram:
    """The trained pieces by rounded score, then by name: training tells equally likely ones apart by chance."""
    pieces = [(piece, round(score, 1)) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]
    rest = sorted((pair for pair in pieces if pair[0] not in marks), key=lambda pair: (-pair[1], pair[0]))
    return models.Unigram([(mark, 0.0) for mark in marks] + rest, marks.index("<unk>"), False)


def wordpiece():
    """Lower-casing WordPiece, as in BERT: it changes the text."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    trainer = trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=["[PAD]", "[UNK]", "[MASK]"], show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]", "eos_token": "[PAD]"}
    return _fast(tokenizer, (), (), roles)


def marian():
    """The real Marian tokenizer, a slow one, over SentencePiece models trained here."""
    folder = _folder()
    pieces = _sentencepiece(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    vocab = {piece: i for i, piece in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    return tf.MarianTokenizer(
        str(folder / "source.spm"), str(folder / "target.spm"), str(folder / "vocab.json"),
        source_lang="en", target_lang="fr",
    )  # fmt: skip


def m2m100():
    """The real M2M100 tokenizer, slow and with a tag for each of its hundred languages."""
    folder = _folder()
    pieces = _sentencepiece(folder / "sentencepiece.bpe.model")
    vocab = {piece: i for i, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    return tf.M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))


def nllb():
    """The real NLLB tokenizer: language tags in front of every text."""
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    trained.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(vocab_size=200, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False),
    )
    state = json.loads(trained.to_str())["model"]
    return tf.NllbTokenizer(vocab=state["vocab"], merges=[tuple(merge) for merge in state["merges"]])


_kept: list[tempfile.TemporaryDirectory] = []  # slow tokenizers copy their files when saved; removed at exit


def _folder() -> Path:
    _kept.append(tempfile.TemporaryDirectory(prefix="seqscope-tokenizer-"))
    return Path(_kept[-1].name)


def _sentencepiece(path: Path) -> list[str]:
    """Train a SentencePiece model and return its pieces."""
    import sentencepiece

    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES), model_writer=file, vocab_size=120, hard_vocab_limit=False,
            minloglevel=2, num_threads=1,
        )  # fmt: skip
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [processor.id_to_piece(i) for i in range(3, processor.get_piece_size())]


def _fast(tokenizer: Tokenizer, before, after, roles) -> tf.PreTrainedTokenizerFast:
    if before or after:
        marks = [(mark, tokenizer.token_to_id(mark)) for mark in dict.fromkeys([*before, *after])]
        template = " ".join([*before, "$A", *after])
        tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=marks)
    return tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **roles)


def _n_ids(tokenizer) -> int:
    """Rows the embeddings need: M2M100's language tags come after the end of its vocabulary."""
    return (
        max([len(tokenizer) - 1, *tokenizer.all_special_ids, *getattr(tokenizer, "lang_code_to_id", {}).values()]) + 1
    )


def _ids(tokenizer, *names: str) -> dict:
    """bos_token_id and the like of a tokenizer, as keyword arguments of a configuration."""
    return {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in names}


def _gpt2(n, t):
    return tf.GPT2Config(
        vocab_size=n, n_embd=D, n_layer=LAYERS, n_head=HEADS, n_positions=POSITIONS, **_ids(t, "bos", "eos")
    )


def _rotary(kind: type, **extra) -> Callable:
    """Llama and its relatives, whose configurations share their names."""

    def config(n, t):
        return kind(
            vocab_size=n, hidden_size=D, intermediate_size=2 * D, num_hidden_layers=LAYERS,
            num_attention_heads=HEADS, max_position_embeddings=POSITIONS, **_ids(t, "bos", "eos", "pad"), **extra,
        )  # fmt: skip

    return config


def _opt(n, t):
    return tf.OPTConfig(
        vocab_size=n, hidden_size=D, ffn_dim=4 * D, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        max_position_embeddings=POSITIONS, word_embed_proj_dim=D, **_ids(t, "bos", "eos", "pad"),
    )  # fmt: skip


def _t5(kind: type) -> Callable:
    def config(n, t):
        return kind(
            vocab_size=n, d_model=D, d_kv=8, d_ff=2 * D, num_layers=LAYERS, num_decoder_layers=LAYERS + 1,
            num_heads=HEADS, decoder_start_token_id=t.pad_token_id, **_ids(t, "eos", "pad"),
        )  # fmt: skip

    return config


def _bart(kind: type, start: str, **extra) -> Callable:
    """BART and the families built on it. `start` names the special token that outputs begin with."""

    def config(n, t):
        return kind(
            vocab_size=n, d_model=D, encoder_layers=LAYERS, decoder_layers=LAYERS + 1, encoder_attention_heads=HEADS,
            decoder_attention_heads=HEADS, encoder_ffn_dim=2 * D, decoder_ffn_dim=2 * D,
            max_position_embeddings=POSITIONS, decoder_start_token_id=getattr(t, f"{start}_token_id"),
            forced_eos_token_id=None, **_ids(t, "bos", "eos", "pad"), **extra,
        )  # fmt: skip

    return config


def _llama_tokenizer():
    return sentencepiece_bpe(bos_token="<s>", eos_token="</s>")


def _gemma_tokenizer():
    marks = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>")
    return sentencepiece_bpe(
        marks=marks, before=("<bos>",), dummy_prefix=False, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>"
    )


def _qwen_tokenizer():
    marks = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    return byte_level(marks=marks, eos_token="<|im_end|>", pad_token="<|endoftext|>")


def _gpt2_tokenizer():
    return byte_level(**dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>"))


def _opt_tokenizer():
    roles = {"bos_token": "</s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "</s>"}
    return byte_level(marks=("<s>", "<pad>", "</s>"), before=("</s>",), **roles)


def _bart_tokenizer():
    marks = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    roles = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    return byte_level(marks=marks, before=("<s>",), after=("</s>",), **roles)


_GATED, _PLAIN = {"gated_mlp": True}, {"gated_mlp": False}
_NO_LIMIT = {"max_positions": None, "max_source_positions": None}
_GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
_GEMMA = {"num_key_value_heads": 1, "head_dim": 8}
_FAMILIES = (
    Family("gpt2", _gpt2, _gpt2_tokenizer, facts=_PLAIN),
    Family("llama", _rotary(tf.LlamaConfig, num_key_value_heads=2), _llama_tokenizer, facts=_GATED),
    Family("qwen2", _rotary(tf.Qwen2Config, num_key_value_heads=2), _qwen_tokenizer, facts=_GATED),
    Family("qwen3", _rotary(tf.Qwen3Config, **_GROUPED), _qwen_tokenizer, facts=_GATED),
    Family("gemma", _rotary(tf.GemmaConfig, **_GEMMA), _gemma_tokenizer, facts=_GATED),
    Family("gemma2", _rotary(tf.Gemma2Config, sliding_window=16, **_GEMMA), _gemma_tokenizer, facts=_GATED),
    Family("gemma3", _rotary(tf.Gemma3TextConfig, sliding_window=16, **_GEMMA), _gemma_tokenizer, facts=_GATED),
    Family("mistral", _rotary(tf.MistralConfig, num_key_value_heads=2, sliding_window=16), _llama_tokenizer,
           facts=_GATED),
    Family("phi", _rotary(tf.PhiConfig), _gpt2_tokenizer, facts=_PLAIN),
    Family("phi3", _rotary(tf.Phi3Config, num_key_value_heads=2), _llama_tokenizer, facts=_GATED),
    Family("opt", _opt, _opt_tokenizer, facts=_PLAIN),
    Family("gpt_neox", _rotary(tf.GPTNeoXConfig), _gpt2_tokenizer, facts=_PLAIN),
    Family("t5", _t5(tf.T5Config), unigram, True, _PLAIN | _NO_LIMIT),
    Family("mt5", _t5(tf.MT5Config), unigram, True, _GATED | _NO_LIMIT),
    Family("bart", _bart(tf.BartConfig, "eos"), _bart_tokenizer, True, _PLAIN | {"forced_bos_id": 0},
           {"forced_bos_token_id": 0}),
    Family("marian", _bart(tf.MarianConfig, "pad", scale_embedding=True), marian, True, _PLAIN),
    Family("m2m100", _bart(tf.M2M100Config, "eos"), m2m100, True, _PLAIN | {"languages": ("en", "fr")}),
    Family("nllb", _bart(tf.M2M100Config, "eos"), nllb, True, _PLAIN | {"languages": ("eng_Latn", "fra_Latn")}),
)  # fmt: skip
FAMILIES = {family.name: family for family in _FAMILIES}
