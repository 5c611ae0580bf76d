"""The one door: single flight, store before lane, Stop, deadlines, and bugs that become a number."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

import spaces_app.serving.runner as runner_module
from spaces_app.arrays import NamedArray
from spaces_app.errors import AppError, Busy, Cancelled, ModelUnavailable, TooLarge, to_app_error
from spaces_app.results import Result
from spaces_app.serving.lanes import Task, ThreadLane
from spaces_app.serving.runner import Runner
from spaces_app.settings import Settings
from spaces_app.spec import Spec, option
from spaces_app.tokens import Token


@dataclass(frozen=True)
class Question(Spec):
    kind = "question"
    model: str = option("bundled/tiny-causal", "A model.")
    revision: str = option("", "A revision.")
    prompt: str = option("", "A prompt.")
    continuation_ids: tuple = option((), "Ids.")


@dataclass(frozen=True)
class Source:
    revision: str = "f" * 40


class Room:
    """Stands for the worker: answers when the door is open, and counts."""

    def __init__(self):
        self.calls, self.door, self.fail = [], threading.Event(), None
        self.door.set()

    def answer(self, spec, tick):
        self.calls.append(spec)
        while not self.door.wait(0.01):
            tick(1, 2, "Working")
        if self.fail:
            raise self.fail
        array = NamedArray(np.array([len(spec.prompt)]), {"input": (0,)}, "logit")
        pinned = spec.replace(continuation_ids=(1, 2))
        return Result(pinned, (Token(1, "a", "prompt"),), {"attributions": array}, {"seconds": 0.1})

    def warm(self):
        pass


@pytest.fixture
def room(monkeypatch):
    room = Room()
    monkeypatch.setattr("spaces_app.serving.lanes.Worker", lambda settings: room)
    monkeypatch.setattr(runner_module, "resolve", lambda model, settings, *, revision="": Source())
    monkeypatch.setattr(runner_module, "fetch", lambda source, settings, tick: source)
    monkeypatch.setattr(runner_module, "KINDS", {"question": Question})
    return room


@pytest.fixture
def runner(room, tmp_path):
    runner = Runner(Settings(store=str(tmp_path), max_seconds=60, queue=3))
    yield runner
    room.door.set()
    runner.stop()


def test_a_result_is_pinned_to_the_revision_and_found_again_under_three_specs(runner, room):
    asked = Question(prompt="abc")
    result = runner.run(asked)
    assert result.spec.revision == "f" * 40 and result.spec.continuation_ids == (1, 2)
    assert runner.stored(result.spec).arrays["attributions"].values.tolist() == [3.0]
    assert runner.run(result.spec).spec == runner.run(asked).spec == result.spec
    assert len(room.calls) == 1


def test_eight_callers_of_one_spec_cost_one_computation(runner, room):
    room.door.clear()
    jobs = [runner.submit(Question(prompt="x")) for _ in range(8)]
    room.door.set()
    assert {job.result(60).spec.prompt for job in jobs} == {"x"} and len(room.calls) == 1


def test_a_stored_result_opens_while_a_long_analysis_runs(runner, room):
    known = runner.run(Question(prompt="known"))
    room.door.clear()
    busy = runner.submit(Question(prompt="long"))
    assert runner.stored(known.spec.digest()) is not None
    assert runner.submit(Question(prompt="known")).result(60).spec == known.spec
    assert not busy.done


def test_stop_ends_the_work_only_when_nobody_else_waits_for_it(runner, room):
    room.door.clear()
    first, second = runner.submit(Question(prompt="x")), runner.submit(Question(prompt="x"))
    first.cancel()
    first.cancel()
    with pytest.raises(Cancelled):
        first.result(60)
    with pytest.raises(TimeoutError):
        second.result(0.2)
    second.cancel()
    room.door.wait(0.1)
    third = runner.submit(Question(prompt="x"))
    room.door.set()
    assert third.result(60).spec.prompt == "x"


def test_progress_says_what_is_happening(runner, room):
    room.door.clear()
    job = runner.submit(Question(prompt="x"))
    deadline = time.monotonic() + 60
    while job.progress != (1, 2, "Working") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert job.progress == (1, 2, "Working")


def test_the_deadline_refuses_with_the_seconds_allowed():
    tick = Task(Question()).checkpoint(time.monotonic() - 1, 7)
    with pytest.raises(TooLarge, match="longer than the 7 s allowed"):
        tick(3, 9, "Attributing")


def test_a_full_queue_refuses_at_once(room):
    lane = ThreadLane(Settings(queue=2))
    room.door.clear()
    lane.submit(Task(Question(prompt="0")))
    while not room.calls:
        time.sleep(0.01)
    lane.submit(Task(Question(prompt="1")))
    lane.submit(Task(Question(prompt="2")))
    with pytest.raises(Busy, match="2 requests are waiting"):
        lane.submit(Task(Question(prompt="3")))
    room.door.set()
    lane.stop()


def test_an_app_error_reaches_the_caller_and_the_next_question_is_answered(runner, room):
    room.fail = ModelUnavailable("not here.", field="model")
    with pytest.raises(ModelUnavailable, match="model: not here."):
        runner.run(Question(prompt="x"))
    room.fail = None
    assert runner.run(Question(prompt="x")).text == ""


def test_a_bug_becomes_a_number_and_its_message_stays_out_of_the_log(runner, room, caplog):
    room.fail = ValueError("secret prompt")
    with pytest.raises(AppError) as caught:
        runner.run(Question(prompt="secret prompt"))
    number = str(caught.value).split("report ")[1][:8]
    assert number in caplog.text and "ValueError" in caplog.text and "secret" not in caplog.text


def test_a_panicking_tokenizer_is_a_sentence():
    panic = type("PanicException", (BaseException,), {})("regex gave up")
    assert "tokenizer failed" in str(to_app_error(panic))


def test_an_unreadable_stored_result_counts_as_absent(runner):
    runner.store.put("a" * 64, {"spec": {"kind": "question", "v": 99}, "tokens": [], "arrays": {}, "notes": {}})
    assert runner.stored("a" * 64) is None
