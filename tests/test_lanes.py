"""The same answer from a thread, a worker process and a ZeroGPU call; a process that dies takes nobody along."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from spaces_app.analyses.attribution.spec import AttributionSpec
from spaces_app.errors import AppError, Cancelled, SpecError, TooLarge
from spaces_app.serving.lanes import ProcessLane, Task, ThreadLane, ZeroGpuLane, make_lane
from spaces_app.settings import Settings

SPEC = AttributionSpec(prompt="The keys to the cabinet", continuation=" are", method="saliency")
LONG = AttributionSpec(prompt="The keys to the cabinet", max_new_tokens=60, method="integrated_gradients", n_steps=300)


def answer(lane, spec, timeout=120):
    task = Task(spec)
    lane.submit(task)
    return task.future.result(timeout)


def wait_until_it_works(task, timeout=60):
    """Until the task is being computed; a task that ends before that has failed, and says why."""
    deadline = time.monotonic() + timeout
    while task.progress[2] in ("Waiting", "Starting"):
        if task.future.done():
            task.future.result()
        assert time.monotonic() < deadline, f"still {task.progress} after {timeout} s"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def settings():
    return Settings(max_seconds=3000)  # on a busy machine even a long question must not be refused


@pytest.fixture(scope="module")
def process(settings):
    lane = ProcessLane(settings)
    yield lane
    lane.stop()


@pytest.fixture(scope="module")
def expected(settings):
    lane = ThreadLane(settings)
    result = answer(lane, SPEC)
    lane.stop()
    return result


def scores(result):
    return result.arrays["attributions"].values


def test_a_process_gives_the_same_numbers_as_a_thread(process, expected):
    result = answer(process, SPEC)
    assert result.tokens == expected.tokens and result.spec == expected.spec
    assert np.array_equal(scores(result), scores(expected), equal_nan=True)


def test_an_error_crosses_the_process_boundary_with_its_field_and_hint(process):
    with pytest.raises(SpecError) as caught:
        answer(process, SPEC.replace(prompt=""))
    assert caught.value.field == "prompt" and caught.value.hint


def test_a_process_that_is_killed_costs_one_answer_and_the_next_one_is_right(process, expected):
    answer(process, SPEC)
    task = Task(LONG)
    process.submit(task)
    wait_until_it_works(task)
    os.kill(process._process.pid, signal.SIGKILL)
    with pytest.raises(TooLarge, match="ended unexpectedly"):
        task.future.result(60)
    assert np.array_equal(scores(answer(process, SPEC)), scores(expected), equal_nan=True)


def test_stop_ends_the_work_in_a_process(process):
    task = Task(LONG)
    process.submit(task)
    wait_until_it_works(task)
    task.cancelled.set()
    with pytest.raises(Cancelled):
        task.future.result(60)


def test_on_zero_gpu_one_decorated_function_answers(monkeypatch, settings, expected):
    calls = []

    def gpu(function, *, duration):
        def call(spec):
            calls.append((function.__name__, duration))
            return function(spec)

        return call

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    lane = make_lane(Settings(zero_gpu=True, max_seconds=30))
    assert isinstance(lane, ZeroGpuLane)
    assert np.array_equal(scores(answer(lane, SPEC)), scores(expected), equal_nan=True)
    assert calls == [("explain", 30)]
    lane.stop()


def test_an_unknown_lane_is_refused_by_name():
    with pytest.raises(AppError, match="SEQSCOPE_LANE: 'gpu' is not one of thread, process."):
        make_lane(Settings(lane="gpu"))
