"""What both sides are asked: our spec, Inseq's call for the same, and the plain calls it takes at the least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shapes import N_GENERATED, Shape

N_STEPS, N_SAMPLES, LAYER = 50, 50, 1


@dataclass(frozen=True)
class Question:
    """One row for each model.

    spec: fields of our AttributionSpec. inseq: the method there, None where it has none; options: of its `attribute`;
    loading: of its `load_model`. parity: "raw" for scores before any aggregation, "size" where Inseq drops the sign,
    "mean" where it keeps layers and heads, "layer" where it has one layer, "step" for a step score, "" where draws or
    semantics differ. gradients and forwards: how many backward passes for every target, and forward passes over the
    whole sequence, plain calls would take, given the number of inputs; weights: whether these give attention weights.
    causal: only for decoder-only shapes.
    """

    name: str
    spec: dict
    inseq: str | None = None
    options: dict = field(default_factory=dict)
    loading: dict = field(default_factory=dict)
    parity: str = "raw"
    gradients: Callable[[int], float] = lambda n_inputs: 0
    forwards: Callable[[int], float] = lambda n_inputs: 0
    weights: bool = False
    causal: bool = False
    slow: bool = False  # takes Inseq hours on the large model, where it is not asked
    contrast: str = ""  # "foil": other output tokens; "context": another prompt or source

    def fits(self, shape: Shape) -> bool:
        """Whether it is asked of models of this shape."""
        return not (self.causal and not shape.config.startswith("GPT2") or self.slow and shape.slow)


def _once(_n_inputs: int) -> float:
    return 1


def _steps(_n_inputs: int) -> float:
    return N_STEPS


QUESTIONS = (
    Question("saliency", {"method": "saliency"}, "saliency", gradients=_once),
    Question("input_x_gradient", {"method": "input_x_gradient"}, "input_x_gradient", gradients=_once),
    Question(
        "integrated_gradients",
        {"method": "integrated_gradients", "n_steps": N_STEPS},
        "integrated_gradients",
        options={"n_steps": N_STEPS},
        gradients=_steps,
    ),
    Question(
        "gradient_shap",
        {"method": "gradient_shap", "n_samples": N_SAMPLES},
        "gradient_shap",
        options={"n_samples": N_SAMPLES},
        gradients=lambda n: N_SAMPLES,
    ),
    Question("deeplift", {"method": "deeplift"}, "deeplift", gradients=_once),
    Question(
        "discretized_integrated_gradients",
        {"method": "discretized_integrated_gradients", "n_steps": N_STEPS},
        "discretized_integrated_gradients",
        options={"n_steps": N_STEPS},
        gradients=lambda n: N_STEPS - 1,
        causal=True,
        slow=True,
    ),
    Question(
        "sequential_integrated_gradients",
        {"method": "sequential_integrated_gradients", "n_steps": 10},
        "sequential_integrated_gradients",
        options={"n_steps": 10},
        gradients=lambda n: 10 * n,
        causal=True,
        slow=True,
    ),
    Question(
        "layer_gradient_x_activation",
        {"method": "layer_gradient_x_activation"},
        "layer_gradient_x_activation",
        loading={"target_layer": f"transformer.h.{LAYER}"},
        parity="layer",
        gradients=_once,
        causal=True,
    ),
    Question(
        "layer_integrated_gradients",
        {"method": "layer_integrated_gradients", "layer": str(LAYER), "n_steps": N_STEPS},
        "layer_integrated_gradients",
        options={"n_steps": N_STEPS},
        loading={"target_layer": f"transformer.h.{LAYER}"},
        parity="",  # all zeros there
        gradients=_steps,
        causal=True,
    ),
    Question("occlusion", {"method": "occlusion"}, "occlusion", parity="size", forwards=lambda n: n + 1),
    Question("lime", {"method": "lime", "n_samples": 50}, "lime", {"n_samples": 50}, parity="", forwards=lambda n: 50),
    Question("kernel_shap", {"method": "kernel_shap", "n_samples": 50}, parity="", forwards=lambda n: 50),
    Question(
        "shapley_sampling",
        {"method": "shapley_sampling", "n_samples": 4},
        parity="",
        forwards=lambda n: 2 + 4 * (n - 1),
    ),
    Question(
        "reagent",
        {"method": "reagent", "n_steps": 10},
        "reagent",
        loading={"max_probe_steps": 10},
        parity="",
        # In each of 10 updates 16 probes: once for all targets, and once for each on what comes before it.
        forwards=lambda n: 10 * 16 * (1 + N_GENERATED * (1 - N_GENERATED / (2 * n))),
    ),
    Question("attention", {"method": "attention"}, "attention", parity="mean", forwards=_once, weights=True),
    # Raw differences are Inseq's: it takes 1 − cos in float32, where most digits are lost.
    Question("value_zeroing", {"method": "value_zeroing"}, "value_zeroing", parity="", forwards=lambda n: n + 1),
    Question(
        "contrastive saliency",
        {"method": "saliency", "step_function": "contrast_prob_diff"},
        "saliency",
        options={"attributed_fn": "contrast_prob_diff"},
        gradients=_once,
        contrast="foil",
    ),
    Question(
        "KL divergence",
        {"step_scores": "kl_divergence"},
        "dummy",
        options={"step_scores": ["kl_divergence"]},
        parity="step",
        forwards=lambda n: 2,
        contrast="context",
    ),
    Question(
        "P-CXMI",
        {"step_scores": "pcxmi"},
        "dummy",
        options={"step_scores": ["pcxmi"]},
        parity="step",
        forwards=lambda n: 2,
        contrast="context",
    ),
    Question(
        "KL divergence and P-CXMI",
        {"step_scores": "kl_divergence, pcxmi"},
        "dummy",
        options={"step_scores": ["kl_divergence", "pcxmi"]},
        parity="step",
        forwards=lambda n: 2,
        contrast="context",
    ),
)
