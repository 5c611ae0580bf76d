"""From names of step functions to scores of one run: what they are compared with is read here. Runs in a lane."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import torch

from spaces_app.analyses.attribution.spec import AttributionSpec, aligned
from spaces_app.analyses.shared.ids import Ids
from spaces_app.engine.contrast import Compared, Drawn, OtherRun, align
from spaces_app.engine.dropout import dropout_probabilities
from spaces_app.engine.generate import check_length
from spaces_app.errors import NotSupported, SpecError
from spaces_app.methods import Method
from spaces_app.step_functions import ALWAYS, STEP_FUNCTIONS, StepFunction
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel
    from spaces_app.types import Score

T = TypeVar("T")


@dataclass(frozen=True)
class Other:
    """What the output is compared with.

    ids: (source, prompt, generated) of the other side, whose prompt and source are ours where none is given.
    partners: for each generated token the position of its partner in the other output. differs: whether prompt or
    source are others.
    """

    ids: Ids
    partners: tuple[int, ...]
    differs: bool

    @property
    def tokens(self) -> tuple[int, ...]:
        """The id each generated token is compared with. (G,)"""
        return tuple(self.ids[2][partner] for partner in self.partners)


@dataclass
class Targets:
    """Scores of one run by name, made when first asked for; runs on the other side are shared."""

    spec: AttributionSpec
    lm: LoadedModel
    ids: Ids
    chunk_mb: int
    tick: Tick
    other: Other | None = None
    _made: dict[str, Score] = field(default_factory=dict)
    _run: OtherRun | None = None

    @classmethod
    def of(cls, spec: AttributionSpec, lm: LoadedModel, ids: Ids, *, chunk_mb: int, tick: Tick) -> Targets:
        """For a spec and the ids of its run. Raises SpecError where something to compare with is missing or wrong."""
        other = other_side(spec, lm, ids) if any(step.contrastive for step in spec.asked()) else None
        return cls(spec, lm, ids, chunk_mb, tick, other)

    @property
    def opposite(self) -> Other:
        """The other side, where something is compared."""
        assert self.other is not None  # `of` finds it wherever a step function compares
        return self.other

    def names(self) -> tuple[str, ...]:
        """What every result has, and what is asked for beside it, in this order."""
        return tuple(dict.fromkeys((*ALWAYS, *(step.name for step in self.spec.asked()))))

    def scores(self, names: Iterable[str]) -> dict[str, Score]:
        return {name: self.score(name) for name in names}

    def score(self, name: str) -> Score:
        """The score of this name; the same object at every call."""
        if name not in self._made:
            self._made[name] = self._make(STEP_FUNCTIONS[name])
        return self._made[name]

    def context(self, step: StepFunction) -> str:
        """Where a contrastive step function judges the other tokens: "same" or "own"."""
        if step.compares == "distribution" or self.spec.contrast_context == "own":
            return "own"
        if self.spec.contrast_context == "same":
            return "same"
        return "own" if step.compares == "context" or self.opposite.differs else "same"

    def check_explainable(self, method: Method) -> None:
        """Raises NotSupported when this method cannot explain the spec's step function."""
        step = STEP_FUNCTIONS[self.spec.step_function]
        if "step_function" not in method.options:
            return
        if step.no_gradient and method.family in ("gradient", "propagation"):
            raise NotSupported(step.no_gradient, hint="Choose a perturbation method.", field="step_function")
        if step.name in ("contrast_logits", "contrast_prob") and self.context(step) == "own":
            raise NotSupported(
                "a number of the other run does not depend on this input.",
                hint="Explain the difference instead.",
                field="step_function",
            )

    def pinned(self) -> tuple[int, ...]:
        """The exact ids of the other output, () where it is our own or none is compared with."""
        if self.other is None or not (self.spec.contrast or self.spec.contrast_ids):
            return ()
        return self.other.ids[2]

    def notes(self) -> dict:
        """{"contrast": the other side's tokens, and the partner of each generated token in it}; {} without one."""
        if self.other is None:
            return {}
        tokens = [token.to_dict() for token in self.lm.tokens(*self.other.ids)]
        contexts = {step.name: self.context(step) for step in self.spec.asked() if step.contrastive}
        return {"contrast": {"tokens": tokens, "partners": list(self.other.partners), "context": contexts}}

    def _make(self, step: StepFunction) -> Score:
        given = {name: getattr(self.spec, name) for name in step.keywords}
        fn = functools.partial(step.fn, **given) if given else step.fn
        if step.compares == "dropout":
            n_draws, seed, tick = self.spec.n_dropout, self.spec.seed, self.tick
            return Drawn(fn, dropout_probabilities(self.lm, self.ids, n_draws, seed, chunk_mb=self.chunk_mb, tick=tick))
        if not step.contrastive:
            return fn
        if self.context(step) == "own":
            return Compared(fn, self.run().targets, self.run())
        return Compared(fn, self._foils())

    def run(self) -> OtherRun:
        """The run on the other side."""
        if self._run is None:
            other = self.opposite
            if (other.ids[2], other.differs) == (self.ids[2], False):
                raise SpecError(
                    "prompt and output of the other run are the same, so there is nothing to compare.",
                    hint="Change one of them.",
                    field="contrast",
                )
            self._run = OtherRun(self.lm, other.ids, other.partners, chunk_mb=self.chunk_mb, tick=self.tick)
        return self._run

    def _foils(self) -> torch.Tensor:
        tokens = self.opposite.tokens
        if tokens == self.ids[2]:
            raise SpecError(
                "this is the output itself, so there is nothing to compare.",
                hint="Type what it could have written instead.",
                field="contrast",
            )
        return torch.tensor(tokens, dtype=torch.long, device=self.lm.device)


