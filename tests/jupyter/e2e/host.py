"""A real JupyterLab or Notebook 7 with its own settings, and a notebook in it, driven and questioned by tests."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat
from playwright.sync_api import Error, Page

HostKind = Literal["lab", "notebook"]

_NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
_ASK = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({ code: "", silent: true, store_history: false, user_expressions: { it: code } });
  const reply = await future.done;
  const it = reply.content.user_expressions?.it;
  if (!it || it.status !== "ok") throw new Error(JSON.stringify(reply.content));
  return it.data["text/plain"];
}"""

# The command's promise holds until the server has written all of it.
_SAVE = """async () => {
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error("it was not saved")), 20_000));
  await Promise.race([window.jupyterapp.commands.execute("docmanager:save"), late]);
}"""


@dataclass(frozen=True, slots=True)
class Host:
    """A running server. `folder` is where its notebooks lie."""

    kind: HostKind
    url: str
    folder: Path

    def address(self, name: str) -> str:
        """The page of a notebook, in a workspace of its own: Lab opens again what was open before."""
        place = f"lab/workspaces/{Path(name).stem}/tree" if self.kind == "lab" else "notebooks"
        return f"{self.url}/{place}/{name}"


@contextmanager
def serve(kind: HostKind, root: Path, packages: Path | None = None) -> Iterator[Host]:
    """Start a server that keeps everything under `root`; what lies in `packages` goes before what is installed."""
    folder, settings = root / "work", root / "settings"
    folder.mkdir(parents=True)
    news = settings / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text(json.dumps(_NO_NEWS))
    port = free_port()
    process = subprocess.Popen(_command(kind, port, folder, root), env=_environment(root, packages), cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/api/status", process)
        yield Host(kind, url, folder)
    finally:
        process.terminate()
        process.wait(20)


class Book:
    """A notebook that is open on a page."""

    def __init__(self, host: Host, page: Page, name: str) -> None:
        self.host, self.page, self.name = host, page, name

    @property
    def path(self) -> Path:
        return self.host.folder / self.name

    def open(self) -> None:
        """Show it, and wait for its kernel."""
        self.page.goto(self.host.address(self.name))
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function(
            "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=60_000,
        )

    def command(self, name: str) -> None:
        """Run a command of the application."""
        self.page.evaluate("name => { void window.jupyterapp.commands.execute(name); }", name)

    def run(self) -> None:
        """Run all cells; returns at once."""
        self.command("notebook:run-all-cells")

    def run_cell(self, index: int) -> None:
        """Run one cell; returns at once."""
        self.page.evaluate("index => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index; }", index)
        self.command("notebook:run-cell")

    def ask(self, expression: str) -> Any:
        """The value of an expression in the kernel."""
        return ast.literal_eval(self.page.evaluate(_ASK, expression))

    def wait_for(self, expression: str, value: Any = True, timeout: float = 120) -> None:
        """Wait until an expression in the kernel has a value."""
        give_up = time.monotonic() + timeout
        while (found := self._ask_for_what_comes(expression)) != value:
            assert time.monotonic() < give_up, f"{expression} is {found!r}, not {value!r}, after {timeout} s"
            self.page.wait_for_timeout(200)

    def _ask_for_what_comes(self, expression: str) -> Any:
        """As `ask`; None while a name in it is missing: the cells that were just told to run may not have begun."""
        try:
            return self.ask(expression)
        except Error as error:
            if "NameError" not in str(error):
                raise
            return None

    def save(self) -> nbformat.NotebookNode:
        """Save it and read what was written."""
        self.page.evaluate(_SAVE)
        return nbformat.read(self.path, as_version=4)


def write_book(path: Path, cells: Sequence[str]) -> None:
    """A new notebook of code cells."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)


def _command(kind: HostKind, port: int, folder: Path, root: Path) -> list[str]:
    application = "LabApp" if kind == "lab" else "JupyterNotebookApp"
    return [
        sys.executable,
        "-m",
        "jupyterlab" if kind == "lab" else "notebook",
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--allow-root",
        f"--ServerApp.root_dir={folder}",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
        f"--{application}.expose_app_in_browser=True",
        f"--LabApp.user_settings_dir={root / 'settings'}",
        f"--LabApp.workspaces_dir={root / 'workspaces'}",
        f"--JupyterNotebookApp.user_settings_dir={root / 'settings'}",
    ]


def _environment(root: Path, packages: Path | None) -> dict[str, str]:
    places = {
        name: str(root / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    first = [str(packages)] if packages else []
    python_path = os.pathsep.join(
        [*first, *filter(None, [os.environ.get("PYTHONPATH")]), str(Path(__file__).parents[3])]
    )
    return {
        **os.environ,
        **places,
        "IPYTHONDIR": str(root / "ipython"),
        "SD_CORE_HOME": str(root / "home"),
        "PYTHONPATH": python_path,
        "OMP_NUM_THREADS": "1",
    }


def free_port() -> int:
    """A port that nothing listens to."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen[bytes], timeout: float = 90) -> None:
    """Wait until a server that `process` has begun answers at an address."""
    give_up = time.monotonic() + timeout
    while time.monotonic() < give_up:
        assert process.poll() is None, "the server ended at once"
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the server does not listen after {timeout} s")
