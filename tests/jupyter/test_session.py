"""Which jobs of a server are those of an earlier kernel of this notebook."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_ext import session
from jupyter_ext.session import Session
from sd_core.client import Client
from sd_core.events import EventKind
from sd_core.requests import Animation
from tests.animation import worlds
from tests.conftest import Built
from tests.server.servers import PATIENCE, adjust, running
from tests.tiny import TinyKind


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tiny: Built) -> Iterator[tuple[Client, Path]]:
    home = tmp_path_factory.mktemp("server")
    with running(home, "--model", str(tiny(TinyKind.SD2_DEPTH))) as (_, client):
        yield client, home


def restarted(name: str, monkeypatch: pytest.MonkeyPatch) -> Session:
    """The session of the next kernel of a notebook, in a container whose processes are numbered from the start again."""
    monkeypatch.setattr(os, "getpid", lambda: 33)
    session._kernel_id.cache_clear()
    return Session(name)


def ignore(_: Any) -> None:
    """Nothing is followed here."""


def test_a_kernel_with_the_number_of_the_one_before_it_is_another_one(
    server: tuple[Client, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = server
    first = restarted("walls.ipynb", monkeypatch)
    client.submit(adjust(1), id=first.new_id()).result(PATIENCE)
    assert Session("walls.ipynb").collect_earlier_jobs(client, ignore) == [], (
        "its own jobs are no earlier ones, also in a second studio"
    )
    second = restarted("walls.ipynb", monkeypatch)
    assert [made.request for made in second.collect_earlier_jobs(client, ignore)] == [adjust(1)]
    assert second.collect_earlier_jobs(client, ignore) == [], "each job is taken up once"


def test_an_animation_without_its_frames_is_left_out_and_hides_no_other_job(
    server: tuple[Client, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, home = server
    first = restarted("film.ipynb", monkeypatch)
    shot = Animation(prompt="brick", seed=4, passes=worlds.pan(2), num_inference_steps=2)
    film = client.submit(shot, id=first.new_id())
    frames = [event.image for event in film.events() if event.kind is EventKind.FRAME]
    client.submit(adjust(2), id=first.new_id()).result(PATIENCE)
    lose(home, frames[0])
    made = restarted("film.ipynb", monkeypatch).collect_earlier_jobs(client, ignore)
    assert [each.request for each in made] == [adjust(2)]


def lose(home: Path, array: Any) -> None:
    """As if it had made room for newer ones."""
    from sd_core.values import array_digest

    (home / "blobs" / f"{array_digest(array)}.npy").unlink()
