"""Perturbation methods: deletions and exchanges as the model computes them, exact shares, and captum's own fits."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import tiny
import torch
from captum._utils.models.model import Model
from captum.attr import KernelShap, LimeBase
from captum.attr._core.lime import get_exp_kernel_similarity_function
from families import FAMILIES

from spaces_app.engine.chunks import Budget
from spaces_app.engine.contrast import Compared
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.variants import variants as variants_module
from spaces_app.engine.variants.variants import Deleted, Exchanged
from spaces_app.errors import Cancelled, TooLarge
from spaces_app.methods import METHODS, REDUCTIONS, AttributionRequest, coalitions, lime, reagent, shapley
from spaces_app.step_functions import STEP_FUNCTIONS

LOGIT, PROBABILITY = STEP_FUNCTIONS["logit"].fn, STEP_FUNCTIONS["probability"].fn
LOG_PROBABILITY = STEP_FUNCTIONS["log_probability"].fn
COALITIONAL = ["occlusion", "lime", "kernel_shap", "shapley_sampling"]
PERTURBATION = [*COALITIONAL, "reagent"]
BOTH_KINDS = ["gpt2", "bart"]


def attribute(name: str, run: ForcedPass, score=PROBABILITY, **options):
    return METHODS[name].attribute(run, AttributionRequest(score, REDUCTIONS["sum"], **options))


def native(lm, source, read, target: int, score=PROBABILITY) -> float:
    """The score of a target after plain ids, by the model alone."""
    with torch.no_grad():
        if source:
            logits = lm.model(
                input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([read]), use_cache=False
            ).logits
        else:
            logits = lm.model(input_ids=torch.tensor([read]), use_cache=False).logits
    return score(logits[0, -1], torch.tensor(target)).item()


def parts(run: ForcedPass) -> tuple[list[int], list[int], list[int]]:
    sequence = run.sequence
    return sequence.source[0].tolist(), sequence.decoder[0].tolist(), sequence.targets.tolist()


def reusing(run: ForcedPass) -> ForcedPass:
    """The run as on a model so large that a common beginning is always worth computing once."""
    run.budget = dataclasses.replace(run.budget, calls=0, rows=3 * run.n_inputs)
    return run


def some_kept(run: ForcedPass, rows: int, seed: int = 0, share: float = 0.7) -> torch.Tensor:
    late = torch.ones((run.n_inputs, run.n_inputs), dtype=torch.bool) & ~torch.eye(run.n_inputs, dtype=torch.bool)
    drawn = torch.rand((rows, run.n_inputs), generator=torch.Generator().manual_seed(seed)) < share
    return torch.cat([late, drawn])


# --- tokens deleted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_a_deletion_scores_as_the_model_does_on_the_shorter_sequence(loaded_family, name):
    lm = loaded_family(name)
    run = reusing(ForcedPass(lm, tiny.sequence(lm)))
    kept = some_kept(run, 6)
    found = run.deleted(PROBABILITY, kept)
    source, decoder, targets = parts(run)
    n_source, n_prompt, free = len(source), run.sequence.n_prompt, run.deletable()
    kept |= ~free
    for row in range(0, len(kept), 2):
        for step in (0, 2, run.n_generated - 1):
            left = [i for i, keep in zip(source, kept[row, :n_source], strict=True) if keep]
            own = kept[row, n_source : n_source + n_prompt + step]
            read = [i for i, keep in zip(decoder[: n_prompt + step], own, strict=True) if keep]
            expected = native(lm, left, read, targets[step])
            assert found[row, step] == pytest.approx(expected, rel=1e-3, abs=1e-7), (row, step)


def test_deleting_is_not_replacing():
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm))
    replaced, deleted = (attribute("occlusion", run, removal=way).scores for way in ("replace", "delete"))
    difference = (replaced - deleted).abs().nan_to_num().max()
    assert difference > 0.01 * replaced.nan_to_num().abs().max()


def test_marks_language_tags_and_what_starts_an_output_are_never_deleted(loaded_family):
    lm = loaded_family("nllb")
    ids = (tuple(lm.encode_prompt("The keys are on the table.")), tuple(lm.decoder_start), (50, 51, 52))
    run = ForcedPass(lm, ids)
    source, decoder, _ = parts(run)
    stays = [i for i, free in enumerate(run.deletable().tolist()) if not free]
    assert lm.codec.special(source[0]) and lm.codec.special(source[-1])  # the language's tag, the end mark
    assert stays == [0, len(source) - 1, len(source), len(source) + 1]
    nothing = run.deleted(PROBABILITY, np.zeros((1, run.n_inputs), dtype=bool))
    assert nothing[0, 0] == pytest.approx(native(lm, [source[0], source[-1]], list(ids[1]), 50), rel=1e-4)
    scores = attribute("occlusion", run, removal="delete").scores
    assert (scores[:, stays] == 0).all() and (scores[:, 1] != 0).all()


def test_the_last_token_before_the_output_stays_where_nothing_else_would():
    lm = tiny.gpt2()
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids)
    nothing = run.deleted(PROBABILITY, np.zeros((1, run.n_inputs), dtype=bool))[0]
    for step, target in enumerate(ids[2]):
        assert nothing[step] == pytest.approx(native(lm, [], [ids[1][-1]], target), rel=1e-4)
    alone = ForcedPass(lm, ((), ids[1][:1], ids[2]))
    scores = attribute("occlusion", alone, removal="delete").scores
    assert (scores[:, 0] == 0).all() and scores.nan_to_num().abs().sum() > 0


def test_tokens_that_are_not_attributed_are_not_deleted(loaded_family):
    for family in BOTH_KINDS:
        lm = loaded_family(family)
        run = ForcedPass(lm, tiny.sequence(lm), attribute_prefix=False)
        output = slice(run.sequence.n_source or run.sequence.n_prompt, None)
        assert run.deletable()[: output.start].any() and not run.deletable()[output].any()
        for name in PERTURBATION:
            scores = attribute(name, run, removal="delete", n_samples=6, n_steps=2).scores
            assert scores[:, output].isnan().all() and scores[:, : output.start].isfinite().all()


# --- tokens exchanged -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_an_exchange_scores_and_ranks_as_the_model_does_on_other_tokens(loaded_family, name):
    lm = loaded_family(name)
    run = reusing(ForcedPass(lm, tiny.sequence(lm)))
    exchange, generator = run.exchange(), torch.Generator().manual_seed(5)
    others = torch.randint(20, 60, (9, run.n_inputs), generator=generator)
    keep = torch.rand(others.shape, generator=generator) < 0.6
    keep[3:6, : run.sequence.n_source + 3] = True  # differ in the output only
    ids = torch.where(keep | ~run.deletable(), exchange.own, others)
    scores = exchange.scores(PROBABILITY, ids)
    steps = torch.arange(9) % run.n_generated
    ranks = exchange.ranks(ids, steps)
    n_source, n_prompt, targets = run.sequence.n_source, run.sequence.n_prompt, parts(run)[2]

    def likelier(logits, target):
        return (logits > logits[target]).sum()

    for row in range(9):
        step = int(steps[row])
        source, read = ids[row, :n_source].tolist(), ids[row, n_source : n_source + n_prompt + step].tolist()
        expected = native(lm, source, read, targets[step])
        assert scores[row, step] == pytest.approx(expected, rel=1e-3, abs=1e-7)
        assert ranks[row] == native(lm, source, read, targets[step], likelier)


@pytest.mark.parametrize("family", BOTH_KINDS)
def test_alternatives_are_what_the_model_would_have_written(loaded_family, family):
    lm = loaded_family(family)
    run = ForcedPass(lm, tiny.sequence(lm))
    ids, weights = run.exchange().alternatives(8)
    source, decoder, _ = parts(run)
    assert ids.shape == weights.shape == (run.n_inputs, 8)
    assert weights.sum(1).tolist() == pytest.approx([1] * run.n_inputs) and (ids.diff(dim=1) > 0).all()
    special = [i for i in range(lm.facts.d_vocab) if lm.codec.special(i)]
    for place in range(run.n_inputs):
        own = (source + decoder)[place]
        assert own not in ids[place] and not set(ids[place].tolist()) & {*special, lm.facts.unk_id}
    for place in (1, len(decoder) - 1):
        with torch.no_grad():
            read = torch.tensor([decoder[:place]])
            options = (
                {"input_ids": torch.tensor([source]), "decoder_input_ids": read} if source else {"input_ids": read}
            )
            logits = lm.model(**options, use_cache=False).logits[0, -1]
        logits[[*special, decoder[place]]] = -torch.inf
        if lm.facts.unk_id is not None:
            logits[lm.facts.unk_id] = -torch.inf
        best = logits.topk(8)
        expected = dict(zip(best.indices.tolist(), best.values.softmax(0).tolist(), strict=True))
        found = dict(zip(*(table[len(source) + place].tolist() for table in (ids, weights)), strict=True))
        assert found == pytest.approx(expected, rel=1e-4)


def test_a_token_that_nothing_wrote_has_its_neighbours_as_alternatives():
    table = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 1.0], [-1.0, 0.0], [0.8, 0.3]]
    lm = tiny.wrapped(tiny.LinearModel(table, [[0, 0]] * 6), eos_ids=(), pad_id=None, bos_id=None, unk_id=None)
    ids, weights = ForcedPass(lm, ((), (0, 2), (4,))).exchange().alternatives(2)
    assert ids[0].tolist() == [1, 5] and weights[0].tolist() == [0.5, 0.5]


def test_a_vocabulary_with_nothing_to_exchange_is_refused():
    lm = tiny.wrapped(tiny.LinearModel([[0, 0], [1, 0]], [[0, 0]] * 2), eos_ids=(0,), pad_id=None, bos_id=None)
    with pytest.raises(ValueError, match="no token to put in place"):
        ForcedPass(lm, ((), (1,), (1,))).exchange().alternatives(5)


# --- memory, progress, traces ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", BOTH_KINDS)
def test_deletions_and_exchanges_go_on_with_smaller_chunks_when_memory_runs_out(loaded_family, monkeypatch, family):
    lm = loaded_family(family)
    run = ForcedPass(lm, tiny.sequence(lm))
    kept, exchange = some_kept(run, 2)[::3], run.exchange()
    ids = torch.where(kept | ~run.deletable(), exchange.own, 40)
    steps = torch.arange(len(ids)) % run.n_generated
    expected = run.deleted(PROBABILITY, kept), exchange.scores(PROBABILITY, ids), exchange.ranks(ids, steps)
    sizes, logits_at = [], variants_module.logits_at

    def limited(most):
        def tried(body, ids, positions, **options):
            sizes.append(len(ids))
            if len(ids) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
            return logits_at(body, ids, positions, **options)

        monkeypatch.setattr(variants_module, "logits_at", tried)
        monkeypatch.setattr("spaces_app.engine.variants.substitutions.logits_at", tried)

    limited(2)
    found = run.deleted(PROBABILITY, kept), exchange.scores(PROBABILITY, ids), exchange.ranks(ids, steps)
    assert max(sizes) > 2
    for ours, whole in zip(found[:2], expected[:2], strict=True):
        assert (ours - whole).abs().max() <= 1e-5 * whole.abs().max()
    assert torch.equal(found[2], expected[2])
    limited(0)
    with pytest.raises(TooLarge, match="not enough memory"):
        run.deleted(PROBABILITY, kept)


def test_logits_of_many_targets_are_never_held_for_all_rows_at_once(monkeypatch):
    lm = tiny.gpt2(vocab_size=4001)
    run = ForcedPass(lm, tiny.sequence(lm, 6, 20), chunk_mb=2)
    largest = []

    def seen(original):
        def logits(self, *arguments, **options):
            found = original(self, *arguments, **options)
            largest.append(found.numel() * found.element_size())
            return found

        return logits

    monkeypatch.setattr(Deleted, "logits", seen(Deleted.logits))
    monkeypatch.setattr(Exchanged, "logits", seen(Exchanged.logits))
    run.deleted(PROBABILITY, some_kept(run, 40))
    run.exchange().scores(PROBABILITY, run.exchange().own.expand(40, -1).flip(1))
    assert len(largest) > 20 and max(largest) <= 2**20  # of 2 MB; in all it would be 10


@pytest.mark.parametrize("name", COALITIONAL)
def test_a_visitor_who_leaves_stops_a_deletion(name):
    lm = tiny.gpt2()
    told = []
    run = ForcedPass(lm, tiny.sequence(lm), tick=lambda done, total, what: told.append((done, total, what)))
    hooks = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in lm.model.modules())
    attribute(name, run, removal="delete")
    assert told[-1][0] == told[-1][1] and told[-1][2] == "Deleting tokens"

    def leave(done, _total, what):
        if what == "Deleting tokens" and done:
            raise Cancelled("stopped.")

    with pytest.raises(Cancelled):
        attribute(name, ForcedPass(lm, tiny.sequence(lm), tick=leave), removal="delete")
    assert hooks == sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in lm.model.modules())


# --- words and sentences --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("removal", ["replace", "delete"])
def test_a_words_fall_is_divided_among_its_tokens_before_the_target(removal):
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm, 5, 4))  # 8 inputs
    words = np.array([0, 0, 1, 2, 2, 3, 3, 4])  # the word 3 is being written: its second token is target 1
    scores = attribute("occlusion", run, baseline="zero", features=words, removal=removal).scores
    kept = torch.ones((2, 8), dtype=torch.bool)
    kept[0, :2], kept[1, 5:7] = False, False
    zero = torch.zeros_like(run.embeds)
    without = run.deleted(PROBABILITY, kept) if removal == "delete" else run.replaced(PROBABILITY, kept, zero)
    fall = (run.scores(PROBABILITY) - without).float()
    assert torch.allclose(scores[:, :2], (fall[0] / 2)[:, None].expand(-1, 2).double(), atol=1e-7)
    assert scores[1, 5] == pytest.approx(fall[1, 1].item(), abs=1e-7) and scores[1, 6].isnan()  # one token so far
    assert scores[2, 5:7].tolist() == pytest.approx([fall[1, 2].item() / 2] * 2, abs=1e-7)


@pytest.mark.parametrize("name", ["lime", "kernel_shap", "shapley_sampling"])
def test_with_all_coalitions_words_get_what_a_game_of_words_gives(name):
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm, 6, 2))  # 7 inputs
    words = np.array([5, 5, 5, 6, 7, 7, 8])
    scores = attribute(name, run, baseline="zero", features=words, n_samples=64).scores[1]
    assert scores[:3].tolist() == [scores[0]] * 3 and scores[4] == scores[5]
    if name != "lime":
        game = values_of(run, [[0, 1, 2], [3], [4, 5], [6]], 1)
        assert [scores[:3].sum(), scores[3], scores[4:6].sum(), scores[6]] == pytest.approx(
            exact_shapley(game, 4), abs=1e-6
        )


def test_an_input_that_stays_itself_belongs_to_no_feature(loaded_family):
    lm = loaded_family("bart")
    run = ForcedPass(lm, tiny.sequence(lm))
    one_sentence = np.zeros(run.n_inputs, dtype=int)
    for removal in ("replace", "delete"):
        scores = attribute("occlusion", run, baseline="mask", features=one_sentence, removal=removal).scores
        end = run.sequence.n_source - 1
        assert (scores[:, end : end + 3] == 0).all() and (scores[:, 0] != 0).all()


def test_nothing_to_take_away_gives_zeros():
    table = [[0, 0], [3, 1], [1, 4], [0, -2]]
    lm = tiny.wrapped(tiny.LinearModel(table, [[0, 0]] * 4), eos_ids=(0,), pad_id=None, bos_id=None, unk_id=None)
    run = ForcedPass(lm, ((), (0, 0), (0, 0)))
    for name in COALITIONAL:
        for removal in ("replace", "delete"):
            answer = attribute(name, run, baseline="mean", removal=removal)
            assert answer.scores.nan_to_num().abs().sum() == 0
            assert answer.convergence_gap is None or list(answer.convergence_gap) == [0, 0]


# --- Shapley values -------------------------------------------------------------------------------------------------


def values_of(run: ForcedPass, members: list[list[int]], target: int, *, removal: str = "replace", score=PROBABILITY):
    """The score of a target for every coalition of features, as a dict from sets."""
    game = {}
    for size in range(len(members) + 1):
        for coalition in itertools.combinations(range(len(members)), size):
            kept = torch.ones((1, run.n_inputs), dtype=torch.bool)
            for feature in set(range(len(members))) - set(coalition):
                kept[0, members[feature]] = False
            if removal == "delete":
                found = run.deleted(score, kept)
            else:
                found = run.replaced(score, kept, torch.zeros_like(run.embeds))
            game[frozenset(coalition)] = found[0, target].item()
    return game


def exact_shapley(game: dict, m: int) -> list[float]:
    """By the definition: the mean over all orders of what a feature adds."""
    total = [0.0] * m
    for order in itertools.permutations(range(m)):
        for place, feature in enumerate(order):
            before = frozenset(order[:place])
            total[feature] += game[before | {feature}] - game[before]
    return [value / math.factorial(m) for value in total]


@pytest.mark.parametrize("removal", ["replace", "delete"])
@pytest.mark.parametrize("name", ["kernel_shap", "shapley_sampling"])
def test_with_all_coalitions_shares_are_the_shapley_values_of_every_target(name, removal):
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm, 4, 3))  # 6 inputs: 64 coalitions
    answer = attribute(name, run, baseline="zero", n_samples=64, removal=removal)
    for target in range(3):
        seen = 4 + target
        game = values_of(run, [[i] for i in range(seen)], target, removal=removal)
        expected = exact_shapley(game, seen)
        assert answer.scores[target, :seen].tolist() == pytest.approx(expected, abs=1e-6)
        assert answer.scores[target, seen:].isnan().all()
        rise = game[frozenset(range(seen))] - game[frozenset()]
        assert answer.explained[target] == pytest.approx(rise, abs=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["kernel_shap", "shapley_sampling"])
def test_sampled_shares_add_up_to_the_rise_from_nothing(loaded_family, name, family):
    lm = loaded_family(family)
    run = ForcedPass(lm, tiny.sequence(lm))
    for removal in ("replace", "delete"):
        answer = attribute(name, run, LOG_PROBABILITY, n_samples=13, baseline="zero", removal=removal)
        nothing = np.zeros((1, run.n_inputs), dtype=bool)
        if removal == "delete":
            least = run.deleted(LOG_PROBABILITY, nothing)[0]
        else:
            least = run.replaced(LOG_PROBABILITY, nothing, run.baseline("zero"))[0]
        rise = (run.scores(LOG_PROBABILITY) - least).numpy()
        assert answer.explained == pytest.approx(rise, rel=1e-4, abs=1e-4)
        assert answer.scores.nansum(1).numpy() == pytest.approx(rise, rel=1e-4, abs=1e-4)
        assert np.abs(answer.convergence_gap).max() <= 1e-4


@pytest.mark.parametrize("name", ["kernel_shap", "shapley_sampling"])
def test_more_samples_come_closer_to_the_shapley_values(name):
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm, 6, 5))  # 10 inputs
    exact = attribute("kernel_shap", run, baseline="zero", n_samples=1024).scores
    errors = []
    for n_samples in (20, 500) if name == "kernel_shap" else (4, 80):
        found = [attribute(name, run, baseline="zero", n_samples=n_samples, seed=seed).scores for seed in range(4)]
        errors.append([((scores - exact) ** 2).nanmean().item() for scores in found])
    assert np.mean(errors[1]) < np.mean(errors[0]) / 8  # 20 to 25 times the samples
    biggest = exact.nan_to_num().abs().amax(1)
    mean = sum(found) / 4
    assert ((mean - exact).abs().nan_to_num().amax(1) <= 0.1 * biggest).all()


@pytest.mark.parametrize(("m", "seen"), [(5, 5), (5, 3), (6, 2), (9, 4)])
def test_weights_turn_draws_for_all_features_into_the_kernel_of_the_first_few(m, seen):
    every = coalitions.everything(m)
    sizes = every.sum(1)
    chances = np.zeros(len(every))
    inside = (sizes > 0) & (sizes < m)
    share = np.array([1 / (s * (m - s)) for s in range(1, m)])
    share /= share.sum()
    chances[inside] = [share[s - 1] / math.comb(m, int(s)) for s in sizes[inside]]  # as drawn
    k = every[:, :seen].sum(1)
    for given, drawn in ((chances, True), (np.ones(len(every)), False)):
        weights = given * shapley.kernel_weights(k, seen, m, drawn=drawn)
        found = [weights[k == size].sum() for size in range(seen + 1)]
        wanted = [0, *(1 / (size * (seen - size)) for size in range(1, seen)), 0]
        assert np.array(found) / sum(found) == pytest.approx(np.array(wanted) / sum(wanted), rel=1e-9)


def test_kernel_draws_follow_the_kernel_in_pairs():
    masks = shapley.draws(7, 4002, seed=1)
    assert masks.shape == (4002, 7) and not masks[0].any() and masks[1].all()
    assert (masks[2::2] ^ masks[3::2]).all()
    sizes = np.bincount(masks[2:].sum(1), minlength=8) / 4000
    wanted = np.array([0, *(1 / (s * (7 - s)) for s in range(1, 7)), 0])
    assert sizes == pytest.approx(wanted / wanted.sum(), abs=0.03)
    assert masks[2:].mean(0) == pytest.approx([0.5] * 7)  # each feature as often in as out, exactly
    assert shapley.draws(7, 5, seed=1).shape == (5, 7) and shapley.draws(1, 50, seed=1).shape == (2, 1)


def test_orders_come_with_their_reverse():
    ranks = shapley.orders(6, 11, seed=3)
    assert ranks.shape == (11, 6) and (np.sort(ranks, 1) == np.arange(6)).all()
    assert (ranks[:10:2] + ranks[1:10:2] == 5).all() and len({tuple(row) for row in ranks}) == 11


def test_too_few_samples_for_kernel_shap_are_a_remark_and_the_rest_is_even():
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm))
    answer = attribute("kernel_shap", run, n_samples=4, baseline="zero")
    assert "cannot tell all of them apart" in answer.remarks[0]
    assert np.abs(answer.convergence_gap).max() <= 1e-6
    even = attribute("kernel_shap", run, n_samples=1, baseline="zero").scores[0, :5]
    assert even.tolist() == pytest.approx([even.mean().item()] * 5)
    assert attribute("kernel_shap", run, n_samples=60, baseline="zero").remarks == ()


# --- captum, one target at a time -----------------------------------------------------------------------------------


class Ridge(Model):
    """A plain weighted ridge regression by its normal equations, for captum to fit."""

    def __init__(self, strength: float):
        self.strength = strength

    def fit(self, train_data, **_):
        for x, y, weights in ([part.double() for part in batch] for batch in train_data):
            ones = torch.ones((len(x), 1), dtype=x.dtype)
            design, root = torch.cat([x, ones], 1), weights.reshape(-1, 1)
            normal = design.T @ (root * design)
            normal[range(x.shape[1]), range(x.shape[1])] += self.strength
            self.solution = torch.linalg.solve(normal, design.T @ (root * y.reshape(-1, 1)))[:, 0]
        return {}

    def representation(self):
        return self.solution[None, :-1]

    def __call__(self, x):
        return x @ self.solution[:-1] + self.solution[-1]


def alone(run: ForcedPass, target: int, baseline: torch.Tensor):
    """The score of one target as a function of embeddings (1, n, D) of what stands before it; the model's own pass."""
    ids = parts(run)
    forced = ((), tuple(ids[1][: run.sequence.n_prompt]), tuple(ids[2]))
    n = run.sequence.n_prompt + target

    def score(embeds: torch.Tensor) -> torch.Tensor:
        whole = torch.cat([embeds[0].float(), run.embeds[n:]])
        return tiny.one_step(run.lm, forced, target, PROBABILITY, whole)[0]

    return score, run.embeds[None, :n], baseline[None, :n]


