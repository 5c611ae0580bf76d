"""How two runs of the same output differ, token by token: every measure of context dependence. Runs in a lane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spaces_app.engine.contrast import OtherRun
from spaces_app.step_functions import ALWAYS, STEP_FUNCTIONS

AT_A_TIME = 64  # targets; bounds what is held of both runs' logits where they do not fit in a chunk


@dataclass(frozen=True)
class Dependence:
    """Numbers per generated token, each (G,) in float64 on the CPU.

    metrics: positive where the context makes the token likelier; KL divergences of what is written with the context
    from what is written without, and reversed. steps: step functions of the run with the context, and "contrast_prob",
    the token's probability without. alternatives: ids that stand against the tokens; likely: their probabilities with
    and without the context. likeliest: the likeliest ids without the context, whatever was given instead.
    """

    metrics: dict[str, Tensor]
    steps: dict[str, Tensor]
    alternatives: Tensor
    likely: tuple[Tensor, Tensor]
    likeliest: Tensor


def dependence(here: OtherRun, there: OtherRun, instead: dict[int, int]) -> Dependence:
    """Of the run with the context, `here`, on the run without it. `instead` gives alternatives by position."""
    parts: list[dict[str, Tensor]] = []
    n_generated = len(here.partners)
    with torch.no_grad():
        for start in range(0, n_generated, AT_A_TIME):
            steps = slice(start, min(n_generated, start + AT_A_TIME))
            parts.append(_part(here.logits(steps), there.logits(steps), here.targets[steps], (start, instead)))
    table = {name: torch.cat([part[name].cpu() for part in parts]) for name in parts[0]}
    ids = table.pop("alternatives"), table.pop("likeliest")
    found = {name: values.double() for name, values in table.items()}
    likely = (found.pop("alternative_with"), found.pop("alternative_without"))
    by_step = {name: found.pop(name) for name in (*ALWAYS, "contrast_prob")}
    return Dependence(found, by_step, ids[0], likely, ids[1])


def _part(ours: Tensor, theirs: Tensor, targets: Tensor, given: tuple) -> dict[str, Tensor]:
    """All numbers of some targets from both runs' logits, (g, V) each."""
    start, instead = given
    theirs, targets = theirs.to(ours.device, ours.dtype), targets.to(ours.device)
    sides = (ours, targets, theirs, targets)
    names = ("kl_divergence", "kl_divergence_reverse", "contrast_prob_diff", "contrast_logits_diff")
    found = {name: STEP_FUNCTIONS[name].fn(*sides) for name in (*names, "contrast_logprob_diff", "contrast_prob")}
    # With this run as the one that has the context, information is what it adds.
    found["in_context_pvi"] = found["contrast_logprob_diff"]
    found["pcxmi"] = found["contrast_logprob_diff"] / math.log(2)
    found |= {name: STEP_FUNCTIONS[name].fn(ours, targets) for name in ALWAYS}
    likeliest = theirs.argmax(-1)  # (g,)
    alternatives = likeliest.clone()
    for place, token_id in instead.items():
        if start <= place < start + len(alternatives):
            alternatives[place - start] = token_id
    probability = STEP_FUNCTIONS["probability"].fn
    return found | {
        "alternatives": alternatives,
        "likeliest": likeliest,
        "alternative_with": probability(ours, alternatives),
        "alternative_without": probability(theirs, alternatives),
    }
