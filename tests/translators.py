"""Tiny models of the families that mark the language they write in, each in its own way; see families.py."""

from __future__ import annotations

import json
from functools import partial

import families
import transformers as tf
from families import Family


def _pieces(codes: list[str]) -> list[tuple[str, float]]:
    trained = families.unigram(marks=("<s>", "<pad>", "</s>", "<unk>"))
    known = json.loads(trained.backend_tokenizer.to_str())["model"]["vocab"]
    return [(piece, score) for piece, score in known] + [(code, 0.0) for code in [*codes, "<mask>"]]


def mbart(**languages):
    """mBART-25: `text </s> en_XX` on both sides."""
    from transformers.models.mbart.tokenization_mbart import FAIRSEQ_LANGUAGE_CODES

    return tf.MBartTokenizer(vocab=_pieces(FAIRSEQ_LANGUAGE_CODES), **languages)


def mbart50(**languages):
    """mBART-50: `en_XX text </s>` on both sides."""
    from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES

    return tf.MBart50Tokenizer(vocab=_pieces(FAIRSEQ_LANGUAGE_CODES), **languages)


def nllb_legacy():
    """NLLB as it was published at first: `text </s> eng_Latn` on both sides."""
    plain = families.nllb()
    return tf.NllbTokenizer(vocab=plain._vocab, merges=plain._merges, legacy_behaviour=True)


def plbart():
    """PLBart between programming languages, slow: `text </s> __python__` on both sides."""
    folder = families._folder()
    families._sentencepiece(folder / "sentencepiece.bpe.model")
    return tf.PLBartTokenizer(str(folder / "sentencepiece.bpe.model"), src_lang="python", tgt_lang="en_XX")


def marian():
    """Marian with several target languages, which the source names as >>fra<<."""
    folder = families._folder()
    pieces = families._sentencepiece(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    vocab = {piece: i for i, piece in enumerate(["</s>", "<unk>", ">>fra<<", ">>deu<<", *pieces, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    return tf.MarianTokenizer(str(folder / "source.spm"), str(folder / "target.spm"), str(folder / "vocab.json"))


def unmarked():
    return families.byte_level(
        marks=("<s>", "<pad>", "</s>"), bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="</s>"
    )


def seamless():
    """SeamlessM4T: `__eng__ text </s>` for a source, `</s> __fra__ text </s>` for an output."""
    plain, tags = families.nllb(), ["__eng__", "__fra__", "__deu__"]
    marks = ["<pad>", "<unk>", "<s>", "</s>"]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys([*marks, *plain._vocab, *tags]))}
    return tf.SeamlessM4TTokenizer(vocab=vocab, merges=plain._merges, additional_special_tokens=tags)


def _seamless(n, t):
    return tf.SeamlessM4TConfig(
        vocab_size=n, hidden_size=families.D, encoder_layers=families.LAYERS, decoder_layers=families.LAYERS + 1,
        encoder_attention_heads=families.HEADS, decoder_attention_heads=families.HEADS,
        encoder_ffn_dim=2 * families.D, decoder_ffn_dim=2 * families.D, max_position_embeddings=families.POSITIONS,
        decoder_start_token_id=t.eos_token_id, **families._ids(t, "bos", "eos", "pad"),
    )  # fmt: skip


def _from_language(n, t):
    """large-en-ro: the decoder starts with the language that is written."""
    config = families._bart(tf.MBartConfig, "eos")(n, t)
    config.decoder_start_token_id = t.convert_tokens_to_ids("ro_RO")
    return config


_EOS = partial(families._bart, start="eos")
_FAMILIES = (
    Family("mbart", _from_language, partial(mbart, src_lang="en_XX", tgt_lang="ro_RO"), True),
    # A tokenizer that names no target: the model alone knows it.
    Family("mbart_untold", _from_language, mbart, True),
    Family("mbart50", _EOS(tf.MBartConfig), partial(mbart50, src_lang="en_XX", tgt_lang="ro_RO"), True),
    Family("nllb_legacy", _EOS(tf.M2M100Config), nllb_legacy, True),
    Family("plbart", _EOS(tf.PLBartConfig), plbart, True),
    Family("marian_many", families._bart(tf.MarianConfig, "pad", scale_embedding=True), marian, True),
    Family("seamless", _seamless, seamless, True),
    # A tokenizer without marks beside a model that takes the last label for the start.
    Family("mbart_unmarked", _EOS(tf.MBartConfig), unmarked, True),
    Family("bart_unforced", _EOS(tf.BartConfig), families._bart_tokenizer, True),
)
TRANSLATORS = {family.name: family for family in _FAMILIES}
