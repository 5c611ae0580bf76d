"""The cache of loaded models: one load each, bounded by bytes, and nothing is taken from who uses it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from support import no_tick

from spaces_app.errors import Cancelled, ModelUnavailable, TooLarge
from spaces_app.models import cache as caching
from spaces_app.models.cache import ModelCache
from spaces_app.models.resolve import Source
from spaces_app.settings import Settings

MB = 2**20


class Loads:
    """Stands in for resolve and load: models of known sizes, and a list of what was loaded."""

    def __init__(self, monkeypatch, **megabytes):
        self.sizes, self.loaded, self.error, self.delay = megabytes, [], None, 0.0
        self.tick_raises = None
        monkeypatch.setattr(caching, "resolve", lambda model, settings, revision="": self.source(model, revision))
        monkeypatch.setattr(caching, "fetch", lambda source, settings, tick: source)
        monkeypatch.setattr(caching, "_needed", lambda source: source.n_bytes)
        monkeypatch.setattr(caching, "_release", lambda: None)  # these models hold no memory

    def source(self, model, revision):
        return Source(model, "local", revision or "1" * 40, None, self.sizes[model] * MB, {})

    def __call__(self, source, settings, tick):
        self.loaded.append(source.id)
        time.sleep(self.delay)
        tick(0, 0, "Loading")
        if self.error:
            raise self.error
        return SimpleNamespace(id=source.id, revision=source.revision, n_bytes=source.n_bytes)


def use(cache, model, revision="", tick=no_tick):
    with cache.lease(model, revision, tick) as lent:
        return lent


def names(cache):
    return [name for name, _ in cache.loaded()]


def test_a_model_is_loaded_once_and_lent_again(monkeypatch):
    loads = Loads(monkeypatch, a=4)
    cache = ModelCache(Settings(model_mb=10), loader=loads)
    assert use(cache, "a") is use(cache, "a")
    assert loads.loaded == ["a"] and cache.n_bytes == 4 * MB


def test_two_revisions_are_two_models(monkeypatch):
    loads = Loads(monkeypatch, a=4)
    cache = ModelCache(Settings(model_mb=10), loader=loads)
    assert use(cache, "a", "1" * 40) is not use(cache, "a", "2" * 40)
    assert cache.n_bytes == 8 * MB


def test_the_least_recently_used_goes_first_and_only_when_room_is_needed(monkeypatch):
    cache = ModelCache(Settings(model_mb=10), loader=Loads(monkeypatch, a=4, b=4, c=4))
    use(cache, "a"), use(cache, "b"), use(cache, "a")
    use(cache, "c")
    assert names(cache) == ["a", "c"] and cache.n_bytes == 8 * MB


def test_a_model_in_use_is_never_evicted(monkeypatch):
    loads = Loads(monkeypatch, a=6, b=6, c=3)
    cache = ModelCache(Settings(model_mb=10), loader=loads)
    waited = []

    def give_up(done, total, what):
        waited.append(what)
        if len(waited) > 2:
            raise Cancelled("stopped.")

    with cache.lease("a", "", no_tick):
        with pytest.raises(Cancelled):
            use(cache, "b", tick=give_up)
        assert waited[0] == "Waiting for memory" and names(cache) == ["a"]
        assert use(cache, "c").id == "c"  # what fits beside it is not held up
    assert use(cache, "b").id == "b" and names(cache) == ["b"]


def test_a_waiting_load_goes_on_when_memory_is_given_back(monkeypatch):
    cache = ModelCache(Settings(model_mb=10), loader=Loads(monkeypatch, a=6, b=6))
    lease = cache.lease("a", "", no_tick)
    lease.__enter__()
    thread = threading.Thread(target=use, args=(cache, "b"))
    thread.start()
    time.sleep(0.05)
    assert names(cache) == ["a"]
    lease.__exit__(None, None, None)
    thread.join(timeout=60)
    assert names(cache) == ["b"]


def test_a_model_larger_than_the_whole_budget_is_refused_with_both_numbers(monkeypatch):
    loads = Loads(monkeypatch, a=4, huge=11)
    cache = ModelCache(Settings(model_mb=10), loader=loads)
    use(cache, "a")
    with pytest.raises(TooLarge, match="'huge' takes 11 MB in memory, more than the 10 MB for models"):
        use(cache, "huge")
    assert loads.loaded == ["a"] and names(cache) == ["a"]  # nothing was evicted for what cannot fit


def test_eight_callers_cause_one_load(monkeypatch):
    loads = Loads(monkeypatch, a=4)
    loads.delay = 0.1
    cache = ModelCache(Settings(model_mb=10), loader=loads)
    lent = []
    threads = [threading.Thread(target=lambda: lent.append(use(cache, "a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads.loaded == ["a"] and len(lent) == 8 and len(set(map(id, lent))) == 1


def test_a_failed_load_is_remembered_for_half_a_minute_and_gives_its_memory_back(monkeypatch):
    loads = Loads(monkeypatch, a=4)
    loads.error = ModelUnavailable("damaged.")
    cache = ModelCache(Settings(model_mb=10), loader=loads)
    for _ in range(3):
        with pytest.raises(ModelUnavailable, match="damaged"):
            use(cache, "a")
    assert loads.loaded == ["a"] and cache.n_bytes == 0
    loads.error = None
    now = time.monotonic()
    monkeypatch.setattr(caching.time, "monotonic", lambda: now + 31)
    assert use(cache, "a").id == "a"


def test_stopping_is_not_remembered_as_a_failure(monkeypatch):
    loads = Loads(monkeypatch, a=4)
    loads.error = Cancelled("stopped.")
    cache = ModelCache(Settings(model_mb=10), loader=loads)
    with pytest.raises(Cancelled):
        use(cache, "a")
    loads.error = None
    assert use(cache, "a").id == "a"


def test_who_waits_for_a_load_that_is_stopped_loads_himself(monkeypatch):
    loads, somebody_waits = Loads(monkeypatch, a=4), threading.Event()

    def stopped_once(source, settings, tick):
        model = loads(source, settings, tick)
        if len(loads.loaded) == 1:
            assert somebody_waits.wait(60)
            raise Cancelled("stopped.")
        return model

    cache = ModelCache(Settings(model_mb=10), loader=stopped_once)
    first = threading.Thread(target=lambda: pytest.raises(Cancelled, use, cache, "a"))
    first.start()
    while not loads.loaded:
        time.sleep(0.01)
    assert use(cache, "a", tick=lambda *_: somebody_waits.set()).id == "a"
    first.join()
    assert loads.loaded == ["a", "a"]


def test_an_error_while_using_a_model_gives_it_back(monkeypatch):
    cache = ModelCache(Settings(model_mb=10), loader=Loads(monkeypatch, a=6, b=6))
    with pytest.raises(ValueError), cache.lease("a", "", no_tick):
        raise ValueError
    assert use(cache, "b").id == "b"


def test_many_threads_never_go_over_budget_nor_load_twice_at_once(monkeypatch):
    loads = Loads(monkeypatch, a=4, b=5, c=3)
    loads.delay = 0.002
    cache = ModelCache(Settings(model_mb=10), loader=loads)
    over, wrong = [], []

    def visit(number):
        for i in range(15):
            name = "abc"[(number + i) % 3]
            with cache.lease(name, "", no_tick) as lent:
                over.append(cache.n_bytes > 10 * MB)
                wrong.append(lent.id != name or (name, "1" * 40) not in cache.loaded())

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(over) == 90 and not any(over) and not any(wrong)


def test_real_models_are_loaded_lent_and_really_freed(family_folder, loaded_family):
    import weakref

    size = loaded_family("gpt2").n_bytes
    cache = ModelCache(Settings(model_mb=1))
    cache.budget = int(size * 1.5)
    with cache.lease(str(family_folder("gpt2")), "", no_tick) as lm:
        gone = weakref.ref(lm.model)
        assert torch.equal(lm.model.lm_head.weight, loaded_family("gpt2").model.lm_head.weight)
    del lm
    use(cache, str(family_folder("llama")))
    assert [name for name, _ in cache.loaded()] == [str(family_folder("llama"))]
    assert gone() is None


def test_a_pinned_revision_that_is_gone_is_an_error_not_another_model(family_folder):
    cache = ModelCache(Settings())
    with pytest.raises(ModelUnavailable, match="no longer the one asked for"):
        use(cache, str(family_folder("gpt2")), "0" * 40)


def test_settings_decide_the_budget():
    assert ModelCache(replace(Settings(), model_mb=7)).budget == 7 * MB
