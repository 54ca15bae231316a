"""What a request names is used behind a server, or refused by name: nothing is left out without a word."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from sd_core.client import Client
from sd_core.error_codes import ErrorCode
from sd_core.errors import RequestError
from sd_core.requests import Animation, Mesh, MeshTexture, PassName, Reuse
from tests.animation.clips import moving, write_pictures
from tests.animation.test_edges_depth import checkpoint
from tests.server.servers import running

__all__ = ["checkpoint"]

SMALL = {"num_inference_steps": 1, "seed": 1, "reuse": Reuse.off()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    """The folder of a server, with a depth estimator in its models."""
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(checkpoint, folder / "models" / "tiny-depth")
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[Client]:
    with running(home) as (_, found):
        yield found


def test_passes_under_another_renderers_names_are_read(client: Client, tmp_path: Path) -> None:
    depth = np.full((64, 64), 4, np.float32)
    depth[16:48, 16:48] = 2
    kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(kind, {"zdepth.Z": depth}).write(str(tmp_path / "0001.exr"))
    shot = Animation(prompt="stone", passes=str(tmp_path / "####.exr"), **SMALL)
    with pytest.raises(RequestError, match="has no passes"):
        client.run(shot)
    named = shot.replace(pass_names=(PassName("depth", "zdepth"),))
    result = client.run(named)
    assert result.request.pass_names == named.pass_names and len(result.images) == 1


def test_a_depth_estimator_is_used(client: Client, home: Path, tmp_path: Path) -> None:
    pattern = write_pictures(tmp_path / "in", moving(1, 64, 64))
    shot = Animation(prompt="stone", passes=pattern, **SMALL)
    with pytest.raises(RequestError, match="has no depth"):
        client.run(shot)
    estimator = str(home / "models" / "tiny-depth")
    result = client.run(shot.replace(depth_estimator=estimator))
    assert result.request.depth_estimator == estimator and len(result.images) == 1


def test_a_mesh_texture_refuses_what_it_has_no_use_for_by_name(client: Client) -> None:
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    mesh = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    good = MeshTexture(prompt="moss", mesh=mesh, max_views=1, texture_size=64, num_inference_steps=1, seed=1)
    assert client.run(good).request.seamless == "none"  # its arrays are there from now on
    for field, content in (("seamless", "xy"), ("seamless_method", "rolling"), ("num_images", 2)):
        body = {"id": f"mesh-{field}", "request": json.loads(good.to_json()) | {field: content}}
        with pytest.raises(RequestError, match="for MeshTexture") as refused:
            client.transport.json("POST", "/v1/jobs", body)
        assert (refused.value.field, refused.value.code) == (field, ErrorCode.UNUSED_FIELD)
