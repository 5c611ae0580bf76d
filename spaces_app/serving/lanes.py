"""Where computing happens: one thread, one worker process, or one ZeroGPU call, behind one interface.

A lane takes one spec at a time: hooks on a shared model, and loading beside computing, give wrong numbers in silence.
"""

from __future__ import annotations

import logging
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, TypeAlias

from spaces_app.errors import AppError, Busy, Cancelled, TooLarge, to_app_error
from spaces_app.results import Result
from spaces_app.serving.worker import Worker
from spaces_app.settings import Settings
from spaces_app.spec import Spec
from spaces_app.types import Tick

if TYPE_CHECKING:
    from spaces_app.costs.limits import Estimate, Inquiry


log = logging.getLogger("seqscope")

Answer: TypeAlias = "Result | dict[str, Estimate]"


class Task:
    """One spec, or an inquiry about what some would take, on its way through a lane."""

    def __init__(self, spec: Spec | Inquiry):
        self.spec = spec
        self.future: Future[Answer] = Future()
        self.progress: tuple[int, int, str] = (0, 0, "Waiting")
        self.cancelled = threading.Event()

    def checkpoint(self, deadline: float, seconds: int) -> Tick:
        """A tick that records progress and stops the work when nobody waits or the time is up."""

        def tick(done: int, total: int, what: str) -> None:
            self.progress = (done, total, what)
            if self.cancelled.is_set():
                raise Cancelled("stopped.")
            if time.monotonic() > deadline:
                raise TooLarge(
                    f"this takes longer than the {seconds} s allowed ({what}, {done} of {total}).",
                    hint="Use a shorter text, fewer new tokens or fewer steps.",
                )

        return tick


class ThreadLane:
    """One thread that alone touches torch. For `python app.py`, notebooks and the command line."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self._waiting: queue.Queue[Task | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._worker = Worker(settings)

    def start(self) -> None:
        """Begin to warm up in the background; harmless when it has been done."""
        with self._start_lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="seqscope-lane", daemon=True)
                self._thread.start()

    def submit(self, task: Task) -> None:
        """Queue a task. Raises Busy when too many wait."""
        if self._waiting.qsize() >= self.settings.queue:
            raise Busy(f"{self.settings.queue} requests are waiting already.", hint="Try again in a minute.")
        self._waiting.put(task)
        self.start()

    def waiting(self) -> int:
        """How many tasks have not begun."""
        return self._waiting.qsize()

    def stop(self) -> None:
        """Finish the task in hand and end the thread."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _serve(self) -> None:
        self._warm()
        while (task := self._waiting.get()) is not None:
            if not task.cancelled.is_set():
                self._do(task)
            elif not task.future.done():
                task.future.set_exception(Cancelled("stopped."))

    def _warm(self) -> None:
        try:
            self._worker.warm()
        except Exception:
            log.exception("warming up failed; the first question will say why")

    def _do(self, task: Task) -> None:
        seconds = self.settings.max_seconds
        try:
            result = self._answer(task, task.checkpoint(time.monotonic() + seconds, seconds))
        except BaseException as error:  # PanicException of Rust tokenizers is not an Exception
            task.future.set_exception(to_app_error(error))
            if isinstance(error, SystemExit | KeyboardInterrupt):
                raise
        else:
            task.future.set_result(result)

    def _answer(self, task: Task, tick: Tick) -> Answer:
        return self._worker.answer(task.spec, tick)


class ZeroGpuLane(ThreadLane):
    """ZeroGPU: the whole answer is one `spaces.GPU` call, which runs in a forked process that holds the GPU.

    Progress and Stop do not cross into that process; the reserved duration bounds it instead.
    """

    def __init__(self, settings: Settings):
        super().__init__(settings)
        import spaces  # only on a Space with ZeroGPU hardware; must come before torch touches CUDA

        answer = self._worker.answer

        def explain(spec: Spec | Inquiry) -> Answer:
            return answer(spec, _no_tick)

        self._explain = spaces.GPU(explain, duration=min(60, settings.max_seconds))

    def _answer(self, task: Task, tick: Tick) -> Answer:
        tick(0, 0, "Waiting for a GPU")
        return self._explain(task.spec)


class ProcessLane(ThreadLane):
    """A worker process: whatever a hostile tokenizer or an exhausted memory does, the page survives it.

    The thread of this lane only speaks to the process, which it starts again when it has died.
    """

    def __init__(self, settings: Settings):
        super().__init__(settings)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["spaces_app.serving.worker"])
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def stop(self) -> None:
        super().stop()
        self._kill()

    def _warm(self) -> None:
        self._ensure()

    def _ensure(self) -> Connection:
        if self._process is None or not self._process.is_alive():
            self._pipe, theirs = self._context.Pipe()
            self._process = self._context.Process(target=serve_pipe, args=(theirs, self.settings), daemon=True)
            self._process.start()
            theirs.close()
        assert self._pipe is not None  # as long as there is a process
        return self._pipe

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join(timeout=5)
            self._process = None

    def _answer(self, task: Task, tick: Tick) -> Answer:
        pipe = self._ensure()
        try:
            pipe.send(task.spec)
            return self._receive(pipe, task, tick)
        except (Cancelled, TooLarge):
            raise
        except (EOFError, OSError):
            code = self._process.exitcode if self._process else None
            self._kill()
            raise TooLarge(
                f"the computation ended unexpectedly (exit code {code}), most likely for lack of memory.",
                hint="Use a shorter text or a smaller model.",
            ) from None

    def _receive(self, pipe: Connection, task: Task, tick: Tick) -> Answer:
        while True:
            try:
                if not pipe.poll(0.1):
                    tick(*task.progress)
                    continue
                what, content = pipe.recv()
                if what == "tick":
                    tick(*content)
            except (Cancelled, TooLarge):
                self._kill()  # faster and surer than asking; the next task finds a new process
                raise
            if what == "error":
                raise content
            if what == "result":
                return content


def serve_pipe(pipe: Connection, settings: Settings) -> None:
    """The body of a worker process: specs in; ticks, and a result or an error, out."""
    worker = Worker(settings)
    worker.warm()
    last = 0.0

    def tick(done: int, total: int, what: str) -> None:
        nonlocal last
        if time.monotonic() - last > 0.1:
            last = time.monotonic()
            pipe.send(("tick", (done, total, what)))

    while True:
        try:
            spec = pipe.recv()
        except EOFError:
            return
        try:
            reply: tuple[str, object] = ("result", worker.answer(spec, tick))
        except BaseException as error:  # PanicException of Rust tokenizers is not an Exception
            reply = ("error", to_app_error(error))
        pipe.send(reply)


def _no_tick(done: int, total: int, what: str) -> None:
    """Progress goes nowhere from inside a ZeroGPU call."""


def make_lane(settings: Settings) -> ThreadLane:
    """The lane these settings ask for."""
    if settings.zero_gpu:
        return ZeroGpuLane(settings)
    lanes: dict[str, Callable[[Settings], ThreadLane]] = {"thread": ThreadLane, "process": ProcessLane}
    if settings.lane not in lanes:
        raise AppError(f"{settings.lane!r} is not one of {', '.join(lanes)}.", field="SEQSCOPE_LANE")
    return lanes[settings.lane](settings)
