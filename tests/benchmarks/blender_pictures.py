"""Pictures of the extension in a real Blender window, for the documentation.

blender --factory-startup --window-geometry 0 0 1600 900 --python tests/benchmarks/blender_pictures.py \
    -- NAME FOLDER dist/sd_core-0.1.0.zip http://127.0.0.1:8765 TOKEN

NAME is one of SCENES. It writes FOLDER/NAME.png, the whole screen, and ends Blender; the server must run already. The
extension stays installed for the user of this Blender, so use a home of its own.
"""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import addon_utils
import bpy

MODULE = "bl_ext.user_default.sd_core"
PANELS = ("generate", "texture", "project", "stylise", "history", "status")
PATIENCE = 1200
"""Looks at a job, each half a second apart, before the picture is given up."""

Steps = Iterator[float]
"""What a scene does; between two steps Blender draws for so many seconds."""


def generate(settings: Any) -> Steps:
    """The first image of the guide."""
    settings.prompt, settings.seed = "red brick wall", 7
    yield from run(bpy.ops.sdcore.generate_image)


def running(settings: Any) -> Steps:
    """A second image over the first, half way."""
    yield from generate(settings)
    settings.prompt = "blue tiles"
    yield from run(bpy.ops.sdcore.generate_image, until=0.5)


def texture(settings: Any) -> Steps:
    """A cube with a material."""
    settings.prompt, settings.seed, settings.texture_size, settings.texture_scale = "red brick wall", 7, "256", 2
    look(shading="MATERIAL", distance=7)
    yield from run(bpy.ops.sdcore.generate_texture)
    yield 20  # the viewport compiles its shaders


def project(settings: Any) -> Steps:
    """A head that is textured from four views."""
    monkey(settings, "green scales head", 5)
    bpy.ops.object.shade_smooth()
    settings.project.texture_size, settings.project.max_views, settings.project.pbr = 512, 4, False
    look(shading="MATERIAL", distance=6)
    yield from run(bpy.ops.sdcore.project_texture)
    yield 20


def stylise(settings: Any) -> Steps:
    """A stylised render."""
    shot(settings)
    yield from run(bpy.ops.sdcore.stylise_render)


def animation(settings: Any) -> Steps:
    """A stylised shot of six frames."""
    shot(settings)
    yield from run(bpy.ops.sdcore.stylise_animation)


SCENES: dict[str, tuple[Callable[[Any], Steps], str, bool]] = {
    "generate": (generate, "SDCORE_PT_generate", True),
    "running": (running, "SDCORE_PT_generate", True),
    "texture": (texture, "SDCORE_PT_texture", False),
    "project": (project, "SDCORE_PT_project", False),
    "stylise": (stylise, "SDCORE_PT_stylise", True),
    "animation": (animation, "SDCORE_PT_stylise_animation", True),
}
"""What is done, the panel that is open, and whether an Image Editor stands beside the 3D View."""


def monkey(settings: Any, prompt: str, seed: int) -> Any:
    """A smooth head in place of the cube."""
    settings.prompt, settings.seed = prompt, seed
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.mesh.primitive_monkey_add(size=2, location=(0, 0, 0))
    bpy.context.object.modifiers.new("smooth", "SUBSURF").render_levels = 2
    return bpy.context.object


def shot(settings: Any) -> None:
    """The head on a floor, turning over six frames, in a file of its own."""
    scene, head = bpy.context.scene, monkey(settings, "orange lava head", 3)
    head.location.z = 1.2
    for frame, turn in ((1, -0.3), (6, 0.1)):
        head.rotation_euler = (-0.3, 0, turn)
        head.keyframe_insert("rotation_euler", frame=frame)
    bpy.ops.mesh.primitive_plane_add(size=14)
    scene.render.resolution_x, scene.render.resolution_y, scene.frame_end = 384, 256, 6
    scene.camera.location, scene.camera.rotation_euler = (0, -5.2, 2.6), (math.radians(74), 0, 0)
    view().spaces.active.region_3d.view_perspective = "CAMERA"
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(tempfile.mkdtemp()) / "shot.blend"))


