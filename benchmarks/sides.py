"""Both sides of the comparison with Inseq 0.7.1: Inseq in a process of its own environment, and ours in this one."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import transformers
from questions import LAYER, N_SAMPLES, Question
from shapes import Shape, texts

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.analyses.shared.requests import attribution_request
from spaces_app.analyses.shared.targets import Targets
from spaces_app.engine.forced import ForcedPass
from spaces_app.methods import METHODS
from spaces_app.methods.gradient_shap import draws

HERE = Path(__file__).parent
REQUIREMENTS = (
    "inseq==0.7.1",
    "torch==2.13.0",
    f"transformers=={transformers.__version__}",
    *("scikit-learn", "joblib", "nltk"),  # for LIME, discretized paths and ReAGent
)  # one model code on both sides
PATIENCE = 300.0  # seconds until a run of Inseq is given up


@contextmanager
def running(python: str | None, scratch: Path) -> Iterator[Inseq]:
    """Inseq, to be asked within, by a python that has it; None: it is installed into `scratch` first."""
    inseq = Inseq(python or installed(scratch / "inseq"))
    yield inseq
    inseq.process.stdin.close()
    inseq.process.wait()


class Inseq:
    """Inseq in a process of its own environment, asked line by line."""

    def __init__(self, python: str):
        self.python = python
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.python, str(HERE / "inseq_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )

    def seconds(
        self, folder: Path, shape: Shape, question: Question, save: Path | None = None, *, double: bool = False
    ) -> float | str:
        """CPU seconds of one run, or why it failed; raw scores go to `save`. `double`: computed in float64."""
        prompt, output = texts(shape)
        request = {"folder": str(folder), "method": question.inseq, "prompt": prompt, "output": output}
        request |= {"options": question.options | _contrast(shape, question), "loading": question.loading}
        request |= {"double": double}
        if question.name == "gradient_shap":
            request["nodes"] = draws(N_SAMPLES, 0)[0]
        return self.asked(request | ({"save": str(save)} if save else {}))

    def asked(self, request: dict) -> float | str:
        """CPU seconds of a request to the worker, or why it failed, such as for taking longer than anybody waits."""
        print(json.dumps(request), file=self.process.stdin, flush=True)
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            self.process.kill()
            self.process.wait()
            self.start()
            return f"gives no answer within {PATIENCE:.0f} s"
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("Inseq's process ended; run benchmarks/inseq_worker.py in its environment to see why.")
        told = json.loads(line)
        return told["seconds"] if "seconds" in told else told["failed"]


def _contrast(shape: Shape, question: Question) -> dict:
    """How Inseq is told of the other side."""
    (prompt, output), (other_prompt, foil) = texts(shape), texts(shape, other=1)
    if question.contrast == "foil":
        return {"contrast_targets": foil if shape.encoder_decoder else f"{prompt} {foil}"}
    if question.contrast == "context" and shape.encoder_decoder:
        return {"contrast_sources": other_prompt, "contrast_targets": output}
    return {"contrast_targets": f"{other_prompt} {output}"} if question.contrast == "context" else {}


def installed(folder: Path) -> str:
    """The python of a fresh virtual environment with Inseq in it."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    return str(python)


def our_ids(lm, shape: Shape) -> tuple:
    """(source, prompt, generated) ids of the benchmark's texts."""
    prompt, output = texts(shape)
    generated = tuple(lm.encode_continuation(prompt, output))
    encoded = tuple(lm.encode_prompt(prompt))
    return (encoded, tuple(lm.decoder_start), generated) if shape.encoder_decoder else ((), encoded, generated)


def our_spec(shape: Shape, folder: Path, question: Question) -> AttributionSpec:
    """The question as one of our specs."""
    (prompt, output), (other_prompt, foil) = texts(shape), texts(shape, other=1)
    other = {"foil": {"contrast": foil}, "context": {"contrast_prompt": other_prompt}}.get(question.contrast, {})
    method = METHODS[question.spec.get("method", "saliency")]
    baseline = {"baseline": "unk"} if "baseline" in method.options else {}
    fields = {"model": str(folder), "prompt": prompt, "continuation": output}
    return AttributionSpec(**fields, **baseline, **other, **question.spec)


def ours(lm, ids: tuple, spec: AttributionSpec, question: Question, *, raw: bool = False):
    """(answer or None, step scores) as the analysis computes them; `raw` keeps hidden units."""
    targets = Targets.of(spec, lm, ids, chunk_mb=256, tick=lambda *_: None)
    scores = targets.scores(targets.names())
    run = ForcedPass(lm, ids, watch=scores.values())
    answer = None
    if "method" in question.spec:
        method = METHODS[spec.method]
        asked = attribution_request(spec, method, tuple(lm.tokens(*ids)), targets.score(spec.step_function))
        answer = method.attribute(run, dataclasses.replace(asked, reduce=lambda values: values) if raw else asked)
    return answer, {name: run.scores(score) for name, score in scores.items()}


def difference(lm, ids: tuple, spec: AttributionSpec, question: Question, saved: Path) -> tuple[float, float]:
    """(largest difference of raw scores, largest raw score of Inseq). NaN cells must be the same ones."""
    if not question.parity:
        return float("nan"), float("nan")
    if question.parity == "layer":
        spec = spec.replace(layer=str(LAYER))  # the only one there
    answer, steps = ours(lm, ids, spec, question, raw=True)
    arrays = np.load(saved)
    if question.parity == "step":
        found = np.stack([steps[name].numpy() for name in question.options["step_scores"]])
        theirs = np.stack([arrays[f"step_{name}"][-found.shape[1] :] for name in question.options["step_scores"]])
        return float(np.abs(found - theirs).max()), float(np.abs(theirs).max())
    found = np.moveaxis(answer.scores.numpy(), 0, 1)  # (n_inputs, G, …)
    theirs = np.concatenate([arrays["source"], arrays["target"]]) if "source" in arrays else arrays["target"]
    theirs = theirs[: len(found)]
    if question.parity == "size":
        found = np.abs(found)
    if question.parity == "mean":
        theirs = theirs.mean((-2, -1))  # over layers and heads
    if not np.array_equal(np.isnan(found), np.isnan(theirs)):
        raise SystemExit(f"{question.name}: scores are missing in different places.")
    return float(np.nanmax(np.abs(found - theirs))), float(np.nanmax(np.abs(theirs)))