def test_lime_is_captums_with_the_same_draws():
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm, 6, 4))
    baseline = torch.zeros_like(run.embeds)
    scores = attribute("lime", run, baseline="zero", n_samples=40, seed=7).scores
    masks = lime.draws(9, 40, 7)
    values = run.replaced(PROBABILITY, masks, baseline).double().numpy()
    nearness = get_exp_kernel_similarity_function("cosine", lime.WIDTH)
    for target in (0, 3):
        seen = 6 + target
        score, embeds, absent = alone(run, target, baseline)
        mine, strength = lime.ridge(masks[:, :seen], values[:, target], lime.nearness(masks[:, :seen]))

        def drawn(_inputs, seen=seen, **_):
            yield from torch.tensor(masks[:, None, :seen]).float()

        captum = LimeBase(
            score,
            Ridge(strength),
            lambda _a, _b, chosen, **_: nearness(torch.ones_like(chosen), chosen, None),
            drawn,
            True,
            lambda chosen, inputs, absent=absent, **_: torch.where(chosen[0, :, None] > 0, inputs, absent),
            None,
        )
        expected = captum.attribute(embeds, n_samples=40)[0].numpy()
        assert mine == pytest.approx(expected, abs=1e-6 * np.abs(expected).max())
        assert scores[target, :seen].tolist() == pytest.approx(mine)


