"""Context reliance: the numbers of two runs, the right tokens, sentences left out, and answers known beforehand."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from decimal import Context, Decimal, localcontext

import numpy as np
import pytest
import tiny
import torch
from support import no_tick

from spaces_app.analyses import ANALYSES, KINDS
from spaces_app.analyses.context_reliance.context_templates import fill, fill_templates, located
from spaces_app.analyses.context_reliance.sentence_surrogate import lasso
from spaces_app.analyses.context_reliance.spec import METRICS, TARGETS, ContextRelianceSpec, flagged, words
from spaces_app.errors import SpecError
from spaces_app.inseq import write_context
from spaces_app.models.load import load
from spaces_app.models.resolve import resolve
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.tokens import Token, word_ids
from spaces_app.training.evaluate import heldout

CONTEXT, PROMPT, ANSWER = "George was sick. The keys are lost.", "So he went to the", "hospital."


def answer(lm, **options) -> Result:
    given = {"context": CONTEXT, "prompt": PROMPT, "continuation": ANSWER, "method": "saliency"} | options
    spec = ContextRelianceSpec(model=lm.id, **given)
    return ANALYSES["context_reliance"].compute(spec, lm, no_tick, Settings())


@pytest.fixture(scope="module")
def bundled():
    settings = Settings()
    return {
        name: load(resolve(f"bundled/{name}", settings), settings, no_tick) for name in ("tiny-causal", "tiny-en-fr")
    }


def sequences(lm, result: Result) -> tuple[tuple, tuple]:
    """Ids of the run with the context and of the run without, both with the same output."""
    frames = (fill_templates(result.spec, lm, result.spec.context), fill_templates(result.spec, lm, None))
    return tuple((frame.source, frame.prompt, result.spec.continuation_ids) for frame in frames)


def logits(lm, ids: tuple) -> torch.Tensor:
    """Logits of every generated token by plain calls. (G, V)"""
    source, prompt, generated = (list(part) for part in ids)
    rows = []
    with torch.no_grad():
        for step in range(len(generated)):
            inputs = {"decoder_input_ids": torch.tensor([prompt + generated[:step]])}
            inputs = (
                inputs | {"input_ids": torch.tensor([source])} if source else {"input_ids": inputs["decoder_input_ids"]}
            )
            rows.append(lm.model(**inputs, use_cache=False).logits[0, -1].double())
    return torch.stack(rows)


# --- the two runs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "layer_gradient_x_activation", "occlusion"])
def test_cues_for_the_words_that_stand_out_are_those_that_all_words_get(bundled, method):
    lm = bundled["tiny-causal"]
    whole, part = (answer(lm, method=method, cues=cues, n_steps=8) for cues in ("all", "dependent"))
    expected, found = (result.arrays["attributions"].values for result in (whole, part))
    above = flagged(whole.arrays["cti"].select(metric="kl_divergence").values, 1.0, 0.1)
    assert above.any() and not above.all()
    assert np.isnan(found[:, ~above]).all()
    assert np.nanmax(np.abs(found[:, above] - expected[:, above])) <= 1e-5 * np.nanmax(np.abs(expected))
    told = json.loads(write_context.dumps(part))["cci_scores"]
    assert [cue["cti_idx"] for cue in told] == np.flatnonzero(above).tolist()


def test_the_answer_without_the_context_is_left_out_on_request(bundled):
    lm = bundled["tiny-causal"]
    whole, part = answer(lm), answer(lm, free_output=False)
    assert whole.notes["without"]["text"] and part.notes["without"]["text"] == ""
    assert part.notes["without_diff"] == [] and not part.notes["without_changed"]
    assert np.array_equal(part.arrays["cti"].values, whole.arrays["cti"].values)


@pytest.mark.parametrize("name", ["gpt2", "llama", "bart", "t5"])
def test_every_measure_is_that_of_the_two_runs(loaded_family, name):
    lm = loaded_family(name)
    result = answer(lm, sentences="off")
    here, there = (logits(lm, ids) for ids in sequences(lm, result))
    targets = torch.tensor(result.spec.continuation_ids)[:, None]
    p, q = here.log_softmax(-1), there.log_softmax(-1)
    mine, theirs = p.gather(1, targets)[:, 0], q.gather(1, targets)[:, 0]
    expected = {
        "kl_divergence": (p.exp() * (p - q)).sum(1),
        "kl_divergence_reverse": (q.exp() * (q - p)).sum(1),
        "pcxmi": (mine - theirs) / math.log(2),
        "in_context_pvi": mine - theirs,
        "contrast_prob_diff": mine.exp() - theirs.exp(),
        "contrast_logits_diff": (here - there).gather(1, targets)[:, 0],
        "contrast_logprob_diff": mine - theirs,
    }
    assert set(expected) == set(METRICS)
    for metric, values in expected.items():
        found = result.arrays["cti"].select(metric=metric).values
        assert found == pytest.approx(values.numpy(), abs=2e-5, rel=1e-4), metric
    steps = result.arrays["step_scores"]
    assert steps.select(step_function="probability").values == pytest.approx(mine.exp().numpy(), rel=1e-3)
    assert steps.select(step_function="contrast_prob").values == pytest.approx(theirs.exp().numpy(), rel=1e-3)
    likeliest = there.argmax(1)
    assert [token["id"] for token in result.notes["alternatives"]] == likeliest.tolist()
    assert result.notes["agrees"] == (likeliest == targets[:, 0]).tolist()
    found = steps.select(step_function="alternative_prob_with").values
    assert found == pytest.approx(p.gather(1, likeliest[:, None]).exp()[:, 0].numpy(), rel=1e-3)
    sums = result.notes["answer_probability"]
    assert (sums["with"], sums["without"]) == pytest.approx((mine.sum().item(), theirs.sum().item()), rel=1e-4)


@pytest.mark.parametrize("options", [{}, {"temperature": 0.7, "seed": 3}, {"continuation": ANSWER}])
def test_what_is_written_without_the_context_is_what_the_model_writes_alone(bundled, options):
    from spaces_app.engine.generate import generate

    lm = bundled["tiny-causal"]
    for context in (CONTEXT, "Mary was happy."):
        result = answer(lm, context=context, sentences="off", **({"continuation": ""} | options))
        frame, spec = fill_templates(result.spec, lm, None), result.spec
        most = len(spec.continuation_ids) if spec.continuation else spec.max_new_tokens
        sampling = (spec.temperature, spec.top_p, spec.seed)
        expected = generate(lm, (frame.source, frame.prompt), max_new_tokens=most, sampling=sampling, tick=no_tick)
        assert tuple(token["id"] for token in result.notes["without"]["tokens"]) == expected


@pytest.mark.parametrize("target", ["contrast_prob_diff", "kl_divergence", "probability"])
@pytest.mark.parametrize("name", ["gpt2", "bart"])
def test_the_cues_of_every_word_are_gradients_of_its_target(loaded_family, name, target):
    lm = loaded_family(name)
    result = answer(lm, method="input_x_gradient", step_function=target, sentences="off")
    ids, plain = sequences(lm, result)
    theirs = logits(lm, plain).float()
    for step, token in enumerate(result.notes["alternatives"]):

        def score(z, y, step=step, other=token["id"]):
            if target == "kl_divergence":
                p, q = z.log_softmax(-1), theirs[step].log_softmax(-1)
                return (p.exp() * (p - q)).sum()
            if target == "probability":
                return z.softmax(-1)[y]
            across = theirs[step].softmax(-1)[y] if other == int(y) else z.softmax(-1)[other]
            return z.softmax(-1)[y] - across

        _, gradient, embeds = tiny.one_step(lm, ids, step, score)
        expected = (gradient[: len(embeds)] * embeds).sum(-1).numpy()
        found = result.arrays["attributions"].values[: len(embeds), step]
        assert np.abs(found - expected).max() <= 2e-4 * np.abs(expected).max() + 1e-9


def test_a_word_given_instead_takes_the_place_of_the_likeliest(bundled):
    for name, given in (
        ("tiny-causal", {"instead": "0=bank"}),
        ("tiny-en-fr", {"context": "The car is here.", "prompt": "It is big.", "continuation": "Elle est grande."}),
    ):
        lm = bundled[name]
        given = given if "instead" in given else given | {"instead": "0=Il, 2=petite"}
        result = answer(lm, **given)
        texts = [token["text"].strip() for token in result.notes["alternatives"]]
        for place, word in words(given["instead"]).items():
            assert texts[place] and word.startswith(texts[place])


@pytest.mark.parametrize("name", ["gpt2", "bart"])
def test_every_target_can_be_explained(loaded_family, name):
    for target in TARGETS:
        result = answer(loaded_family(name), step_function=target, sentences="off")
        assert np.nanmax(result.arrays["attributions"].values) > 0


# --- templates and places -------------------------------------------------------------------------------------------


def text_of(result: Result, name: str) -> str:
    return "".join(result.tokens[i].text for i in result.notes[name]).strip()


@pytest.mark.parametrize("name", ["gpt2", "llama", "bart", "t5", "marian", "m2m100"])
def test_context_and_current_text_are_found_by_their_characters(loaded_family, name):
    lm = loaded_family(name)
    result = answer(lm, template="Read this: {context} Now go on: {current}", sentences="off")
    squeezed = {key: "".join(text_of(result, key).split()) for key in ("context_tokens", "current_tokens")}
    # A token may reach over the edge by punctuation alone, never by a word.
    if "<unk>" not in "".join(token.text for token in result.tokens):
        assert "".join(CONTEXT.split()).rstrip(".") in squeezed["context_tokens"]
        assert "".join(PROMPT.split()) in squeezed["current_tokens"]
    edges = squeezed["context_tokens"].replace("<unk>", "?"), squeezed["current_tokens"].replace("<unk>", "?")
    assert edges[0].strip(":.") in (
        "Georgewassick.Thekeysarelost",
        "?eorgewassick.The?eysare?ost",
        "?eorgewassick.Thekeysarelost",
    )
    assert edges[1].strip(":") in ("Sohewenttothe", "?ohewenttothe")
    assert text_of(result, "output_context_tokens") == ""


@pytest.mark.parametrize("name", ["gpt2", "bart", "m2m100"])
def test_the_beginning_of_an_output_can_be_context(loaded_family, name):
    lm = loaded_family(name)
    result = answer(lm, context="", output_context="It was late.", sentences="off")
    assert "".join(text_of(result, "output_context_tokens").split()).replace("<unk>", "I") == "Itwaslate."
    assert result.notes["context_tokens"] == []
    with_both = answer(lm, output_context="It was late.", sentences="off")
    assert with_both.notes["context_tokens"] and with_both.notes["output_context_tokens"]
    segment = {with_both.tokens[i].segment for i in with_both.notes["output_context_tokens"]}
    assert segment == {"prompt"}
    ids = tuple(token.id for token in with_both.tokens)
    assert ids[-len(result.spec.continuation_ids) :] == with_both.spec.continuation_ids


def test_a_chat_template_stands_around_both_inputs(loaded_family):
    lm = loaded_family("llama")
    kept = lm.tokenizer.chat_template
    lm.tokenizer.chat_template = (
        "{% for m in messages %}user: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}bot:{% endif %}"
    )
    try:
        result = answer(lm, chat=True, sentences="off")
        prompt = "".join(t.text for t in result.tokens if t.segment == "prompt" and not t.special)
        assert prompt.strip() == f"user: {CONTEXT} {PROMPT}\nbot:"
        assert "George" in text_of(result, "context_tokens") and "bot" not in text_of(result, "current_tokens")
    finally:
        lm.tokenizer.chat_template = kept
    if not kept:
        with pytest.raises(SpecError, match="chat: this model has no chat template"):
            answer(lm, chat=True)


def test_a_separator_stands_between_input_and_output(loaded_family):
    lm = loaded_family("gpt2")
    spec = ContextRelianceSpec(model=lm.id, context=CONTEXT, prompt=PROMPT, separator="\n")
    frame = fill_templates(spec, lm, CONTEXT)
    assert frame.said == f"{CONTEXT} {PROMPT}\n" and frame.continuation(lm, "yes") == tuple(
        lm.encode_continuation(frame.said, "yes")
    )
    plain = fill_templates(spec.replace(separator=" "), lm, None)
    assert plain.said == PROMPT and plain.continuation(lm, "yes") == tuple(lm.encode_continuation(PROMPT, " yes"))


def test_templates_are_filled_in_and_never_run():
    text, spans = fill("a {context} b {current}", {"context": "{current} {0.__class__}", "current": "x"})
    assert text == "a {current} {0.__class__} b x" and text[slice(*spans["current"])] == "x"
    assert text[slice(*spans["context"])] == "{current} {0.__class__}"


def test_tokens_are_located_whatever_a_tokenizer_did_to_spaces_and_case():
    tokens = [Token(0, text, "prompt") for text in ("the ", " CAT", "  sat", "ﬁne", ".")]
    assert located(tokens, "The cat sat fine.", (4, 11)) == [1, 2]
    assert located(tokens, "The cat sat fine.", (12, 16)) == [3]
    assert located(tokens, "The cat sat fine.", (0, 0)) == []


def test_unknown_tokens_stand_for_what_their_neighbours_leave():
    tokens = [Token(0, text, "prompt") for text in ("a", "<unk>", " long", "<unk>", "<unk>", " end")]
    text = "a very long Žœ end"
    assert located(tokens, text, (2, 6)) == [1] and located(tokens, text, (7, 11)) == [2]
    assert located(tokens, text, (12, 14)) == [3, 4] and located(tokens, text, (15, 18)) == [5]


# --- sentences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt2", "bart"])
def test_leaving_a_sentence_out_is_reading_the_rest(loaded_family, name):
    lm = loaded_family(name)
    result = answer(lm)
    assert [sentence["text"] for sentence in result.notes["sentences"]] == ["George was sick.", "The keys are lost."]
    targets = torch.tensor(result.spec.continuation_ids)[:, None]

    def told(context: str) -> torch.Tensor:
        frame = fill_templates(result.spec, lm, context)
        ids = (frame.source, frame.prompt, result.spec.continuation_ids)
        return logits(lm, ids).log_softmax(-1).gather(1, targets)[:, 0]

    for i, rest in enumerate(("The keys are lost.", "George was sick.")):
        expected = (told(CONTEXT) - told(rest)).numpy()
        assert result.arrays["leave_one_out"].values[i] == pytest.approx(expected, abs=1e-4)
        assert result.arrays["answer_leave_one_out"].values[i] == pytest.approx(expected.sum(), abs=1e-4)
        assert result.arrays["without_sentence"].values[i] == pytest.approx(told(rest).exp().numpy(), rel=1e-3)


def test_the_linear_model_finds_the_sentence_that_matters(bundled):
    context = "Mary was happy. James needed a croissant. Anna had a car."
    result = answer(
        bundled["tiny-causal"], context=context, continuation="bakery.", sentences="surrogate", n_subsets=64
    )
    weights = result.arrays["answer_surrogate"].values
    assert int(np.argmax(weights)) == 1 and weights[1] > 5 * np.abs(np.delete(weights, 1)).max()
    assert 0.3 < result.notes["surrogate_fit"] < 1  # the model is not linear, and says so
    assert int(np.argmax(result.arrays["answer_leave_one_out"].values)) == 1
    again = answer(bundled["tiny-causal"], context=context, continuation="bakery.", sentences="surrogate", n_subsets=64)
    assert again.arrays["surrogate"].values.tobytes() == result.arrays["surrogate"].values.tobytes()


@pytest.mark.parametrize("sharper", [1, 4, 90])
def test_the_surrogate_explains_log_odds_however_sure_the_model_is(bundled, sharper):
    """Of a model sure of its words, p is 1 in float32: weights were 0, or every log odds above 17 was 27.631."""
    plain = bundled["tiny-causal"]
    lm = dataclasses.replace(plain, model=copy.deepcopy(plain.model))
    (norm,) = [part for name, part in lm.model.named_modules() if name.endswith("ln_f")]
    norm.weight.data *= sharper
    norm.bias.data *= sharper
    result = answer(lm, sentences="surrogate", n_subsets=16)
    targets = torch.tensor(result.spec.continuation_ids)

    def odds(context: str) -> list[float]:
        """ln p / (1 − p) of every token, and of all together in decimals of many digits."""
        frame = fill_templates(result.spec, lm, context)
        rows = logits(lm, (frame.source, frame.prompt, result.spec.continuation_ids))
        each = [
            float(row[target] - torch.cat([row[:target], row[target + 1 :]]).logsumexp(0))
            for row, target in zip(rows, targets, strict=True)
        ]
        with localcontext(Context(prec=2000)):
            whole = math.prod((1 / (1 + (-Decimal(value)).exp()) for value in each), start=Decimal(1))
            return [*each, float((whole / (1 - whole)).ln())]

    first, second = CONTEXT[: CONTEXT.index(".") + 1], CONTEXT[CONTEXT.index(".") + 2 :]
    both, one, other, none = (np.array(odds(text)) for text in (CONTEXT, first, second, ""))
    # All four sets are asked, so the columns are independent: the lasso shrinks each effect by 2 penalties.
    effects = np.stack([both + one - other - none, both + other - one - none]) / 2
    expected = np.sign(effects) * np.maximum(np.abs(effects) - 0.02, 0)
    found = np.concatenate([result.arrays["surrogate"].values, result.arrays["answer_surrogate"].values[:, None]], 1)
    assert both.max() > {1: 2, 4: 18, 90: 745}[sharper], "as sure as the test is about"
    assert np.abs(expected).max() > 0.1
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-4)  # the model's own float32 logits, by short passes


def test_the_lasso_shrinks_what_matters_little_to_zero():
    generator = np.random.default_rng(0)
    features = generator.integers(0, 2, (200, 4)).astype(float)
    values = 3 * features[:, 0] - 2 * features[:, 2] + 0.01 * features[:, 3] + 1
    weights = lasso(features, values)
    spread = features.std(0)
    assert weights[[0, 2]] == pytest.approx([3 - 0.01 / spread[0], -2 + 0.01 / spread[2]], abs=0.02)
    assert weights[[1, 3]].tolist() == [0, 0]
    assert lasso(np.ones((5, 2)), np.arange(5.0)).tolist() == [0, 0]  # what never changes explains nothing


# --- results --------------------------------------------------------------------------------------------------------


def test_the_pinned_spec_gives_the_same_numbers_and_survives_json(loaded_family):
    lm = loaded_family("gpt2")
    first = answer(lm, continuation="", max_new_tokens=4, sentences="surrogate", n_subsets=6)
    again = ANALYSES["context_reliance"].compute(first.spec, lm, no_tick, Settings())
    assert again.spec == first.spec and again.tokens == first.tokens
    for name, array in first.arrays.items():
        assert np.array_equal(array.values, again.arrays[name].values, equal_nan=True), name
    back = Result.from_dict(json.loads(json.dumps(first.to_dict(), allow_nan=False)), KINDS["context_reliance"])
    assert back.to_dict() == first.to_dict()


def test_the_memory_for_a_chunk_changes_no_number(loaded_family):
    lm = loaded_family("bart")
    spec = ContextRelianceSpec(model=lm.id, context=CONTEXT, prompt=PROMPT, continuation=ANSWER, n_steps=8)
    wide, narrow = (ANALYSES["context_reliance"].compute(spec, lm, no_tick, Settings(chunk_mb=mb)) for mb in (256, 1))
    for name, array in wide.arrays.items():
        assert np.nanmax(np.abs(array.values - narrow.arrays[name].values)) <= 1e-5, name


@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        ({"context": " "}, "context", "no context is given"),
        ({"context": "sick " * 300}, "context", "too many for this model"),
        ({"prompt": ""}, "prompt", "is empty"),
        ({"template": "{current}"}, "template", "must contain {context} and {current} once"),
        ({"plain_template": "{context} {current}"}, "plain_template", "must contain {current} once"),
        ({"plain_output_template": "{current}!"}, "plain_output_template", "must end with {current}"),
        ({"instead": "office"}, "instead", "is not a pair"),
        ({"instead": "99=office"}, "instead", "there is no output token 99"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(loaded_family, options, field, message):
    with pytest.raises(SpecError) as caught:
        answer(loaded_family("gpt2"), **options)
    assert message in str(caught.value) and caught.value.field == field and "\n" not in str(caught.value)


def test_the_size_of_a_question_is_that_of_its_two_runs(loaded_family):
    for name in ("gpt2", "m2m100"):
        lm = loaded_family(name)
        result = answer(lm, output_context="It was late.", sentences="off")
        size, (ids, plain) = ANALYSES[result.spec.kind].token_counts(result.spec, lm), sequences(lm, result)
        assert (size.n_source, size.n_prompt, size.n_generated) == tuple(len(part) for part in ids)
        assert size.n_other == sum(len(part) for part in plain)


# --- known answers --------------------------------------------------------------------------------------------------


def top_word(result: Result, step: int) -> str:
    """The word of the context that moved an output token most."""
    numbers, sums = word_ids(result.tokens), {}
    for i in result.notes["context_tokens"]:
        sums[numbers[i]] = sums.get(numbers[i], 0.0) + result.arrays["attributions"].values[i, step]
    top = max(sums, key=sums.get)
    return "".join(token.text for token, number in zip(result.tokens, numbers, strict=True) if number == top).strip()


def standing_out(result: Result, metric: str = "kl_divergence") -> np.ndarray:
    scores, thresholds = result.arrays["cti"].select(metric=metric).values, result.notes["thresholds"]
    return flagged(scores, thresholds["sigma"], thresholds["floor"][metric])


def asked(lm, example, **options) -> Result:
    translating = lm.facts.encoder_decoder
    context = example.context.replace("<brk>", "").strip()
    given = {"template": "{context} <brk> {current}"} if translating else {}
    given |= {"context": context, "prompt": example.prompt[len(example.context) :], "continuation": ""}
    return answer(lm, method="occlusion", sentences="off", **(given | options))


def test_what_somebody_needs_decides_where_they_go_and_the_output_shows_it(bundled):
    result = answer(
        bundled["tiny-causal"],
        context="James needed a croissant.",
        continuation="",
        method="integrated_gradients",
    )
    assert result.text == " bakery." and result.notes["without_changed"]
    assert "bakery" not in result.notes["without"]["text"]
    assert standing_out(result).tolist()[0] and top_word(result, 0) == "croissant"
    assert result.notes["without_diff"][0][0] == "replace"


def test_the_noun_before_decides_what_it_is_in_french(bundled):
    result = answer(
        bundled["tiny-en-fr"],
        context="The shirt is big.",
        template="{context} <brk> {current}",
        prompt="It is beautiful.",
        continuation="",
        method="integrated_gradients",
    )
    assert result.text == "Elle est belle." and result.notes["without"]["text"] == "Il est beau."
    assert standing_out(result).tolist()[0] and top_word(result, 0) == "shirt"


@pytest.mark.parametrize(
    ("model", "dependent", "free"),
    [("tiny-causal", "context_decides", "local_decides"), ("tiny-en-fr", "it_after_break", "irrelevant_context")],
)
def test_what_depends_is_flagged_with_its_cue_and_what_does_not_is_not(bundled, model, dependent, free):
    """On sentences never trained on."""
    lm = bundled[model]
    examples = [example for example in heldout(dependent, 30) if example.context][:20]
    results = [asked(lm, example) for example in examples]
    assert np.mean([standing_out(result).any() for result in results]) >= 0.95
    cues = [
        top_word(result, int(np.argmax(result.arrays["cti"].select(metric="kl_divergence").values)))
        for result in results
    ]
    assert np.mean([cue in example.decisive for cue, example in zip(cues, examples, strict=True)]) >= 0.9
    others = [asked(lm, example) for example in heldout(free, 30) if example.context][:20]
    for metric in METRICS:
        assert np.mean([standing_out(result, metric).any() for result in others]) <= 0.05, metric
