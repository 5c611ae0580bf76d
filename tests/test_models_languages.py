"""Outputs begin and end as transformers' own `model(labels=…)` and `generate` have it, whatever marks the language.

What is expected comes from the tokenizer's labels, the model's own shifting of them, and `generate`.
"""

from __future__ import annotations

import pytest
import torch
from families import FAMILIES, write
from support import no_tick
from transformers.models.m2m_100.modeling_m2m_100 import shift_tokens_right as m2m100_shift
from translators import TRANSLATORS

from spaces_app.analyses.attribution import AttributionSpec
from spaces_app.analyses.attribution import compute as attribution_compute
from spaces_app.analyses.context_reliance import ContextRelianceSpec
from spaces_app.analyses.context_reliance.context_templates import fill_templates
from spaces_app.engine.generate import generate
from spaces_app.models.languages import translating
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.settings import Settings

TEXT, OUTPUT = "The keys", "Les clés sur la table"
SEQUENCE = ("t5", "mt5", "bart", "marian", "m2m100", "nllb")
OTHERWISE = {"nllb_legacy", "seamless", "mbart_unmarked"}  # whose own shifting of labels repeats or lacks a mark
LEGACY = ["</s>", "fra_Latn"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, loaded_family):
    """A function from a name in FAMILIES or TRANSLATORS to its LoadedModel, loaded once."""
    base, settings, models = tmp_path_factory.mktemp("translators"), Settings(), {}

    def model(name: str):
        if name in FAMILIES:
            return loaded_family(name)
        if name not in models:
            folder = write(TRANSLATORS[name], base / name)
            models[name] = load(resolve(str(folder), settings), settings, no_tick)
        return models[name]

    return model


def names(lm, ids):
    return lm.tokenizer.convert_ids_to_tokens(list(ids))


def read_and_labels(lm, text=OUTPUT):
    """What the model's decoder reads and is to write, when transformers is given the text as labels."""
    labels = lm.tokenizer(text_target=text)["input_ids"]
    if not hasattr(lm.model, "prepare_decoder_input_ids_from_labels"):
        read = m2m100_shift(
            torch.tensor([labels]), lm.model.config.pad_token_id, lm.model.config.decoder_start_token_id
        )
    else:
        read = lm.model.prepare_decoder_input_ids_from_labels(torch.tensor([labels]))
    return read[0].tolist(), labels


@pytest.mark.parametrize("name", [*SEQUENCE, *sorted(TRANSLATORS.keys() - OTHERWISE)])
def test_a_given_output_is_read_as_the_models_own_labels_are(name, loaded):
    lm = loaded(name)
    whole = [*lm.decoder_start, *lm.encode_continuation(TEXT, OUTPUT)]
    assert (whole[:-1], whole[1:]) == read_and_labels(lm)
    assert lm.encode_prompt(TEXT) == lm.tokenizer(TEXT)["input_ids"]


def test_mbart_begins_with_the_language_alone_and_ends_with_it(loaded):
    for name in ("mbart", "mbart_untold"):
        lm = loaded(name)
        assert lm.facts.languages == ("en_XX", "ro_RO")
        assert names(lm, lm.decoder_start) == ["ro_RO"]
        assert names(lm, lm.encode_continuation(TEXT, OUTPUT))[-2:] == ["</s>", "ro_RO"]
        other = translating(lm, "fr_XX > en_XX")
        assert names(lm, other.decoder_start) == ["en_XX"]
        assert names(lm, other.encode_prompt(TEXT))[-2:] == ["</s>", "fr_XX"]
        whole = [*other.decoder_start, *other.encode_continuation(TEXT, OUTPUT)]
        assert (whole[:-1], whole[1:]) == read_and_labels(other)


def test_a_tokenizer_without_marks_leaves_the_start_to_the_configuration(loaded):
    lm = loaded("mbart_unmarked")
    plain = lm.tokenizer(OUTPUT)["input_ids"]
    assert lm.decoder_start == [lm.model.config.decoder_start_token_id]
    assert lm.encode_continuation(TEXT, OUTPUT) == [*plain, lm.tokenizer.eos_token_id]
    assert lm.encode_beginning(OUTPUT) == plain