def test_kernel_shap_is_captums_with_the_same_draws():
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm, 6, 4))
    baseline = torch.zeros_like(run.embeds)
    scores = attribute("kernel_shap", run, baseline="zero", n_samples=40, seed=7).scores
    masks = shapley.draws(9, 40, 7)
    target = 3  # the last one sees all features, so that all draws weigh the same, as in captum
    score, embeds, absent = alone(run, target, baseline)
    captum = KernelShap(score)
    captum.interpretable_model = Ridge(0.0)

    def drawn(*_, **__):
        yield from torch.tensor(masks[:, None]).long()

    captum.perturb_func = drawn
    features = torch.arange(9)[None, :, None].expand_as(embeds)
    expected = captum.attribute(embeds, absent, feature_mask=features, n_samples=40)[0, :, 0]
    # captum weighs the whole and nothing a million times; here they are met exactly
    assert scores[target].tolist() == pytest.approx(expected.tolist(), abs=1e-5 * expected.abs().max().item())


# --- LIME -----------------------------------------------------------------------------------------------------------


def test_the_leave_one_out_error_is_that_of_leaving_one_out():
    random = np.random.default_rng(0)
    masks = random.random((14, 5)) < 0.5
    values, weights = random.normal(size=14), random.random(14) + 0.1
    strengths = (0.01, 0.3, 5.0)
    errors = []
    for strength in strengths:
        error = 0.0
        for out in range(14):
            rest = np.arange(14) != out
            model = Ridge(strength)
            model.fit([[torch.tensor(part) for part in (masks[rest] * 1.0, values[rest], weights[rest])]])
            predicted = model(torch.tensor(masks[out] * 1.0)).item()
            error += weights[out] * (values[out] - predicted) ** 2
        errors.append(error)
    chosen = lime.ridge(masks, values, weights, strengths)[1]
    assert chosen == strengths[int(np.argmin(errors))]
    assert len({lime.ridge(masks, values + s * masks[:, 0], weights, strengths)[1] for s in (0, 1, 3, 30)}) > 1


