"""The answer to a ContrastiveSpec: three numbers per input token, towards A, towards B and their difference.

Runs in a lane.
"""

from __future__ import annotations

import dataclasses
import difflib
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from spaces_app.analyses.contrastive.spec import ContrastiveSpec
from spaces_app.analyses.shared.alternatives import crossings, layer_curves, likeliest
from spaces_app.analyses.shared.ids import Ids, sequence_ids
from spaces_app.analyses.shared.notes import method_notes, model_notes
from spaces_app.analyses.shared.requests import attribution_request, unit
from spaces_app.analyses.shared.score_arrays import scores_array, steps_array
from spaces_app.analyses.shared.targets import Targets
from spaces_app.arrays import NamedArray
from spaces_app.engine.contrast import Compared
from spaces_app.engine.forced import ForcedPass
from spaces_app.errors import SpecError
from spaces_app.methods import METHODS, AttributionScores, Method, check_method, reduction
from spaces_app.results import Result
from spaces_app.settings import Settings
from spaces_app.step_functions import STEP_FUNCTIONS
from spaces_app.tokens import Token
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.models.loaded import LoadedModel
    from spaces_app.types import Score


# What a difference is the difference of.
ALONE = {
    "contrast_logits_diff": "logit",
    "contrast_logprob_diff": "log_probability",
    "contrast_prob_diff": "probability",
}
LINEAR = ("sum", "mean")  # reductions that keep a difference of scores a difference


def compute(spec: ContrastiveSpec, lm: LoadedModel, tick: Tick, settings: Settings) -> Result:
    """Attributions of score(A), score(B) and their difference, and the two tokens' chances in numbers and by layer.

    Raises SpecError for texts that do not fit the model or cannot be compared, NotSupported, TooLarge.
    """
    method = METHODS[spec.method]
    check_method(method, lm)
    began = time.perf_counter()
    ids = sequence_ids(spec, lm, tick)
    written = time.perf_counter()
    rivals = likeliest(lm, ids, chunk_mb=settings.chunk_mb, tick=tick)
    given = bool(spec.contrast or spec.contrast_ids or spec.contrast_prompt)
    asked = spec if given else spec.replace(contrast_ids=rivals.runners_up(ids[2]))
    targets = Targets.of(asked, lm, ids, chunk_mb=settings.chunk_mb, tick=tick)
    sides = Sides(asked, method, targets, settings.chunk_mb, tick)
    arrays, answer = sides.arrays()
    run = sides.run
    arrays["step_scores"] = steps_array({name: run.scores(score) for name, score in sides.watched.items()})
    arrays["alternatives"] = rivals.array()
    curves = layer_curves(run, sides.theirs, sides.other_run, targets.opposite.partners)
    arrays |= {} if curves is None else {"layers": curves}
    seconds = {"generate": round(written - began, 3), "attribute": round(time.perf_counter() - written, 3)}
    warnings = [*lm.notes, *lm.warnings(spec.prompt, spec.continuation), *answer.remarks]
    warnings += lm.warnings(spec.contrast_prompt or spec.prompt, spec.contrast) if given else ()
    gap = answer.convergence_gap
    pins = {"revision": spec.revision or lm.revision, "continuation_ids": ids[2], "contrast_ids": targets.pinned()}
    return Result(
        spec=asked.replace(**pins),
        tokens=tuple(lm.tokens(*ids)),
        arrays=arrays,
        notes=model_notes(spec, lm)
        | method_notes(spec, lm, method)
        | {"seconds": seconds, "convergence_gap": None if gap is None else list(gap)}
        | {"warnings": list(dict.fromkeys(warnings)), "chosen": not given, "alternatives": rivals.tokens}
        | {"crossing": None if curves is None else crossings(curves)}
        | compared_notes(targets, sides.own),
    )


