"""The one door: a spec goes in, a result comes out, from the store when it has been computed before."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

from spaces_app.analyses import KINDS
from spaces_app.analyses.shared.fields import ComparesModels
from spaces_app.costs.limits import Estimate, Inquiry
from spaces_app.errors import AppError, Cancelled, SpecError, to_app_error
from spaces_app.link import made_digest, parse_url
from spaces_app.models.cards import is_listed
from spaces_app.models.resolve import fetch, resolve
from spaces_app.results import Result
from spaces_app.serving import gallery, plugins
from spaces_app.serving.lanes import Answer, Task, make_lane
from spaces_app.serving.store import Store
from spaces_app.settings import Settings
from spaces_app.spec import Spec
from spaces_app.types import Tick


class Job:
    """One caller's share in a computation that several callers may be waiting for."""

    def __init__(self, flight: _Flight):
        self._flight = flight
        self._left = False

    @property
    def progress(self) -> tuple[int, int, str]:
        """(done, total, what is happening); total is 0 when unknown."""
        return self._flight.task.progress

    @property
    def done(self) -> bool:
        return self._flight.future.done()

    def result(self, timeout: float | None = None) -> Result:
        """The result. Raises TimeoutError while it is not there, Cancelled after `cancel`, AppError when it failed."""
        if self._left:
            raise Cancelled("stopped.")
        try:
            return self._flight.future.result(timeout)
        except FutureTimeout:
            if self._flight.future.done():
                raise
            raise TimeoutError from None

    def cancel(self) -> None:
        """Stop waiting; the computation stops too when nobody else waits for it. Harmless when repeated."""
        if not self._left:
            self._left = True
            self._flight.leave()


class _Flight:
    """A computation under way, and how many callers wait for it."""

    def __init__(self, spec: Spec):
        self.task = Task(spec)
        self.future: Future[Result] = Future()
        self._waiting, self._lock = 0, threading.Lock()

    def join(self) -> Job | None:
        """A share in this computation, or None when it has been given up already."""
        with self._lock:
            if self.task.cancelled.is_set():
                return None
            self._waiting += 1
            return Job(self)

    def leave(self) -> None:
        with self._lock:
            self._waiting -= 1
            if self._waiting == 0:
                self.task.cancelled.set()