def check_given(spec: AttributionSpec) -> None:
    """Raises SpecError when something is asked for that compares, and nothing to compare with is given."""
    given = spec.contrast or spec.contrast_ids or spec.contrast_prompt
    if not given and any(step.contrastive for step in spec.asked()):
        raise SpecError(
            "this compares with another output or another prompt, and neither is given.",
            hint="Type what it could have written instead.",
            field="contrast",
        )


def other_side(spec: AttributionSpec, lm: LoadedModel, ids: Ids) -> Other:
    """What a spec compares its output with. Raises SpecError when it does not fit the model or the output."""
    source, prompt, generated = ids
    if spec.contrast_prompt:
        encoded = _named("contrast_prompt", lambda: tuple(lm.encode_prompt(spec.contrast_prompt)))
        source, prompt = (encoded, prompt) if lm.facts.encoder_decoder else ((), encoded)
    if spec.contrast_ids:
        generated = tuple(spec.contrast_ids)
        lm.check_ids(generated, "contrast_ids")
    elif spec.contrast:
        before = spec.contrast_prompt or spec.prompt
        generated = _named("contrast", lambda: tuple(lm.encode_continuation(before, spec.contrast)))
    _named("contrast_prompt" if spec.contrast_prompt else "contrast", lambda: check_length(lm, (source, prompt, ())))
    _named("contrast", lambda: check_length(lm, (source, prompt, generated)))
    partners = list(align(ids[2], generated))
    for ours, theirs in aligned(spec.alignment).items():
        if ours >= len(partners) or theirs >= len(generated):
            raise SpecError(
                f"{ours}-{theirs} is outside the outputs, which have {len(partners)} and {len(generated)} tokens.",
                hint="Positions begin at 0.",
                field="alignment",
            )
        partners[ours] = theirs
    return Other((source, prompt, generated), tuple(partners), (source, prompt) != ids[:2])


def _named(field_name: str, work: Callable[[], T]) -> T:
    """What `work` gives; a SpecError in it names this field."""
    try:
        return work()
    except SpecError as error:
        raise SpecError(error.message, hint=error.hint, field=field_name) from None