@dataclasses.dataclass
class Sides:
    """A's run and B's side of it, and the attributions of both."""

    spec: ContrastiveSpec
    method: Method
    targets: Targets
    chunk_mb: int
    tick: Tick

    def __post_init__(self) -> None:
        spec, targets = self.spec, self.targets
        self.own = targets.context(STEP_FUNCTIONS[spec.step_function]) == "own"
        # Compared first: it says what is wrong with A and B before anything is computed.
        self.difference = targets.score(spec.step_function)
        assert isinstance(self.difference, Compared)  # as every step function of a ContrastiveSpec
        self.theirs = self.difference.theirs
        self.watched = targets.scores(targets.names())
        alone = STEP_FUNCTIONS[ALONE[spec.step_function]].fn
        self.a = alone
        self.b = Compared(lambda _l, _t, others, theirs: alone(others, theirs), self.theirs)
        self.run = self._run(targets.ids, self.watched.values())
        self.other_run = self._run(targets.opposite.ids, [self.a]) if self.own else None
        self.tokens = tuple(targets.lm.tokens(*targets.ids))

    def arrays(self) -> tuple[dict[str, NamedArray], AttributionScores]:
        """The maps by name, and the answer about the difference."""
        name = unit(self.spec, self.method)
        difference = self._attribute(self.run, self.difference, self.tokens)
        towards_a = self._attribute(self.run, self.a, self.tokens).scores
        found = {"difference": scores_array(difference.scores, name), "towards_a": scores_array(towards_a, name)}
        if self.other_run is not None:
            found["towards_b_other"] = self._other(self.other_run, name)
            return found, difference
        if self._linear():
            towards_b = towards_a - difference.scores
        else:
            towards_b = self._attribute(self.run, self.b, self.tokens).scores
        return found | {"towards_b": scores_array(towards_b, name)}, difference

    def _linear(self) -> bool:
        """Whether the map of a difference is the difference of the maps; a lasso, as in LIME, makes it another."""
        reduced = reduction(self.method, self.spec.aggregation) if "aggregation" in self.method.options else "sum"
        follows = self.method.family in ("gradient", "propagation") or self.method.complete
        return self.method.signed and reduced in LINEAR and follows

    def _other(self, run: ForcedPass, name: str) -> NamedArray:
        """B's score explained by the inputs of its own run. (other_input, generated)"""
        other = self.targets.opposite
        tokens = tuple(self.targets.lm.tokens(*other.ids))
        scores = self._attribute(run, self.a, tokens).scores[list(other.partners)]  # (G, n')
        array = scores_array(scores, name)
        return NamedArray(
            array.values, {"other_input": array.axes["input"], "generated": array.axes["generated"]}, name
        )

    def _run(self, ids: Ids, watch: Iterable[Score]) -> ForcedPass:
        prefix, chunk_mb, tick = self.spec.attribute_prefix, self.chunk_mb, self.tick
        return ForcedPass(self.targets.lm, ids, watch=watch, attribute_prefix=prefix, chunk_mb=chunk_mb, tick=tick)

    def _attribute(self, run: ForcedPass, score: Score, tokens: tuple) -> AttributionScores:
        return self.method.attribute(run, attribution_request(self.spec, self.method, tokens, score))


def compared_notes(targets: Targets, own: bool) -> dict:
    """What stands against what, in tokens and texts."""
    other, lm, ids = targets.opposite, targets.lm, targets.ids
    theirs = lm.tokens(*other.ids)
    n_inputs = len(theirs) - len(other.ids[2])
    written = theirs[n_inputs:]
    against = [written[partner] for partner in other.partners]
    first = {partner: step for step, partner in reversed(list(enumerate(other.partners)))}
    compared = [
        other.tokens[step] != ids[2][step] and first[partner] == step for step, partner in enumerate(other.partners)
    ]
    if own:  # the same word after another prompt is a comparison, too
        compared = [first[partner] == step for step, partner in enumerate(other.partners)]
    if not any(compared):
        raise SpecError("no word of the one stands against another word.", hint="Change one.", field="contrast")
    ours = lm.tokens(*ids)
    tokens = [{"id": token.id, "text": token.text, "special": token.special} for token in against]
    return {
        "mode": "own" if own else "same",
        "labels": {"a": _text(ours), "b": _text(theirs)},
        "b_tokens": tokens,
        "pairs": [list(pair) for pair in enumerate(other.partners)],
        "compared": compared,
        "first_difference": compared.index(True),
        "other": _other_prompt(ours[: len(ours) - len(ids[2])], theirs, n_inputs) if other.differs or own else None,
    }


def _other_prompt(ours: Sequence[Token], theirs: Sequence[Token], n_inputs: int) -> dict:
    """The other run's tokens, and how its inputs differ from ours, as `difflib` says it."""
    matcher = difflib.SequenceMatcher(None, [t.id for t in ours], [t.id for t in theirs[:n_inputs]], autojunk=False)
    return {"tokens": [token.to_dict() for token in theirs], "diff": [list(code) for code in matcher.get_opcodes()]}


def _text(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens if token.segment == "generated" and not token.special)
