"""Many questions at once: specs become results, in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from spaces_app.errors import AppError
from spaces_app.results import Result
from spaces_app.serving.runner import Job, Runner
from spaces_app.spec import Spec
from spaces_app.types import Tick

AHEAD = 8  # questions under way at once: their models are looked up while another is computed


def run_many(specs: Iterable[Spec], runner: Runner, *, tick: Tick | None = None) -> Iterator:
    """The Result of every spec, in order; the AppError in its place where one fails. Yields as they are done.

    Each is computed on its own: a longer text beside it changes no number of a shorter one.
    """
    waiting = iter(specs)
    jobs = [_begin(spec, runner) for spec in itertools.islice(waiting, AHEAD)]
    try:
        while jobs:
            yield _finish(jobs.pop(0), tick)
            jobs += [_begin(spec, runner) for spec in itertools.islice(waiting, 1)]
    finally:
        for job in jobs:
            if not isinstance(job, AppError):
                job.cancel()


def _begin(spec: Spec | AppError, runner: Runner) -> Job | AppError:
    try:
        return spec if isinstance(spec, AppError) else runner.submit(spec)
    except AppError as error:
        return error


def _finish(job: Job | AppError, tick: Tick | None) -> Result | AppError:
    while not isinstance(job, AppError):
        try:
            return job.result(timeout=0.5)
        except TimeoutError:
            if tick is not None:
                tick(*job.progress)
        except AppError as error:
            return error
    return job
