"""A map of all layers against Inseq 0.7.1's, which asks layer by layer: the same numbers, and how much faster.

    python benchmarks/knowledge.py [--inseq-python PATH] [--rounds 15]

Both explain p(true) − p(false) at the last of 12 tokens by gradient times output of the feed-forward parts, and give
the difference itself; Inseq at one layer at a time, in the call that its CounterFact example documents. One pass there
and back is the least either can do for one target: Captum's single layer, which Inseq calls, stands beside as that
limit. Without --inseq-python it is the only other side. One thread; process CPU time, taken in turns,
the median counts. How much faster is a target on GPT-2 small only: a smaller model spends more of its time on what
both sides do alike. Exit status 1 when a number misses its target.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np  # noqa: E402  (the path comes first)
import torch  # noqa: E402
import transformers  # noqa: E402
from captum.attr import LayerGradientXActivation  # noqa: E402
from clock import cpu_seconds  # noqa: E402
from shapes import GPT2_124M, SHAPES, Shape, build, texts  # noqa: E402
from sides import Inseq, running  # noqa: E402

from spaces_app.engine.forced import ForcedPass  # noqa: E402
from spaces_app.engine.states.mlp_outputs import MlpOutputs  # noqa: E402
from spaces_app.models.load import load  # noqa: E402
from spaces_app.models.resolve import resolve  # noqa: E402
from spaces_app.settings import Settings  # noqa: E402

FLOOR = 2.5  # how many times faster than a single layer of Inseq
LARGEST_LIMIT_RATIO = 1.5  # of all layers here to one layer by plain Captum
LARGEST_DIFFERENCE = 1e-6  # of raw numbers in float32
LAYER = 1


def question(shape: Shape) -> tuple[str, str, str]:
    """(prompt, true word, false word) of random words."""
    prompt, output = texts(shape)
    return prompt, output.split()[0], output.split()[1]


def difference_score(false: int) -> Callable:
    """p(target) − p(false)."""

    def score(logits, targets):
        shares = logits.softmax(-1)
        return shares.gather(-1, targets[..., None])[..., 0] - shares[..., false]

    return score


def all_layers(lm, ids: tuple, false: int) -> np.ndarray:
    """Output times gradient of every layer, (L, n, D), as the analysis computes it, which also gives the difference."""
    score = difference_score(false)
    run = ForcedPass(lm, ids, watch=[score])
    outputs, gradients = MlpOutputs(run).gradients(score)
    run.scores(score)
    return (outputs * gradients).numpy()


def one_layer(lm, ids: tuple, false: int) -> np.ndarray:
    """The same of one layer (n, D) by Captum, the function that Inseq calls for each generated token."""
    true = ids[2][0]

    def forward(embeds):
        shares = lm.model(inputs_embeds=embeds).logits[:, -1].softmax(-1)
        return shares[:, true] - shares[:, false]

    with torch.enable_grad():
        embeds = lm.model.get_input_embeddings()(torch.tensor([ids[1]])).detach().requires_grad_()
        method = LayerGradientXActivation(forward, lm.model.transformer.h[LAYER].mlp)
        return method.attribute(embeds)[0].detach().numpy()


class SingleLayer:
    """Inseq asked for one layer, in a process of its own environment."""

    def __init__(self, inseq: Inseq, path: Path, shape: Shape):
        prompt, true, false = question(shape)
        options = {"attributed_fn": "contrast_prob_diff", "contrast_targets": f"{prompt} {false}"}
        options["step_scores"] = ["contrast_prob_diff"]
        loading = {"target_layer": f"transformer.h.{LAYER}.mlp"}
        method = "layer_gradient_x_activation"
        self.request = {"folder": str(path), "method": method, "prompt": prompt, "output": true}
        self.request |= {"options": options, "loading": loading}
        self.inseq = inseq

    def seconds(self, save: Path | None = None) -> float:
        told = self.inseq.asked(self.request | ({"save": str(save)} if save else {}))
        if isinstance(told, str):
            raise SystemExit(f"Inseq: {told}")
        return told


def compare(shape: Shape, folder: Path, inseq: Inseq | None, rounds: int) -> list[str]:
    """Prints one line of the table. What misses its target."""
    settings, path = Settings(), build(shape, folder)
    lm = load(resolve(str(path), settings), settings, lambda *_: None)
    prompt, true, false = question(shape)
    ids = ((), tuple(lm.encode_prompt(prompt)), tuple(lm.encode_continuation(prompt, true)))
    other = lm.encode_continuation(prompt, false)[0]
    ours, single = all_layers(lm, ids, other), one_layer(lm, ids, other)
    gaps = [float(np.abs(ours[LAYER] - single).max())]
    theirs = SingleLayer(inseq, path, shape) if inseq else None
    if theirs:
        theirs.seconds(path / "inseq.npz")
        raw = np.load(path / "inseq.npz")["target"]  # (inputs and the target, 1, D)
        gaps.append(float(np.abs(raw[: ours.shape[1], 0] - ours[LAYER]).max()))
    times = []
    for _ in range(rounds):
        slow = theirs.seconds() if theirs else float("nan")
        row = [cpu_seconds(lambda: all_layers(lm, ids, other)), cpu_seconds(lambda: one_layer(lm, ids, other))]
        times.append((*row, slow))
    ours_ms, single_ms, inseq_ms = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    layer, whole = inseq_ms / ours_ms, len(ours) * inseq_ms / ours_ms
    told = f"{inseq_ms:,.1f} | {layer:.1f} | {whole:.1f}" if theirs else "– | – | –"
    print(f"| {shape.name} | {len(ours)} | {max(gaps):.0e} | {ours_ms:,.1f} | {single_ms:,.1f} | {told} |", flush=True)
    missed = [f"{shape.name}: difference {max(gaps):.1e}"] if max(gaps) > LARGEST_DIFFERENCE else []
    if theirs and shape.options is GPT2_124M and layer < FLOOR:
        missed.append(f"{shape.name}: {layer:.2f}× one layer of Inseq, not {FLOOR}×")
    if shape.floors and ours_ms / single_ms > LARGEST_LIMIT_RATIO:  # the tiny ones spend their time on calls
        missed.append(f"{shape.name}: {ours_ms / single_ms:.2f}× one plain layer, not {LARGEST_LIMIT_RATIO}×")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inseq-python", help="A python that has inseq 0.7.1.")
    parser.add_argument("--rounds", type=int, default=15, help="Measurements per number.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    print(
        "| model | layers | raw difference | all layers ms | Captum, one layer ms | Inseq, one layer ms | "
        "× its layer | × its layers |"
    )
    print("|---|---|---|---|---|---|---|---|")
    chosen = [shape for shape in SHAPES if shape.config == "GPT2Config"]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        inseq = stack.enter_context(running(options.inseq_python, Path(scratch))) if options.inseq_python else None
        missed = [text for shape in chosen for text in compare(shape, Path(scratch), inseq, options.rounds)]
    print("\n".join(missed or ["Every target is reached."]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