@pytest.mark.parametrize("name", ["mbart", "mbart50", "plbart", "m2m100", "bart"])
def test_a_given_output_has_the_probabilities_that_labels_have(name, loaded):
    lm = loaded(name)
    given = lm.tokenizer(TEXT, text_target=OUTPUT, return_tensors="pt")
    with torch.no_grad():
        logits = lm.model(input_ids=given["input_ids"], labels=given["labels"]).logits[0].double()
    expected = logits.softmax(-1).gather(1, given["labels"][0][:, None])[:, 0]
    spec = AttributionSpec(prompt=TEXT, continuation=OUTPUT, method="saliency", step_function="probability")
    found = attribution_compute.compute(spec, lm, no_tick, Settings()).arrays["step_scores"].values[0]
    forced = len(lm.decoder_start) - 1  # the language or <s>, a label that is not explained
    assert torch.allclose(torch.tensor(found).double(), expected[forced:], rtol=1e-4, atol=1e-9)


def test_nllb_in_its_older_form_has_the_language_once(loaded):
    lm = loaded("nllb_legacy")
    plain = lm.tokenizer(OUTPUT, add_special_tokens=False)["input_ids"]
    assert names(lm, lm.decoder_start) == LEGACY
    assert lm.encode_continuation(TEXT, OUTPUT) == [*plain, lm.tokenizer.eos_token_id]
    assert names(lm, lm.encode_prompt(TEXT))[-2:] == ["</s>", "eng_Latn"]


@pytest.mark.parametrize(
    ("wanted", "tags"), [("", ("__eng__", "__fra__")), ("__fra__ > __deu__", ("__fra__", "__deu__"))]
)
def test_seamless_has_its_labels_as_they_are(wanted, tags, loaded):
    lm = translating(loaded("seamless"), wanted)
    assert lm.facts.languages == tags
    assert names(lm, lm.decoder_start) == ["</s>", tags[1]]
    assert [*lm.decoder_start, *lm.encode_continuation(TEXT, OUTPUT)] == read_and_labels(lm)[1]
    assert names(lm, lm.encode_prompt(TEXT))[0] == tags[0]


@pytest.mark.parametrize(
    ("name", "wanted", "how"),
    [
        ("mbart", "", {}),
        ("mbart", "fr_XX > en_XX", {"decoder_start_token_id": "en_XX"}),
        ("mbart_untold", "de_DE", {"decoder_start_token_id": "de_DE"}),
        ("plbart", "", {"decoder_start_token_id": "__en_XX__"}),
        ("mbart50", "", {"forced_bos_token_id": "ro_RO"}),
        ("mbart50", "fr_XX > de_DE", {"forced_bos_token_id": "de_DE"}),
        ("m2m100", "de", {"forced_bos_token_id": "__de__"}),
        ("nllb", "", {"forced_bos_token_id": "fra_Latn"}),
        ("nllb_legacy", "", {"forced_bos_token_id": "fra_Latn"}),
        ("nllb_legacy", "deu_Latn", {"forced_bos_token_id": "deu_Latn"}),
        ("seamless", "__deu__", {"decoder_input_ids": "__deu__"}),
        ("bart", "", {}),
        ("bart_unforced", "", {}),
        ("t5", "", {}),
        ("marian_many", "", {}),
    ],
)
def test_what_the_model_writes_is_what_generate_writes(name, wanted, how, loaded):
    lm = translating(loaded(name), wanted)
    text = ">>fra<< the keys" if name == "marian_many" else "the cabinet"
    how = {option: lm.tokenizer.convert_tokens_to_ids(tag) for option, tag in how.items()}
    if name == "seamless":  # whose own `generate` takes the language as what the decoder has read
        how = {option: torch.tensor([[tag]]) for option, tag in how.items()}
    source = lm.tokenizer(text, return_tensors="pt")["input_ids"]
    new = 8 if name == "seamless" else 9  # a forced token is new there, one that was read is not
    greedy = {"do_sample": False, "num_beams": 1, "use_cache": False, "max_new_tokens": new}
    expected = lm.model.generate(source, **greedy, **how)[0].tolist()
    start = tuple(lm.decoder_start)
    room = 10 - len(start)
    ours = generate(lm, (tuple(lm.encode_prompt(text)), start), max_new_tokens=room, tick=no_tick)
    assert [*start, *ours] == expected


