"""What a lane does with a spec: lease its model and compute. The only module that makes torch start."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spaces_app.analyses import ANALYSES
from spaces_app.analyses.shared.fields import ComparesModels
from spaces_app.costs import limits
from spaces_app.costs.model import Speed
from spaces_app.errors import TooLarge
from spaces_app.results import Result
from spaces_app.serving import plugins
from spaces_app.settings import Settings
from spaces_app.spec import Spec
from spaces_app.types import Tick

if TYPE_CHECKING:
    from torch.nn import Module

    from spaces_app.models.cache import ModelCache
    from spaces_app.models.loaded import LoadedModel


class Worker:
    """Answers specs one at a time. Lives in one thread, or in a process of its own; never used from two at once."""

    def __init__(self, settings: Settings):
        self.settings = settings
        plugins.load(settings.plugins)
        self._models: ModelCache | None = None
        self._speeds: weakref.WeakKeyDictionary[Module, Speed] = weakref.WeakKeyDictionary()

    def warm(self) -> None:
        """Import torch and transformers, so that the first question does not wait for them."""
        os.environ.setdefault("USE_HUB_KERNELS", "0")  # a config must never choose code to download
        import torch

        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        from spaces_app.models.cache import ModelCache

        self._models = self._models or ModelCache(self.settings)

    def answer(self, spec: Spec | limits.Inquiry, tick: Tick) -> Result | dict[str, limits.Estimate]:
        """The result of `spec`, or the estimates of an inquiry. Raises AppError; anything else is a bug."""
        if self._models is None:
            tick(0, 0, "Starting")
            self.warm()
        models = self._models
        assert models is not None  # `warm` made it
        if isinstance(spec, limits.Inquiry):
            return self._estimate(spec, models, tick)
        analysis = ANALYSES[spec.kind]
        with models.lease(spec.model, spec.revision, tick) as model:
            if languages := getattr(spec, "languages", ""):
                from spaces_app.models.languages import translating

                model = translating(model, languages)
            counts, speed = analysis.token_counts(spec, model), self._speed(model)
            limits.check(analysis, spec, model.facts, counts, self.settings, speed=speed)
            try:
                with self._beside(spec, models, tick) as others:
                    result = analysis.compute(spec, model, tick, self.settings, *others)
            except MemoryError as error:
                raise TooLarge("this needs more memory than there is.", hint="Use a shorter text.") from error
            limits.learn(analysis, result, model, speed)
            return result

    @contextmanager
    def _beside(self, spec: Spec, models: ModelCache, tick: Tick) -> Iterator[tuple[LoadedModel, ...]]:
        """The second model of a question about two, lent like the first; () for all other questions."""
        if not isinstance(spec, ComparesModels) or not spec.other_model:
            yield ()
            return
        with models.lease(spec.other_model, spec.other_revision, tick) as other:
            yield (other,)

    def _speed(self, model: LoadedModel) -> Speed:
        """A model's speed, measured at its first question and learned from those that followed, with its pace now."""
        from spaces_app.costs.speed import glance, measured

        speed = self._speeds.get(model.model)
        if speed is None:
            found = measured(model)
            speed = self._speeds[model.model] = Speed(found.call, found.operations)
        else:
            speed.notice(glance(model, speed.call))
        return speed

    def _estimate(self, inquiry: limits.Inquiry, models: ModelCache, tick: Tick) -> dict[str, limits.Estimate]:
        """What the questions would take; {} where that needs a model which is neither in memory nor bundled."""
        spec = next(iter(inquiry.specs.values()))
        ready = [key for key in models.loaded() if key[0] == spec.model and spec.revision in ("", key[1])]
        if not ready and not spec.model.startswith("bundled/"):
            return {}
        with models.lease(spec.model, ready[-1][1] if ready else spec.revision, tick) as model:
            return limits.estimates(ANALYSES, inquiry, model, speed=self._speed(model))


def started() -> bool:
    """Whether torch has been imported in this process."""
    return "torch" in sys.modules
