"""AttnLRP: beside relevance written out rule by rule, its account on every family, and what is refused."""

from __future__ import annotations

import copy
import dataclasses

import families
import pytest
import tiny
import torch

from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.relevance import propagation
from spaces_app.errors import NotSupported
from spaces_app.methods import METHODS, REDUCTIONS, AttributionRequest
from spaces_app.step_functions import STEP_FUNCTIONS

ALL = list(families.FAMILIES)
LOGIT, PROBABILITY = STEP_FUNCTIONS["logit"].fn, STEP_FUNCTIONS["probability"].fn


def attribute(run: ForcedPass, score=LOGIT, reduce="sum"):
    return METHODS["attnlrp"].attribute(run, AttributionRequest(score, REDUCTIONS.get(reduce, lambda values: values)))


def double(lm):
    return dataclasses.replace(lm, model=copy.deepcopy(lm.model).double(), dtype=torch.float64)


# --- rule by rule ---------------------------------------------------------------------------------------------------


def through_linear(x, weight, above):
    """The ε rule at ε = 0: x_i W_ji / z_j of what z_j has."""
    return x * ((above / (x @ weight.T)) @ weight)


def through_product(a, b, above):
    """z = a @ b; each factor gets half. (..., n, k), (..., k, m), (..., n, m) → the shapes of a and b"""
    ratio = above / (a @ b) / 2
    return a * (ratio @ b.mT), b * (a.mT @ ratio)


def through_sum(a, b, above):
    return a * above / (a + b), b * above / (a + b)


