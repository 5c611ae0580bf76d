"""The logit lens gives what final norm and output layer give by hand, in every family; the end is the model's own."""

from __future__ import annotations

import pytest
import tiny
import torch
from families import FAMILIES

from spaces_app.engine.chunks import Budget
from spaces_app.engine.forced import ForcedPass
from spaces_app.engine.states import lens as module
from spaces_app.engine.states.lens import lens, unembedded
from spaces_app.errors import NotSupported

# Where the final norm is in transformers' own code; BART and Marian have none.
NORMS = {
    "gpt2": "transformer.ln_f",
    "phi": "model.final_layernorm",
    "opt": "model.decoder.final_layer_norm",
    "gpt_neox": "gpt_neox.final_layer_norm",
    "t5": "decoder.final_layer_norm",
    "mt5": "decoder.final_layer_norm",
    "bart": "",
    "marian": "",
    "m2m_100": "model.decoder.layer_norm",
}


def by_hand(lm, ids: tuple) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (L+1, G, V) of every layer by transformers' own hidden states and modules, and the model's own (G, V)."""
    source, prompt, generated = (list(part) for part in ids)
    read = torch.tensor([prompt + generated[:-1]])
    model, config = lm.model, lm.model.config
    with torch.no_grad():
        if source:
            output = model(input_ids=torch.tensor([source]), decoder_input_ids=read, output_hidden_states=True)
            hidden = list(output.decoder_hidden_states)
        else:
            output = model(input_ids=read, output_hidden_states=True)
            hidden = list(output.hidden_states)
        name = NORMS.get(config.model_type, "model.norm")
        norm = model.get_submodule(name) if name else torch.nn.Identity()
        states = [*(norm(state) for state in hidden[:-1]), hidden[-1]]  # transformers gives the last one normed
        states = torch.stack([state[0, len(prompt) - 1 :] for state in states])
        if getattr(config, "scale_decoder_outputs", False):
            states = states * config.d_model**-0.5
        logits = model.get_output_embeddings()(states)
        if getattr(config, "final_logit_softcapping", None):
            logits = config.final_logit_softcapping * torch.tanh(logits / config.final_logit_softcapping)
        if hasattr(model, "final_logits_bias"):
            logits = logits + model.final_logits_bias
    return logits, output.logits[0, len(prompt) - 1 :]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_layer_equals_norm_and_head_by_hand_and_the_last_one_the_model(loaded_family, name):
    lm = loaded_family(name)
    ids = tiny.sequence(lm)
    if hasattr(lm.model, "final_logits_bias"):
        generator = torch.Generator("cpu").manual_seed(1)
        lm.model.final_logits_bias.copy_(torch.randn(lm.model.final_logits_bias.shape, generator=generator))
    try:
        logits, own = by_hand(lm, ids)
        run = ForcedPass(lm, ids)
        rivals = torch.arange(len(ids[2])) + 11
        found = lens(run, torch.stack([run.sequence.targets, rivals], 1), top_k=7)
        probability = run.scores(lambda logit, target: logit.softmax(-1).gather(-1, target[..., None])[..., 0])
    finally:
        if hasattr(lm.model, "final_logits_bias"):
            lm.model.final_logits_bias.zero_()
    assert len(logits) == lm.facts.n_layers + 1
    assert (logits[-1] - own).abs().max() <= 1e-5
    logs = logits.double().log_softmax(-1)
    for k, asked in enumerate((run.sequence.targets, rivals)):
        wanted = logs.gather(-1, asked.expand(len(logs), -1)[..., None])
        assert (found.probability[..., k] - wanted[..., 0].exp()).abs().max() <= 1e-5
        assert ((logs > wanted + 1e-5).sum(-1) + 1 <= found.rank[..., k]).all()
        assert ((logs > wanted - 1e-5).sum(-1) + 1 >= found.rank[..., k]).all()
    entropy = -(logs.exp() * logs).sum(-1)
    kl = (logs[-1].exp() * (logs[-1] - logs)).sum(-1)
    assert (found.entropy - entropy).abs().max() <= 1e-4 and (found.kl - kl).abs().max() <= 1e-4
    assert (found.kl[-1] == 0).all()
    assert (found.top_probabilities - logs.exp().topk(7).values).abs().max() <= 1e-5
    assert (logs.exp().gather(-1, found.top_ids) - found.top_probabilities).abs().max() <= 1e-5
    assert (found.probability[-1, :, 0] - probability).abs().max() <= 1e-6


@pytest.mark.parametrize("name", ["gpt2", "t5", "gemma2", "bart"])
def test_the_memory_for_a_chunk_changes_no_number(loaded_family, name, monkeypatch):
    lm = loaded_family(name)
    run = ForcedPass(lm, tiny.sequence(lm))
    asked = run.sequence.targets[:, None]
    whole = lens(run, asked, top_k=3)
    monkeypatch.setattr(module, "CACHE_BYTES", 1)
    run.budget = Budget(1, 1, 1, 1, 1, 1)
    pieces = lens(run, asked, top_k=3)
    assert torch.equal(whole.rank, pieces.rank) and torch.equal(whole.top_ids, pieces.top_ids)
    for field in ("probability", "top_probabilities", "entropy", "kl"):
        assert (getattr(whole, field) - getattr(pieces, field)).abs().max() <= 1e-5, field


def test_logits_of_any_state_are_norm_and_head(loaded_family):
    lm = loaded_family("llama")
    run = ForcedPass(lm, tiny.sequence(lm))
    rows = torch.randn((5, 32), generator=torch.Generator("cpu").manual_seed(0))
    expected = lm.model.lm_head(lm.model.model.norm(rows))
    assert (unembedded(run, rows) - expected).abs().max() <= 1e-6


@pytest.mark.parametrize(("width", "count"), [(1000, 10), (64 * 50, 7), (64 * 50 + 1, 12), (70, 3), (5, 5), (800, 0)])
def test_the_likeliest_words_are_those_of_a_full_sort(width, count):
    logits = torch.randn((3, 4, width), generator=torch.Generator("cpu").manual_seed(width))
    values, ids = module._likeliest(logits, count)
    assert torch.equal(values, logits.topk(count).values) and torch.equal(ids, logits.topk(count).indices)


def test_the_model_is_left_as_it_was_and_a_stop_is_heard(loaded_family):
    lm = loaded_family("t5")
    hooks = [(len(part._forward_hooks), len(part._forward_pre_hooks)) for part in lm.model.modules()]

    def stop(done, total, what):
        if what == "Reading layers":
            raise InterruptedError

    run = ForcedPass(lm, tiny.sequence(lm), tick=stop)
    with pytest.raises(InterruptedError):
        lens(run, run.sequence.targets[:, None])
    assert [(len(part._forward_hooks), len(part._forward_pre_hooks)) for part in lm.model.modules()] == hooks


def test_half_precision_is_read_in_float32():
    lm = tiny.random(
        "LlamaForCausalLM", "LlamaConfig", dtype=torch.bfloat16, vocab_size=61, hidden_size=32, intermediate_size=64,
        num_hidden_layers=2, num_attention_heads=4, spread=1.0,
    )  # fmt: skip
    run = ForcedPass(lm, ((), (4, 5, 6), (7, 8)))
    found = lens(run, run.sequence.targets[:, None], top_k=61)
    assert found.probability.dtype == torch.float32
    assert found.top_probabilities.sum(-1).sub(1).abs().max() <= 1e-5


def test_a_model_that_is_not_built_of_blocks_is_refused():
    lm = tiny.wrapped(tiny.LinearModel([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))
    run = ForcedPass(lm, ((), (0,), (1, 2)))
    with pytest.raises(NotSupported, match="transformer blocks"):
        lens(run, run.sequence.targets[:, None])
