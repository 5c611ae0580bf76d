"""Activations of feed-forward neurons: found by structure in every family, read in one pass, changed without traces."""

from __future__ import annotations

import gc
import weakref

import families
import numpy as np
import pytest
import tiny
import torch
from torch import nn

from spaces_app.engine.per_model import MOST, remembered
from spaces_app.engine.states import activations as engine
from spaces_app.engine.states.activations import activations, projections, scaled
from spaces_app.errors import NotSupported, SpecError
from spaces_app.models.facts import blocks

# What each family calls the layer that a feed-forward part ends in.
DOWN = {
    "gpt2": "mlp.c_proj",
    "phi": "mlp.fc2",
    "opt": "fc2",
    "gpt_neox": "mlp.dense_4h_to_h",
    "t5": "DenseReluDense.wo",
    "mt5": "DenseReluDense.wo",
    "bart": "fc2",
    "marian": "fc2",
    "m2m100": "fc2",
    "nllb": "fc2",
}
TEXT = "The keys to the cabinet"


def text_ids(lm) -> tuple:
    encoded = tuple(lm.encode_prompt(TEXT))
    if not lm.facts.encoder_decoder:
        return (), encoded
    return encoded, (*lm.decoder_start, *lm.encode_continuation(TEXT, "la table"))


def run(lm, ids) -> torch.Tensor:
    """Logits of the decoder's tokens, as whoever knows nothing of this engine would get them."""
    source, decoder = (torch.tensor([list(part)]) for part in ids)
    with torch.no_grad():
        if lm.facts.encoder_decoder:
            return lm.model(input_ids=source, decoder_input_ids=decoder).logits[0]
        return lm.model(input_ids=decoder).logits[0]


def by_name(lm, ids, side: str, ending: str) -> list[torch.Tensor]:
    """What goes into the layers of these names, (n, width) for each block."""
    stack = lm.model.get_encoder() if side == "encoder" else lm.model.get_decoder()
    kept, handles = [], []
    for block in blocks(stack):
        (module,) = [part for name, part in block.named_modules() if name.endswith(ending)]
        handles.append(
            module.register_forward_pre_hook(lambda _m, inputs: kept.append(inputs[0].flatten(0, -2).clone()))
        )
    run(lm, ids)
    for handle in handles:
        handle.remove()
    return kept


@pytest.mark.parametrize("family", list(families.FAMILIES))
def test_every_family_gives_what_goes_into_its_down_projections(loaded_family, family):
    lm = loaded_family(family)
    ids = text_ids(lm)
    found = activations(lm, ids)
    sides = {"decoder": ids[1]} | ({"encoder": ids[0]} if lm.facts.encoder_decoder else {})
    assert set(found.values) == set(sides)
    for side, part in sides.items():
        expected = by_name(lm, ids, side, DOWN.get(family, "mlp.down_proj"))
        assert len(found.values[side]) == len(expected) >= families.LAYERS
        for ours, theirs in zip(found.values[side], expected, strict=True):
            assert ours.shape == theirs.shape == (len(part), theirs.shape[1])
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama", "opt", "t5"])
def test_the_weight_of_a_projection_is_what_each_neuron_writes(loaded_family, family):
    lm = loaded_family(family)
    part = projections(lm, "decoder")[0]
    one = torch.zeros(2, part.width)
    one[1, 3] = 1.0
    with torch.no_grad():
        written = part.module(one)
    torch.testing.assert_close(written[1] - written[0], part.weight[3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gemma2", "qwen3", "mt5"])
def test_the_gate_is_what_the_activation_function_gives(loaded_family, family):
    lm = loaded_family(family)
    ids = text_ids(lm)
    gate, whole = (activations(lm, ids, gate=flag).values["decoder"] for flag in (True, False))
    block, kept = blocks(lm.model.get_decoder())[1], {}
    names = ("up_proj", "wi_1")
    (up,) = [part for name, part in block.named_modules() if name.endswith(names)]
    handle = up.register_forward_hook(lambda _m, _i, output: kept.update(up=output[0].clone()))
    run(lm, ids)
    handle.remove()
    np.testing.assert_allclose(gate[1] * kept["up"].numpy(), whole[1], rtol=1e-3, atol=1e-4)
    assert not np.allclose(gate[1], whole[1])


def test_above_the_budget_they_go_to_a_file_in_half_precision(loaded_family):
    lm = loaded_family("gpt2")
    ids = text_ids(lm)
    here, there = activations(lm, ids), activations(lm, ids, budget=1000)
    for ours, filed in zip(here.values["decoder"], there.values["decoder"], strict=True):
        assert ours.dtype == np.float32 and filed.dtype == np.float16
        assert isinstance(filed, np.memmap) or isinstance(filed.base, np.memmap)
        np.testing.assert_allclose(filed.astype(np.float32), ours, rtol=1e-3, atol=1e-4)
    assert here.n_bytes == sum(array.nbytes for array in here.values["decoder"]) and there.n_bytes == 0


def test_reading_leaves_nothing_behind(loaded_family):
    lm = loaded_family("opt")
    before = {module: (len(module._forward_hooks), len(module._forward_pre_hooks)) for module in lm.model.modules()}
    own = run(lm, text_ids(lm))
    activations(lm, text_ids(lm))
    with scaled(lm, {("decoder", 0): (torch.zeros(projections(lm, "decoder")[0].width),) * 2}):
        pass
    assert {m: (len(m._forward_hooks), len(m._forward_pre_hooks)) for m in lm.model.modules()} == before
    torch.testing.assert_close(run(lm, text_ids(lm)), own)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bart"])
def test_neurons_set_to_zero_are_as_if_their_weights_were_zero(loaded_family, family):
    lm = loaded_family(family)
    ids, part = text_ids(lm), projections(lm, "decoder")[1]
    factors = torch.ones(part.width)
    factors[[2, 5]] = 0.0
    with scaled(lm, {("decoder", 1): (factors, factors)}):
        found = run(lm, ids)
    own, kept = run(lm, ids), part.weight[[2, 5]].clone()
    with torch.no_grad():
        part.weight[[2, 5]] = 0.0
    expected = run(lm, ids)
    with torch.no_grad():
        part.weight[[2, 5]] = kept
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert (found - own).abs().max() > 1e-3
    torch.testing.assert_close(run(lm, ids), own)


def test_positive_and_negative_halves_are_multiplied_apart(loaded_family):
    lm = loaded_family("llama")
    ids, part = text_ids(lm), projections(lm, "decoder")[0]
    own, kept = activations(lm, ids).values["decoder"][0], []
    pair = (torch.full((part.width,), 3.0), torch.zeros(part.width))
    with scaled(lm, {("decoder", 0): pair}):
        handle = part.module.register_forward_pre_hook(lambda _m, inputs: kept.append(inputs[0][0].numpy()))
        run(lm, ids)
        handle.remove()
    np.testing.assert_allclose(kept[0], 3 * np.maximum(own, 0), rtol=1e-4, atol=1e-5)
    assert (own < 0).any()


def test_an_encoder_that_is_not_there_is_refused(loaded_family):
    with pytest.raises(SpecError, match="this model has no encoder"):
        projections(loaded_family("gpt2"), "encoder")


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.out_proj = nn.Linear(64, 16)


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn = Attention()
        self.norm = nn.LayerNorm(16)


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.self_attn = Attention()
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(16, 64), nn.Linear(64, 16)) for _ in range(2)])


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        (Bare(), "this model has no feed-forward part that can be found."),
        (Experts(), "this model's feed-forward parts route tokens to experts, which share no list of neurons."),
    ],
)
def test_blocks_without_one_feed_forward_part_are_refused_in_a_sentence(block, sentence):
    with pytest.raises(NotSupported) as caught:
        engine._projection(block, 16)
    assert caught.value.message == sentence


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Mamba", "this model has no feed-forward part that can be found"),
        ("Mixtral", "this model's feed-forward parts route tokens to experts, which share no list of neurons"),
    ],
)
def test_a_model_without_a_feed_forward_part_to_be_found_is_refused_and_not_kept_in_memory(kind, reason):
    sizes = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2}
    if kind == "Mixtral":
        sizes |= {"intermediate_size": 40, "num_attention_heads": 4, "num_key_value_heads": 2, "num_local_experts": 2}
    lm = tiny.random(f"{kind}ForCausalLM", f"{kind}Config", **sizes)
    for _ in range(2):
        with pytest.raises(NotSupported, match=f"^model: {reason}\\.$"):
            activations(lm, ((), (5, 6, 7)))
    gone = weakref.ref(lm.model)
    del lm
    gc.collect()
    assert gone() is None


