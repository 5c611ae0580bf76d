"""The engine under strain: little memory, low precision, odd operations, a visitor who leaves; and no traces left."""

from __future__ import annotations

import pytest
import tiny
import torch

from spaces_app.engine import progress
from spaces_app.engine.backward import vjp as vjp_module
from spaces_app.engine.backward.vjp import one_hot_cotangents, vjp
from spaces_app.engine.chunks import Budget, in_chunks
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.forward import Body
from spaces_app.errors import Cancelled, NotSupported, TooLarge
from spaces_app.methods import METHODS, REDUCTIONS, AttributionRequest
from spaces_app.step_functions import STEP_FUNCTIONS

PROBABILITY = STEP_FUNCTIONS["probability"].fn
ASK = AttributionRequest(PROBABILITY, REDUCTIONS["sum"], n_steps=4)


def attribute(name: str, lm, ids, **options) -> torch.Tensor:
    return METHODS[name].attribute(ForcedPass(lm, ids, **options), ASK).scores


# --- memory ---------------------------------------------------------------------------------------------------------


def memory_for(most_rows: int, monkeypatch) -> list[int]:
    """From now on, a pass over more than `most_rows` variants (times targets, with gradients) runs out of memory.

    Sizes tried are in the list.
    """
    sizes, decode = [], Body.decode

    def limited(self, steps, embeds=None, **options):
        targets = steps.stop - steps.start if torch.is_grad_enabled() else 1
        size = (1 if embeds is None else len(embeds)) * targets
        sizes.append(size)
        if size > most_rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return decode(self, steps, embeds, **options)

    monkeypatch.setattr(Body, "decode", limited)
    return sizes


@pytest.mark.parametrize("name", ["saliency", "integrated_gradients", "occlusion"])
def test_out_of_memory_halves_the_chunk_and_the_scores_stay(monkeypatch, name):
    lm = tiny.gpt2()
    ids = tiny.sequence(lm)
    expected = attribute(name, lm, ids)
    sizes = memory_for(2, monkeypatch)
    found = attribute(name, lm, ids)
    assert max(sizes) > 2
    assert (found - expected).nan_to_num().abs().max() <= 1e-5 * expected.nan_to_num().abs().max()


def test_no_memory_for_one_row_is_a_sentence(monkeypatch):
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm))
    memory_for(0, monkeypatch)
    with pytest.raises(TooLarge, match="not enough memory for one token"):
        METHODS["saliency"].attribute(run, ASK)


def test_chunks_shrink_to_what_fits_and_cover_everything_once():
    def work(start, stop):
        if stop - start > 3:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")
        return list(range(start, stop))

    parts = list(in_chunks(11, 8, work))
    assert [i for _, _, part in parts for i in part] == list(range(11))
    assert [stop - start for start, stop, _ in parts] == [2, 2, 2, 2, 2, 1]  # 8 and 4 were too many


def test_an_error_that_is_not_about_memory_goes_through():
    def work(_start, _stop):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        list(in_chunks(4, 2, work))


def test_a_larger_model_or_longer_text_gets_fewer_rows_per_chunk():
    small, large = tiny.gpt2(), tiny.gpt2(n_embd=128)
    assert Budget.of(large, 10, 1).rows < Budget.of(small, 10, 1).rows
    assert Budget.of(small, 2000, 1).rows < Budget.of(small, 10, 1).rows
    assert Budget.of(small, 10, 64).items(10_000_000) == 1


# --- precision ------------------------------------------------------------------------------------------------------


def test_float16_gradients_of_improbable_tokens_do_not_vanish():
    single = tiny.gpt2(vocab_size=997, spread=20.0)
    half = tiny.gpt2(vocab_size=997, spread=20.0, dtype=torch.float16)
    prompt = tiny.sequence(single)[1]
    with torch.no_grad():
        unlikely = single.model(torch.tensor([prompt])).logits[0, -1].argsort()[100:106].tolist()
    ids = ((), prompt, tuple(unlikely))
    assert ForcedPass(single, ids).scores(PROBABILITY).min() < 1e-5
    expected, found = attribute("saliency", single, ids), attribute("saliency", half, ids)
    error = ((found - expected).abs() / expected.nan_to_num().amax(1, keepdim=True)).nan_to_num().max()
    assert error < 0.03  # three digits are all float16 has; 0.21 without scaled cotangents


def test_bfloat16_scores_are_near_the_float32_ones():
    single, low = tiny.gpt2(), tiny.gpt2(dtype=torch.bfloat16)
    ids = tiny.sequence(single)
    for name in METHODS:
        expected, found = attribute(name, single, ids), attribute(name, low, ids)
        assert ((found - expected).nan_to_num().abs().max() / expected.nan_to_num().abs().max()) < 0.1, name


def test_logits_that_overflow_are_refused_in_a_sentence():
    lm = tiny.gpt2()
    lm.model.transformer.ln_f.weight.data.fill_(torch.inf)
    with pytest.raises(NotSupported, match="not finite"):
        ForcedPass(lm, tiny.sequence(lm)).scores(PROBABILITY)


# --- operations that cannot be batched ------------------------------------------------------------------------------


