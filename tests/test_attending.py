"""Attention, value norms and value zeroing, beside the slow way to compute them on every family."""

from __future__ import annotations

import copy
import dataclasses
import sys

import families
import pytest
import tiny
import torch

from spaces_app.engine.attention import values
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.states.lens import lens
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods import METHODS, AttributionRequest
from spaces_app.methods import attention as attention_methods
from spaces_app.methods.choices import chosen

ALL = list(families.FAMILIES)


def attribute(name: str, run: ForcedPass, **options):
    return METHODS[name].attribute(run, AttributionRequest(None, None, **options))


def double(lm):
    """The same model in float64, where a difference is a difference."""
    return dataclasses.replace(lm, model=copy.deepcopy(lm.model).double(), dtype=torch.float64)


class patched:
    """Within, `change(module, value)` takes the place of the values that a model's attention is given."""

    def __init__(self, model, change):
        names = {type(part).__module__ for part in model.modules()}
        self.files = [sys.modules[name] for name in names if hasattr(sys.modules[name], "eager_attention_forward")]
        self.change, self.own = change, [file.eager_attention_forward for file in self.files]

    def __enter__(self):
        for file, own in zip(self.files, self.own, strict=True):

            def attend(module, query, key, value, *rest, own=own, **options):
                return own(module, query, key, self.change(module, value), *rest, **options)

            file.eager_attention_forward = attend

    def __exit__(self, *_):
        for file, own in zip(self.files, self.own, strict=True):
            file.eager_attention_forward = own


def states(lm, ids) -> list[torch.Tensor]:
    """The decoder's hidden states behind every layer, at the positions that predict. L times (G, D)"""
    source, prompt, generated = ids
    read = torch.tensor([[*prompt, *generated[:-1]]])
    named = {"input_ids": read}
    if source:
        named = {"input_ids": torch.tensor([source]), "decoder_input_ids": read}
    with torch.no_grad():
        output = lm.model(**named, output_hidden_states=True, use_cache=False)
    layers = output.decoder_hidden_states if source else output.hidden_states
    return [layer[0, len(prompt) - 1 :] for layer in layers[1:]]


def decoder_attentions(lm, ids) -> list[tuple]:
    """(attention to itself, attention to the source or None) of every layer of the decoder, as they are called."""
    ours, called = set(lm.model.get_decoder().modules()), []

    def change(module, value):
        called.extend([module] if module in ours else [])
        return value

    with patched(lm.model, change):
        states(lm, ids)
    return list(zip(called[::2], called[1::2], strict=True)) if ids[0] else [(module, None) for module in called]


def slow_zeroing(lm, ids) -> torch.Tensor:
    """1 − cos of states and those without a token's values, a whole pass per token and layer. (L, G, n_inputs)"""
    clean, n_source = states(lm, ids), len(ids[0])
    n_inputs = n_source + len(ids[1]) + len(ids[2]) - 1
    found = torch.zeros((len(clean), len(ids[2]), n_inputs), dtype=torch.float64)
    for layer, parts in enumerate(decoder_attentions(lm, ids)):
        for token in range(n_inputs):
            cross = token < n_source

            def change(module, value, token=token, cross=cross, part=parts[cross]):
                if module is not part:
                    return value
                value = value.clone()
                value[:, :, token if cross else token - n_source] = 0
                return value

            with patched(lm.model, change):
                without = states(lm, ids)
            similar = torch.cosine_similarity(clean[layer].double(), without[layer].double(), dim=-1)
            found[layer, :, token] = 1 - similar
    return found


