"""Tokens as people read them: text, segment, words and sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

SEGMENTS = ("source", "prompt", "generated")


@dataclass(frozen=True)
class Token:
    """One token of an analysis.

    `text` is what this token adds to the decoded text, so that joining the texts of a segment gives the text back.
    A character split over several tokens stands at the first of them, and the others carry an empty text.
    `segment` is "source" (what an encoder reads), "prompt" (given to the decoder) or "generated" (explained).
    `special` marks tokens with a meaning to the model rather than to the reader, such as an end-of-text mark.
    """

    id: int
    text: str
    segment: str
    special: bool = False

    def to_dict(self) -> dict:
        return {"id": self.id, "text": self.text, "segment": self.segment, "special": self.special}

    @classmethod
    def from_dict(cls, data: dict) -> Token:
        return cls(int(data["id"]), data["text"], data["segment"], bool(data["special"]))


def word_ids(tokens: Sequence[Token]) -> list[int]:
    """A word number for each token, rising by one at each new word. (N,) for N tokens.

    A word starts at white space, at a change between letters and punctuation, at a change of segment, at each
    special token, behind the apostrophe of an elision, and at each character of scripts written without spaces.
    Punctuation is a word of its own, so that "table," gives "table" and ",". Works on text and so on any tokenizer.
    """
    numbers: list[int] = []
    current = -1
    previous: Token | None = None
    tail, blank = "", False
    for token in tokens:
        head = token.text[:1]
        joins = (
            previous is not None
            and previous.segment == token.segment
            and not previous.special
            and not token.special
            and (token.text == "" or blank or (tail != "" and _joins(tail, head) and not _elided(tail, token.text)))
        )
        current += 0 if joins else 1
        numbers.append(current)
        tail = token.text[-1:] or (tail if joins else "")
        # A space that is a token of its own, as SentencePiece puts before words it splits, begins the word behind it.
        blank = token.text.strip(" ") == "" and tail == " " and not token.special
        previous = token
    return numbers


def _joins(before: str, after: str) -> bool:
    if before.isspace() or after.isspace():
        return before.isspace() and after.isspace() and before != "\n"
    return _kind(before) == _kind(after) != "unspaced"


def _elided(before: str, text: str) -> bool:
    """Whether `text` is a new word behind an apostrophe, as in French "qu'|elle", and not the rest of "don't"."""
    return before in "'’" and not _CONTRACTED.match(text)


def _kind(char: str) -> str:
    if _UNSPACED.match(char):
        return "unspaced"
    if char.isalnum() or char in "'’_" or unicodedata.category(char).startswith("M"):
        return "letter"
    return "mark"


# Scripts written without spaces between words: Han, Kana, Thai, Lao, Khmer, Myanmar. Each character stands alone.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CONTRACTED = re.compile(r"(?:t|s|re|ve|ll|d|m)(?![^\W\d_])", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'”’)\]]*\s*$|\n\s*$")


def sentence_ids(tokens: Sequence[Token]) -> list[int]:
    """A sentence number for each token. (N,). A sentence ends after . ! ? … or a line break, and at each segment."""
    numbers: list[int] = []
    current = -1
    text, previous = "", None
    for token in tokens:
        ends = bool(_SENTENCE_END.search(text)) and not (token.text == "" or _continues(text, token.text))
        if previous is None or previous.segment != token.segment or ends or (token.special and not previous.special):
            current, text = current + 1, ""
        numbers.append(current)
        text += token.text
        previous = token
    return numbers


def _continues(text: str, following: str) -> bool:
    """True where the stop belongs to the sentence it stands in: "3.14", "…", '."', or a number's own full stop."""
    if following.isspace():
        return True
    if text.endswith("\n"):
        return False
    return not following[:1].isspace() and not following[:1].isupper()


def first_content_token(tokens: Sequence[Token]) -> int:
    """Index of the first generated token with a letter or digit in it, else the first generated one. -1 if none."""
    generated = [i for i, token in enumerate(tokens) if token.segment == "generated"]
    content = [i for i in generated if not tokens[i].special and any(c.isalnum() for c in tokens[i].text)]
    return (content or generated or [-1])[0]
