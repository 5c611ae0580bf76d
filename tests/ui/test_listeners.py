"""API calls that nobody waits for any more are stopped, and those that somebody does wait for are not."""

from __future__ import annotations

import dataclasses
import json
import threading

import httpx
import pytest
from browser.pages import Answers, serve
from gradio_client import Client

from spaces_app.analyses.attribution import AttributionSpec
from spaces_app.settings import Settings
from spaces_app.ui.server import listeners as listening
from spaces_app.ui.server.listeners import AGAIN, FIRST, Listeners


@pytest.fixture
def site(tmp_path):
    with serve(Settings(store=str(tmp_path))) as served:
        yield served


@dataclasses.dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def call(site, prompt: str) -> str:
    """Ask for an attribution; the name of the call."""
    answer = httpx.post(f"{site.url}/gradio_api/call/v2/attribution", json={"prompt": prompt})
    return answer.json()["event_id"]


def wait_until(answers: Answers, stopped: int) -> None:
    for _ in range(1200):
        if answers.stopped == stopped:
            return
        threading.Event().wait(0.05)
    pytest.fail(f"{answers.stopped} of {stopped} stopped")


def test_a_call_is_given_up_when_its_stream_is_not_opened_in_time_or_was_closed():
    clock = Clock()
    listeners = Listeners(clock)
    assert listeners.anybody("unknown")  # of whom nothing is known, nothing is said
    listeners.called("a")
    clock.now = FIRST - 0.1
    assert listeners.anybody("a")
    clock.now = FIRST
    assert not listeners.anybody("a")
    listeners.opened("b")
    clock.now += 1000
    assert listeners.anybody("b")
    listeners.opened("b")
    listeners.closed("b")
    clock.now += 1000
    assert listeners.anybody("b")  # the other stream is open still
    listeners.closed("b")
    assert listeners.anybody("b")
    clock.now += AGAIN
    assert not listeners.anybody("b")


def test_a_new_call_of_a_session_that_closed_its_stream_has_time_to_open_another():
    clock = Clock()
    listeners = Listeners(clock)
    listeners.opened("a")
    listeners.closed("a")
    clock.now = 100
    listeners.answering("a")
    assert listeners.anybody("a")
    clock.now += FIRST
    assert not listeners.anybody("a")


def test_three_calls_whose_streams_are_never_opened_are_stopped(site, monkeypatch):
    monkeypatch.setattr(listening, "FIRST", 0.2)
    for number in range(3):
        call(site, f"slow {number}")
    wait_until(site.answers, len(site.answers.seen) or 1)
    answer = httpx.post(f"{site.url}/gradio_api/call/v2/attribution", json={"prompt": "quick"}).json()["event_id"]
    with httpx.stream("GET", f"{site.url}/gradio_api/call/attribution/{answer}", timeout=60) as stream:
        text = "".join(stream.iter_text())
    assert "event: complete" in text  # the lane is free again


def test_a_call_whose_stream_is_closed_midway_is_stopped(site):
    name = call(site, "slow and left")
    with httpx.stream("GET", f"{site.url}/gradio_api/call/attribution/{name}", timeout=60) as stream:
        assert stream.status_code == 200
        for _ in range(1200):
            if site.answers.seen:
                break
            threading.Event().wait(0.05)
    wait_until(site.answers, 1)


def test_a_stream_that_is_opened_a_moment_later_gets_its_answer(site):
    name = call(site, "slow but wanted")
    threading.Event().wait(1.5)  # less than FIRST: a slow client
    timer = threading.Timer(0.5, site.answers.door.set)
    timer.start()
    with httpx.stream("GET", f"{site.url}/gradio_api/call/attribution/{name}", timeout=60) as stream:
        events = "".join(stream.iter_text())
    document = json.loads(events.partition("event: complete\ndata: ")[2].partition("\n")[0])[0]
    assert document["spec"]["prompt"] == "slow but wanted" and site.answers.stopped == 0


def test_a_caller_with_a_session_of_its_own_is_heard_by_the_name_of_its_call(site, monkeypatch):
    monkeypatch.setattr(listening, "FIRST", 1.0)
    options = {name: value for name, value, facts in AttributionSpec.every_option() if facts.group != "hidden"}
    data = list((options | {"prompt": "slow and heard"}).values())
    call = {"data": data, "session_hash": "mine"}
    name = httpx.post(f"{site.url}/gradio_api/call/attribution", json=call).json()["event_id"]
    timer = threading.Timer(4.0, site.answers.door.set)  # long after a call that nobody hears is given up
    timer.start()
    with httpx.stream("GET", f"{site.url}/gradio_api/call/attribution/{name}", timeout=60) as stream:
        events = "".join(stream.iter_text())
    assert "event: complete" in events and site.answers.stopped == 0


def test_who_leaves_stops_nobody_else_who_waits_for_the_same_answer(site):
    wanted = Client(site.url, verbose=False).submit(prompt="slow shared", api_name="/attribution")
    name = call(site, "slow shared")
    with httpx.stream("GET", f"{site.url}/gradio_api/call/attribution/{name}", timeout=60):
        for _ in range(1200):
            if site.answers.seen:
                break
            threading.Event().wait(0.05)
    threading.Event().wait(2 * AGAIN)
    assert site.answers.stopped == 0
    site.answers.door.set()
    assert wanted.result(timeout=60)["spec"]["prompt"] == "slow shared"
    assert [spec.prompt for spec in site.answers.seen] == ["slow shared"]