def test_numbers_too_large_for_half_precision_stay_finite_and_broken_ones_stay_broken():
    lm = tiny.gpt2()
    lm.model.transformer.h[0].mlp.c_fc.bias.data[:3] = torch.tensor([1e6, torch.inf, torch.nan])
    filed = activations(lm, ((), (5, 6, 7)), budget=0).values["decoder"][0][:, :3].astype(np.float32)
    assert (filed[:, 0] == 65504).all() and np.isinf(filed[:, 1]).all() and np.isnan(filed[:, 2]).all()
    here = activations(lm, ((), (5, 6, 7))).values["decoder"][0]
    assert (here[:, 0] > 9e5).all() and np.isinf(here[:, 1]).all()


def test_a_gate_that_no_known_activation_function_gives_is_refused():
    lm = tiny.gpt2()
    for block in lm.model.transformer.h:
        block.mlp.act = nn.Identity()
    with pytest.raises(NotSupported, match="^sign: the gate of this model's feed-forward part cannot be found\\.$"):
        activations(lm, ((), (5, 6, 7)), gate=True)


class Kept:
    def __init__(self, n_bytes: int):
        self.n_bytes = n_bytes


class Holder:
    """A loaded model as `remembered` sees it."""

    def __init__(self):
        self.model = nn.Linear(1, 1)


def test_what_was_read_is_remembered_within_its_bounds():
    lm = Holder()
    first, again = remembered(lm, "a", lambda: Kept(60), budget=100), remembered(lm, "a", lambda: Kept(60), budget=100)
    assert first[1] is False and again == (first[0], True)
    remembered(lm, "b", lambda: Kept(50), budget=100)
    assert remembered(lm, "a", lambda: Kept(60), budget=100)[1] is False, "both together were too much"
    remembered(lm, "large", lambda: Kept(500), budget=100)
    assert remembered(lm, "large", lambda: Kept(500), budget=100)[1] is False, "too large to be kept at all"
    for number in range(MOST + 1):
        remembered(lm, number, lambda: Kept(0))
    assert [remembered(lm, number, lambda: Kept(0))[1] for number in (MOST, 1)] == [True, True]
    assert remembered(lm, 0, lambda: Kept(0))[1] is False, "the oldest has gone"


def test_what_was_read_goes_with_the_model():
    lm = Holder()
    value = weakref.ref(remembered(lm, "a", lambda: Kept(1))[0])
    assert value() is not None
    del lm
    gc.collect()
    assert value() is None