class Written:
    """A Llama written out in float64, and relevance through it, with no automatic differentiation."""

    def __init__(self, model):
        self.model, self.layers, config = model.model, model.model.layers, model.config
        self.head, self.n_heads, self.n_shared = (
            model.lm_head.weight,
            config.num_attention_heads,
            config.num_key_value_heads,
        )

    def norm(self, module, x):
        return x / (x.square().mean(-1, keepdim=True) + module.variance_epsilon).sqrt() * module.weight

    def turned(self, n, d):
        """Rotations of every position as matrices. (n, d, d)"""
        angle = torch.arange(n)[:, None] * self.model.rotary_emb.inv_freq  # (n, d / 2)
        turn = torch.zeros((n, d, d), dtype=torch.float64)
        first, second = torch.arange(d // 2), torch.arange(d // 2) + d // 2
        turn[:, first, first] = turn[:, second, second] = angle.cos().double()
        turn[:, first, second], turn[:, second, first] = -angle.sin().double(), angle.sin().double()
        return turn

    def heads(self, flat, n_heads):
        return flat.unflatten(-1, (n_heads, -1)).transpose(0, 1)  # (H, n, d)

    def relevance(self, x, target):
        """Relevance of every embedding x (n, D) for the logit of `target` at the last position. (n, D)"""
        kept = []
        for layer in self.layers:
            kept.append((layer, x, *self.attended(layer, x)))
            x = x + kept[-1][2]
            kept.append((layer, x, self.fed(layer, x)))
            x = x + kept[-1][2]
        last = self.norm(self.model.norm, x)
        above = torch.zeros_like(x)
        above[-1] = last[-1] * self.head[target]  # the logit, split over what the head reads; the norm passes it on
        while kept:
            layer, x, out = kept.pop()
            above, branch = through_sum(x, out, above)
            above = above + self.down_fed(layer, x, branch)
            layer, x, out, facts = kept.pop()
            above, branch = through_sum(x, out, above)
            above = above + self.down_attended(layer, x, facts, branch)
        return above

    def fed(self, layer, x):
        u, mlp = self.norm(layer.post_attention_layernorm, x), layer.mlp
        return (
            torch.nn.functional.silu(u @ mlp.gate_proj.weight.T) * (u @ mlp.up_proj.weight.T)
        ) @ mlp.down_proj.weight.T

    def down_fed(self, layer, x, above):
        u, mlp = self.norm(layer.post_attention_layernorm, x), layer.mlp
        gate, up = u @ mlp.gate_proj.weight.T, u @ mlp.up_proj.weight.T
        above = through_linear(torch.nn.functional.silu(gate) * up, mlp.down_proj.weight, above)
        return sum(through_linear(u, part.weight, above / 2) for part in (mlp.gate_proj, mlp.up_proj))

    def attended(self, layer, x):
        u, part, n = self.norm(layer.input_layernorm, x), layer.self_attn, len(x)
        q, k, v = (self.heads(u @ p.weight.T, h) for p, h in self.projections(part))
        turn = self.turned(n, q.shape[-1])
        q, k = (torch.einsum("nij,hnj->hni", turn, vectors) for vectors in (q, k))
        groups = self.n_heads // self.n_shared
        k, v = (vectors.repeat_interleave(groups, 0) for vectors in (k, v))
        scores = q @ k.mT * q.shape[-1] ** -0.5
        later = torch.ones(n, n, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(later, -torch.inf).softmax(-1)
        mixed = (weights @ v).transpose(0, 1).flatten(1)
        return mixed @ part.o_proj.weight.T, (u, q, k, v, scores, weights, mixed)

    def projections(self, part):
        return (part.q_proj, self.n_heads), (part.k_proj, self.n_shared), (part.v_proj, self.n_shared)

    def down_attended(self, layer, x, facts, above):
        u, q, k, v, scores, weights, mixed = facts
        part, n = layer.self_attn, len(x)
        above = self.heads(through_linear(mixed, part.o_proj.weight, above), self.n_heads)
        of_weights, of_values = through_product(weights, v, above)
        of_scores = scores * (of_weights - weights * of_weights.sum(-1, keepdim=True))  # softmax; later ones have 0
        of_queries, of_keys = through_product(q, k.mT, of_scores)
        shares = [of_queries, of_keys.mT, of_values]
        turn, total = self.turned(n, q.shape[-1]), 0
        for (projection, count), turned, share in zip(self.projections(part), (q, k, v), shares, strict=True):
            flat = u @ projection.weight.T
            if turned is not v:  # back through the rotation, a linear map
                own = self.heads(flat, count).repeat_interleave(len(turned) // count, 0)
                share = own * torch.einsum("nij,hni->hnj", turn, share / turned)
            share = share.unflatten(0, (count, -1)).sum(1)  # over the queries that share a key and value
            total = total + through_linear(u, projection.weight, share.transpose(0, 1).flatten(1))
        return total


def test_scores_are_those_of_relevance_written_out_rule_by_rule(loaded_family):
    lm = double(loaded_family("llama"))
    ids = tiny.sequence(lm)
    found = attribute(ForcedPass(lm, ids), reduce="raw").scores
    for step in (0, 5):
        read = torch.tensor([*ids[1], *ids[2][:step]])
        expected = Written(lm.model).relevance(lm.model.get_input_embeddings()(read), ids[2][step])
        assert (found[step, : len(read)] - expected).abs().max() <= 1e-6 * expected.abs().max()


# --- the account ----------------------------------------------------------------------------------------------------


def body_of(lm):
    return ForcedPass(lm, tiny.sequence(lm)).body


@pytest.mark.parametrize("family", ALL)
def test_all_relevance_is_accounted_for(loaded_family, family):
    lm = double(loaded_family(family))
    assert METHODS["attnlrp"].refuse(lm) == ""
    started, found, size = propagation.account(lm, propagation.rules_of(lm), body_of(lm))
    assert found == pytest.approx(started, abs=2e-6 * size) and size >= abs(started) > 0


@pytest.mark.parametrize("family", ["qwen3", "gemma2", "phi3", "mt5"])
@pytest.mark.parametrize("part", ["norms", "activations", "products"])
def test_a_rule_that_is_missing_shows_in_the_account(loaded_family, family, part):
    lm = loaded_family(family)
    rules = propagation.rules_of(lm)
    started, found, size = propagation.account(lm, dataclasses.replace(rules, **{part: ()}), body_of(lm))
    assert abs(found - started) > 10 * propagation.LOSS * size


def test_rules_are_told_by_what_modules_compute(loaded_family):
    rules = propagation.rules_of(loaded_family("phi3"))  # gate and up in one projection
    lm = loaded_family("phi3").model
    assert set(rules.products) == {layer.mlp.down_proj for layer in lm.model.layers}
    assert {norm.offset for norm in propagation.rules_of(loaded_family("gemma")).norms} == {1.0}
    assert not any(norm.centred for norm in rules.norms)
    assert all(norm.centred for norm in propagation.rules_of(loaded_family("opt")).norms)


def test_the_remark_says_how_much_the_tokens_do_not_get(loaded_family):
    run = ForcedPass(loaded_family("qwen3"), tiny.sequence(loaded_family("qwen3")))
    answer = attribute(run)
    logits = run.scores(LOGIT)
    missed = (logits - answer.scores.nansum(1)).abs().sum() / logits.abs().sum()
    assert f"by {missed:.0%} on average" in answer.remarks[0]


def test_a_linear_model_keeps_nothing_and_needs_no_remark():
    lm = tiny.wrapped(tiny.LinearModel([[0, 0], [3, 1], [1, 4], [0, -2]], [[0, 0], [1, 0], [0, 1], [2, -1]]))
    answer = attribute(ForcedPass(lm, ((), (1, 2), (3, 3))))
    assert answer.scores[1].tolist() == pytest.approx([5, -2, 2]) and answer.remarks == ()


# --- scores ---------------------------------------------------------------------------------------------------------


def test_relevance_of_a_probability_is_that_of_the_logits_times_its_slopes(loaded_family):
    lm = double(loaded_family("qwen2"))
    ids = tiny.sequence(lm, n_generated=1)
    found = attribute(ForcedPass(lm, ids), PROBABILITY).scores[0]
    with torch.no_grad():
        p = lm.model(torch.tensor([ids[1]])).logits[0, -1].softmax(-1)
    slopes = p[ids[2][0]] * (torch.nn.functional.one_hot(torch.tensor(ids[2][0]), len(p)) - p)
    expected = attribute(ForcedPass(lm, ids), lambda logits, _targets: logits @ slopes).scores[0]
    assert (found - expected).abs().max() <= 1e-6 * expected.abs().max() > 0


class Against:
    """The logit of each target less that of a token of its own."""

    def __init__(self, others):
        self.others = torch.tensor(others)

    def at(self, steps):
        def score(logits, targets):
            return LOGIT(logits, targets) - LOGIT(logits, self.others[steps])

        return score


@pytest.mark.parametrize("family", ["llama", "marian"])
def test_a_contrast_has_the_difference_of_both_relevances(loaded_family, family):
    lm = loaded_family(family)
    ids = tiny.sequence(lm)
    others = ids[2][1:] + ids[2][:1]

    class Other(Against):
        def at(self, steps):
            return lambda logits, targets: LOGIT(logits, self.others[steps])

    found, ours, theirs = (attribute(ForcedPass(lm, ids), s).scores for s in (Against(others), LOGIT, Other(others)))
    assert (found - (ours - theirs)).nan_to_num().abs().max() <= 1e-5 * found.nan_to_num().abs().max()


def test_values_and_later_gradients_are_as_before(loaded_family):
    lm = loaded_family("mt5")
    ids = tiny.sequence(lm)
    before = METHODS["saliency"].attribute(ForcedPass(lm, ids), AttributionRequest(LOGIT, REDUCTIONS["l2"])).scores
    run = ForcedPass(lm, ids, watch=[PROBABILITY])
    attribute(run)
    assert run.scores(PROBABILITY).tolist() == pytest.approx(ForcedPass(lm, ids).scores(PROBABILITY).tolist(), rel=1e-5)
    after = METHODS["saliency"].attribute(ForcedPass(lm, ids), AttributionRequest(LOGIT, REDUCTIONS["l2"])).scores
    assert torch.equal(before.nan_to_num(), after.nan_to_num())


# --- refused --------------------------------------------------------------------------------------------------------

SIZES = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2}
MIXTRAL = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48, "num_local_experts": 4}


@pytest.mark.parametrize(
    ("model", "config", "options"),
    [
        ("MixtralForCausalLM", "MixtralConfig", SIZES | MIXTRAL),  # the router's products have no rule
        ("BloomForCausalLM", "BloomConfig", {"vocab_size": 61, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
        ("MambaForCausalLM", "MambaConfig", SIZES),
        (
            "GPT2LMHeadModel",
            "GPT2Config",
            {"vocab_size": 61, "n_embd": 32, "n_head": 4, "activation_function": "sigmoid"},
        ),
    ],
)
def test_a_model_with_an_operation_without_a_rule_is_refused(model, config, options):
    lm = tiny.random(model, config, **options)
    reason = METHODS["attnlrp"].refuse(lm)
    assert reason.endswith(".")
    with pytest.raises(NotSupported) as raised:
        attribute(ForcedPass(lm, tiny.sequence(lm)))
    assert raised.value.message == reason


def test_a_model_partly_in_memory_is_refused():
    lm = tiny.gpt2()
    lm.placement = "offload"
    assert "no room for gradients" in METHODS["attnlrp"].refuse(lm)
