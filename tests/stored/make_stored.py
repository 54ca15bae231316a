"""What version 0.1.0 wrote, before the JSON of requests had a version: made once, by that version, and never again.

    python tests/stored/make_stored.py tests/stored/files

Everything is small, drawn by the built-in model at 64 px in two steps, and holds no path of the machine that made it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import sd_core
from sd_core import (
    Adjust,
    Animation,
    Camera,
    Cancelled,
    Control,
    DepthToImage,
    Engine,
    FramePasses,
    ImagePrompt,
    ImageToImage,
    Inpaint,
    Keyframe,
    Lora,
    Mesh,
    MeshTexture,
    PassName,
    Request,
    Reuse,
    TextToImage,
    Texture,
    Upscale,
    replace,
)

PICTURE = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
MASK = np.eye(16, dtype=np.float32)
DEPTH = np.linspace(1, 4, 256, dtype=np.float32).reshape(16, 16)
CAMERA = Camera(np.eye(4), np.array([[20.0, 0, 8], [0, 20, 8], [0, 0, 1]]))
COMMON = {
    "prompt": "mossy (stone:1.2)", "negative_prompt": "blur", "num_inference_steps": 7, "guidance_scale": 3.5,
    "scheduler": "ddim", "seed": 11, "model": "builtin", "loras": (Lora("styles/moss.safetensors", 0.5),),
    "image_prompt": ImagePrompt(PICTURE, 0.4, "adapters/ip"),
}  # fmt: skip
CONTROL = Control("canny", PICTURE, "controls/canny", 0.7, 0.1, 0.9)
TILING = {"seamless": "x", "seamless_method": "rolling"}
PASSES = FramePasses(
    depth=DEPTH, motion=np.ones((16, 16, 4), np.float32), image=PICTURE, object_id=np.ones((16, 16), np.uint32),
    position=np.ones((16, 16, 3), np.float32), position_space="rest", normal=np.ones((16, 16, 3), np.float32),
    uv=np.zeros((16, 16, 2), np.float32), camera=CAMERA, cut=True,
)  # fmt: skip
MESH = Mesh(
    np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32), np.array([[0, 1, 2], [0, 2, 3]]),
    np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32), np.array([3, 3], np.uint32), np.array([0, 1], np.uint32),
)  # fmt: skip


def requests() -> dict[str, Request]:
    """Every kind, with every field at something other than its default."""
    return {
        "text": TextToImage(width=16, height=24, num_images=2, **TILING, **COMMON),
        "image": ImageToImage(image=PICTURE, strength=0.4, controls=(CONTROL,), num_images=3, **TILING, **COMMON),
        "depth": DepthToImage(
            depth=DEPTH, depth_range=(1, 9), controlnet="controls/depth", controlnet_conditioning_scale=0.6,
            image=PICTURE, strength=0.5, controls=(CONTROL,), **TILING, **COMMON,
        ),
        "inpaint": Inpaint(
            image=PICTURE, mask=MASK, strength=0.9, fill="surroundings", feather=2.5, expand=(8, 0, 8, 16), **TILING,
            **COMMON,
        ),
        "upscale": Upscale(image=PICTURE, scale=3, strength=0.2, **TILING, **COMMON),
        "adjust": Adjust(
            image=PICTURE, exposure=1.5, contrast=0.5, saturation=2, hue=30, temperature=-0.5, match=PICTURE[:8]
        ),
        "texture": Texture(
            maps=("normal", "height"), normal_convention="directx", estimator="estimators/marigold", image=PICTURE,
            strength=0.8, controls=(CONTROL,), **TILING, **COMMON,
        ),
        # these three had no effect, and were recorded as if they had
        "mesh": MeshTexture(
            mesh=MESH, views=(CAMERA,), max_views=3, texture_size=64, controlnet="controls/depth",
            controlnet_conditioning_scale=0.6, image=np.zeros((64, 64, 3), np.uint8), mask=np.eye(64, dtype=np.float32),
            **TILING, **COMMON,
        ),
        "animation": Animation(
            passes=(PASSES, "frames/0002.exr"), pass_names=(PassName("depth", "zdepth"),),
            depth_estimator="estimators/depth", depth_range=(1, 9), controlnet="controls/depth",
            controlnet_conditioning_scale=0.6, strength=0.5, keyframes=(Keyframe(1, "snow", 0.4, 2.0, 0.3),),
            reuse=Reuse("fixed", False, False, False, False, False), controls=(CONTROL,), **TILING, **COMMON,
        ),
    }  # fmt: skip


def store_requests(folder: Path) -> None:
    """JSON of every kind, and the arrays of all."""
    folder.mkdir(parents=True)
    for name, request in requests().items():
        (folder / f"{name}.json").write_text(request.to_json(indent=1))
        for digest, array in request.arrays().items():
            np.save(folder / f"{digest}.npy", array)


def store_results(folder: Path) -> None:
    """Pictures, a material, a mesh, a finished animation and one that was stopped after two frames of four."""
    folder.mkdir(parents=True)
    small = {"num_inference_steps": 2, "seed": 3, "width": 64, "height": 64}
    depth = np.full((64, 64), 4, np.float32)
    depth[16:48, 16:48] = 2
    moving = np.zeros((64, 64, 4), np.float32)
    frames = tuple(FramePasses(depth=depth, motion=moving, camera=CAMERA) for _ in range(4))
    with Engine(device="cpu", dtype="float32") as engine:
        wall = engine.run(TextToImage(prompt="brick wall", num_images=2, **small))
        wall.save(folder / "wall.png")
        picture = wall.images[0]
        engine.run(ImageToImage(prompt="snow", image=picture, num_inference_steps=2, seed=3)).save(folder / "snow.png")
        engine.run(Adjust(image=picture, exposure=1)).save(folder / "bright.png")
        engine.run(Texture(prompt="moss", maps=("base_color", "normal", "height"), **small)).save(folder / "moss")
        mesh = replace(MESH, uvs=None)
        engine.run(MeshTexture(prompt="rust", mesh=mesh, max_views=1, texture_size=64, **small)).save(
            folder / "rust.glb"
        )
        whole = Animation(prompt="lava", passes=frames[:2], num_inference_steps=2, seed=3)
        engine.run(whole, output=folder / "shot")
        job = engine.submit(replace(whole, passes=frames), output=folder / "stopped")
        for event in job.events():
            if event.kind == "frame" and event.index == 1:
                job.cancel()
        with contextlib.suppress(Cancelled):
            job.result()


def store_server(folder: Path) -> None:
    """The home of a server: one job done, one failed, one cancelled, one that waits."""
    from sd_core.client import start_server

    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "home")
        server = start_server(arguments=("--device", "cpu", "--dtype", "float32"), home=home, timeout=120)
        with server.connect() as client:
            client.submit(Adjust(image=PICTURE, exposure=1), id="done").result()
            with contextlib.suppress(sd_core.SDError):
                client.submit(TextToImage(prompt="a", width=8, height=8, seamless="xy"), id="failed").result()
            endless = TextToImage(prompt="b", width=64, height=64, num_inference_steps=900, num_images=100, seed=1)
            job = client.submit(endless, id="cancelled")
            client.submit(Adjust(image=PICTURE, contrast=2), id="waiting")
            client.hold()
            time.sleep(1)
            job.cancel()
            for _ in job.events():
                pass
        server.stop()
        folder.mkdir(parents=True)
        for path in sorted(home.rglob("*")):
            if (
                path.is_file()
                and path.suffix in (".sqlite3", ".db", ".npy", ".bin", ".sqlite")
                and "logs" not in path.parts
            ):
                target = folder / path.relative_to(home)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)


def store_presets(folder: Path) -> None:
    """A preset of the notebook."""
    from jupyter_ext.saved_presets import SavedPresets

    from jupyter_ext.presets import settings_of

    SavedPresets(folder)["mine"] = settings_of(requests()["text"])


def store_scene(path: Path) -> None:
    """A scene whose settings are all at something other than their defaults; needs the real `bpy`."""
    import bpy

    import blender_addon

    bpy.ops.wm.read_factory_settings(use_empty=True)
    blender_addon.register()
    values: dict[str, object] = {}
    fill(bpy.context.scene.sd_core, "", values)
    bpy.ops.wm.save_as_mainfile(filepath=str(path.absolute()), compress=True)
    path.with_suffix(".json").write_text(json.dumps(values, indent=1, sort_keys=True))
    blender_addon.unregister()


def fill(group: object, place: str, values: dict[str, object]) -> None:
    """Change every property of a group, and those of the groups in it; notes what they are then."""
    for prop in group.bl_rna.properties:
        name = prop.identifier
        if name in ("rna_type", "name"):
            continue
        if prop.type == "COLLECTION":
            fill(getattr(group, name).add(), f"{place}{name}[0].", values)
        elif prop.type == "POINTER" and prop.fixed_type.identifier.startswith("SDCORE_"):
            fill(getattr(group, name), f"{place}{name}.", values)
        elif prop.type != "POINTER":
            setattr(group, name, other_value(prop))
            held = getattr(group, name)
            plain = sorted(held) if isinstance(held, set) else list(held) if getattr(prop, "is_array", False) else held
            values[place + name] = plain


def other_value(prop: object) -> object:
    """A value of a property that is not its default."""
    if prop.type == "BOOLEAN":
        return not prop.default
    if prop.type == "ENUM":
        names = [item.identifier for item in prop.enum_items]
        return {names[-1]} if prop.is_enum_flag else next(name for name in reversed(names) if name != prop.default)
    if prop.type == "STRING":
        return f"a {prop.identifier}"
    if getattr(prop, "is_array", False):
        return [8] * prop.array_length
    step = 8 if prop.type == "INT" else 0.0625
    value = prop.default + step
    return value if value <= prop.hard_max else prop.default - step


def main() -> None:
    """Make everything."""
    assert sd_core.__version__ == "0.1.0"
    target = Path(sys.argv[1])
    store_requests(target / "requests")
    store_results(target / "results")
    store_server(target / "server")
    store_presets(target / "presets")
    store_scene(target / "scene.blend")
    (target / "results/moss/moss_preview.png").unlink()


if __name__ == "__main__":
    main()
