"""Text to ids and back, the same for every tokenizer."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces_app.errors import SpecError
from spaces_app.models.subwords import Pieces
from spaces_app.spec import check_text
from spaces_app.tokens import Token, word_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from spaces_app.models.model_facts import Facts

# An added token of this shape is a mark for the model (<|im_start|>, </s>, [INST], __fr__), special or not.
_MARK = re.compile(r"<[^\s<>]+>|\[[A-Z_/]+\]|__[a-z]+__|>>[a-zA-Z_]+<<")
_ANCHORS = ("\n", ".", "a", " ")


@dataclass(frozen=True)
class Codec:
    """A tokenizer with the conventions of its model.

    `forced` are the ids an output begins with without having been written (decoder start, target language);
    `eos_id` ends a complete output; `special_ids` have a meaning to the model rather than to the reader.
    """

    tokenizer: PreTrainedTokenizerBase
    encoder_decoder: bool
    forced: tuple[int, ...]
    eos_id: int | None
    special_ids: frozenset[int]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, facts: Facts) -> Codec:
        """The codec of a tokenizer beside a model with these facts."""
        forced = tuple(item for item in (facts.decoder_start_id, facts.forced_bos_id) if item is not None)
        ends = (facts.bos_id, facts.pad_id, facts.mask_id, *facts.eos_ids)
        own = tokenizer.eos_token_id  # of several end marks, the one that the tokenizer itself puts behind a text
        return cls(
            tokenizer=tokenizer,
            encoder_decoder=facts.encoder_decoder,
            forced=forced,
            eos_id=own if own in facts.eos_ids else next(iter(facts.eos_ids), None),
            special_ids=special_ids(tokenizer, (*forced, *ends)),
        )

    def prompt(self, text: str) -> list[int]:
        """Ids of a prompt (decoder-only) or of a source text (encoder-decoder).

        Marks the tokenizer puts around a text are put once: not where the text was pasted with them.
        """
        return _around(self._content(text, "prompt"), *self._template)

    def continuation(self, prompt: str, text: str) -> list[int]:
        """Ids of `text` behind `prompt`: those of both together where the prompt's stay the same, else its own."""
        head = self._content(prompt, "prompt")
        self._content(text, "continuation")  # empty texts must not hide behind the space that is put between
        text = between(prompt, text) + text
        both = self._ids(prompt + text)
        if both[: len(head)] == head and len(both) > len(head):
            return both[len(head) :]
        return self._inside(text)

    def target(self, text: str) -> list[int]:
        """Ids of an encoder-decoder model's output: the tokenizer's labels, ended, and without what is forced."""
        self._content(text, "continuation")
        ids = self._ids(text, target=True)
        labels = list(self.tokenizer(text_target=text, verbose=False)["input_ids"])
        before, after = self._target_template
        if labels == [*before, *ids, *after]:
            labels = _around(self._unforced(ids), self._unforced(before), self._target_end)
        else:  # a tokenizer that puts its marks only where they are missing
            labels = self._unforced(labels)
        if self.eos_id is not None and self.eos_id not in self._target_end and labels[-1:] != [self.eos_id]:
            labels.append(self.eos_id)
        return labels

    def beginning(self, text: str) -> list[int]:
        """Ids with which an encoder-decoder model's output begins: those of `target` before what ends it."""
        ids, end = self.target(text), self._target_end
        if self.eos_id not in end:
            end = [] if self.eos_id is None else [self.eos_id]
        return ids[: len(ids) - len(end)] if end and ids[-len(end) :] == end else ids

    def special(self, token_id: int) -> bool:
        """Whether an id is a mark for the model. Ids the tokenizer does not know are."""
        return token_id in self.special_ids or token_id >= len(self.tokenizer)

    def texts(self, ids: Sequence[int]) -> list[str]:
        """The text of each id; special tokens show their names, and the others join to the decoded text."""
        content = [i for i, token_id in enumerate(ids) if not self.special(token_id)]
        texts = [self._name(token_id) if self.special(token_id) else "" for token_id in ids]
        for i, text in zip(content, self._pieces.texts([ids[i] for i in content]), strict=True):
            texts[i] = text
        return texts

    def warnings(self, prompt: str, continuation: str = "", *, whole: bool = True) -> tuple[str, ...]:
        """What tokenizing changed in the texts, as sentences. `whole` is False for a prompt inside another text."""
        found: list[str] = []
        for name, text in (("prompt", prompt), ("output", continuation)):
            if not text:
                continue
            ids = self._ids(text)
            first, last = self._pasted(ids, name) if whole or name == "output" else (0, len(ids))
            for marks, does in ((ids[:first], "begins"), (ids[last:], "ends")):
                if marks:
                    names = " ".join(self._name(token_id) for token_id in marks)
                    found.append(f"The {name} {does} with “{names}” already, which is not added again.")
            typed = {self._name(token_id) for token_id in ids[first:last] if self.special(token_id)}
            found += [f"“{mark}” in the {name} was read as a special token." for mark in sorted(typed)]
            shown = "".join(self.texts(ids))
            if typed or last - first < len(ids):  # marks swallow the spaces beside them, which is no change of the text
                shown, text = "".join(shown.split()), "".join(text.split())
            if shown.strip(" ") != text.strip(" "):
                found.append(f"The tokenizer changed the text of the {name}; what the model read is shown.")
        return tuple(found)

    @functools.cached_property
    def _pieces(self) -> Pieces:
        return Pieces(self.tokenizer)

    @functools.cached_property
    def _template(self) -> tuple[list[int], list[int]]:
        """The ids put before and after every prompt or source text."""
        before, after = self._marks("text")
        # A decoder-only model goes on writing, so a mark for the end of the text must not come before that.
        return before, after if self.encoder_decoder else []

    @functools.cached_property
    def _target_template(self) -> tuple[list[int], list[int]]:
        """The ids the tokenizer puts before and after an encoder-decoder model's output, as labels."""
        return self._marks("text_target")

    @functools.cached_property
    def _target_end(self) -> list[int]:
        """What the tokenizer ends an output with, less a language tag that is forced behind the decoder start.

        NLLB's older form has the tag in both places; where it is the decoder start itself (mBART), it is a label too.
        """
        after = self._target_template[1]
        return after[:-1] if after and after[-1] in self.forced[1:] else after

    def _marks(self, kind: str) -> tuple[list[int], list[int]]:
        """The ids the tokenizer puts before and after a "text" or "text_target"."""
        for probe in ("a", "1", "."):
            plain = self._ids(probe, target=kind == "text_target")
            full = list(self.tokenizer(**{kind: probe}, verbose=False)["input_ids"])
            for start in range(len(full) - len(plain) + 1):
                if plain and full[start : start + len(plain)] == plain:
                    return full[:start], full[start + len(plain) :]
        return [], []

    def _unforced(self, ids: list[int]) -> list[int]:
        """`ids` without the forced ones that they begin with."""
        for token_id in self.forced:
            if ids[:1] == [token_id]:
                ids = ids[1:]
        return ids

    def _pasted(self, ids: list[int], name: str) -> tuple[int, int]:
        """Where in the ids of a text the marks that it was pasted with end and begin again."""
        if name == "prompt":
            before, after = self._template
            forced = 0
        elif self.encoder_decoder:
            before, after = self._unforced(self._target_template[0]), self._target_end
            if not after and self.eos_id is not None:
                after = [self.eos_id]
            forced = len(ids) - len(self._unforced(ids))
        else:
            return 0, len(ids)
        return forced + _n_begun(ids[forced:], before), len(ids) - _n_ended(ids, after)

    def _ids(self, text: str, *, target: bool = False) -> list[int]:
        kind = "text_target" if target else "text"
        return list(self.tokenizer(**{kind: text}, add_special_tokens=False, verbose=False)["input_ids"])

    def _content(self, text: str, name: str) -> list[int]:
        """Ids without a template. Raises SpecError when there are none."""
        check_text(text, name, 10**6)
        if not text:
            raise SpecError("this is empty.", hint="Type a few words.", field=name)
        ids = self._ids(text)
        if not ids:
            raise SpecError("the model's tokenizer leaves nothing of this text.", hint="Type a few words.", field=name)
        return ids

    def _inside(self, text: str) -> list[int]:
        """Ids of a text that does not begin a text: without the space some tokenizers put before the first word."""
        for anchor in _ANCHORS:
            head, both = self._ids(anchor), self._ids(anchor + text)
            if head and both[: len(head)] == head and len(both) > len(head):
                ids = both[len(head) :]
                if "".join(self.texts(both)[len(head) :]) == text:
                    return ids
        return self._ids(text)

    def _name(self, token_id: int) -> str:
        try:
            token = self.tokenizer.convert_ids_to_tokens(token_id)
        except (IndexError, KeyError, OverflowError, ValueError):  # slow tokenizers, for ids they do not know
            token = None
        return f"<id {token_id}>" if token is None else str(token)


