"""A real kernel that is restarted in the middle of its work; no browser is needed for that."""

from __future__ import annotations

import ast
import os
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from sd_core.client import Client
from sd_core.values import array_digest
from tests.server.servers import PATIENCE, adjust, running, state_of, wait_for

ROOT = Path(__file__).parents[2]


class Kernel:
    """A kernel as Jupyter starts it for a notebook of this name."""

    def __init__(self, notebook: str, folder: Path) -> None:
        self._manager = KernelManager(kernel_name="python3")
        environment = {
            **os.environ,
            "JPY_SESSION_NAME": notebook,
            "SD_CORE_HOME": str(folder),
            "IPYTHONDIR": str(folder / "ipython"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        self._manager.start_kernel(env=environment, cwd=str(folder))
        self._client: BlockingKernelClient = self._connect()

    def _connect(self) -> BlockingKernelClient:
        client = self._manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        return client

    def restart(self) -> None:
        """As the button does it: everything in memory is gone."""
        self._client.stop_channels()
        self._manager.restart_kernel(now=True)
        self._client = self._connect()

    def run(self, code: str) -> list[dict[str, Any]]:
        """Run a cell; gives what it displayed, by MIME type."""
        shown: list[dict[str, Any]] = []

        def collect(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("display_data", "update_display_data"):
                shown.append(message["content"]["data"])

        reply = self._client.execute_interactive(code, timeout=PATIENCE, output_hook=collect)
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"].get("traceback", []))
        return shown

    def ask(self, expression: str) -> Any:
        """The value of an expression, asked for between cells."""
        reply = self._client.execute_interactive(
            "", silent=True, user_expressions={"it": expression}, timeout=PATIENCE, output_hook=lambda _: None
        )
        answer = reply["content"]["user_expressions"]["it"]
        assert answer["status"] == "ok", answer
        return ast.literal_eval(answer["data"]["text/plain"])

    def wait_for(self, expression: str, value: object) -> None:
        """Ask until an expression has a value."""
        end = time.monotonic() + PATIENCE
        while (found := self.ask(expression)) != value:
            assert time.monotonic() < end, f"{expression} is {found!r}"
            time.sleep(0.1)

    def pictures(self, seconds: float = 20) -> int:
        """How many outputs with a picture come between cells."""
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end and not count:
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            count += "image/png" in message["content"].get("data", {})
        return count

    def stop(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Kernel]]:
    started: list[Kernel] = []

    def make(notebook: str) -> Kernel:
        started.append(Kernel(notebook, tmp_path))
        return started[-1]

    yield make
    for kernel in started:
        kernel.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running(tmp_path_factory.mktemp("server")) as (_, client):
        yield client


def studio_cell(server: Client) -> str:
    url, token = server.url, server.transport._headers["Authorization"].removeprefix("Bearer ")
    return (
        "import sd_core\nfrom jupyter_ext import Studio\nfrom tests.server.servers import adjust, endless\n"
        f"studio = Studio(sd_core.connect({url!r}, {token!r}))\nstudio"
    )


DIGESTS = "[sd_core.values.array_digest(entry.picture) for entry in studio.history]"


def test_after_a_restart_the_history_is_there_again_and_what_ran_is_followed(
    start: Callable[[str], Kernel], server: Client
) -> None:
    kernel = start("walls.ipynb")
    kernel.run(studio_cell(server))
    kernel.run("for seed in (1, 2):\n    studio.submit(adjust(seed)).wait()")
    kernel.run("studio.presets['mine'] = {'num_inference_steps': 9}\nlong = studio.submit(endless())")
    kernel.wait_for("studio.status", "running")
    made, job = kernel.ask(DIGESTS), kernel.ask("long.id")
    assert len(made) == 2

    kernel.restart()
    kernel.run(studio_cell(server))
    kernel.wait_for(DIGESTS, made)
    assert kernel.ask("[entry.request == adjust(seed) for seed, entry in enumerate(studio.history, 1)]") == [True, True]
    assert kernel.ask("sd_core.values.array_digest(studio.result.images[0])") == made[-1]
    assert kernel.ask("'mine' in studio._presets.choice.options")
    kernel.wait_for("studio.status", "running")
    kernel.run("studio.cancel()")
    wait_for(lambda: state_of(server, job) == "cancelled")
    kernel.wait_for("(studio.status, len(studio.history))", ("cancelled", 2))


def test_the_picture_is_stored_in_the_notebook_again_and_each_job_is_taken_up_once(
    start: Callable[[str], Kernel], server: Client
) -> None:
    kernel = start("stones.ipynb")
    kernel.run(studio_cell(server))
    kernel.run("studio.submit(adjust(3)).wait()")
    kernel.restart()
    kernel.run(studio_cell(server))
    assert kernel.pictures() == 1
    kernel.run("display(studio)")
    kernel.run("studio.submit(adjust(4)).wait()")
    assert kernel.ask("len(studio.history)") == 2


def test_another_notebook_sees_nothing_of_it(start: Callable[[str], Kernel], server: Client) -> None:
    first = start("mine.ipynb")
    first.run(studio_cell(server))
    first.run("studio.submit(adjust(5)).wait()")
    other = start("theirs.ipynb")
    other.run(studio_cell(server))
    other.run("studio.submit(adjust(6)).wait()")
    assert other.ask(DIGESTS) == [array_digest(server.run(adjust(6)).images[0])]
