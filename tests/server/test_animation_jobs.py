"""Animation jobs: frames come as they are done, and a job that was interrupted goes on at the next one."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from sd_core.client import RemoteJob
from sd_core.events import FrameEvent
from sd_core.requests import Animation
from tests.animation import worlds
from tests.conftest import Built
from tests.server.servers import engine_pid, kill, rows, running
from tests.tiny import TinyKind

COUNT = 16
FRAMES = """
    SELECT events.id >> 32, json_extract(data, '$.index') FROM events JOIN jobs ON job = number
    WHERE jobs.id = '{}' AND json_extract(data, '$.kind') = 'frame' ORDER BY events.id
"""


def shot() -> Animation:
    return Animation(prompt="brick", seed=4, passes=worlds.occluder(COUNT), num_inference_steps=4)


def followed(job: RemoteJob, home: Path, pid: int) -> tuple[dict[int, bytes], dict[Path, int]]:
    """The frames as they are told while the engine is killed after the second, and when the files of those two were written."""
    frames: dict[int, bytes] = {}
    written: dict[Path, int] = {}
    folder = home / "jobs" / job.id / "output" / "frames"
    for event in job.events():
        if isinstance(event, FrameEvent):
            assert event.index not in frames
            frames[event.index] = event.image.tobytes()
            if len(frames) == 2:
                written = {folder / f"{index:06d}.png": 0 for index in frames}
                written = {path: path.stat().st_mtime_ns for path in written}
                kill(pid)
            elif event.index == COUNT // 2:  # the folder is there until the last frame is done
                assert {path: path.stat().st_mtime_ns for path in written} == written
    return frames, written


@pytest.mark.slow
def test_an_animation_whose_engine_was_killed_goes_on_at_the_next_frame(tiny: Built, tmp_path: Path) -> None:
    with running(tmp_path, "--model", str(tiny(TinyKind.SD2_DEPTH))) as (_, client):
        pid = engine_pid(client)
        whole = client.run(shot())
        job = client.submit(shot())
        frames, written = followed(job, tmp_path, pid)
        assert len(written) == 2
        assert list(frames) == list(range(COUNT))
        assert [frames[index] for index in range(COUNT)] == [image.tobytes() for image in whole.images]
        assert [image.tobytes() for image in job.result().images] == list(frames.values())
        by_run = defaultdict(list)
        for run, index in rows(tmp_path, FRAMES.format(job.id)):
            by_run[run].append(index)
    assert list(by_run) == [1, 2] and len(by_run[1]) >= 2
    assert by_run[1] + by_run[2] == list(range(COUNT))
