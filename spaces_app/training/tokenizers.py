"""The two sub-word tokenizers, trained on text of the grammar."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

END, PAD, MASK = "<|endoftext|>", "<|pad|>", "<|mask|>"
TRANSLATION_SPECIALS = ("<pad>", "</s>", "<unk>", "<mask>", "<brk>")
FRENCH_LETTERS = "àâçèéêëîïôûùüœÉÈÀÊÇ"


def causal_tokenizer(texts: Iterable[str], *, vocabulary: int = 1152, length: int = 128) -> PreTrainedTokenizerFast:
    """Byte-level BPE: any text has ids, so there is no unknown token; about half of the words have several.

    Numbers up to 100 are made single tokens: split into digits, counts went wrong at every ten.
    `<|endoftext|>` begins (if wanted) and ends a document, `<|mask|>` stands for a word that is left out.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END, PAD, MASK],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    numbers = ", ".join(map(str, range(101)))
    tokenizer.train_from_iterator(chain(texts, [numbers] * 300), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=PAD,
        mask_token=MASK,
        model_max_length=length,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def translation_tokenizer(texts: Iterable[str], *, vocabulary: int = 512, length: int = 128) -> PreTrainedTokenizerFast:
    """One BPE for both languages; punctuation stands alone, ▁ marks the space before a word, `</s>` is appended.

    512 is small on purpose: at 768 almost every word would be a single token, and there would be no sub-words to see.
    """
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("’", "'")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="always"), pre_tokenizers.Punctuation("isolated")]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    # The spaces around a break belong to it: "old. <brk> It" is the words "old.", "It" and the break between.
    breaks = [AddedToken(token, lstrip=True, rstrip=token == "<brk>", special=True) for token in ("<mask>", "<brk>")]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[*TRANSLATION_SPECIALS[:3], *breaks],
        initial_alphabet=sorted(string.ascii_letters + FRENCH_LETTERS + string.digits),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    end = tokenizer.token_to_id("</s>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A $B </s>", special_tokens=[("</s>", end)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        additional_special_tokens=["<brk>"],
        model_max_length=length,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json, with a class name that transformers 4 and 5 both know."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text("utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"  # transformers 5 writes "TokenizersBackend"
    if "extra_special_tokens" in config:  # transformers 4 wants it by its older name
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