@pytest.mark.parametrize("name", ["mbart", "nllb_legacy", "m2m100", "bart", "t5"])
def test_a_beginning_has_nothing_of_the_end(name, loaded):
    lm = loaded(name)
    begun, whole = lm.encode_beginning("Les clés"), lm.encode_continuation(TEXT, "Les clés")
    plain = lm.tokenizer(text_target="Les clés", add_special_tokens=False)["input_ids"]
    assert begun == plain == whole[: len(plain)] and len(whole) > len(plain)


@pytest.mark.parametrize("name", ["mbart", "nllb_legacy"])
def test_an_answers_context_begins_it_without_an_end(name, loaded):
    lm = loaded(name)
    spec = ContextRelianceSpec(
        prompt=TEXT, context="The cabinet", output_context="Les clés", template="{context} {current}"
    )
    begun, whole = (
        lm.tokenizer(text_target=text, add_special_tokens=False)["input_ids"] for text in ("Les clés", "Les clés table")
    )
    frame = fill_templates(spec, lm, spec.context)
    assert frame.prompt == (*lm.decoder_start, *begun)
    end = ["</s>", "ro_RO"] if name == "mbart" else ["</s>"]
    assert names(lm, frame.continuation(lm, "table")) == [*names(lm, whole[len(begun) :]), *end]


def test_of_several_end_marks_the_tokenizers_own_is_put_and_once(tmp_path):
    folder = write(FAMILIES["bart"], tmp_path / "bart")
    generation = folder / "generation_config.json"
    generation.write_text(generation.read_text().replace('"eos_token_id": 2', '"eos_token_id": [5, 2]'))
    lm = load(resolve(str(folder), Settings()), Settings(), no_tick)
    assert lm.facts.eos_ids == (5, 2)
    plain = lm.tokenizer(OUTPUT, add_special_tokens=False)["input_ids"]
    assert lm.encode_continuation(TEXT, OUTPUT) == [*plain, 2]


@pytest.mark.parametrize("name", ["mbart", "mbart50", "nllb", "nllb_legacy", "bart", "t5"])
def test_sources_and_outputs_pasted_with_their_own_marks_have_them_once(name, loaded):
    lm = loaded(name)
    source, output = lm.encode_prompt(TEXT), lm.encode_continuation(TEXT, OUTPUT)
    pasted = lm.tokenizer.decode(source)
    written = lm.tokenizer.decode([*lm.decoder_start, *output])
    assert lm.encode_prompt(pasted) == source
    assert lm.encode_continuation(TEXT, written) == output
    said = lm.warnings(pasted, written)
    assert any(line.startswith("The prompt ends with “</s>") for line in said) or name in ("mbart", "nllb_legacy")
    assert len(said) >= 2 and all(line.endswith("already, which is not added again.") for line in said), said


def test_a_context_that_begins_with_bos_has_it_once(loaded):
    lm = loaded("llama")
    spec = ContextRelianceSpec(prompt="are old", context="<s>The keys", template="{context} {current}")
    with_it, without = fill_templates(spec, lm, spec.context), fill_templates(spec, lm, None)
    assert list(with_it.prompt) == lm.tokenizer("<s>The keys are old", add_special_tokens=False)["input_ids"]
    assert list(without.prompt) == lm.tokenizer("are old")["input_ids"]
    assert with_it.prompt.count(lm.facts.bos_id) == without.prompt.count(lm.facts.bos_id) == 1
