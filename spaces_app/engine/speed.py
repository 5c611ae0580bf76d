"""How fast a model runs here: measured once per model, for predicting what a question costs."""

from __future__ import annotations

import time
import weakref

import torch

PROBE_TOKENS = 32
_measured: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # model → operations per second


def operations_per_second(lm) -> float:
    """Floating-point operations per second of a short forward pass, the better of two.

    2 operations per weight and token. Short on purpose: small models are held up by overhead rather than by
    arithmetic, and this counts it in.
    """
    if lm.model not in _measured:
        n_tokens = min(PROBE_TOKENS, lm.facts.max_positions or PROBE_TOKENS)
        _measured[lm.model] = 2.0 * lm.facts.n_params * n_tokens / min(_seconds(lm, n_tokens), _seconds(lm, n_tokens))
    return _measured[lm.model]


def _seconds(lm, n_tokens: int) -> float:
    ids = torch.zeros((1, n_tokens), dtype=torch.long, device=lm.device)
    options = {"decoder_input_ids": ids} if lm.facts.encoder_decoder else {}
    started = time.perf_counter()
    with torch.no_grad():
        lm.model(input_ids=ids, use_cache=False, **options)
        if lm.device.type == "cuda":
            torch.cuda.synchronize(lm.device)
    return max(time.perf_counter() - started, 1e-6)
