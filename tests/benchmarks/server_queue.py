"""What a long queue costs the server: 20,000 finished and 2,000 waiting jobs; and what a stream costs its readers.

    python tests/benchmarks/server_queue.py [--finished 20000] [--waiting 2000] [--events 18000]

Times are of the service itself, without HTTP and without engines; medians of 21 calls. Processor time for the streams.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sd_core.requests import TextToImage
from sd_core.server import journal
from sd_core.server.database import Connection
from sd_core.server.event_feed import Feed
from sd_core.server.records import JobState, NewJob, Priority
from sd_core.server.service import Service
from sd_core.server.settings import ServerSettings
from sd_core.server.state import Store, open_store
from sd_core.server.stored_events import StoredEvent, event_id

CALLS = 21
DIGEST = "{:064x}"


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory() as home:
        settings = ServerSettings(home=Path(home), devices=("none",), start_held=True)
        (settings.home / "logs").mkdir()
        store = open_store(settings)
        asyncio.run(fill(store, options.finished, options.waiting))
        store.database.close()
        asyncio.run(measure(settings, options))
    asyncio.run(streams(options.events))


async def fill(store: Store, finished: int, waiting: int) -> None:
    """Write jobs down as if they had been submitted and run."""
    for start in range(0, finished, 500):
        await store.database.run(lambda held, start=start: add_some(held, range(start, start + 500), ended=True))
    await store.database.run(lambda held: add_some(held, range(finished, finished + waiting), ended=False))


def add_some(connection: Connection, numbers: range, *, ended: bool) -> None:
    """Jobs with a control image each, so that every result was made from something."""
    for number in numbers:
        image = {"blob": DIGEST.format(number), "dtype": "uint8", "shape": [512, 512, 3]}
        request = {**json.loads(TextToImage(prompt=f"job {number} " * 10).to_json()), "image": image}
        job, _ = journal.add(
            connection,
            NewJob(
                id=f"job{number}", priority=Priority.BATCH, request=json.dumps(request), attachments={}, model="builtin",
                blobs=frozenset({image["blob"]}),
            ),
            10**9,
        )  # fmt: skip
        if ended:
            made = {**image, "blob": DIGEST.format(10**9 + number)}
            result = {"kind": "result", "result": {"images": [made], "request": request, "timings": {}}}
            journal.finish(connection, job, JobState.DONE, StoredEvent(event_id(1, 1), result))


async def measure(settings: ServerSettings, options: argparse.Namespace) -> None:
    """Start, submit, list, health, a job, its result."""
    start = time.perf_counter()
    store = open_store(settings)
    opened = time.perf_counter() - start
    service = Service(store)
    await service.start()
    row("start", time.perf_counter() - start, f"of which {opened * 1000:.0f} ms open and check the journal")
    body = json.loads(TextToImage(prompt="one more").to_json())
    names = iter(range(10**6))
    number = options.finished // 2
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "submit": lambda: service.submit(f"new{next(names)}", Priority.BATCH, body, {}),
        "list 100": lambda: service.list_jobs(None, number, 100),
        "list 1000": lambda: service.list_jobs(None, number, 1000),
        "list 1000 waiting": lambda: service.list_jobs(JobState.QUEUED, 0, 1000),
        "health: counts": lambda: store.database.run(journal.count_states),
        "usage of an owner": lambda: store.database.run(lambda held: journal.usage(held, "")),
        "one job": lambda: service.job(f"job{number}"),
        "move to the front": lambda: service.move(f"job{options.finished + 1000}", 0, None),
        "move to the middle": lambda: service.move(f"job{options.finished + 1000}", 900, None),
    }
    for name, call in calls.items():
        row(name, await median(call))
    everything = time.perf_counter()
    after, pages = 0, 0
    while page := await service.list_jobs(None, after, 1000):
        after, pages = page[-1].number, pages + 1
    row("list all", time.perf_counter() - everything, f"{pages} pages")
    await service.stop()
    store.database.close()


async def median(call: Callable[[], Awaitable[object]]) -> float:
    """Seconds of one call."""
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


async def streams(events: int) -> None:
    """Readers that wake at every event, as those over a fast network do."""
    for count, readers in ((events // 4, 1), (events, 1), (events, 4)):
        feed = Feed()
        tasks = [asyncio.create_task(read(feed)) for _ in range(readers)]
        await asyncio.sleep(0)
        start = time.process_time()
        for number in range(1, count + 1):
            feed.publish(StoredEvent(number, {"kind": "step", "index": number, "preview": None}))
            await asyncio.sleep(0)
        feed.publish(StoredEvent(count + 1, {"kind": "result"}))
        assert await asyncio.gather(*tasks) == [count + 1] * readers
        used = time.process_time() - start
        row(
            f"{count} events, {readers} readers",
            used,
            f"{used / count / readers * 1e6:.1f} us for one event and reader",
        )


async def read(feed: Feed) -> int:
    """How many events there were."""
    return len([event async for event in feed.after(0)])


def row(name: str, seconds: float, note: str = "") -> None:
    """One line of the table."""
    print(f"{name:28s} {seconds * 1000:10.2f} ms  {note}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--finished", type=int, default=20_000)
    parser.add_argument("--waiting", type=int, default=2_000)
    parser.add_argument("--events", type=int, default=18_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