class Runner:
    """Answers specs: store, then model files, then lane, then store. Safe to call from many threads.

    Eight callers of one spec cost one computation. A stored result never waits for a lane, a model or the network.
    """

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings.from_env()
        self.store = Store(self.settings.store_path, self.settings.store_mb * 2**20)
        self._lane = make_lane(self.settings)
        # Resolving and downloading wait for the network, so they must not hold up the lane.
        self._preparing = ThreadPoolExecutor(max_workers=8, thread_name_prefix="seqscope-prepare")
        self._flights: dict[str, _Flight] = {}
        self._asked: set[str] = set()  # models that somebody here has asked for
        self._lock = threading.Lock()

    def run(self, spec: Spec, *, tick: Tick | None = None) -> Result:
        """The result of `spec`, waiting for it. `tick(done, total, what)` is told of progress about twice a second."""
        job = self.submit(spec)
        while True:
            try:
                return job.result(timeout=0.5)
            except TimeoutError:
                if tick is not None:
                    tick(*job.progress)
            except KeyboardInterrupt:
                job.cancel()
                raise

    def submit(self, spec: Spec, *, fresh: bool = False) -> Job:
        """Begin to answer `spec`; returns at once. Raises AppError when it can be refused at once.

        `fresh` computes it even when its result is stored, and stores the new one in its place.
        """
        self._asked.update(_models(spec))
        digest = f"fresh {spec.digest()}" if fresh else spec.digest()
        with self._lock:
            flight = self._flights.get(digest)
            job = flight.join() if flight is not None else None
            if job is not None:
                return job
            flight = self._flights[digest] = _Flight(spec)
            job = flight.join()
            assert job is not None  # nobody has left it yet
        flight.future.add_done_callback(lambda _: self._forget(digest, flight))
        self._preparing.submit(self._prepare, spec, flight, fresh)
        return job

    def stored(self, spec: Spec | str) -> Result | None:
        """The stored result of a spec or digest, or None. Instant: touches neither lane, model nor network."""
        data = self.store.get(spec if isinstance(spec, str) else spec.digest())
        if data is None:
            return None
        try:
            return Result.from_dict(data, KINDS[data["spec"]["kind"]])
        except (AppError, KeyError, TypeError, ValueError):
            return None  # written by a version with other options; computed anew

    def estimate(self, specs: Mapping[str, Spec], seconds: float) -> dict[str, Estimate] | None:
        """What questions to one model would take, by their names; None when the lane does not say within `seconds`.

        Loads no model but a bundled one, so {} for one that has not answered here yet. On ZeroGPU nothing is asked,
        since that would spend a visitor's allowance.
        """
        if self.settings.zero_gpu or not specs:
            return {}
        task = Task(Inquiry(specs))
        try:
            self._lane.submit(task)
            found = task.future.result(seconds)
        except (FutureTimeout, AppError):
            task.cancelled.set()
            return None
        assert isinstance(found, dict)
        return found

    def known(self, spec: Spec | str) -> Result | None:
        """The recorded or stored result of a spec or digest, or None. As instant as `stored`."""
        digest = spec if isinstance(spec, str) else spec.digest()
        return gallery.recorded().get(digest) or self.stored(digest)

    def known_by_maker(self, address: str) -> Result | None:
        """The result that whoever made an `s=` link stored, when options have been added since; see `made_digest`."""
        digest = made_digest(address)
        return self.known(digest) if digest else None

    def from_link(self, url: str) -> tuple[Spec, Result | None]:
        """The question of a link and, where it is stored here, its answer. Computes nothing, and asks no network.

        `url` is the address of a page, embedded figure or file, or a bare token. Raises SpecError for what is no
        link, and for a short link whose result is not kept here: it does not say what was asked.
        """
        spec, digest, _ = parse_url(url, KINDS)
        if not digest:
            assert spec is not None  # an address names one of the two
            digest = spec.digest()
        result = self.known(digest) or self.known_by_maker(url)
        if result is not None:
            return result.spec, result
        if spec is None:
            raise SpecError("the result of this short link is not kept here.", hint="Ask for the long link.")
        return spec, None

    def strange(self, spec: Spec) -> list[str]:
        """The models of a question that neither ship here, nor are listed by the owner, nor were asked for here before.

        Links to them must not run by themselves: whoever wrote one would choose what is loaded here. Where only listed
        models are allowed there are none, since others are refused before anything of them is looked at.
        """
        if not self.settings.allow_any_model:
            return []
        return [name for name in _models(spec) if name not in self._asked and not is_listed(name, self.settings)]

    def start(self) -> None:
        """Warm the lane in the background, so that the first question does not wait for torch."""
        self._lane.start()

    def waiting(self) -> int:
        """How many computations have not begun."""
        return self._lane.waiting()

    def stop(self) -> None:
        """Let the computation in hand finish and end the threads."""
        self._preparing.shutdown(wait=False, cancel_futures=True)
        self._lane.stop()

    def _prepare(self, spec: Spec, flight: _Flight, fresh: bool) -> None:
        try:
            remembered = self.stored if not fresh and not plugins.own(spec) else lambda _: None
            result = remembered(spec)
            if result is None:
                tick = flight.task.checkpoint(float("inf"), 0)
                tick(0, 0, "Looking up the model")
                flight.task.spec = pinned = self._pinned(spec, tick)
                result = remembered(pinned)
            if result is not None:
                flight.future.set_result(result)
                return
            flight.task.progress = (0, 0, "Waiting")
            flight.task.future.add_done_callback(functools.partial(self._land, flight))
            self._lane.submit(flight.task)
        except Exception as error:
            flight.future.set_exception(to_app_error(error))

    def _pinned(self, spec: Spec, tick: Tick) -> Spec:
        """The spec with the exact revision of its model, or of both its models, whose files are here then."""
        exact = {"revision": fetch(resolve(spec.model, self.settings, revision=spec.revision), self.settings, tick)}
        if isinstance(spec, ComparesModels) and spec.other_model:
            other = resolve(spec.other_model, self.settings, revision=spec.other_revision)
            exact["other_revision"] = fetch(other, self.settings, tick)
        return spec.replace(**{name: source.revision for name, source in exact.items()})

    def _land(self, flight: _Flight, computed: Future[Answer]) -> None:
        error = computed.exception()
        if error is not None:
            flight.future.set_exception(error)
            return
        asked, result = flight.task.spec, computed.result()
        assert isinstance(asked, Spec) and isinstance(result, Result)
        # Under the spec with the exact ids, which links carry, and under the one that was asked.
        self.store.put(result.spec.digest(), result.to_dict(), alias=asked.digest())
        flight.future.set_result(result)

    def _forget(self, digest: str, flight: _Flight) -> None:
        with self._lock:
            if self._flights.get(digest) is flight:
                del self._flights[digest]


def _models(spec: Spec) -> list[str]:
    """The models a question is about."""
    return [name for name in (getattr(spec, "model", ""), getattr(spec, "other_model", "")) if name]


@functools.lru_cache(maxsize=1)
def default_runner() -> Runner:
    """The runner of this process, with settings from the environment."""
    return Runner()


def from_link(url: str) -> tuple[Spec, Result | None]:
    """The Spec of a link and, where this computer has stored it, the Result; see `Runner.from_link`."""
    return default_runner().from_link(url)


def run(spec: Spec, *, tick: Tick | None = None) -> Result:
    """The answer to `spec`, computed or remembered. The one call that Python users need."""
    return default_runner().run(spec, tick=tick)
