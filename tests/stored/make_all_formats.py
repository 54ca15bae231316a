"""What version 0.1.0 wrote, before the JSON of requests had a version: every choice and every format, made once.

As `make_stored.py`, which has what is read most, in the tree of that version; best in a place that tells nothing of the
machine, since results note where the built-in model is:

    python -m tests.stored.make_all_formats tests/stored/all_formats
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import sd_core
from sd_core import Camera, Engine, FramePasses, SDError, replace, requests
from sd_core.client import Client, ServerProcess, start_server
from sd_core.passes import PositionSpace, Sidecar, write_sidecar
from sd_core.saving import save_arrays
from tests.stored import written

_PATIENCE = 300.0
_PARTS = (
    requests.Lora, requests.Control, requests.ImagePrompt, requests.Keyframe, requests.PassName, requests.Reuse, requests.Mesh,
    Camera, FramePasses,
)  # fmt: skip


def make_requests(folder: Path) -> None:
    """Each as `to_json` gives it, and as the server's journal holds it."""
    _require_every_field()
    for name, plain in written.REQUESTS.items():
        request = replace(plain, **written.NO_EFFECT) if name == "mesh_texture" else plain
        text = request.to_json()
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
        (folder / f"{name}.journal.json").write_text(json.dumps(json.loads(text), sort_keys=True), encoding="utf-8")
        save_arrays(request, folder / "arrays")


def _require_every_field() -> None:
    """Every field of every kind and part is stored once with another value than its default.

    But for `num_images`, which textures and animations have only one of.
    """
    for cls in (*requests.COMMANDS.values(), *_PARTS):
        changed = set().union(*(held.changed_fields() for held in _values(tuple(written.REQUESTS.values()), cls)))
        missing = {spec.name for spec in fields(cls)} - changed - {"num_images"}
        assert not missing, f"{cls.__name__}: {missing}"


def _values(held: object, cls: type) -> list:
    own = [held] if isinstance(held, cls) else []
    inner = (
        held if isinstance(held, tuple) else [getattr(held, name) for name in getattr(held, "__dataclass_fields__", ())]
    )
    return own + [found for each in inner for found in _values(each, cls)]


def make_pictures(folder: Path, engine: Engine) -> None:
    """A picture of each kind with the request inside, and one in each format that carries only a text."""
    for name, request in written.PAINTED.items():
        result = engine.run(request)
        result.save(folder / f"{name}.png")
        if name == "image_to_image":
            result.save(folder / "picture.jpg")
            result.save(folder / "picture.webp")
        if name == "mesh_texture":
            result.save(folder / "mesh.glb")


def make_sidecar(folder: Path) -> None:
    """What lies beside a rendered frame."""
    sidecar = Sidecar(camera=written.CAMERA, cut=True, position_space=PositionSpace.REST)
    write_sidecar(folder / "0001.exr", sidecar)


def make_server(home: Path) -> None:
    """A journal and blobs with jobs that are done, failed, cancelled and queued."""
    server = start_server(arguments=("--device", "cpu", "--dtype", "float32"), home=home, timeout=_PATIENCE)
    try:
        with server.connect() as client:
            _fill(client)
            _keep_announcement(server, home)
    finally:
        server.stop()
    with closing(sqlite3.connect(home / "journal.sqlite3")) as journal:
        journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name in ("logs", "jobs", "temporary"):
        shutil.rmtree(home / name)
    for name in ("start.log", "server.lock"):
        (home / name).unlink()


def _fill(client: Client) -> None:
    for job_id, (state, request) in written.JOBS.items():
        client.hold(held=state in ("cancelled", "queued"))
        job = client.submit(request, id=job_id)
        if state == "cancelled":
            job.cancel()
        try:
            if state != "queued":
                job.result()
        except SDError:
            assert state in ("failed", "cancelled"), job_id
    found = {job["id"]: job["state"] for job in client.jobs()}
    assert found == {job_id: state for job_id, (state, _) in written.JOBS.items()}, found


def _keep_announcement(server: ServerProcess, home: Path) -> None:
    """As it lies there while the server runs; without its secret."""
    text = (home / "server.json").read_text(encoding="utf-8")
    (home / "announced.json").write_text(text.replace(server.announcement.token, "a-stored-token"), encoding="utf-8")


def make_home(home: Path) -> None:
    """What the user has approved, and the presets of the notebook."""
    from jupyter_ext.saved_presets import SavedPresets

    from jupyter_ext.presets import settings_of

    _run(sys.executable, "-m", "sd_core.cli", "models", "allow", *written.ALLOWED, home=home)
    presets = SavedPresets(home / "presets")
    for name, request in written.PRESETS.items():
        presets[name] = settings_of(request)


def make_notebook(path: Path) -> None:
    """A notebook that was run: a result, a studio, and what the studio stores below itself.

    Without the state of its widgets, which is the code in the page.
    """
    cells = [
        "from sd_core import Engine, TextToImage\nfrom jupyter_ext import Studio",
        "engine = Engine(device='cpu', dtype='float32')",
        "request = TextToImage(prompt='red wall', width=64, height=64, num_inference_steps=2, seed=5)\nengine.run(request)",
        "studio = Studio(engine, request)\nstudio",
        "studio.submit().wait()",
        "%load_ext jupyter_ext",
        "%sd txt2img red wall --width 64 --height 64 --num-inference-steps 2 --seed 5",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell, id=f"c{i}") for i, cell in enumerate(cells)])
    NotebookClient(book, timeout=600, kernel_name="python3", store_widget_state=False).execute()
    nbformat.write(book, path)


def _run(*command: str, home: Path) -> None:
    subprocess.run(command, check=True, env={**os.environ, "SD_CORE_HOME": str(home)})


def _timed(make: Callable[..., None], *arguments: object) -> None:
    start = time.monotonic()
    make(*arguments)
    sys.stderr.write(f"{make.__name__}: {time.monotonic() - start:.1f} s\n")


def main(target: Path) -> None:
    """Write everything but the .blend, which `make_all_formats_blend.py` writes."""
    assert sd_core.__version__ == "0.1.0"
    shutil.rmtree(target, ignore_errors=True)
    folders = {name: target / name for name in ("requests", "pictures", "sidecar", "server", "home", "notebook")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    _timed(make_requests, folders["requests"])
    with Engine(model="builtin", device="cpu", dtype="float32") as engine:
        _timed(make_pictures, folders["pictures"], engine)
    _timed(make_sidecar, folders["sidecar"])
    _timed(make_server, folders["server"])
    _timed(make_home, folders["home"])
    _timed(make_notebook, folders["notebook"] / "run.ipynb")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