def test_lime_of_a_sum_is_its_terms_even_with_few_samples():
    table = np.random.default_rng(2).normal(size=(12, 2)).tolist()
    lm = tiny.wrapped(tiny.LinearModel(table, table), eos_ids=(), pad_id=None, bos_id=None, unk_id=None)
    run = ForcedPass(lm, ((), (1, 2, 3, 4, 5, 6), (7, 8, 9)))
    scores = attribute("lime", run, LOGIT, baseline="zero", n_samples=20).scores
    terms = run.embeds @ torch.tensor(table[9], dtype=torch.float32)
    assert scores[2].tolist() == pytest.approx(terms.tolist(), abs=1e-5)


def masked_as_inseq_does(embeds: torch.Tensor, kept: torch.Tensor, unk_id: int) -> torch.Tensor:
    """Inseq 0.7.1 multiplies embeddings by the mask and adds (1 − mask) · unk_token_id to every hidden unit."""
    return embeds * kept[:, None] + (~kept)[:, None] * unk_id


def test_inseqs_lime_depends_on_how_the_vocabulary_is_numbered_and_ours_does_not():
    """Why it is not reproduced: it puts the number of the unknown token where that token's embedding belongs."""
    random = np.random.default_rng(4)
    table, head = random.normal(size=(40, 4)), random.normal(size=(40, 4))
    found = {}
    for name, new in (("one", np.arange(40)), ("another", np.arange(40)[::-1])):  # old id → new id
        order = np.argsort(new)
        lm = tiny.wrapped(
            tiny.LinearModel(table[order].tolist(), head[order].tolist()),
            eos_ids=(), pad_id=None, bos_id=None, unk_id=int(new[3]),
        )  # fmt: skip
        ids = ((), tuple(int(new[i]) for i in (5, 6, 7, 8, 9)), (int(new[10]), int(new[11])))
        run = ForcedPass(lm, ids)
        kept = torch.tensor([True, False, True, True, True, True])
        filled = masked_as_inseq_does(run.embeds, kept, lm.facts.unk_id)
        theirs = tiny.one_step(lm, ids, 1, LOGIT, filled)[0].item()
        ours = attribute("lime", run, LOGIT, baseline="unk", n_samples=64).scores[1]
        found[name] = (theirs, ours, filled[1].norm() / run.embeds.norm(dim=1).max())
    (theirs, ours, _), (other, renumbered, far) = found["one"], found["another"]
    assert abs(theirs - other) > 1 and torch.allclose(ours, renumbered, atol=1e-5)
    assert far > 10  # and the row it fills in is far from any token's
    # Its test for special tokens asks whether a row of the embeddings is among the ids, which it never is.
    assert not any(row in {0, 1, 2, lm.facts.unk_id} for row in map(tuple, run.embeds.tolist()))


