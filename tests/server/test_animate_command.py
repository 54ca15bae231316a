"""`sd-core animate --server`: the frames that a server made come to a folder here."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace as changed
from pathlib import Path

import pytest

from sd_core.cli.animate_there import keep_frames, run_there
from sd_core.client import Client
from sd_core.errors import ServerError
from sd_core.events import Event, ResultEvent
from sd_core.requests import Animation
from sd_core.values import Array, read_picture
from tests.animation.clips import moving, write_pictures
from tests.cli.conftest import Run, sd_core
from tests.server.conftest import Served
from tests.server.proxy import proxied

__all__ = ["sd_core"]

COUNT = 3


def command(served: Served, *more: object, count: int = COUNT) -> tuple[object, ...]:
    write_pictures(Path("in"), moving(count, 64, 64))
    asked = ("--passes", "in/####.png", "--num-inference-steps", 2, "--seed", 3, "--strength", 0.5)
    return ("animate", "brick", *asked, "-o", "out", "--server", served.client.url, "--token", token_of(served), *more)


def token_of(served: Served) -> str:
    return served.process.announcement.token


def held(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("sd_core.manifest.json", "lock")
    }


def test_frames_report_and_movies_are_written(sd_core: Run, served: Served, tmp_path: Path) -> None:
    told = sd_core(*command(served, "--gif")).stdout
    out = tmp_path / "out"
    assert f"{COUNT} frames, 64 x 64 px, seed 3" in told
    assert sorted(held(out)) == [
        "animation.gif", *(f"frames/{index:06d}.png" for index in range(COUNT)), "report.html", "report.json",
    ]  # fmt: skip
    assert read_picture(out / "frames" / "000002.png").shape == (64, 64, 3)
    assert len(json.loads((out / "report.json").read_text())["frames"]) == COUNT


def test_frames_are_replaced_and_those_beyond_the_new_end_go(sd_core: Run, served: Served, tmp_path: Path) -> None:
    sd_core(*command(served, "--gif"))
    before = held(tmp_path / "out")
    (tmp_path / "in" / "0002.png").unlink()
    sd_core(*command(served, "--overwrite", "--no-page", "--seed", 4, count=2))
    after = held(tmp_path / "out")
    assert sorted(after) == ["frames/000000.png", "frames/000001.png", "report.json"]
    assert all(after[name] != before[name] for name in after)


class _Until(Sequence[Array]):
    """Pictures of a server that is gone as soon as one of them is asked for."""

    def __init__(self, pictures: Sequence[Array], last: int, end: Callable[[], object]) -> None:
        self.pictures, self.last, self.end = pictures, last, end

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Array:  # type: ignore[override]
        if index == self.last:
            self.end()
        return self.pictures[index]


def shot() -> Animation:
    passes = write_pictures(Path("in"), moving(COUNT, 64, 64))
    return Animation(prompt="clay", passes=passes, strength=0.5, num_inference_steps=2, seed=5)


def test_a_server_that_dies_before_a_frame_is_fetched_leaves_all_as_it_was(
    sd_core: Run, served: Served, tmp_path: Path
) -> None:
    sd_core(*command(served, "--gif"))
    before = held(tmp_path / "out")
    with ExitStack() as stack, through_a_proxy(served, stack) as client:

        def show(event: Event) -> None:
            if isinstance(event, ResultEvent):
                stack.close()

        with pytest.raises(ServerError, match=r"no answer from .*job\('[0-9a-f]{32}'\)\.result\(\)\.images"):
            run_there(client, shot(), tmp_path / "out", show, overwrite=True)
    assert held(tmp_path / "out") == before


def test_a_server_that_dies_among_the_frames_leaves_those_that_were_not_fetched(
    sd_core: Run, served: Served, tmp_path: Path
) -> None:
    sd_core(*command(served, "--gif"))
    before = held(tmp_path / "out")
    with ExitStack() as stack, through_a_proxy(served, stack) as client:
        result = client.run(shot())
        dying = changed(result, images=_Until(result.images, 1, stack.close))
        with pytest.raises(ServerError, match="no answer from"):
            keep_frames(dying, shot(), tmp_path / "out", overwrite=True)
    after = held(tmp_path / "out")
    assert [name for name in before if after.get(name) != before[name]] == ["frames/000000.png"]


def test_a_frame_that_was_retouched_is_set_aside_and_told(sd_core: Run, served: Served, tmp_path: Path) -> None:
    sd_core(*command(served, "--no-page"))
    mine = (tmp_path / "in" / "0000.png").read_bytes()
    (tmp_path / "out" / "frames" / "000001.png").write_bytes(mine)
    told = sd_core(*command(served, "--no-page", "--overwrite", "--seed", 4)).stderr
    assert "note: frames/000001.png has been changed or damaged" in told
    assert (tmp_path / "out" / "frames" / "000001.changed.png").read_bytes() == mine


def test_pictures_asked_for_after_close_say_what_to_do(served: Served, tmp_path: Path) -> None:
    with Client(served.client.url, token_of(served)) as client:
        passes = write_pictures(tmp_path / "in", moving(1, 64, 64))
        result = client.run(Animation(prompt="clay", passes=passes, strength=0.5, num_inference_steps=2, seed=5))
    with pytest.raises(ServerError, match=r"fetch the pictures of an animation before close\(\)"):
        result.images[0]


def through_a_proxy(served: Served, stack: ExitStack) -> Client:
    url = stack.enter_context(proxied(served.client.url, "/here", strips=True, host="127.0.0.1"))
    return Client(url, token_of(served), patience=0.0)
