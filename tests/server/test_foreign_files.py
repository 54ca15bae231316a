"""A server deletes what it has made itself; files of others that lie in its home stay."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from sd_core.requests import Animation
from sd_core.server import housekeeper, state
from tests.animation import worlds
from tests.server.fakes import ended, serving, submit, until, use_fake_engines


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a picture of ours")
    return path


def test_a_start_and_a_job_leave_the_files_of_others_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_engines(monkeypatch)
    foreign = [
        write(tmp_path / "blobs" / "holiday.tmp"),
        write(tmp_path / "blobs" / ".upload-1.tmp"),
        write(tmp_path / "blobs" / f"{'a' * 64}.png"),
        write(tmp_path / "jobs" / "holiday pictures" / "beach.png"),
        write(tmp_path / "jobs" / "holiday" / "beach.png"),
        write(tmp_path / "jobs" / "done-before" / "beach.png"),
        write(tmp_path / "jobs" / "beach.png"),
        write(tmp_path / "beach.png"),
    ]

    async def run() -> None:
        for _ in range(2):
            async with serving(tmp_path) as service:
                await submit(service, "done-before")
                await ended(service, "done-before")
        async with serving(tmp_path) as service:
            await until(lambda: service.dispatchers[0].is_ready)

    asyncio.run(run())
    assert [path.read_bytes() for path in foreign] == [b"a picture of ours"] * len(foreign)


def test_what_a_killed_server_has_left_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_engines(monkeypatch)
    left = [
        write(tmp_path / "blobs" / f"upload-{'0f' * 8}.tmp"),
        write(tmp_path / "blobs" / f".{'0f' * 32}.npy.{'0f' * 4}.tmp"),
        write(tmp_path / "jobs" / "unknown" / "files" / "frame000000.exr"),
    ]

    async def run() -> None:
        async with serving(tmp_path) as service:
            await until(lambda: service.dispatchers[0].is_ready)

    asyncio.run(run())
    assert not any(path.exists() for path in left) and not (tmp_path / "jobs" / "unknown").exists()


def test_what_a_killed_engine_left_half_done_goes_before_the_next_one_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fake_engines(monkeypatch)
    left = write(tmp_path / "temporary" / "engine-0" / "tmp36882z5r" / "mesh.npz")

    async def run() -> None:
        async with serving(tmp_path) as service:
            await until(lambda: service.dispatchers[0].is_ready)
            engine = service.dispatchers[0].engine
            assert engine is not None and engine.pid is not None
            assert psutil.Process(engine.pid).environ()["TMPDIR"] == str(left.parents[1])

    asyncio.run(run())
    assert not left.exists()


def test_a_folder_that_cannot_be_deleted_when_its_job_ends_is_deleted_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fake_engines(monkeypatch)
    monkeypatch.setattr(housekeeper, "_LOOK", 0.05)
    lacking = [True]

    def rmtree(path: Path, *, ignore_errors: bool) -> None:
        assert ignore_errors
        if not lacking[0]:  # as with "too many open files", of which nothing is told
            remove(path, ignore_errors=True)

    remove = shutil.rmtree
    monkeypatch.setattr(state, "shutil", SimpleNamespace(rmtree=rmtree))

    async def run() -> None:
        async with serving(tmp_path) as service:
            film = Animation(prompt="frames=2", seed=4, passes=worlds.occluder(2), num_inference_steps=4)
            await submit(service, "film", film)
            await ended(service, "film")
            await until(lambda: service.store.undeleted_folders == {"film"})
            lacking[0] = False
            await until(lambda: not service.store.job_folder("film").exists())
            await until(lambda: not service.store.undeleted_folders)

    asyncio.run(run())
