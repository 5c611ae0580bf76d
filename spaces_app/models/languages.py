"""Another pair of languages for a model that translates between many. Changes no model: gives another view of it."""

from __future__ import annotations

import copy
import dataclasses
import re

from spaces_app.errors import NotSupported, SpecError
from spaces_app.models.codec import Codec
from spaces_app.models.facts import alike, language_id, output_start
from spaces_app.models.loaded import LoadedModel

_PAIR = re.compile(r"(?:([^>]+)>)?([^>]+)")


def translating(lm: LoadedModel, wanted: str) -> LoadedModel:
    """The same weights set to other languages: "deu_Latn" is a target, "fra_Latn > deu_Latn" a source and a target.

    The tokenizer is a copy with the languages set; an empty text gives the model as it is. Raises NotSupported for a
    model that has no languages to choose from, and SpecError for one that it does not know.
    """
    if not wanted.strip():
        return lm
    if not lm.facts.languages:
        raise NotSupported(f"{lm.id!r:.100} has no languages to choose from.", field="languages")
    found = _PAIR.fullmatch(wanted.strip())
    if found is None:
        raise SpecError(f"{wanted!r:.60} is not a language or SOURCE > TARGET.", field="languages")
    source, target = (found[1] or lm.facts.languages[0]).strip(), found[2].strip()
    for language in (source, target):
        if not alike(language, lm.facts.languages[0]) or language_id(lm.tokenizer, language) is None:
            known = lm.facts.languages[0]
            raise SpecError(
                f"the model knows no language {language!r:.40}.", hint=f"They look like {known}.", field="languages"
            )
    tokenizer = copy.deepcopy(lm.tokenizer)
    tokenizer.src_lang, tokenizer.tgt_lang = source, target
    start, forced = output_start(lm.model, tokenizer, (source, target), lm.facts.d_vocab)
    facts = dataclasses.replace(lm.facts, languages=(source, target), decoder_start_id=start, forced_bos_id=forced)
    codec = Codec.of(tokenizer, facts)
    notes = (f"Translates from {source} to {target}, as asked.", *lm.notes[1:])
    return dataclasses.replace(lm, tokenizer=tokenizer, facts=facts, codec=codec, notes=notes)