# --- ReAGent --------------------------------------------------------------------------------------------------------


def spotlight(n_words: int = 30) -> ForcedPass:
    """A model that writes 2 after any text with a 1 in it, and looks at nothing else."""
    table, head = torch.zeros((n_words, 2)), torch.zeros((n_words, 2))
    table[:, 0] = torch.linspace(0.01, 0.02, n_words)
    table[1, 1], head[2, 1] = 4.0, 2.0
    head[3:, 0] = torch.linspace(1, 20, n_words - 3)  # the rest is what else it might write
    lm = tiny.wrapped(tiny.LinearModel(table.tolist(), head.tolist()), eos_ids=(0,), pad_id=0, bos_id=None, unk_id=None)
    return ForcedPass(lm, ((), (7, 8, 9, 1, 10, 11, 12, 13, 14, 15), (2, 2)))


def test_reagent_finds_the_one_token_that_suffices():
    answer = attribute("reagent", spotlight())
    scores = answer.scores
    assert scores[0, :10].argmax() == 3 and scores[1].argmax() == 3
    assert scores[0, 3] > 1.5 * scores[0, :10].sort().values[-2]
    assert scores[0, :10].sum().item() == pytest.approx(1) and scores[1].sum().item() == pytest.approx(1)
    assert answer.remarks == () and (scores.nan_to_num() >= 0).all()


