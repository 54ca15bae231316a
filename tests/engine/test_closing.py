"""Every job that an engine accepts ends, whoever closes it and whenever; nothing waits for ever in a forked child."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import NoReturn

import pytest

from sd_core import Cancelled, Engine, EngineDied, ModelNotFound, SDError, TextToImage
from sd_core.engine.waiting import JobQueue
from sd_core.jobs import Job

NOWHERE = TextToImage(prompt="wall", model="./no-such-model")
"""Fails as soon as it runs."""

ENDED = 30.0
"""s after which a job counts as one that never ends; it takes milliseconds."""

THREADS = 4


def ends(job: Job) -> bool:
    with pytest.raises(SDError) as failed:
        job.result(timeout=ENDED)
    return isinstance(failed.value, Cancelled | ModelNotFound)


def race(put: Callable[[Job], Job], close: Callable[[], None], after: int) -> list[Job]:
    """The jobs that were accepted by several threads that submit until they are refused; it closes after so many."""
    accepted: list[Job] = []
    enough = threading.Event()

    def submit() -> None:
        while True:
            try:
                accepted.append(put(Job(NOWHERE)))
            except SDError:
                return
            if len(accepted) >= after:
                enough.set()

    submitting = [threading.Thread(target=submit) for _ in range(THREADS)]
    for thread in submitting:
        thread.start()
    assert enough.wait(ENDED)
    close()
    for thread in submitting:
        thread.join(ENDED)
    assert not any(thread.is_alive() for thread in submitting)
    return accepted


def test_every_job_put_while_the_queue_closes_is_taken_or_cancelled_or_refused() -> None:
    for after in range(1, 1000, 50):
        waiting = JobQueue()

        def put(job: Job, waiting: JobQueue = waiting) -> Job:
            waiting.put(job)
            return job

        def work(waiting: JobQueue = waiting) -> None:
            while (job := waiting.take()) is not None:
                if job.start():
                    job.fail(ModelNotFound("wall"))

        worker = threading.Thread(target=work)
        worker.start()
        jobs = race(put, waiting.close, after)
        worker.join(ENDED)
        assert not worker.is_alive()
        assert len(jobs) >= after
        assert all(job.done for job in jobs)


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_job_submitted_while_the_engine_closes_ends_or_is_refused(after: int) -> None:
    engine = Engine(device="cpu")
    jobs = race(lambda job: engine.submit(job.request), engine.close, after)
    assert len(jobs) >= after
    assert all(ends(job) for job in jobs)


def test_two_threads_may_close_at_once() -> None:
    engine = Engine(device="cpu")
    jobs = [engine.submit(NOWHERE) for _ in range(50)]
    closing = [threading.Thread(target=engine.close) for _ in range(2)]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join(ENDED)
    assert not any(thread.is_alive() for thread in closing)
    assert all(ends(job) for job in jobs)


def test_a_job_put_by_a_thread_whose_signal_handler_closes_the_queue_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, job = JobQueue(), Job(NOWHERE)
    report = job.report

    def interrupted(event: object) -> None:
        report(event)
        waiting.close()

    monkeypatch.setattr(job, "report", interrupted)
    waiting.put(job)
    assert job.done and waiting.take() is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_jobs_end_when_the_engines_thread_does(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(device="cpu")
    begun, go_on = threading.Event(), threading.Event()

    def dies(job: Job) -> NoReturn:
        begun.set()
        go_on.wait(ENDED)
        raise SystemExit

    monkeypatch.setattr(engine, "_run_job", dies)
    jobs = [engine.submit(NOWHERE) for _ in range(3)]
    assert begun.wait(ENDED)
    go_on.set()
    for job in jobs:
        with pytest.raises(EngineDied, match="make a new engine"):
            job.result(timeout=ENDED)
    with pytest.raises(SDError, match="closed"):
        engine.submit(NOWHERE)
    engine.close()


IN_A_CHILD = """
    import os, sys
    from sd_core import Engine, SDError, TextToImage

    nowhere = TextToImage(prompt="wall", model="./no-such-model")
    engine = Engine(device="cpu")
    job = engine.submit(nowhere)
    tried = {
        "submit": lambda: engine.submit(nowhere),
        "run": lambda: engine.run(nowhere),
        "stream": lambda: list(engine.stream(nowhere)),
        "free_memory": engine.free_memory,
        "result": job.result,
        "events": lambda: list(job.events()),
        "cancel": job.cancel,
        "done": lambda: job.done,
    }
    sys.stdout.flush()
    if child := os.fork():
        status = os.waitpid(child, 0)[1]
        engine.close()
        sys.exit(os.waitstatus_to_exitcode(status))
    for name, call in tried.items():
        try:
            call()
        except SDError as refused:
            print(name, refused, flush=True)
    engine.close()
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system starts every process anew")
def test_an_engine_and_its_jobs_refuse_a_forked_child_and_say_what_to_do() -> None:
    program = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(IN_A_CHILD)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=120)
    sentences = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert set(sentences) == {"submit", "run", "stream", "free_memory", "result", "events", "cancel", "done"}
    assert all(
        "was made before this process was forked" in text and "in the child" in text for text in sentences.values()
    )
