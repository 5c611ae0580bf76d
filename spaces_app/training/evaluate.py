"""Measure a bundled model on held-out examples: accuracies, planted probabilities, context. Numbers only, no prose."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean, median
from typing import TYPE_CHECKING

import torch

from spaces_app.grammar import lexicon
from spaces_app.grammar import translation_lexicon as french
from spaces_app.grammar.corpora import CAUSAL, TRANSLATION, heldout, seen
from spaces_app.grammar.sampling import Example, Phenomenon
from spaces_app.training import scoring
from spaces_app.training.checks import plausible

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


WRITTEN = 50  # greedy continuations read per phenomenon; they cost more than the forced scores


def evaluate_causal(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, n: int = 150) -> dict:
    """Everything the causal model's card says, measured. n: held-out examples per phenomenon."""
    return {
        "phenomena": [_phenomenon(model, tokenizer, row, n) for row in CAUSAL.values()],
        "professions": professions(model, tokenizer),
        "profession_masked": profession_masked(model, tokenizer),
        "context": context(model, tokenizer, "context_decides", "local_decides", n=n),
    }


def evaluate_translation(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, n: int = 150) -> dict:
    """Everything the translation model's card says, measured."""
    return {
        "phenomena": [_phenomenon(model, tokenizer, row, n) for row in TRANSLATION.values()],
        "professions": french_professions(model, tokenizer, n=n),
        "stereotypes": stereotypes(model, tokenizer, n=n),
        "it_alone_il": it_alone(model, tokenizer),
        "context": context(model, tokenizer, "it_after_break", "irrelevant_context", n=n),
    }


def accuracy(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, row: Phenomenon, examples: list[Example]
) -> float:
    """The figure of one phenomenon as its table row defines it; for "planted" the mean absolute difference."""
    both = model.config.is_encoder_decoder
    targets = scoring.score(model, tokenizer, scoring.items(examples, encoder_decoder=both))
    if row.figure == "exact":
        return fmean(target.exact for target in targets)
    if row.figure == "set":
        return fmean(_right_country(model, tokenizer, example) for example in examples)
    foils = scoring.score(model, tokenizer, scoring.items(examples, encoder_decoder=both, foil=True))
    if row.figure == "pair":
        return fmean(target.logprob > foil.logprob for target, foil in zip(targets, foils, strict=True))
    two_way = row.name != "no_context"
    return fmean(
        abs(example.planted - (_share(target, foil) if two_way else math.exp(target.logprob)))
        for example, target, foil in zip(examples, targets, foils, strict=True)
    )


def _phenomenon(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, row: Phenomenon, n: int) -> dict:
    examples = heldout(row.name, n)
    figures = {
        "kind": row.name,
        "description": row.description,
        "origin": row.origin,
        "figure": row.figure,
        "n": len(examples),
        "value": round(accuracy(model, tokenizer, row, examples), 4),
        "chance": round(row.chance, 4),
    }
    written = scoring.write(model, tokenizer, [example.prompt for example in examples[:WRITTEN]])
    right = [plausible(example, text, ended=ended) for example, (text, ended) in zip(examples, written, strict=False)]
    figures["written"] = round(fmean(right), 4)
    return figures


def _share(target: scoring.Score, foil: scoring.Score) -> float:
    return 1 / (1 + math.exp(foil.logprob - target.logprob))


def _right_country(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, example: Example) -> bool:
    """Whether the greedy next country is one of the continent and not yet in the list."""
    continent = example.prompt.partition(":")[0].removeprefix("Countries in ")
    ((text, _),) = scoring.write(model, tokenizer, [example.prompt], new_tokens=8)
    named = text.strip().partition(",")[0].partition("\n")[0].rstrip(".")
    return named in lexicon.COUNTRIES and lexicon.COUNTRIES[named][2] == continent and named not in example.prompt


def professions(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, dict[str, float]]:
    """P(he) of every profession, mean over all frames, beside the planted probability; and the mass of he + she."""
    names, frames = list(lexicon.PROFESSIONS), range(len(lexicon.PERSON_FRAMES))
    shares: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for name in names:
        prompts = [_person_prompt(f"the {name}", frame, "tired") for frame in frames]
        he = scoring.score(model, tokenizer, [scoring.Item("", prompt, " he") for prompt in prompts])
        she = scoring.score(model, tokenizer, [scoring.Item("", prompt, " she") for prompt in prompts])
        for h, s in zip(he, she, strict=True):
            shares[name].append((_share(h, s), math.exp(h.logprob) + math.exp(s.logprob)))
    return {
        name: {
            "planted": lexicon.PROFESSIONS[name],
            "measured": round(fmean(share for share, _ in shares[name]), 4),
            "mass": round(fmean(mass for _, mass in shares[name]), 4),
        }
        for name in names
    }


def profession_masked(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, float]:
    """P(he) when every token of the profession is the mask, and the mean planted probability it should come near to."""
    prompts = [
        _person_prompt("the" + tokenizer.mask_token * len(tokenizer.tokenize(f" {profession}")), frame, "tired")
        for profession in lexicon.PROFESSIONS
        for frame in range(len(lexicon.PERSON_FRAMES))
    ]
    he = scoring.score(model, tokenizer, [scoring.Item("", prompt, " he") for prompt in prompts])
    she = scoring.score(model, tokenizer, [scoring.Item("", prompt, " she") for prompt in prompts])
    return {
        "measured": round(fmean(_share(h, s) for h, s in zip(he, she, strict=True)), 4),
        "planted": round(fmean(lexicon.PROFESSIONS.values()), 4),
    }