def _around(ids: list[int], before: list[int], after: list[int]) -> list[int]:
    """`ids` with the marks before and after them; those that they have already are not repeated."""
    ids = ids[_n_begun(ids, before) :]
    return [*before, *ids[: len(ids) - _n_ended(ids, after)], *after]


def _n_begun(ids: list[int], before: list[int]) -> int:
    """How many of `ids` are the marks `before`, or the first or the last of them."""
    counts = range(min(len(ids), len(before)), 0, -1)
    return next((n for n in counts if ids[:n] in (before[:n], before[-n:])), 0)


def _n_ended(ids: list[int], after: list[int]) -> int:
    """How many of `ids` are the marks `after`, or the first of them: a language tag alone may be a word."""
    return next((n for n in range(min(len(ids), len(after)), 0, -1) if ids[-n:] == after[:n]), 0)


def special_ids(tokenizer: PreTrainedTokenizerBase, others: Sequence[int | None]) -> frozenset[int]:
    """Ids of marks: special tokens except "unknown", added tokens that look like marks, and `others`."""
    ids = set(tokenizer.all_special_ids)
    unknown = tokenizer.unk_token_id
    roles = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.mask_token_id)
    if unknown is not None and unknown not in roles:
        ids.discard(unknown)  # it stands for a word of the reader
    for token_id, token in tokenizer.added_tokens_decoder.items():
        if token_id != unknown and (token.special or _MARK.fullmatch(token.content)):
            ids.add(token_id)
    return frozenset(ids | {token_id for token_id in others if token_id is not None})


def between(prompt: str, text: str) -> str:
    """A space where the words of prompt and output would run together, else nothing.

    That is after a letter, a digit or closing punctuation, before a letter or digit, in scripts with spaces between
    words; not inside a number such as 3.14.
    """
    left, right = prompt[-1:], text[:1]
    if not right.isalnum() or not _in_word("a", right):
        return ""
    if right.isdigit() and left in ".:" and prompt[-2:-1].isdigit():
        return ""
    return " " if (left.isalnum() and _in_word(left, right)) or left in tuple(".,;:!?") else ""


def _in_word(left: str, right: str) -> bool:
    return word_ids([Token(0, left, "prompt"), Token(0, right, "prompt")]) == [0, 0]