def run(operator: Callable[[], Any], until: float = 1.0) -> Steps:
    """Run an operator in the 3D View and wait until its job has come so far."""
    area = view()
    with bpy.context.temp_override(area=area, region=region(area)):
        operator()
    job = importlib.import_module(f"{MODULE}.jobs").all_jobs()[-1]
    for _ in range(PATIENCE):
        if job.has_ended or (until < 1 and job.progress >= until):
            return
        yield 0.5
        redraw()
    raise RuntimeError(f"{job.label} has not ended: {job.message}")


def view() -> Any:
    """The 3D View."""
    return next(area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "VIEW_3D")


def region(area: Any, kind: str = "WINDOW") -> Any:
    """A region of an area."""
    return next(each for each in area.regions if each.type == kind)


def look(*, shading: str, distance: float) -> None:
    """How the 3D View shows the scene."""
    space = view().spaces.active
    space.shading.type, space.region_3d.view_distance = shading, distance


def redraw() -> None:
    """Have every area drawn again."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        area.tag_redraw()


def install(package: str, url: str, token: str, opened: str) -> None:
    """Install the extension, with one panel open and the others closed, and name the server."""
    bpy.ops.extensions.package_install_files(filepath=package, repo="user_default", enable_on_install=False)
    for name in PANELS:
        for panel in importlib.import_module(f"{MODULE}.panels.{name}").CLASSES:
            if not getattr(panel, "bl_parent_id", "") and hasattr(panel, "bl_label"):
                panel.bl_options = set() if panel.__name__ == f"{opened}_view" else {"DEFAULT_CLOSED"}
    addon_utils.enable(MODULE, default_set=True)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.server, preferences.url, preferences.token = "REMOTE", url, token


def lay_out(*, beside: bool) -> Any:
    """Show the side bar of the 3D View, and an Image Editor on its left where it is wanted; gives that, or None."""
    area = view()
    area.spaces.active.show_region_toolbar, area.spaces.active.show_region_ui = False, True
    if not beside:
        return None
    with bpy.context.temp_override(area=area):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5)
    areas = [each for each in bpy.context.window_manager.windows[0].screen.areas if each.type == "VIEW_3D"]
    left = min(areas, key=lambda each: each.x)
    left.ui_type = "IMAGE_EDITOR"
    return left


def photograph(path: Path) -> None:
    """Save the picture of the X11 screen with ImageMagick: Blender's own is black where OpenGL runs in software."""
    subprocess.run(["import", "-window", "root", str(path)], check=True)


def scene_steps(name: str, folder: Path, package: str, url: str, token: str) -> Steps:
    """Everything, from the installation to the picture."""
    fill, opened, beside = SCENES[name]
    install(package, url, token, opened)
    yield 1
    left = lay_out(beside=beside)
    yield 2
    region(view(), "UI").active_panel_category = "Diffusion"
    settings = bpy.context.scene.sd_core
    settings.use_seed = True
    with bpy.context.temp_override(area=view(), region=region(view())):
        bpy.ops.sdcore.start_server()
    yield 3
    yield from fill(settings)
    if left is not None:
        with bpy.context.temp_override(area=left, region=region(left)):
            bpy.ops.image.view_all(fit_view=True)
    redraw()
    yield 1
    photograph(folder / f"{name}.png")


def main() -> None:
    """Start the steps as soon as the window is drawn; what goes wrong is printed, and Blender ends."""
    name, folder, package, url, token = sys.argv[sys.argv.index("--") + 1 :]
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.view.smooth_view = 0
    steps = scene_steps(name, Path(folder), package, url, token)

    def tick() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            pass
        except Exception:  # noqa: BLE001 - whatever it was, Blender must not stay open
            traceback.print_exc()
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(tick, first_interval=6)


main()
