"""The LoRA picker: what the server offers, and what is wrong with what a scene uses."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sd_core.errors import ModelNotFound
from tests.blender.layouts import drawn
from tests.server.servers import wait_for

pytestmark = pytest.mark.blender

SECONDS = 240
BRICK, CAT = "styles/brick.safetensors", "cat.safetensors"


def header_only(path: Path, name: str, shape: tuple[int, ...]) -> None:
    """A safetensors file with one tensor of zeros."""
    size = 4
    for side in shape:
        size *= side
    header = json.dumps({name: {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))


def refreshed() -> None:
    import bpy

    from blender_addon.connection import server

    bpy.ops.sdcore.refresh_models()
    wait_for(lambda: len(server.status.loras) == 3, SECONDS)


@pytest.fixture
def offered(addon: ModuleType, settings: Any, blender_home: Path) -> Any:
    """Three files in the server's folder, and the settings of the scene."""
    folder = blender_home / "loras"
    header_only(folder / BRICK, "lora_unet_mid_attn2_to_k.lora_down.weight", (2, 768))
    header_only(folder / CAT, "<cat>", (1, 1024))
    (folder / "damaged.safetensors").write_bytes(b"nothing")
    refreshed()
    return settings


def test_the_picker_offers_what_the_server_has(offered: Any) -> None:
    import bpy

    from blender_addon.loras import suggestions

    texts = drawn(bpy.types.SDCORE_MT_add_lora)
    assert f"sdcore.add_lora {BRICK}  (SD 1)" in texts
    assert f"sdcore.add_lora {CAT}  (SD 2 textual inversion)" in texts
    assert {name for name, _ in suggestions(None, None, "")} == {BRICK, CAT, "damaged.safetensors"}
    bpy.ops.sdcore.add_lora(path=BRICK)
    bpy.ops.sdcore.add_lora(path=CAT)
    bpy.ops.sdcore.add_lora()
    offered.loras[1].weight = 0.25
    assert [(row.path, row.weight) for row in offered.loras] == [(BRICK, 1.0), (CAT, 0.25), ("", 1.0)]
    bpy.ops.sdcore.remove_lora(index=0)
    assert [row.path for row in offered.loras] == [CAT, ""]


def test_controlnets_on_offer_are_those_that_the_engine_would_take_for_the_kind(offered: Any) -> None:
    from blender_addon.properties import _controlnets
    from sd_core.models.catalogue import CONTROLNETS

    row = offered.controls.add()
    for kind in ("depth", "mlsd", "other"):
        row.kind = kind
        known = {by_kind[kind] for by_kind in CONTROLNETS.values() if kind in by_kind}
        assert sorted(name for name, _ in _controlnets(row, None, "")) == sorted(known)
    row.kind = "canny"
    assert ("lllyasviel/control_v11p_sd15_canny", "SD 1") in list(_controlnets(row, None, ""))


def test_what_is_missing_damaged_or_made_for_another_model_is_named_in_the_panel(offered: Any) -> None:
    import bpy

    for path in (BRICK, CAT, "gone.safetensors", "damaged.safetensors", "somebody/style", "/elsewhere/a.safetensors"):
        bpy.ops.sdcore.add_lora(path=path)
    offered.use_model, offered.model = True, "sdxl"
    text = " ".join(drawn(bpy.types.SDCORE_PT_adapters_view))
    assert (
        "gone.safetensors is not in the LoRA folder of the server: copy it there and press Refresh, or remove it here"
        in text
    )
    assert "damaged.safetensors cannot be used (damaged" in text
    assert f"{BRICK} was made for SD 1, but the model is SDXL" in text
    assert f"{CAT} was made for SD 2, but the model is SDXL" in text
    assert "somebody/style is" not in text and "/elsewhere/a.safetensors is" not in text


def test_a_file_that_is_taken_away_is_missing_after_a_refresh_and_named_by_the_job(
    offered: Any, blender_home: Path
) -> None:
    import bpy

    from blender_addon import jobs, problems
    from blender_addon.connection import server
    from blender_addon.loras import problem_of

    bpy.ops.sdcore.add_lora(path=BRICK)
    assert problem_of(BRICK, offered) == ""
    (blender_home / "loras" / CAT).unlink()
    bpy.ops.sdcore.add_lora(path=CAT)
    bpy.ops.sdcore.remove_lora(index=0)
    bpy.ops.sdcore.refresh_models()
    wait_for(lambda: len(server.status.loras) == 2, SECONDS)
    assert "not in the LoRA folder of the server" in problem_of(CAT, offered)
    bpy.ops.sdcore.generate_image()
    with pytest.raises(ModelNotFound, match=r"cat\.safetensors.*LoRA folder") as caught:
        jobs.wait(jobs.running_jobs()[-1], SECONDS)
    fix = problems.fix_of(caught.value)
    assert fix is not None and fix.operator == "sdcore.remove_lora"
    bpy.ops.sdcore.add_lora(path=BRICK)
    bpy.ops.sdcore.remove_lora(**fix.settings)
    assert [row.path for row in offered.loras] == [BRICK]
