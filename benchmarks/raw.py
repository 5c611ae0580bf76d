"""The least a method must do, as plain transformers calls: what our times are compared with. Uses nothing of ours."""

from __future__ import annotations

import time

import torch

CLEAN_PASSES = 3  # averaged, since one pass of a small model is near the clock's grain


def minimal_seconds(model, ids: tuple, method: str, n_steps: int) -> float:
    """CPU seconds of the smallest number of plain calls that give a method's scores.

    Gradient methods: one forward pass over the whole sequence and a backward pass per generated token, times n_steps
    on a path. Occlusion: a forward pass per input token and one more. Attention: one forward pass.
    """
    source, prompt, generated = ids
    decoder = torch.tensor([[*prompt, *generated[:-1]]])
    encoder = torch.tensor([list(source)]) if source else None
    if method in ("occlusion", "attention"):
        n_passes = decoder.numel() + len(source) + 1 if method == "occlusion" else 1
        return n_passes * _forward_seconds(model, decoder, encoder)
    once = _gradient_seconds(model, decoder, encoder, torch.tensor(generated), len(prompt))
    return once * (n_steps if method == "integrated_gradients" else 1)


def _forward_seconds(model, decoder, encoder) -> float:
    began = time.process_time()
    with torch.no_grad():
        for _ in range(CLEAN_PASSES):
            if encoder is None:
                model(input_ids=decoder, use_cache=False)
            else:
                model(input_ids=encoder, decoder_input_ids=decoder, use_cache=False)
    return (time.process_time() - began) / CLEAN_PASSES


def _gradient_seconds(model, decoder, encoder, targets, n_prompt: int) -> float:
    leaves = [model.get_input_embeddings()(decoder).detach().requires_grad_()]
    if encoder is not None:
        leaves.append(model.get_input_embeddings()(encoder).detach().requires_grad_())
    began = time.process_time()
    if encoder is None:
        logits = model(inputs_embeds=leaves[0], use_cache=False).logits[0]
    else:
        states = model.get_encoder()(inputs_embeds=leaves[1]).last_hidden_state
        logits = model(encoder_outputs=(states,), decoder_inputs_embeds=leaves[0], use_cache=False).logits[0]
    scores = logits[n_prompt - 1 :].softmax(-1).gather(-1, targets[:, None])[:, 0]
    for score in scores:
        torch.autograd.grad(score, leaves, retain_graph=True)
    return time.process_time() - began