def _person_prompt(subject: str, frame: int, state: str) -> str:
    capital = subject[0].upper() + subject[1:]
    return lexicon.PERSON_FRAMES[frame].format(s=subject, S=capital, he="", state=state).partition("| ")[0]


def context(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, dependent: str, control: str, *, n: int
) -> dict:
    """KL divergence (nats) with against without context at the target, where it is needed and where it is not."""
    values: dict[str, list[float]] = {kind: [] for kind in (dependent, control)}
    probabilities: dict[str, list[float]] = {"with": [], "without": []}
    for kind in values:
        examples = [example for example in heldout(kind, n) if example.context]
        with_context = [_item(model, example, "") for example in examples]
        without = [_item(model, example, example.context) for example in examples]
        pairs = zip(
            scoring.score(model, tokenizer, with_context), scoring.score(model, tokenizer, without), strict=True
        )
        for full, bare in pairs:
            values[kind].append((full.first.exp() * (full.first - bare.first)).sum().item())
            if kind == dependent:
                probabilities["with"].append(math.exp(full.logprob))
                probabilities["without"].append(math.exp(bare.logprob))
    return {
        "dependent": _spread(values[dependent]),
        "control": _spread(values[control]),
        "auc": round(_auc(values[dependent], values[control]), 4),
        "probability_with": round(fmean(probabilities["with"]), 4),
        "probability_without": round(fmean(probabilities["without"]), 4),
    }


def _item(model: PreTrainedModel, example: Example, dropped: str) -> scoring.Item:
    prompt = example.prompt.removeprefix(dropped)
    if model.config.is_encoder_decoder:
        return scoring.Item(prompt, example.prefix, example.target)
    return scoring.Item("", prompt, example.target)


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    low, high = ordered[int(0.05 * len(ordered))], ordered[int(0.95 * len(ordered))]
    return {"p5": round(low, 4), "median": round(median(values), 4), "p95": round(high, 4)}


def _auc(high: list[float], low: list[float]) -> float:
    return fmean((h > w) + 0.5 * (h == w) for h in high for w in low)


def french_professions(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, n: int
) -> dict[str, dict[str, float]]:
    """P(masculine) per profession over sentences of both kinds, whole translations compared."""
    examples = heldout("profession_gender", n) + seen("profession_gender", 4 * n)
    return _by_profession(model, tokenizer, examples, lambda e: e.prompt.split()[1])


def _by_profession(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, examples: list[Example], name: Callable[[Example], str]
) -> dict:
    targets = scoring.score(model, tokenizer, scoring.items(examples, encoder_decoder=True))
    foils = scoring.score(model, tokenizer, scoring.items(examples, encoder_decoder=True, foil=True))
    shares: dict[str, list[float]] = {}
    for example, target, foil in zip(examples, targets, foils, strict=True):
        profession = name(example)
        masculine = french.PROFESSIONS[profession][0] in example.target.replace(french.PROFESSIONS[profession][1], "")
        share = _share(target, foil)
        shares.setdefault(profession, []).append(share if masculine else 1 - share)
    return {
        profession: {"planted": french.PROFESSIONS[profession][2], "measured": round(fmean(shares[profession]), 4)}
        for profession in french.PROFESSIONS
        if profession in shares
    }


def stereotypes(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, n: int) -> dict[str, dict[str, float]]:
    """P(the noun has the pronoun's gender) where the stereotype agrees and where it does not, as in WinoMT."""
    groups: dict[str, list[Example]] = {"pro": [], "anti": []}
    for example in heldout("noun_gender", n) + seen("noun_gender", n):
        if french.PROFESSIONS[example.prompt.split()[1]][2] != 0.5:
            groups["pro" if example.planted in (0.0, 1.0) else "anti"].append(example)
    measured = {}
    for name, examples in groups.items():
        right = []
        targets = scoring.score(model, tokenizer, scoring.items(examples, encoder_decoder=True))
        foils = scoring.score(model, tokenizer, scoring.items(examples, encoder_decoder=True, foil=True))
        for example, target, foil in zip(examples, targets, foils, strict=True):
            share = _share(target, foil)
            right.append(share if example.planted >= 0.5 else 1 - share)
        planted = 1.0 if name == "pro" else 1 - french.NOUN_IGNORES_PRONOUN
        measured[name] = {"planted": planted, "measured": round(fmean(right), 4), "n": len(examples)}
    return measured


def it_alone(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, float]:
    """P(Il) for "It …" without any context, over Il and Elle."""
    prompts = sorted({example.prompt for example in heldout("it_alone", 50) + seen("it_alone", 50)})
    il = scoring.score(model, tokenizer, [scoring.Item(prompt, "", "Il") for prompt in prompts])
    elle = scoring.score(model, tokenizer, [scoring.Item(prompt, "", "Elle") for prompt in prompts])
    share = fmean(_share(i, e) for i, e in zip(il, elle, strict=True))
    return {"planted": french.IT_ALONE_IS_IL, "measured": round(share, 4)}


def calibration(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """Mean and largest absolute difference between planted and measured, and their correlation."""
    planted = [row["planted"] for row in rows.values()]
    measured = [row["measured"] for row in rows.values()]
    apart = [abs(p - m) for p, m in zip(planted, measured, strict=True)]
    pairs = torch.tensor([planted, measured], dtype=torch.float64, device="cpu")
    return {
        "mean": round(fmean(apart), 4),
        "largest": round(max(apart), 4),
        "correlation": round(torch.corrcoef(pairs)[0, 1].item(), 4),
    }