# --- value zeroing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ALL)
def test_zeroed_values_are_those_of_a_whole_pass_per_token_and_layer(loaded_family, family):
    lm = double(loaded_family(family))
    ids = tiny.sequence(lm)
    expected, layers = slow_zeroing(lm, ids), tuple(range(lm.facts.n_layers))
    found = ForcedPass(lm, ids).zeroed_values(layers)
    assert expected.max() > 1e-3
    assert (found - expected).abs().max() <= 1e-6 * expected.max()
    single = ForcedPass(loaded_family(family), ids).zeroed_values(layers)
    assert (single - expected).abs().max() <= 1e-5 * expected.max()
    assert torch.equal(ForcedPass(lm, ids).zeroed_values((1,))[0], found[1])


@pytest.mark.parametrize("family", ["llama", "bart"])
def test_narrow_passes_and_models_without_a_cache_give_the_same(loaded_family, monkeypatch, family):
    lm = loaded_family(family)
    ids = tiny.sequence(lm)
    expected = ForcedPass(lm, ids).zeroed_values((0, 1))
    run = ForcedPass(lm, ids)
    run.budget = dataclasses.replace(run.budget, rows=14, calls=0)  # two tokens a pass and fewer
    assert torch.allclose(run.zeroed_values((0, 1)), expected, atol=1e-6)
    monkeypatch.setattr(values.Prefix, "of", lambda *_: None)
    assert torch.allclose(run.zeroed_values((0, 1)), expected, atol=1e-6)


def test_value_zeroing_shares_sum_to_1_and_faint_changes_count_as_none(loaded_family):
    lm = loaded_family("t5")
    run = ForcedPass(lm, tiny.sequence(lm))
    changes = run.zeroed_values((1, 2))
    changes[changes < 1e-5] = 0
    n_source = run.sequence.n_source
    expected = torch.cat([part / part.sum(-1, keepdim=True) for part in changes.split([n_source, 6], -1)], -1)
    answer = attribute("value_zeroing", run, layer="1-2")
    axes, parts = answer.parts["layer_attributions"]
    assert axes == {"layer": (1, 2)}
    assert torch.allclose(parts.nan_to_num(), expected, atol=1e-6)
    assert torch.allclose(answer.scores, parts.mean(0), atol=1e-6, equal_nan=True)
    assert "cannot be compared" in answer.remarks[0]
    alone = attribute("value_zeroing", ForcedPass(lm, tiny.sequence(lm), attribute_prefix=False), layer="1-2")
    assert alone.remarks == () and torch.allclose(alone.scores[:, :n_source], answer.scores[:, :n_source], atol=1e-6)


def test_a_model_loaded_with_fused_attention_gives_the_same(loaded_family):
    lm = loaded_family("qwen2")
    ids = tiny.sequence(lm)
    fused = dataclasses.replace(lm, model=copy.deepcopy(lm.model))
    fused.model.set_attn_implementation("sdpa")
    for name in ("attention", "attention_norm", "value_zeroing"):
        expected, found = (attribute(name, ForcedPass(each, ids)).scores for each in (lm, fused))
        assert torch.allclose(found, expected, atol=1e-5, equal_nan=True), name
    assert fused.model.config._attn_implementation == "sdpa"


# --- value norms ----------------------------------------------------------------------------------------------------


def slow_norms(lm, ids, heads=None) -> torch.Tensor:
    """‖attention's output less that without a token's values‖, a whole pass per token and layer. (L, G, n_inputs)"""
    n_source, n_prompt = len(ids[0]), len(ids[1])
    found = torch.zeros((lm.facts.n_layers, len(ids[2]), n_source + n_prompt + len(ids[2]) - 1), dtype=torch.float64)

    def output_of(part, change):
        caught = []
        handle = part.register_forward_hook(lambda _module, _inputs, output: caught.append(output[0]))
        with patched(lm.model, change):
            states(lm, ids)
        handle.remove()
        return caught[0][0, n_prompt - 1 :]

    for layer, parts in enumerate(decoder_attentions(lm, ids)):
        for token in range(found.shape[2]):
            part, at = (parts[1], token) if token < n_source else (parts[0], token - n_source)

            def change(module, value, part=part, at=at):
                value = value.clone()
                if module is part:
                    value[:, slice(None) if heads is None else heads, at] = 0
                return value

            moved = output_of(part, lambda _module, value: value) - output_of(part, change)
            found[layer, :, token] = moved.norm(dim=-1)
    return found


