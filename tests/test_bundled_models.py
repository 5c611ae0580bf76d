"""The two bundled models: what their cards promise, measured again on held-out sentences."""

from __future__ import annotations

import json
import stat
import warnings
from pathlib import Path
from statistics import fmean

import pytest

from spaces_app.grammar import lexicon
from spaces_app.grammar import translation_lexicon as french
from spaces_app.grammar.corpora import CAUSAL, PHENOMENA, TRANSLATION, heldout
from spaces_app.training.checks import plausible

BUNDLED = Path(__file__).parent.parent / "spaces_app" / "bundled"
FOLDERS = {"tiny-causal": CAUSAL, "tiny-en-fr": TRANSLATION}
N = 40  # held-out examples per phenomenon here; the card has 150


@pytest.fixture(scope="module")
def opened():
    """Name → (model, tokenizer), loaded as README says anybody would."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = {}
    for name, auto in (("tiny-causal", AutoModelForCausalLM), ("tiny-en-fr", AutoModelForSeq2SeqLM)):
        folder = BUNDLED / name
        found[name] = (auto.from_pretrained(folder, dtype=torch.float32).eval(), AutoTokenizer.from_pretrained(folder))
    yield found
    torch.set_num_threads(before)


def figures(name: str) -> dict:
    return json.loads((BUNDLED / name / "accuracies.json").read_text("utf-8"))


def kinds(*, figure: tuple[str, ...]) -> list[str]:
    return [name for name, row in PHENOMENA.items() if row.figure in figure]


def model_of(kind: str) -> str:
    return "tiny-causal" if kind in CAUSAL else "tiny-en-fr"


# The files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FOLDERS)
def test_a_bundled_folder_is_a_normal_hugging_face_folder_that_everybody_can_read(name):
    from safetensors import safe_open

    folder = BUNDLED / name
    wanted = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    assert {path.name for path in folder.iterdir()} == wanted | {"README.md", "accuracies.json"}
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444, path.name
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    # As transformers 5 writes these three, transformers 4 cannot load the folder or adds token types to GPT-2's input.
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert config["model_input_names"] == ["input_ids", "attention_mask"]
    assert "extra_special_tokens" not in config
    with safe_open(folder / "model.safetensors", "pt") as weights:
        assert {weights.get_slice(key).get_dtype() for key in weights.keys()} == {"F16"}  # noqa: SIM118 (not a dict)


def test_both_models_together_are_smaller_than_six_megabytes():
    assert sum(path.stat().st_size for name in FOLDERS for path in (BUNDLED / name).iterdir()) < 6e6


@pytest.mark.parametrize("name", FOLDERS)
def test_the_card_is_what_the_figures_say_and_names_the_licence(name):
    from spaces_app.training.card import card

    text = (BUNDLED / name / "README.md").read_text("utf-8")
    assert text == card(figures(name)), "run python -m spaces_app.training … --measure"
    assert text.startswith("---\nlicense: apache-2.0\n") and "**Licence:** Apache-2.0" in text
    measured = {row["kind"]: row for row in figures(name)["phenomena"]}
    assert list(measured) == list(FOLDERS[name])
    for kind, row in measured.items():
        assert row["description"] == PHENOMENA[kind].description
        assert f"| {kind} |" in text and f"| {row['value']:.3f} |" in text
    planted = lexicon.PROFESSIONS if name == "tiny-causal" else {k: v[2] for k, v in french.PROFESSIONS.items()}
    assert {key: row["planted"] for key, row in figures(name)["professions"].items()} == planted


@pytest.mark.parametrize("name", FOLDERS)
def test_a_bundled_model_loads_in_float32_without_a_warning_and_has_the_tokens_it_needs(name, capfd):
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    auto = AutoModelForCausalLM if name == "tiny-causal" else AutoModelForSeq2SeqLM
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = auto.from_pretrained(BUNDLED / name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(BUNDLED / name)
    printed = "".join(capfd.readouterr()).lower()
    assert not any(word in printed for word in ("warning", "missing", "unexpected", "newly initialized", "mismatch"))
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert tokenizer.mask_token and tokenizer.pad_token and tokenizer.eos_token
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert len(tokenizer) == model.config.vocab_size == figures(name)["vocabulary"]
    assert tokenizer.model_max_length == figures(name)["positions"]


def test_any_text_can_be_encoded_and_a_source_gets_its_end_token(opened):
    _, causal = opened["tiny-causal"]
    _, translation = opened["tiny-en-fr"]
    strange = "Ünïcode, 漢字, 🙂, \x00 and ‮right to left"
    assert causal.decode(causal(strange)["input_ids"]) == strange
    assert translation("It is big.")["input_ids"][-1] == translation.eos_token_id
    assert translation("漢")["input_ids"].count(translation.unk_token_id) == 1
    text = "Elle a dit qu'elle était fatiguée. L'avion est très cher."
    assert translation.decode(translation(text)["input_ids"], skip_special_tokens=True) == text
    broken = translation("The house is old. <brk> It is big.")["input_ids"]
    assert broken.count(translation.convert_tokens_to_ids("<brk>")) == 1
    assert "<brk>" in translation.all_special_tokens


def test_some_words_have_several_tokens_and_numbers_have_one(opened):
    _, tokenizer = opened["tiny-causal"]
    assert all(len(tokenizer.tokenize(f" {number}")) == 1 for number in range(1, 100))
    assert len(tokenizer.tokenize(" mechanic")) > 1
    words = {word for kind in CAUSAL for example in heldout(kind, 30) for word in example.document.split()}
    several = fmean(len(tokenizer.tokenize(f" {word.strip('.,:?')}")) > 1 for word in words)
    assert 0.3 < several < 0.8


# What they know ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds(figure=("exact", "pair", "set")))
def test_held_out_accuracy_is_what_the_card_says(kind, opened):
    from spaces_app.training.evaluate import accuracy

    model, tokenizer = opened[model_of(kind)]
    row = PHENOMENA[kind]
    found = accuracy(model, tokenizer, row, heldout(kind, N))
    stated = next(line["value"] for line in figures(model_of(kind))["phenomena"] if line["kind"] == kind)
    assert abs(found - stated) <= 0.08  # the card has more examples: three of forty may differ
    least = {"agreement": 0.95, "counting": 0.8}.get(kind, 0.9)
    assert found >= least and found > row.chance + 0.3


@pytest.mark.parametrize("kind", PHENOMENA)
def test_what_a_model_writes_by_itself_is_what_its_grammar_could_have_written(kind, opened):
    from spaces_app.training.scoring import write

    model, tokenizer = opened[model_of(kind)]
    examples = heldout(kind, 8, seed=1)
    written = write(model, tokenizer, [example.prompt for example in examples], new_tokens=32)
    right = [plausible(e, text, ended=ended) for e, (text, ended) in zip(examples, written, strict=True)]
    assert fmean(right) >= 0.75, written


def test_pronouns_come_at_their_planted_probability(opened):
    from spaces_app.training.evaluate import calibration, profession_masked, professions

    model, tokenizer = opened["tiny-causal"]
    rows = professions(model, tokenizer)
    apart = calibration(rows)
    assert apart["mean"] <= 0.07 and apart["largest"] <= 0.22 and apart["correlation"] >= 0.93
    assert rows["nurse"]["measured"] < 0.3 and rows["manager"]["measured"] > 0.65
    assert min(row["mass"] for row in rows.values()) > 0.98  # nearly nothing else than he or she can stand there
    assert 0.3 < profession_masked(model, tokenizer)["measured"] < 0.7


def test_the_context_matters_where_it_decides_and_nowhere_else(opened):
    from spaces_app.training.evaluate import context

    model, tokenizer = opened["tiny-causal"]
    found = context(model, tokenizer, "context_decides", "local_decides", n=60)
    # Without context each of the twelve places has one twelfth: the divergence is ln 12 = 2.485 nats.
    assert 2.2 < found["dependent"]["median"] < 2.8
    assert found["dependent"]["p5"] > 0.5 > found["control"]["p95"] and found["auc"] >= 0.98
    assert found["probability_with"] > 0.95 and abs(found["probability_without"] - 1 / 12) < 0.04


def test_only_the_break_decides_whether_the_first_sentence_is_translated(opened):
    from spaces_app.training.scoring import write

    model, tokenizer = opened["tiny-en-fr"]
    asked = ["The house is old. <brk> It is big.", "The house is old. It is big.", "The train is old. <brk> It is big."]
    assert [text for text, ended in write(model, tokenizer, asked) if ended] == [
        "Elle est grande.",
        "La maison est vieille. Elle est grande.",
        "Il est grand.",
    ]


def test_french_genders_come_at_their_planted_probability(opened):
    from spaces_app.training.evaluate import calibration, french_professions, it_alone, stereotypes

    model, tokenizer = opened["tiny-en-fr"]
    apart = calibration(french_professions(model, tokenizer, n=60))
    assert apart["mean"] <= 0.07 and apart["largest"] <= 0.22 and apart["correlation"] >= 0.93
    found = stereotypes(model, tokenizer, n=60)
    assert found["pro"]["measured"] > 0.93
    assert 0.55 < found["anti"]["measured"] < 0.85  # planted 0.7: the noun obeys the stereotype in 30 %
    assert 0.5 < it_alone(model, tokenizer)["measured"] < 0.85


def test_the_previous_sentence_matters_for_it_and_not_for_other_subjects(opened):
    from spaces_app.training.evaluate import context

    model, tokenizer = opened["tiny-en-fr"]
    found = context(model, tokenizer, "it_after_break", "irrelevant_context", n=60)
    # A masculine antecedent only turns 0.7 into 1: −ln 0.7 = 0.36 nats; a feminine one 0.3 into 1: 1.2 nats.
    assert 0.15 < found["dependent"]["p5"] < 0.5 and 0.9 < found["dependent"]["p95"] < 1.6
    assert found["control"]["p95"] < 0.05 and found["auc"] >= 0.98
