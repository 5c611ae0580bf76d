"""Word masking: hide some words of some documents, so that a masked word is something the model knows. Pure Python."""

from __future__ import annotations

import random
from collections.abc import Sequence

SHARE_OF_DOCUMENTS = 0.25
SHARE_OF_WORDS = 0.2
SHARE_OF_SINGLE_TOKENS = 0.25


def word_mask(words: Sequence[int | None], rng: random.Random, *, special: bool = False) -> list[bool]:
    """Which tokens to hide, given each token's word number (None: a special token, hidden only if `special`).

    A quarter of the documents are touched; in three of four of those whole words go, in the others single tokens,
    because an analysis may leave out either. The model then knows what to say when a word is missing, which makes
    occlusion and the mask baseline of integrated gradients honest.
    """
    if rng.random() >= SHARE_OF_DOCUMENTS:
        return [False] * len(words)
    if rng.random() < SHARE_OF_SINGLE_TOKENS:
        hidden = [rng.random() < SHARE_OF_WORDS for _ in words]
    else:
        choices = {word: rng.random() < SHARE_OF_WORDS for word in dict.fromkeys(words)}
        hidden = [choices[word] for word in words]
    return [hide and (special or word is not None) for hide, word in zip(hidden, words, strict=True)]