def test_reagent_gives_numbers_and_a_remark_where_no_probe_converges(loaded_family):
    lm = loaded_family("gpt2")
    prompt = tiny.sequence(lm)[1]
    with torch.no_grad():
        order = lm.model(torch.tensor([prompt])).logits[0, -1].argsort()
    unlikely = next(i for i in order.tolist() if not lm.codec.special(i))
    answer = attribute("reagent", ForcedPass(lm, ((), prompt, (unlikely,))), n_steps=3)
    assert answer.scores.isfinite().all() and answer.scores.sum().item() == pytest.approx(1)
    assert "no probe found five tokens that suffice within 3 steps" in answer.remarks[0]


def test_an_update_adds_the_log_odds_of_the_fall_to_what_was_exchanged():
    run = spotlight()
    chains = reagent._Chains(run, np.random.default_rng(0), run.exchange())
    before = chains.logits.copy()
    exchanged = np.zeros((reagent.PROBES, run.n_inputs), dtype=bool)
    exchanged[:, 3] = True
    falls = np.full((reagent.PROBES, 2), 0.6)
    chains.open[5, 0] = False  # a chain that has ended
    chains.update(exchanged, falls)
    moved = chains.logits - before
    assert moved[0, 0, :10] == pytest.approx([-math.log(4)] * 3 + [math.log(4)] + [-math.log(4)] * 6)  # logit 0.8
    assert moved[0, 0, 10] == 0 and moved[0, 1, 10] == pytest.approx(-math.log(4))  # not before target 0
    assert (moved[5, 0] == 0).all() and (moved[5, 1] != 0).any()
    chains.update(exchanged, np.array([[4.0, 2.0]] * reagent.PROBES))  # logits, not probabilities: divided by 4 and 2
    assert np.isfinite(chains.logits).all()