@pytest.mark.parametrize("family", ALL)
def test_value_norms_are_what_attention_lacks_without_a_token(loaded_family, family):
    lm = double(loaded_family(family))
    ids = tiny.sequence(lm, 3, 3, 4)
    run, expected = ForcedPass(lm, ids), slow_norms(lm, ids)
    layers, heads = tuple(range(lm.facts.n_layers)), tuple(range(lm.facts.n_heads))
    found = run.value_norms(layers, heads)
    assert (found - expected).abs().max() <= 1e-6 * expected.max()
    shares = expected / expected.sum(-1, keepdim=True)
    answer = attribute("attention_norm", run)
    assert torch.allclose(answer.scores.nan_to_num().double(), shares.mean(0), atol=1e-6)
    assert torch.allclose(answer.parts["layer_attributions"][1].nan_to_num().double(), shares, atol=1e-6)


def test_value_norms_of_some_heads_are_those_of_their_values_alone(loaded_family):
    lm = double(loaded_family("gpt2"))
    ids = tiny.sequence(lm, 3, 3)
    found = ForcedPass(lm, ids).value_norms((1,), (1, 2))[0]
    assert (found - slow_norms(lm, ids, [1, 2])[1]).abs().max() <= 1e-6 * found.max()


# --- attention ------------------------------------------------------------------------------------------------------


def reported(lm, ids) -> torch.Tensor:
    with torch.no_grad():
        output = lm.model(torch.tensor([[*ids[1], *ids[2][:-1]]]), output_attentions=True, use_cache=False)
    return torch.stack(output.attentions)[:, 0, :, len(ids[1]) - 1 :]  # (L, H, G, n)


def test_layers_and_heads_are_chosen_and_combined(loaded_family):
    lm = loaded_family("gemma3")
    ids = tiny.sequence(lm)
    run, weights = ForcedPass(lm, ids), reported(lm, ids)

    def scores(**options):
        return attribute("attention", run, **options).scores.nan_to_num()

    assert torch.allclose(scores(layer="1"), weights[1].mean(0), atol=1e-6)
    assert torch.allclose(scores(layer="-1", head="2"), weights[1, 2], atol=1e-6)
    assert torch.allclose(scores(head="1-2"), weights[:, 1:3].mean((0, 1)), atol=1e-6)
    assert torch.allclose(scores(combine="max"), weights.amax((0, 1)), atol=1e-6)
    by_layer = attribute("attention", run, head="1-2", combine="max").parts["layer_attributions"]
    assert by_layer[0] == {"layer": (0, 1)}
    assert torch.allclose(by_layer[1].nan_to_num(), weights[:, 1:3].amax(1), atol=1e-6)
    by_head = attribute("attention", run, layer="0", head="1-3").parts
    assert list(by_head) == ["head_attributions"] and by_head["head_attributions"][0] == {"head": (1, 2, 3)}
    assert torch.allclose(by_head["head_attributions"][1].nan_to_num(), weights[0, 1:4], atol=1e-6)
    assert attribute("attention", run, layer="0", head="0").parts == {}


def test_rollout_multiplies_attention_and_what_was_there(loaded_family):
    lm = loaded_family("llama")
    ids = tiny.sequence(lm)
    read = torch.tensor([[*ids[1], *ids[2][:-1]]])
    with torch.no_grad():
        weights = [w[0].mean(0) for w in lm.model(read, output_attentions=True, use_cache=False).attentions]
    first, second = ((w + torch.eye(10)) / 2 for w in weights)
    answer = attribute("attention", ForcedPass(lm, ids), combine="rollout")
    assert torch.allclose(answer.scores.nan_to_num(), (second @ first)[4:], atol=1e-6)
    assert torch.allclose(answer.parts["layer_attributions"][1][0].nan_to_num(), first[4:], atol=1e-6)
    assert answer.scores.nansum(1).tolist() == pytest.approx([1.0] * 6, abs=1e-5)


