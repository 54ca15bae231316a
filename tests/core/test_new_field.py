"""A field that is added to `Generation` appears in every front end, passes the server, and reaches every frame and view."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.new_field import project_with_new_field, run_there

FRONT_ENDS = """
import re
import numpy as np
from pathlib import Path
from typer.testing import CliRunner
import sd_core
from sd_core.cli.app import make_app
from sd_core.commands.options import build
from sd_core.requests import Animation, Generation, MeshTexture, TextToImage, from_json, request_kinds
from jupyter_ext.editors import EditorContext
from jupyter_ext.form import Form
from jupyter_ext.presets import settings_of
from jupyter_ext.sweeps import sweepable_fields

assert sd_core.__file__.startswith(str(Path.cwd())), sd_core.__file__
kinds = [kind for kind in request_kinds() if issubclass(kind.request, Generation)]
for kind in kinds:
    shown = CliRunner(env={"COLUMNS": "300", "NO_COLOR": "1"}).invoke(make_app(), [kind.command, "--help"]).output
    assert "--mood" in shown and "Mood of the picture, such as calm." in shown, kind.command
    form = Form(kind.request, EditorContext())
    form._accordion.selected_index = 0
    assert form.editors["mood"].spec.label == "Mood"
    assert "mood" in [spec.name for spec in sweepable_fields(kind.request)]
    assert "mood: Mood of the picture, such as calm." in kind.request.__doc__
request = build(TextToImage, {"prompt": "a wall", "mood": "calm"})
assert settings_of(request)["mood"] == "calm"
assert from_json(request.to_json()) == request
names = {}
exec(request.to_python(), names)
assert names["request"].mood == "calm"
old = request.to_json().replace('"mood": "calm", ', "")
assert from_json(old) == TextToImage(prompt="a wall"), "JSON of before the field has its default"
path = sd_core.Result(images=[np.zeros((8, 8, 3), np.uint8)], request=request).save(Path("wall.png"))[0]
assert sd_core.load_request(path).mood == "calm"
"""

SERVER = """
import sys
import numpy as np
from sd_core import Animation, FramePasses, MeshTexture, TextToImage
from sd_core.client import start_server
from sd_core.requests import DepthToImage
from sd_core.requests.inherit import picture_request

server = start_server(sys.executable, ("--device", "cpu", "--dtype", "float32"), timeout=180)
try:
    with server.connect() as client:
        small = {"num_inference_steps": 1, "width": 64, "height": 64, "seed": 1}
        assert client.run(TextToImage(prompt="a wall", mood="calm", **small)).request.mood == "calm"
finally:
    server.stop()

depth = np.ones((64, 64), np.float32)
shot = Animation(prompt="a wall", passes=[FramePasses(depth=depth)], mood="calm")
mesh = MeshTexture(prompt="a wall", mesh="wall.obj", mood="calm")
assert [picture_request(whole, DepthToImage, depth=depth).mood for whole in (shot, mesh)] == ["calm", "calm"]
"""

FRAMES = """
import numpy as np
from sd_core import Animation, Engine, FramePasses, Mesh, MeshTexture, Reuse
from sd_core.requests import Generation

seen = []
check = Generation._check
Generation._check = lambda self: (seen.append(self), check(self))[1]
depth = np.full((64, 64), 2, np.float32)
depth[16:48, 16:48] = 1
small = {"num_inference_steps": 1, "width": 64, "height": 64, "seed": 1, "mood": "calm"}
quad = Mesh(np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32), np.array([[0, 1, 2], [0, 2, 3]]))
with Engine() as engine:
    engine.run(Animation(prompt="a wall", passes=[FramePasses(depth=depth)] * 2, reuse=Reuse.off(), **small))
    engine.run(MeshTexture(prompt="a wall", mesh=quad, max_views=1, texture_size=64, **small))
pictures = [request for request in seen if type(request).__name__ == "DepthToImage"]
assert len(pictures) >= 3 and all(request.mood == "calm" for request in pictures), pictures
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_with_new_field(tmp_path_factory.mktemp("project"))


def test_a_new_field_is_in_the_command_line_the_notebook_the_docs_presets_and_pictures(project: Path) -> None:
    run_there(project, FRONT_ENDS)


def test_a_new_field_passes_the_server(project: Path) -> None:
    run_there(project, SERVER)


def test_a_new_field_reaches_every_frame_and_every_view(project: Path) -> None:
    run_there(project, FRAMES)
