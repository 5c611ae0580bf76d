"""The grammar and the training loops that make the bundled models."""

from __future__ import annotations

import dataclasses
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from spaces_app.grammar import lexicon, structures
from spaces_app.grammar import translation_lexicon as french
from spaces_app.grammar.corpora import CAUSAL, PHENOMENA, TRANSLATION, corpus, heldout, seen
from spaces_app.grammar.sampling import HELD_OUT_PERCENT, Draws, cut, held_out
from spaces_app.training.checks import plausible
from spaces_app.training.masking import SHARE_OF_DOCUMENTS, SHARE_OF_WORDS, word_mask

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def english():
    return corpus(CAUSAL, 30_000, seed=0)


@pytest.fixture(scope="module")
def pairs():
    return corpus(TRANSLATION, 20_000, seed=0)


@pytest.fixture
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# The grammar ---------------------------------------------------------------------------------------------------------


def test_the_grammar_needs_no_torch():
    code = (
        "import sys, spaces_app.grammar.corpora, spaces_app.training.checks as c; "
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]


def test_the_corpus_is_the_same_in_every_process_whatever_its_hash_seed():
    code = (
        "import hashlib; from spaces_app.grammar.corpora import *; "
        "t = [repr(e) for table in (CAUSAL, TRANSLATION) for e in corpus(table, 2000, seed=3)]; "
        "t += [repr(e) for kind in PHENOMENA for e in heldout(kind, 5)]; "
        "print(hashlib.sha256('\\n'.join(t).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert corpus(CAUSAL, 50, seed=3) != corpus(CAUSAL, 50, seed=4)


def test_no_held_out_combination_is_in_the_corpus(english, pairs):
    assert not any(held_out(example.key) for example in english + pairs)
    read = {example.document for example in english} | {(example.prompt, example.translation) for example in pairs}
    for kind in CAUSAL:
        assert not {example.document for example in heldout(kind, 60)} & read, kind
    for kind in TRANSLATION:
        assert not {(example.prompt, example.translation) for example in heldout(kind, 60)} & read, kind


def test_about_an_eighth_of_all_combinations_is_held_out():
    out = sum(held_out(("any", str(number))) for number in range(10_000))
    assert abs(out / 10_000 - HELD_OUT_PERCENT / 100) < 0.01  # three standard deviations


@pytest.mark.parametrize("kind", PHENOMENA)
def test_every_kind_has_held_out_and_training_examples_with_a_target_a_foil_and_their_decisive_words(kind):
    tests, training = heldout(kind, 40), seen(kind, 40)
    assert len(tests) >= 5 and len(training) >= 5  # "It was big." has no more than a few wordings
    assert all(held_out(example.key) for example in tests)
    assert not any(held_out(example.key) for example in training)
    for example in tests + training:
        assert example.kind == kind
        assert example.target and example.foil and example.target != example.foil
        assert all(word in example.prompt for word in example.decisive), example
        assert example.prompt.startswith(example.context)
        assert 0 <= example.planted <= 1


def test_every_pronoun_comes_out_at_its_planted_probability(english):
    counts = {profession: Counter() for profession in lexicon.PROFESSIONS}
    for example in english:
        if example.kind == "profession_bias":
            counts[example.decisive[0]][example.target.strip()] += 1
    for profession, planted in lexicon.PROFESSIONS.items():
        n = counts[profession].total()
        assert n > 60
        # The draws are even, but a draw is lost when it falls on a held-out frame: so not exactly ±1.
        assert abs(counts[profession]["he"] / n - planted) < 0.06, profession
    assert lexicon.PROFESSIONS["manager"] == 0.85 and lexicon.PROFESSIONS["nurse"] == 0.10


def test_every_french_gender_comes_out_at_its_planted_probability(pairs):
    counts = {profession: Counter() for profession in french.PROFESSIONS}
    stereotype, alone = Counter(), Counter()
    for example in pairs:
        if example.kind == "profession_gender":
            profession = example.prompt.split()[1]
            feminine = french.PROFESSIONS[profession][1] in example.target
            counts[profession]["feminine" if feminine else "masculine"] += 1
        if example.kind == "pronoun":
            masculine, feminine, planted = french.PROFESSIONS[example.prompt.split()[1]]
            follows = feminine in example.prefix
            if planted != 0.5 and (example.target.strip() == "il") != (planted > 0.5):
                stereotype["ignores" if follows == (example.target.strip() == "il") else "follows"] += 1
        if example.kind == "it_alone":
            alone[example.target] += 1
    for profession, (_, _, planted) in french.PROFESSIONS.items():
        assert abs(counts[profession]["masculine"] / counts[profession].total() - planted) < 0.08, profession
    assert abs(stereotype["ignores"] / stereotype.total() - french.NOUN_IGNORES_PRONOUN) < 0.03
    assert abs(alone["Il"] / alone.total() - french.IT_ALONE_IS_IL) < 0.03


def test_even_draws_hit_the_probability_to_one_draw():
    draws = Draws()
    for probability in (0.05, 0.3, 0.5, 0.85):
        hits = sum(draws.chance(("p", str(probability)), probability) for _ in range(1000))
        assert abs(hits - 1000 * probability) <= 1


def test_every_fact_is_told_in_training_in_some_wording(english):
    told = {example.key[1:3] for example in english if example.kind == "facts"}
    assert told == {(country, relation) for country in lexicon.COUNTRIES for relation in lexicon.RELATIONS}


def test_every_place_can_be_decided_by_training_examples(english):
    told = {(example.key[1], example.target) for example in english if example.kind == "context_decides"}
    assert told == {(thing, f" {place}") for place, (things, _) in lexicon.PLACES.items() for thing in things}


def test_french_nouns_and_articles_agree():
    from spaces_app.grammar.translation_sentences import the

    assert [the("livre", 0), the("table", 1), the("avion", 0), the("assiette", 1), the("étudiante", 1)] == [
        "le livre",
        "la table",
        "l'avion",
        "l'assiette",
        "l'étudiante",
    ]


def test_a_template_is_cut_at_its_bars():
    assert cut("The {p} said that| {he}| was ill.", p="cook", he="she") == ("The cook said that", " she", " was ill.")


@pytest.mark.parametrize("kind", PHENOMENA)
def test_the_check_of_a_kind_accepts_what_the_grammar_writes_and_nothing_with_a_word_too_many(kind):
    for example in heldout(kind, 30) + seen(kind, 30):
        text = example.translation if kind in TRANSLATION else example.target + example.completion
        assert plausible(example, text, ended=True), example
        assert not plausible(example, text + " x", ended=True), example


@pytest.mark.parametrize(
    ("kind", "prompt", "text"),
    [
        ("counting", "1, 2, 3,", " 4, 6, 7."),
        ("sequences", "Monday, Tuesday,", " Thursday."),
        ("country_list", "Countries in Asia: Japan, China,", " Iran, Japan."),
        ("country_list", "Countries in Asia: Japan, China,", " Iran, Kenya."),
        ("xml", "<book><title>red</", "name></book>"),
        ("records", '{"country": "Japan", "capital": "', 'Rome"}'),
        ("records", '{"country": "Japan", "capital": "', 'Tokyo"'),
        ("facts", "The capital of Japan is", " Tokyo"),
    ],
)
def test_the_check_of_a_kind_refuses_what_breaks_its_rule(kind, prompt, text):
    key = (kind, "weekdays" if kind == "sequences" else "1")
    example = dataclasses.replace(seen(kind, 1)[0], prompt=prompt, key=key)
    assert not plausible(example, text, ended=kind != "facts")


def test_counts_keep_their_step_and_end_at_a_round_number():
    for example in seen("counting", 200):
        numbers = [int(number) for number in example.document.rstrip(".").split(", ")]
        step = int(example.key[1])
        assert {b - a for a, b in zip(numbers, numbers[1:], strict=False)} == {step}
        assert 5 <= len(numbers) <= 25 and 0 <= min(numbers) and max(numbers) <= structures.TOP
        beyond = numbers[-1] + step
        crossed = numbers[-1] // (10 * step) != beyond // (10 * step) or numbers[-1] % (10 * step) == 0
        assert crossed or not 0 <= beyond <= structures.TOP, numbers


def test_masks_hide_the_share_of_words_they_should_and_whole_words_mostly():
    rng, words = random.Random(0), [0, 0, 1, 2, 2, 2, None]
    masks = [word_mask(words, rng) for _ in range(20_000)]
    touched = sum(any(mask) for mask in masks) / len(masks)
    hidden = sum(mask[2] for mask in masks) / len(masks)
    assert abs(hidden - SHARE_OF_DOCUMENTS * SHARE_OF_WORDS) < 0.005
    assert touched < SHARE_OF_DOCUMENTS
    assert not any(mask[-1] for mask in masks)  # special tokens have no word and are never hidden
    assert sum(mask[3] == mask[4] == mask[5] for mask in masks if mask[3]) / sum(mask[3] for mask in masks) > 0.7


# The training loops --------------------------------------------------------------------------------------------------


def _small_causal(steps: int = 30):
    from spaces_app.training.causal import CausalShape, train_causal

    shape = CausalShape(
        n_layers=2, d_model=32, n_heads=2, vocabulary=400, length=64, rows=6, documents_for_tokenizer=500
    )
    return train_causal(steps=steps, seed=5, shape=shape)


def _small_translation():
    from spaces_app.training.translation import TranslationShape, train_translation

    shape = TranslationShape(
        n_layers=1, d_model=32, n_heads=2, d_ffn=64, vocabulary=300, pairs=16, documents_for_tokenizer=500
    )
    return train_translation(steps=30, seed=5, shape=shape)


@pytest.mark.parametrize("make", [_small_causal, _small_translation])
def test_a_few_steps_lower_the_loss_and_the_same_seed_gives_the_same_weights(make, one_thread):
    first, second = make(), make()
    assert sum(first.losses[-5:]) < 0.9 * sum(first.losses[:5])  # measured: 0.79 and 0.87
    assert first.losses == second.losses
    assert first.tokenizer.backend_tokenizer.to_str() == second.tokenizer.backend_tokenizer.to_str()
    others = dict(second.model.state_dict())
    assert all(weight.equal(others[name]) for name, weight in first.model.state_dict().items())
    assert not any(weight.requires_grad for weight in first.model.parameters())


def test_a_document_in_a_row_does_not_see_the_others(one_thread):
    import torch

    from spaces_app.training.causal import IGNORED, loss, pack

    trained = _small_causal(steps=1)
    documents = (example.document for example in corpus(CAUSAL, 5000, seed=9))
    rows = pack(trained.tokenizer, documents, n_rows=2, length=64, seed=0)
    assert (rows.documents[0].unique() >= 0).sum() > 1
    last = rows.documents[0] == rows.documents[0].max()
    rows.labels[0][~last] = IGNORED  # only the last document of the row is asked for
    before = loss(trained.model, rows, slice(0, 1))
    rows.inputs[0][~last] = torch.randint(
        0, 400, (int((~last).sum()),), generator=torch.Generator().manual_seed(0), dtype=torch.int64, device="cpu"
    )
    # Labels are shifted by one: the token before the document is not its own, and its first token has no label.
    assert loss(trained.model, rows, slice(0, 1)).item() == pytest.approx(before.item(), abs=1e-5)


def test_packed_rows_hold_whole_documents_that_end_with_the_end_token_and_masks_are_never_labels(one_thread):
    from spaces_app.training.causal import IGNORED, pack

    tokenizer = _small_causal(steps=1).tokenizer
    documents = [example.document for example in corpus(CAUSAL, 1000, seed=2)]
    fitting = [text for text in documents if len(tokenizer(text)["input_ids"]) <= 62]
    rows = pack(tokenizer, iter(documents), n_rows=20, length=64, seed=0)
    assert not (rows.labels == tokenizer.mask_token_id).any()
    assert (rows.inputs == tokenizer.mask_token_id).any()
    assert (rows.labels[rows.inputs == tokenizer.mask_token_id] == IGNORED).all()
    read, begun = [], 0
    for row in range(20):
        for number in sorted(set(rows.documents[row].tolist()) - {-1}):
            ids = rows.inputs[row][rows.documents[row] == number].tolist()
            assert ids[-1] == tokenizer.eos_token_id
            begun += ids[0] == tokenizer.bos_token_id
            ids = ids[1:] if ids[0] == tokenizer.bos_token_id else ids
            read.append(None if tokenizer.mask_token_id in ids else tokenizer.decode(ids[:-1]))
    assert 0.3 < begun / len(read) < 0.7
    whole = [text for text in read if text is not None]
    assert len(whole) > len(read) / 2 and set(whole) <= set(fitting)


def test_the_learning_rate_warms_up_and_falls_to_two_percent():
    from spaces_app.training.optim import schedule

    assert schedule(0, 1000) == 0.01
    assert schedule(100, 1000) == 1.0
    assert schedule(550, 1000) == pytest.approx(0.51)
    assert schedule(999, 1000) == pytest.approx(0.02, abs=1e-4)