@pytest.mark.parametrize("family", ["t5", "nllb"])
def test_rollout_of_an_encoder_decoder_model_is_one_product_over_all_its_tokens(loaded_family, family):
    lm = loaded_family(family)
    ids = tiny.sequence(lm)
    n_source, read = len(ids[0]), torch.tensor([[*ids[1], *ids[2][:-1]]])
    with torch.no_grad():
        output = lm.model(
            input_ids=torch.tensor([ids[0]]), decoder_input_ids=read, output_attentions=True, use_cache=False
        )
    whole = torch.eye(n_source + read.shape[1])
    source, own = slice(0, n_source), slice(n_source, None)

    def follow(rows, columns, weights):
        """One more attention: half of what it brings, half of what was there."""
        nonlocal whole
        step = torch.eye(len(whole))
        step[rows] = step[rows] / 2
        step[rows, columns] += weights[0].mean(0) / 2
        whole = step @ whole

    for weights in output.encoder_attentions:
        follow(source, source, weights)
    for to_itself, to_source in zip(output.decoder_attentions, output.cross_attentions, strict=True):
        follow(own, own, to_itself)
        follow(own, source, to_source)
    answer = attribute("attention", ForcedPass(lm, ids), combine="rollout")
    expected = whole[own][len(ids[1]) - 1 :]
    assert torch.allclose(answer.scores.nan_to_num(), expected, atol=1e-6)
    assert answer.scores.nansum(1).tolist() == pytest.approx([1.0] * 6, abs=1e-5) and answer.remarks == ()


@pytest.mark.parametrize("combine", ["mean", "rollout"])
def test_finer_scores_that_nobody_could_look_at_are_left_out(loaded_family, monkeypatch, combine):
    run = ForcedPass(loaded_family("gpt2"), tiny.sequence(loaded_family("gpt2")))
    monkeypatch.setattr(attention_methods, "MOST_CELLS", 119)  # 2 layers, 6 targets, 10 inputs: 120
    answer = attribute("attention", run, combine=combine)
    assert answer.parts == {} and "120 numbers" in answer.remarks[-1]


# --- choices and refusals -------------------------------------------------------------------------------------------


def test_choices_of_layers():
    assert chosen("all", 3) == (0, 1, 2) and chosen("2", 3) == (2,) and chosen("-1", 3) == (2,)
    assert chosen("1-2", 3) == (1, 2) and chosen("0-0", 3) == (0,)
    for wrong in ("3", "-4", "2-1", "1-3", "first", "", "1-", "-"):
        with pytest.raises(SpecError):
            chosen(wrong, 3)


def test_a_choice_outside_the_model_names_the_field(loaded_family):
    run = ForcedPass(loaded_family("gpt2"), tiny.sequence(loaded_family("gpt2")))
    with pytest.raises(SpecError, match="head: '4' is outside this model, which has 4 of them, 0 to 3"):
        attribute("attention", run, head="4")
    with pytest.raises(SpecError, match="layer: '2-3' is outside"):
        attribute("value_zeroing", run, layer="2-3")


MAMBA = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2}
BLOOM = {"vocab_size": 61, "hidden_size": 32, "n_layer": 2, "n_head": 4}


@pytest.mark.parametrize("name", ["attention_norm", "value_zeroing"])
@pytest.mark.parametrize(("kind", "options"), [("Mamba", MAMBA), ("Bloom", BLOOM)])
def test_a_model_whose_values_cannot_be_read_is_refused_with_a_reason(name, kind, options):
    lm = tiny.random(f"{kind}ForCausalLM", f"{kind}Config", **options)
    reason = METHODS[name].refuse(lm)
    assert "in a way of its own" in reason
    with pytest.raises(NotSupported, match=reason):
        attribute(name, ForcedPass(lm, tiny.sequence(lm)))