def test_special_tokens_stay_and_score_0_with_reagent(loaded_family):
    lm = loaded_family("m2m100")
    run = ForcedPass(lm, tiny.sequence(lm))
    scores = attribute("reagent", run, n_steps=2).scores
    n_source = run.sequence.n_source
    assert (scores[:, n_source - 1 : n_source + 2] == 0).all()
    assert scores.nansum(1).tolist() == pytest.approx([1] * run.n_generated)


# --- all of them ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lime", "kernel_shap", "shapley_sampling", "reagent"])
def test_a_seed_gives_the_same_scores_and_another_seed_others(name):
    lm = tiny.gpt2()
    state = torch.random.get_rng_state()
    first, again, other = (
        attribute(name, ForcedPass(lm, tiny.sequence(lm)), baseline="zero", n_samples=15, n_steps=3, seed=seed).scores
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.nan_to_num(), again.nan_to_num())
    assert (first - other).abs().nan_to_num().max() > 1e-4 * first.abs().nan_to_num().max()
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("name", PERTURBATION)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gets_finite_scores_where_a_token_is_read(loaded_family, family, name):
    lm = loaded_family(family)
    run = ForcedPass(lm, tiny.sequence(lm))
    for removal in ("replace", "delete"):
        scores = attribute(name, run, removal=removal, n_samples=7, n_steps=2).scores
        assert torch.equal(scores.isfinite(), run.before())
        assert scores.nan_to_num().abs().amax(1).min() > 0


