"""An output folder that holds what a run is made from is refused before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from sd_core.engine import Engine
from sd_core.errors import RequestError
from sd_core.requests import Animation, MeshTexture
from sd_core.sources import refuse_sources
from tests.core.runs import listing, run

PICTURE = b"a frame"


def planted(folder: Path, *names: str) -> list[str]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
    return [str(path) for path in paths]


def animation(passes: str | list[str]) -> Animation:
    return Animation(prompt="brick", passes=passes, seed=1)


def require_refused(request: Animation | MeshTexture, folder: Path, name: str) -> None:
    with pytest.raises(RequestError, match=f"{name} is what this is made from, and lies in the output folder"):
        refuse_sources(request, folder)


@pytest.mark.parametrize("how", [{}, {"resume": True}, {"overwrite": True}], ids=["new", "resume", "overwrite"])
def test_an_engine_does_not_touch_the_frames_that_an_animation_is_made_from(
    tmp_path: Path, how: dict[str, bool]
) -> None:
    run(tmp_path / "one")  # frames that our own manifest lists
    before = listing(tmp_path)
    request = animation(str(tmp_path / "one" / "frames" / "######.png"))
    with Engine(device="cpu") as engine, pytest.raises(RequestError, match=r"000000\.png is what this is made from"):
        engine.run(request, output=tmp_path / "one", **how)
    assert listing(tmp_path) == before


def test_an_engine_does_not_put_views_next_to_the_mesh_that_they_show(tmp_path: Path) -> None:
    planted(tmp_path, "view_00.png", "mesh.obj")
    request = MeshTexture(prompt="brick", mesh=str(tmp_path / "mesh.obj"))
    before = listing(tmp_path)
    with Engine(device="cpu") as engine, pytest.raises(RequestError, match=r"mesh\.obj is what this is made from"):
        engine.run(request, output=tmp_path, overwrite=True)
    assert listing(tmp_path) == before


def test_lists_patterns_and_videos_are_looked_at_under_whatever_name(tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    first, second = planted(out / "frames", "000000.png", "000001.png")
    (elsewhere,) = planted(other, "000000.png")
    (tmp_path / "alias").symlink_to(out)
    (other / "000001.png").symlink_to(second)
    require_refused(animation([elsewhere, first]), out, "000000.png")
    require_refused(animation(str(tmp_path / "alias" / "frames" / "######.png")), out, "000000.png")
    require_refused(animation(first), tmp_path / "alias", "000000.png")
    require_refused(animation(str(other / "######.png")), out, "other/000001.png")
    (film,) = planted(out, "animation.mp4")
    require_refused(animation(film), out, "animation.mp4")


def test_a_sidecar_is_what_a_frame_is_made_from(tmp_path: Path) -> None:
    out, render = tmp_path / "out", tmp_path / "render"
    (frame,) = planted(render, "0001.exr")
    (sidecar,) = planted(out, "report.json")
    (render / "0001.json").symlink_to(sidecar)
    require_refused(animation([frame]), out, "0001.json")


def test_a_folder_next_to_the_frames_or_not_there_yet_is_fine(tmp_path: Path) -> None:
    (frame,) = planted(tmp_path / "render", "0001.exr")
    (tmp_path / "render-out").mkdir()
    for folder in (tmp_path / "render-out", tmp_path / "none"):
        refuse_sources(animation([frame]), folder)
        refuse_sources(animation(str(tmp_path / "render" / "####.exr")), folder)
