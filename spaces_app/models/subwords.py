"""The text each token adds, for any tokenizer: byte-level, SentencePiece with byte fallback, WordPiece, slow ones."""

from __future__ import annotations

import codecs
import functools
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_FALLBACK = re.compile(r"<0x([0-9A-Fa-f]{2})>")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Pieces:
    """Cuts decoded text at token boundaries, so that joining the pieces gives the decoded text.

    A character that is spread over several tokens stands at the first of them; the others get an empty text.
    Bytes that form no character show as U+FFFD, as they do in the decoded text.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        self._tokenizer = tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", None)
        kinds = _decoder_kinds(backend)
        self._byte_level = kinds == {"ByteLevel"}
        self._byte_fallback = "ByteFallback" in kinds
        self._slow = backend is None

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a run of ids, exactly as the tokenizer gives it."""
        text = self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)  # a list comes of a batch only
        return text

    def texts(self, ids: Sequence[int]) -> list[str]:
        """One text for each id of a run that is one piece of writing."""
        tokens = self._tokenizer.convert_ids_to_tokens(list(ids))
        if self._slow and any("▁" in (token or "") for token in tokens):
            # Slow SentencePiece tokenizers (Marian, M2M100) strip what they decode, which loses single spaces.
            spaced = [(token or "").replace("▁", " ") for token in tokens]
            return [spaced[0].removeprefix(" "), *spaced[1:]]
        data = [self._bytes(token) for token in tokens]
        if self._byte_level:
            return _characters([part or b"" for part in data])
        texts: list[str] = []
        before: list[int] = []
        while len(texts) < len(ids):
            start = stop = len(texts)
            while stop < len(ids) and data[stop] is not None:
                stop += 1
            if stop > start:
                texts += _whole_or_nothing([part for part in data[start:stop] if part is not None])
            else:
                stop = start + 1
                texts.append(self._after(before, ids[start:stop]))
            before = list(ids[start:stop])
        return texts

    def _after(self, before: list[int], ids: Sequence[int]) -> str:
        # SentencePiece and WordPiece drop the space before the first token of what they decode, so a token that
        # is not the first is decoded behind its predecessor, whose own text is then taken away.
        if before:
            known, both = self.decode(before), self.decode([*before, *ids])
            if both.startswith(known):
                return both[len(known) :]
        return self.decode(ids)

    def _bytes(self, token: str | None) -> bytes | None:
        if self._byte_level:
            return _level_bytes(token or "")
        match = _FALLBACK.fullmatch(token or "") if self._byte_fallback else None
        return bytes([int(match[1], 16)]) if match else None


def from_vocabulary(tokens: Sequence[str]) -> list[str]:
    """Texts of vocabulary entries whose tokenizer is not at hand, judged by how they mark spaces: Ġ, ▁ or ##."""
    if any("Ġ" in token or "Ċ" in token for token in tokens):
        return _characters([_level_bytes(token) for token in tokens])
    if any("▁" in token or _FALLBACK.fullmatch(token) for token in tokens):
        matches = [_FALLBACK.fullmatch(token) for token in tokens]
        data = [bytes([int(m[1], 16)]) if m else t.encode("utf-8") for m, t in zip(matches, tokens, strict=True)]
        texts = [text.replace("▁", " ") for text in _characters(data)]
        return [texts[0].removeprefix(" "), *texts[1:]]
    if any(token.startswith("##") for token in tokens):
        joined = [token.removeprefix("##") if token.startswith("##") else f" {token}" for token in tokens]
        return [joined[0].removeprefix(" "), *joined[1:]]
    return list(tokens)


def _decoder_kinds(backend: object) -> set[str]:
    """The types of the decoding steps of a fast tokenizer; empty for a slow one."""
    decoder = getattr(backend, "decoder", None)
    if decoder is None:
        return set()
    state = json.loads(decoder.__getstate__())
    steps = state["decoders"] if state["type"] == "Sequence" else [state]
    return {step["type"] for step in steps}


@functools.cache
def _byte_of_char() -> dict[str, int]:
    """Byte-level tokenizers write each byte as one printable character: this table inverts that (GPT-2's)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


def _level_bytes(token: str) -> bytes:
    table = _byte_of_char()
    if all(char in table for char in token):
        return bytes(table[char] for char in token)
    return token.encode("utf-8")  # an added token, which is written as itself


def _characters(data: Sequence[bytes]) -> list[str]:
    """Texts of byte tokens: each character goes to the token its first byte is in; a broken one becomes U+FFFD."""
    texts = [""] * len(data)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    owner, pending = 0, False  # the token in which the character under way began, and whether there is one
    for i, piece in enumerate(data):
        for byte in piece:
            if not pending:
                owner = i
            text = decoder.decode(bytes([byte]))
            under_way = bool(decoder.getstate()[0])
            if text:
                texts[owner] += text[0]
                texts[i] += text[1:]  # this byte broke off a character and is one itself
            if under_way and (text or not pending):
                owner = i
            pending = under_way
    if pending:
        texts[owner] += decoder.decode(b"", final=True)
    return texts


def _whole_or_nothing(data: Sequence[bytes]) -> list[str]:
    """Texts of fallback bytes: such a run decodes as a whole, or every byte of it becomes U+FFFD."""
    try:
        b"".join(data).decode("utf-8")
    except UnicodeDecodeError:
        return [REPLACEMENT] * len(data)
    return _characters(data)
