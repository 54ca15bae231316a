"""The Python half of the widgets, without a browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jupyter_ext import widgets
from jupyter_ext.panel import StudioStyle
from jupyter_ext.widgets import Canvas, DepthView, Gallery, Grid, Player, Preview, Shape, Wipe
from jupyter_ext.widgets._base import FOLDER, Widget

ALL: list[type[Widget]] = [getattr(widgets, name) for name in widgets.__all__]
ROOT = Path(__file__).parents[2]


def tell(widget: Widget, content: object) -> None:
    widget._handle_custom_msg(content, [])


def sent_by(widget: Widget) -> list[tuple[dict, list[bytes]]]:
    """What the widget sends from now on."""
    sent: list[tuple[dict, list[bytes]]] = []
    widget._send = lambda message, buffers=None: sent.append((message, list(buffers or [])))
    return sent


@pytest.mark.parametrize("kind", ALL)
def test_a_widget_starts_without_arguments_and_refuses_those_it_does_not_have(kind: type[Widget]) -> None:
    kind()
    with pytest.raises(TypeError, match=f"{kind.__name__} has no pictur; it has .*{kind.own_traits()[0]}"):
        kind(pictur=b"")


@pytest.mark.parametrize("kind", ALL)
def test_a_module_is_complete_in_itself_and_asks_for_nothing_from_the_network(kind: type[Widget]) -> None:
    text = str(kind._esm) + str(kind._css)
    assert text.count("export default") == 1
    for word in ("import ", "import(", "fetch(", "XMLHttpRequest", "WebSocket", "@import", "url(http"):
        assert word not in text
    assert text.replace("http://www.w3.org/2000/svg", "").count("http") == 0


def test_every_module_of_the_folder_belongs_to_a_widget() -> None:
    used = "".join(str(kind._esm) + str(kind._css) for kind in (*ALL, StudioStyle))
    unused = [file.name for file in FOLDER.glob("*.[jc]s*") if file.read_text(encoding="utf-8") not in used]
    assert unused == []


def test_the_wheel_holds_the_modules_and_the_styles() -> None:
    from hatchling.builders.wheel import WheelBuilder

    names = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    wanted = {f"jupyter_ext/widgets/{file.name}" for file in FOLDER.glob("*.[jc]s*")}
    assert len(wanted) >= 18
    assert wanted <= names


def test_cancel_reaches_every_callback_and_other_messages_reach_none() -> None:
    preview, calls = Preview(), []
    preview.on_cancel(lambda: calls.append(1))
    preview.on_cancel(lambda: calls.append(2))
    for content in ({"type": "other"}, "cancel", None, {}):
        tell(preview, content)
    assert calls == []
    tell(preview, {"type": "cancel"})
    assert calls == [1, 2]


@pytest.mark.parametrize("ids", [["a", "a"], ["", "b"], [None, "b"], [1, 2]])
def test_items_of_a_gallery_need_names_of_their_own(ids: list) -> None:
    with pytest.raises(ValueError, match="every item needs an id of its own"):
        Gallery(items=[{"id": each} for each in ids])


def test_what_the_page_sends_is_not_sent_back_to_it() -> None:
    canvas = Canvas()
    sent = sent_by(canvas)
    canvas.set_state({"image": memoryview(b"png"), "mask": memoryview(b"mask")})
    assert (canvas.image, canvas.mask) == (b"png", b"mask")
    assert isinstance(canvas.mask, bytes)
    canvas.set_state({"mask": memoryview(b"")})
    assert canvas.mask == b""
    assert sent == []


@pytest.mark.parametrize(
    ("widget", "trait", "wrong"),
    [
        (Canvas(), "tool", "pencil"),
        (Canvas(), "radius", 0.0),
        (Wipe(), "position", 1.5),
        (Preview(), "progress", -0.1),
        (Player(), "view", "film"),
        (Shape(), "shape", "teapot"),
        (Grid(), "selected", -2),
        (DepthView(), "colour_map", "jet"),
    ],
)
def test_wrong_values_are_refused_and_change_nothing(widget: Widget, trait: str, wrong: object) -> None:
    from traitlets import TraitError

    before = getattr(widget, trait)
    with pytest.raises(TraitError):
        widget.set_trait(trait, wrong)
    assert getattr(widget, trait) == before


def test_cells_may_arrive_in_any_order() -> None:
    grid = Grid(column_labels=["1", "2"], row_labels=["a", "b"])
    grid.set_cell(2, b"three")
    grid.set_cell(0, b"one")
    assert grid.cells == [b"one", b"", b"three"]


def test_frames_are_sent_when_they_are_asked_for_and_not_with_the_state() -> None:
    player = Player(frames=[b"0", b"1"], motion=[b"m"])
    assert b"1" not in player.get_state().values()
    sent = sent_by(player)
    for of, index in [("frames", 1), ("motion", 0), ("frames", 2), ("motion", -1)]:
        tell(player, {"type": "fetch", "of": of, "index": index})
    answers = [(message["content"]["of"], message["content"]["index"], buffers) for message, buffers in sent]
    assert answers == [("frames", 1, [b"1"]), ("motion", 0, [b"m"])]


def test_appended_frames_keep_what_the_page_holds_and_replaced_ones_do_not() -> None:
    player = Player(frames=[b"frame 0", b"frame 1"])
    generation = player._generation
    player.frames = [*player.frames, b"frame 2"]
    assert (player._generation, player._frame_count) == (generation, 3)
    player.frames = [b"another 0", *player.frames[1:]]
    assert (player._generation, player._frame_count) == (generation + 1, 3)


def test_the_first_frames_of_a_player_may_come_later() -> None:
    player = Player()
    player.frames = [b"frame 0"]
    player.motion = [b"motion 0"]
    assert (player._frame_count, player._motion_count, player._generation) == (1, 1, 0)


def test_depth_keeps_its_values_and_its_size() -> None:
    view = DepthView()
    depth = np.array([[1.0, 2.0, np.inf], [3.0, 4.0, 5.0]])
    view.show_depth(depth)
    assert (view.width, view.height) == (3, 2)
    assert np.array_equal(np.frombuffer(view.depth, np.float32).reshape(2, 3), depth)
    with pytest.raises(ValueError, match=r"must be \(h, w\), got \(2, 3, 1\)"):
        view.show_depth(depth[..., None])


def test_a_mesh_arrives_as_it_is_and_one_that_does_not_fit_together_is_refused() -> None:
    shape = Shape()
    vertices, faces, uvs = np.eye(3), [[0, 1, 2]], np.zeros((3, 2))
    shape.show_mesh(vertices, faces, uvs)
    assert shape.shape == "mesh"
    assert np.array_equal(np.frombuffer(shape.vertices, np.float32).reshape(3, 3), vertices)
    shape.show_mesh(vertices, faces, np.zeros((1, 3, 2)))
    assert len(shape.uvs) == 24
    with pytest.raises(ValueError, match="got"):
        shape.show_mesh(vertices, faces, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="faces name vertex 3, but there are 3"):
        shape.show_mesh(vertices, [[0, 1, 3]], uvs)


def test_widgets_load_without_pillow() -> None:
    check = "import sys, jupyter_ext.widgets; print('PIL' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