class Stubborn(torch.autograd.Function):
    """Squares, with a backward that looks at single numbers, which a batched backward cannot do."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return torch.tensor([2 * float(a) * float(b) for a, b in zip(x, gradient, strict=True)])


def test_an_operation_that_cannot_be_batched_is_walked_one_by_one():
    x = torch.tensor([1.0, 2.0, 3.0]).requires_grad_()
    unused = torch.zeros(2).requires_grad_()
    y = Stubborn.apply(x)
    found, nothing = vjp([y], [torch.eye(3)], [x, unused])
    assert found.tolist() == [[2, 0, 0], [0, 4, 0], [0, 0, 6]]
    assert nothing.tolist() == [[0, 0]] * 3


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma3", "t5", "m2m100"])
def test_supported_families_are_batched_and_agree_with_one_by_one(loaded_family, monkeypatch, name):
    lm = loaded_family(name)
    ids = tiny.sequence(lm)
    ways, backward = [], vjp_module._backward

    def watched(*arguments, batched):
        ways.append(batched)
        return backward(*arguments, batched=batched)

    monkeypatch.setattr(vjp_module, "_backward", watched)
    expected = attribute("input_x_gradient", lm, ids)
    assert set(ways) == {True}

    def unbatched(*arguments, batched):
        if batched:
            raise RuntimeError("Batching rule not implemented")
        return backward(*arguments, batched=False)

    monkeypatch.setattr(vjp_module, "_backward", unbatched)
    found = attribute("input_x_gradient", lm, ids)
    assert (found - expected).nan_to_num().abs().max() <= 1e-5 * expected.nan_to_num().abs().max()


def test_each_target_gets_its_own_cotangent_and_zeros_elsewhere():
    cotangent = torch.arange(1.0, 13.0).reshape(2, 3, 2)  # (B, g, D)
    spread = one_hot_cotangents(cotangent, range(3))  # (g, B, g, D)
    assert torch.equal(spread.sum(0), cotangent)
    for target in range(3):
        assert torch.equal(spread[target, :, target], cotangent[:, target])
        assert spread[target].count_nonzero() == 4
    assert torch.equal(one_hot_cotangents(cotangent, range(1, 3)), spread[1:])


# --- progress and traces --------------------------------------------------------------------------------------------


def snapshot(model: torch.nn.Module) -> dict:
    """Everything an analysis could leave changed on a model."""
    state = {name: value.double().sum().item() for name, value in model.state_dict().items()}
    hooks = {
        name: sum(len(getattr(module, kind)) for kind in vars(module) if kind.endswith("_hooks"))
        for name, module in model.named_modules()
    }
    modules = [(name, id(module), module.training) for name, module in model.named_modules()]
    wants = [(name, id(value), value.requires_grad, value.grad is None) for name, value in model.named_parameters()]
    attention = [str(part.config.to_dict()) for part in model.modules() if hasattr(part, "config")]
    chosen = [part.config._attn_implementation for part in model.modules() if hasattr(part, "config")]
    return {"state": state, "hooks": hooks, "modules": modules, "wants": wants, "config": attention, "chosen": chosen}


@pytest.mark.parametrize("family", ["gpt2", "bart"])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_leaves_no_trace_on_the_model(loaded_family, family, name):
    lm = loaded_family(family)
    before = snapshot(lm.model)
    attribute(name, lm, tiny.sequence(lm))
    assert snapshot(lm.model) == before


def test_another_attention_implementation_is_back_in_place_after_attention():
    lm = tiny.gpt2(attn_implementation="sdpa")
    before = snapshot(lm.model)
    scores = attribute("attention", lm, tiny.sequence(lm))
    assert scores.nansum(1).tolist() == pytest.approx([1.0] * 6, abs=1e-5)
    assert lm.model.config._attn_implementation == "sdpa" and snapshot(lm.model) == before


@pytest.mark.parametrize("name", METHODS)
def test_progress_is_told_and_a_visitor_who_left_stops_the_work(name):
    lm = tiny.gpt2()
    ids = tiny.sequence(lm)
    told = []
    attribute(name, lm, ids, tick=lambda done, total, what: told.append((done, total, what)))
    assert told and all(0 <= done <= total and what for done, total, what in told)
    assert told[-1][0] == told[-1][1]

    def leave(_done, _total, _what):
        raise Cancelled("stopped.")

    before = snapshot(lm.model)
    with pytest.raises(Cancelled):
        attribute(name, lm, ids, tick=leave)
    assert snapshot(lm.model) == before


@pytest.mark.parametrize("family", ["gpt2", "t5"])
@pytest.mark.parametrize("way", ["forward", "back"])
def test_a_long_pass_is_interrupted_between_two_blocks(loaded_family, monkeypatch, family, way):
    lm = loaded_family(family)
    run = ForcedPass(lm, tiny.sequence(lm))
    list(run.gradients(PROBABILITY))  # what is measured once per model is behind us
    monkeypatch.setattr(progress, "BEAT_SECONDS", 0.0)
    before, beats, walking = snapshot(lm.model), [], []
    backward = vjp_module._backward

    def walk_back(*arguments, **options):
        walking.append(True)
        found = backward(*arguments, **options)
        walking.clear()
        return found

    def leave(_done, _total, _what):
        beats.append(bool(walking))
        if walking if way == "back" else len(beats) == 3:
            raise Cancelled("stopped.")

    monkeypatch.setattr(vjp_module, "_backward", walk_back)
    run = ForcedPass(lm, tiny.sequence(lm), tick=leave)
    with pytest.raises(Cancelled):
        list(run.gradients(PROBABILITY))
    assert beats[-1] == (way == "back")
    assert snapshot(lm.model) == before


def test_an_error_in_the_middle_of_a_pass_leaves_no_hook(monkeypatch):
    lm = tiny.gpt2()
    run = ForcedPass(lm, tiny.sequence(lm))
    before = snapshot(lm.model)

    def fail(*_):
        raise ValueError("in the middle")

    handle = lm.model.transformer.h[1].register_forward_hook(fail)
    with pytest.raises(ValueError, match="in the middle"):
        list(run.gradients(PROBABILITY))
    handle.remove()
    assert snapshot(lm.model) == before
