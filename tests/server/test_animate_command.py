"""`sd-core animate --server`: the frames that a server made come to a folder here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace as changed
from pathlib import Path

import pytest

from sd_core.cli.animate_there import keep_frames, run_on_server
from sd_core.client import Client
from sd_core.errors import Cancelled, ServerError
from sd_core.events import Event, FrameEvent, ResultEvent
from sd_core.requests import Animation, replace
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
    output = sd_core(*command(served, "--gif")).stdout
    out = tmp_path / "out"
    assert f"{COUNT} frames, 64 x 64 px, seed 3" in output
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
            run_on_server(client, shot(), tmp_path / "out", show, overwrite=True)
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


def test_a_frame_that_was_retouched_is_set_aside_and_reported(sd_core: Run, served: Served, tmp_path: Path) -> None:
    sd_core(*command(served, "--no-page"))
    mine = (tmp_path / "in" / "0000.png").read_bytes()
    (tmp_path / "out" / "frames" / "000001.png").write_bytes(mine)
    output = sd_core(*command(served, "--no-page", "--overwrite", "--seed", 4)).stderr
    assert "note: frames/000001.png has been changed or damaged" in output
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


def test_ctrl_c_names_the_job_and_how_it_goes_on(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def show(event: Event) -> None:
        if isinstance(event, FrameEvent):
            raise KeyboardInterrupt

    long = replace(shot(), num_inference_steps=50)
    with Client(served.client.url, token_of(served)) as client, pytest.raises(Cancelled) as cancelled:
        run_on_server(client, long, tmp_path / "out", show, overwrite=False)
    found = re.search(r"job ([0-9a-f]{32}): sd_core\.connect\('.*'\)\.resume\('\1'\) goes on", cancelled.value.hint)
    assert found is not None and "from its 1 finished frame" in cancelled.value.hint
    assert len(served.client.resume(found[1]).result().images) == COUNT


def test_what_a_failed_job_was_is_reported_too(sd_core: Run, served: Served) -> None:
    asked = [*command(served)]
    Path("in/0001.png").write_bytes(b"broken")
    output = sd_core(*asked, code=2).stderr
    assert "it was job" in output and ".resume(" in output


def test_a_wrong_token_is_reported_with_the_option_of_the_program(sd_core: Run, served: Served) -> None:
    output = sd_core(*command(served), "--token", "wrong", code=1).stderr
    assert "name it with --token, or in SD_CORE_TOKEN" in output


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--resume",), "resume: needs the folder of the run that was stopped; name it with --work"),
        (("--work", "w", "--server", "http://127.0.0.1:1"), "work: is a folder of this machine"),
        (("-o", "x.obj"), "use .glb, or name a folder"),
    ],
)
def test_options_of_texture_mesh_are_reported_with_its_options(
    sd_core: Run, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    (tmp_path / "mesh.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    assert message in sd_core("texture-mesh", "mesh.obj", "clay", *more, code=2).stderr
