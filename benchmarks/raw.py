"""The least a method must do, as plain transformers calls: what our times are compared with. Uses nothing of ours."""

from __future__ import annotations

import torch
from clock import cpu_seconds

CLEAN_PASSES = 3  # averaged, since one pass of a small model is near the clock's grain


def minimal_seconds(model, ids: tuple, gradients: float, forwards: float, *, weights: bool = False) -> float:
    """CPU seconds of plain calls over the whole sequence.

    gradients: how often a forward pass and a backward pass per generated token; forwards: how many forward passes;
    weights: whether these give the attention weights too, which only transformers' eager attention does.
    """
    source, prompt, generated = ids
    decoder = torch.tensor([[*prompt, *generated[:-1]]])
    encoder = torch.tensor([list(source)]) if source else None
    seconds = forwards * _forward_seconds(model, decoder, encoder, weights) if forwards else 0.0
    if gradients:
        seconds += gradients * _gradient_seconds(model, decoder, encoder, torch.tensor(generated), len(prompt))
    return seconds


def _forward_seconds(model, decoder, encoder, weights: bool) -> float:
    given = {"input_ids": decoder} if encoder is None else {"input_ids": encoder, "decoder_input_ids": decoder}

    def passes() -> None:
        with torch.no_grad():
            for _ in range(CLEAN_PASSES):
                model(**given, use_cache=False, output_attentions=weights)

    own = model.config._attn_implementation
    if weights:
        model.set_attn_implementation("eager")
    try:
        return cpu_seconds(passes) / CLEAN_PASSES
    finally:
        if weights:
            model.set_attn_implementation(own)


def _gradient_seconds(model, decoder, encoder, targets, n_prompt: int) -> float:
    leaves = [model.get_input_embeddings()(decoder).detach().requires_grad_()]
    if encoder is not None:
        leaves.append(model.get_input_embeddings()(encoder).detach().requires_grad_())

    def there_and_back() -> None:
        if encoder is None:
            logits = model(inputs_embeds=leaves[0], use_cache=False).logits[0]
        else:
            states = model.get_encoder()(inputs_embeds=leaves[1]).last_hidden_state
            logits = model(encoder_outputs=(states,), decoder_inputs_embeds=leaves[0], use_cache=False).logits[0]
        scores = logits[n_prompt - 1 :].softmax(-1).gather(-1, targets[:, None])[:, 0]
        for score in scores:
            torch.autograd.grad(score, leaves, retain_graph=True)

    return cpu_seconds(there_and_back)
