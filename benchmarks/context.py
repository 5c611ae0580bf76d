"""The whole of attribute-context against Inseq 0.7.1's: the same numbers, and how much faster.

    python benchmarks/context.py [--inseq-python PATH] [--rounds 5] [--slow]

A context of 7 tokens, a current text of 5, 20 forced tokens; KL divergence of every token, and saliency of the
difference in probability to what the model prefers without the context: for every token, and for those whose
divergence is at least a standard deviation above the mean (Inseq's own threshold; ours has a floor beside it, which is
0 here). What the model writes freely without the context, which Inseq does not ask, is left out. One thread; process
CPU time, taken in turns, the median counts. Exit status 1 when a number misses its target.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np  # noqa: E402  (the path comes first)
import torch  # noqa: E402
import transformers  # noqa: E402
from clock import cpu_seconds  # noqa: E402
from shapes import SHAPES, Shape, build, texts  # noqa: E402
from sides import Inseq, running  # noqa: E402

from spaces_app.analyses.context_reliance import compute as context_reliance_compute  # noqa: E402
from spaces_app.analyses.context_reliance.spec import ContextRelianceSpec  # noqa: E402
from spaces_app.models.load import load  # noqa: E402
from spaces_app.models.resolve import resolve  # noqa: E402
from spaces_app.results import Result  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402

FLOOR = 5  # how many times faster
N_CONTEXT = 7
LARGEST_DIFFERENCE = 1e-6  # of raw numbers in float32
EACH = {"all": None, "dependent": 1.0}  # our `cues`: Inseq's threshold in standard deviations


def asked(shape: Shape, folder: Path, cues: str) -> tuple[ContextRelianceSpec, dict]:
    """The same question for us and for Inseq."""
    prompt, output = texts(shape)
    words = prompt.split()
    context, current = " ".join(words[:N_CONTEXT]), " ".join(words[N_CONTEXT:])
    spec = ContextRelianceSpec(
        model=str(folder), context=context, prompt=current, continuation=output, method="saliency", cues=cues,
        metric="kl_divergence_reverse", step_function="contrast_prob_diff", aggregation="l2", sentences="off",
        free_output=False,
    )  # fmt: skip
    options = {
        "attributed_fn": "contrast_prob_diff",
        "context_sensitivity_metric": "kl_divergence",
        "context_sensitivity_std_threshold": EACH[cues],
        "attribution_std_threshold": None,
        "input_template": "{context} {current}",
        "output_template": "{current}",
    }
    request = {"folder": str(folder), "method": "saliency", "loading": {}, "context": context, "prompt": current}
    return spec, request | {"output": output, "options": options}


def differences(result: Result, document: dict) -> tuple[float, int]:
    """(largest difference of divergences and cues, how many words have cues there)."""
    theirs = np.array(document["cti_scores"])
    gaps = [np.abs(result.arrays["cti"].select(metric="kl_divergence_reverse").values[: len(theirs)] - theirs).max()]
    for cue in document["cci_scores"]:
        ours = result.arrays["attributions"].values[result.notes["context_tokens"], cue["cti_idx"]]
        gaps.append(np.abs(ours - np.array(cue["input_context_scores"])).max())
    return float(max(gaps)), len(document["cci_scores"])


def compare(shape: Shape, folder: Path, inseq: Inseq, rounds: int) -> list[str]:
    """Prints a line of the table for each question. What misses its target."""
    settings, path, missed = Settings(), build(shape, folder), []
    lm = load(resolve(str(path), settings), settings, lambda *_: None)
    for cues in EACH:
        spec, request = asked(shape, path, cues)

        def ours(spec=spec) -> Result:
            return context_reliance_compute.compute(spec, lm, lambda *_: None, settings)

        saved = path / "context.json"
        if isinstance(told := inseq.asked(request | {"save": str(saved)}), str):
            raise SystemExit(f"Inseq: {told}")
        gap, explained = differences(ours(), json.loads(saved.read_text(encoding="utf-8")))
        times = [(inseq.asked(request), cpu_seconds(ours)) for _ in range(rounds)]
        theirs_ms, ours_ms = (1000 * statistics.median(column) for column in zip(*times, strict=True))
        ratio = theirs_ms / ours_ms
        print(
            f"| {shape.name} | {explained} | {gap:.0e} | {theirs_ms:,.1f} | {ours_ms:,.1f} | {ratio:.1f} |", flush=True
        )
        missed += [f"{shape.name}: difference {gap:.1e}"] if gap > LARGEST_DIFFERENCE else []
        missed += [f"{shape.name}, cues for {cues}: {ratio:.2f}× Inseq, not {FLOOR}×"] if ratio < FLOOR else []
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inseq-python", help="A python that has inseq 0.7.1; without it one is made.")
    parser.add_argument("--rounds", type=int, default=5, help="Measurements per number.")
    parser.add_argument("--slow", action="store_true", help="Also on the model of 124 million parameters.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    context_reliance_compute.FLOORS = dict.fromkeys(context_reliance_compute.FLOORS, 0.0)
    print("| model | words with cues | raw difference | Inseq ms | Seqscope ms | × Inseq |\n|---|---|---|---|---|---|")
    chosen = [s for s in SHAPES if s.config == "GPT2Config" and (options.slow or not s.slow)]
    with tempfile.TemporaryDirectory() as scratch, running(options.inseq_python, Path(scratch)) as inseq:
        missed = [text for shape in chosen for text in compare(shape, Path(scratch), inseq, options.rounds)]
    print("\n".join(missed or ["Every target is reached."]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