@pytest.mark.parametrize("name", PERTURBATION)
@pytest.mark.parametrize("family", BOTH_KINDS)
def test_a_contrast_is_explained_as_the_difference_it_is(loaded_family, family, name):
    lm = loaded_family(family)
    ids = tiny.sequence(lm)
    others = torch.tensor([40 + i for i in range(len(ids[2]))])

    def difference(logits, targets, across, theirs):
        return LOGIT(logits, targets) - LOGIT(across, theirs)

    # The fits are linear in the scores for equal draws, except that LIME chooses a ridge for each target.
    options = {"baseline": "zero", "n_samples": 5, "n_steps": 3}
    run = ForcedPass(lm, ids)
    found = attribute(name, run, Compared(difference, others), **options).scores
    assert torch.equal(found.isfinite(), run.before())
    if name in ("occlusion", "kernel_shap", "shapley_sampling"):
        only_theirs = Compared(lambda logits, _t, across, theirs: LOGIT(across, theirs), others)
        parts_of_it = [attribute(name, run, score, **options).scores for score in (LOGIT, only_theirs)]
        expected = (parts_of_it[0] - parts_of_it[1]).nan_to_num()
        assert (found.nan_to_num() - expected).abs().max() <= 2e-5 * parts_of_it[0].nan_to_num().abs().max()


def test_equal_coalitions_are_computed_once(monkeypatch):
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm))
    rows, replaced = [], run.replaced

    def counted(score, kept, baseline):
        rows.append(len(kept))
        return replaced(score, kept, baseline)

    monkeypatch.setattr(run, "replaced", counted)
    _, score = coalitions.removing(run, AttributionRequest(PROBABILITY, REDUCTIONS["sum"], baseline="zero"))
    masks = np.ones((6, 10), dtype=bool)
    masks[[1, 4], 2] = False
    masks[3, 5] = False
    found = score(masks)
    assert rows == [3]
    assert np.array_equal(found[1], found[4]) and np.array_equal(found[0], found[5])
    assert found[3] == pytest.approx(replaced(PROBABILITY, masks[3:4], run.baseline("zero"))[0].numpy())


def test_a_budget_counts_the_logits_of_every_target():
    lm = tiny.gpt2(vocab_size=4001)
    budget = Budget.of(lm, 30, 2)
    assert budget.items(30, 20) < budget.items(30, 1)