def test_values_of_a_model_partly_in_memory_are_refused():
    lm = tiny.gpt2()
    assert METHODS["value_zeroing"].refuse(lm) == ""
    lm.placement = "offload"
    assert "partly in memory" in METHODS["value_zeroing"].refuse(lm)


def test_experts_are_no_obstacle():
    experts = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48, "num_local_experts": 4}
    lm = tiny.random("MixtralForCausalLM", "MixtralConfig", attn_implementation="eager", **MAMBA, **experts)
    ids = tiny.sequence(lm)
    expected = slow_zeroing(lm, ids)
    found = ForcedPass(lm, ids).zeroed_values((0, 1))
    assert expected.max() > 1e-3 and (found - expected).abs().max() <= 1e-4 * expected.max()


DECODER = {"is_decoder": True, "num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 64}
PHI = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
NARROW = {"word_embed_proj_dim": 16, "ffn_dim": 48, "num_attention_heads": 4, "max_position_embeddings": 64}
ENDS = {
    "BertLMHeadModel": ("BertConfig", MAMBA | DECODER),
    "RobertaForCausalLM": ("RobertaConfig", MAMBA | DECODER | {"pad_token_id": 0}),
    "XLMRobertaForCausalLM": ("XLMRobertaConfig", MAMBA | DECODER | {"pad_token_id": 0}),
    "CamembertForCausalLM": ("CamembertConfig", MAMBA | DECODER | {"pad_token_id": 0}),
    "ElectraForCausalLM": ("ElectraConfig", MAMBA | DECODER | {"embedding_size": 16}),
    "OPTForCausalLM": ("OPTConfig", MAMBA | NARROW | {"do_layer_norm_before": False}),
    "GPTNeoXForCausalLM": ("GPTNeoXConfig", PHI),
    "CohereForCausalLM": ("CohereConfig", PHI | {"logit_scale": 0.1}),
}


@pytest.mark.parametrize("kind", list(ENDS))
def test_the_last_layers_states_are_those_the_model_reports(kind):
    """BERT's were compared behind the transform of its output layer: 0.009 of 0.41 off."""
    config, options = ENDS[kind]
    lm = tiny.random(kind, config, dtype=torch.float64, spread=8.0, attn_implementation="eager", **options)
    ids = tiny.sequence(lm)
    expected, found = slow_zeroing(lm, ids), ForcedPass(lm, ids).zeroed_values((0, 1))
    assert expected[1].max() > 1e-3
    assert (found - expected).abs().max() <= 1e-6 * expected.max()


@pytest.mark.parametrize("kind", list(ENDS))
def test_the_lens_ends_in_the_models_own_probabilities_whatever_its_head_does(kind):
    config, options = ENDS[kind]
    lm = tiny.random(kind, config, attn_implementation="eager", **options)
    ids = tiny.sequence(lm)
    run = ForcedPass(lm, ids)
    found = lens(run, run.sequence.targets[:, None])
    with torch.no_grad():
        logits = lm.model(input_ids=torch.tensor([[*ids[1], *ids[2][:-1]]])).logits[0, len(ids[1]) - 1 :]
    expected = logits.double().softmax(-1).gather(-1, torch.tensor(ids[2])[:, None])
    assert torch.allclose(found.probability[-1].double(), expected, rtol=1e-4, atol=1e-7)


def test_a_model_with_two_ways_of_writing_attention_out_gives_the_same_by_both():
    plain, upcast = (
        tiny.gpt2(scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=way) for way in (False, True)
    )
    ids = tiny.sequence(plain)
    expected, found = (ForcedPass(lm, ids).zeroed_values((0, 1)) for lm in (plain, upcast))
    assert torch.allclose(found, expected, atol=1e-6)
