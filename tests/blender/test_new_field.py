"""A field that is added to `Generation` appears in Blender, in presets and in every request that Blender makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blender.scenes import needs_bpy
from tests.new_field import project_with_new_field, run_there

pytestmark = [pytest.mark.blender, needs_bpy]

BLENDER = """
import json
import os
import sys
from pathlib import Path

os.environ["BLENDER_USER_RESOURCES"] = str(Path.cwd() / "blender")
import bpy
import sd_core
import blender_addon

assert blender_addon.__file__.startswith(str(Path.cwd())) and sd_core.__file__.startswith(str(Path.cwd()))
from sd_core.requests import Animation, DepthToImage, MeshTexture, TextToImage, Texture
from tests.blender import scenes

blender_addon.register()
from blender_addon.fields import values_of
from blender_addon import jobs
from blender_addon.operators.history import use_again
from blender_addon.operators.project_texture import mesh_plan
from blender_addon.operators.texture import texture_plan
from blender_addon.panels.generate import SDCORE_PT_settings
from blender_addon.presets import SDCORE_OT_add_preset
from blender_addon.request_fields import COMMON
from blender_addon.request_plan import base_plan
from blender_addon.scene.mesh_arrays import join_meshes
from sd_core.client import start_server
from tests.blender.layouts import drawn
from tests.blender.stylising import follow, start
from tests.server.servers import START

scene = scenes.turning_cube(64, 48)
settings = scene.sd_core
shown = settings.bl_rna.properties["mood"]
assert (shown.name, shown.description) == ("Mood", "Mood of the picture, such as calm")
assert "mood" in drawn(SDCORE_PT_settings)
assert "settings.mood" in SDCORE_OT_add_preset.preset_values
assert values_of(settings, COMMON)["mood"] == ""
assert base_plan(settings, TextToImage).make_request() == TextToImage(prompt="")

scenes.few_steps(scene)
settings.mood = "calm"
request = base_plan(settings, TextToImage).make_request()
assert request == TextToImage(prompt="a red wall", seed=7, num_inference_steps=3, mood="calm")
settings.mood = "other"
use_again(settings, json.loads(request.to_json()))
assert settings.mood == "calm"
assert texture_plan(settings).make_request().mood == "calm"
gathered = join_meshes([bpy.data.objects["Cube"]], bpy.context.evaluated_depsgraph_get(), keep_uvs=True)
assert mesh_plan(bpy.context, gathered, texture_size=64).make_request().mood == "calm"

server = start_server(sys.executable, START, timeout=180)
try:
    assert bpy.ops.sdcore.stylise_render() == {"FINISHED"}
    still = jobs.running_jobs()[-1]
    jobs.wait(still, 240)
    settings.stylise.output, scene.frame_end = str(Path.cwd() / "frames"), 1
    settings.stylise.make_video = False
    film = start()
    follow(film)
    assert film.error is None, film.error
    with server.connect() as client:
        made = [client.job(job.id).result(60).request for job in (still, film)]
finally:
    server.stop()
assert [type(request) for request in made] == [DepthToImage, Animation]
assert [request.mood for request in made] == ["calm", "calm"]
blender_addon.unregister()
"""


def test_a_new_field_is_a_property_in_presets_and_panels_and_reaches_every_request(tmp_path: Path) -> None:
    run_there(project_with_new_field(tmp_path), BLENDER)
