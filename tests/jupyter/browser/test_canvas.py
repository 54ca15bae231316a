from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from jupyter_ext.widgets import Canvas
from tests.jupyter.browser.conftest import Mount
from tests.jupyter.browser.stage import Stage, flat, picture, png

pytestmark = pytest.mark.browser

GREY = flat((90, 90, 90), 400, 300)


def shown(mount: Mount, **traits: object) -> Stage:
    stage = mount(Canvas(image=GREY, **traits))
    stage.find("canvas").wait_for()
    stage.page.wait_for_function("document.querySelector('canvas').width === 400")
    return stage


def mask(stage: Stage) -> NDArray[np.uint8]:
    stage.until(lambda: stage.widget.mask)
    image = Image.open(io.BytesIO(stage.widget.mask))
    assert image.mode == "L"
    return np.asarray(image)


def drag(stage: Stage, *points: tuple[float, float]) -> None:
    box = stage.find("canvas").bounding_box()
    assert box
    mouse, scale = stage.page.mouse, box["width"] / 400
    for index, (x, y) in enumerate(points):
        mouse.move(box["x"] + x * scale, box["y"] + y * scale)
        if index == 0:
            mouse.down()
    mouse.up()


def test_a_stroke_is_a_white_band_of_the_brush_s_width(mount: Mount) -> None:
    stage = shown(mount, radius=20.0)
    drag(stage, (100, 150), (300, 150))
    painted = mask(stage)
    assert painted.shape == (300, 400)
    assert painted[150, 200] == 255
    assert painted[10, 10] == 0
    assert abs(int((painted[:, 200] > 127).sum()) - 40) <= 1


def test_one_stroke_is_sent_once(mount: Mount) -> None:
    stage = shown(mount)
    sent = []
    stage.widget.observe(lambda change: sent.append(len(change["new"])), "mask")
    drag(stage, *[(100 + 5 * i, 150) for i in range(30)])
    mask(stage)
    stage.page.wait_for_timeout(500)
    stage.pump()
    assert len(sent) == 1


def test_what_is_painted_is_what_is_seen(mount: Mount) -> None:
    stage = shown(mount, radius=30.0)
    before = stage.pixels(".sd-stage")
    drag(stage, (200, 150), (201, 150))
    stage.page.mouse.move(0, 0)
    after = stage.pixels(".sd-stage")
    scale = after.shape[1] / 400
    assert np.abs(after.astype(int) - before)[int(150 * scale), int(200 * scale)].max() > 60
    assert np.array_equal(after[5, 5], before[5, 5])


def test_the_rubber_takes_away_what_the_brush_painted(mount: Mount) -> None:
    stage = shown(mount, radius=20.0)
    drag(stage, (100, 150), (300, 150))
    whole = mask(stage)
    stage.button("Erase").click()
    drag(stage, (200, 100), (200, 200))
    stage.until(lambda: picture(stage.widget.mask)[150, 200, 0] == 0)
    rest = mask(stage)
    assert rest[150, 120] == 255
    assert stage.widget.tool == "erase"
    assert int(rest.sum()) < int(whole.sum())


def test_undo_and_redo_go_through_every_state(mount: Mount) -> None:
    stage = shown(mount, radius=20.0)
    drag(stage, (100, 100), (150, 100))
    one = mask(stage)
    drag(stage, (300, 200), (350, 200))
    stage.until(lambda: picture(stage.widget.mask)[200, 320, 0] == 255)
    two = mask(stage)
    stage.button("Undo").click()
    stage.until(lambda: np.array_equal(mask(stage), one))
    stage.button("Undo").click()
    stage.until(lambda: stage.widget.mask == b"")
    assert stage.button("Undo").is_disabled()
    stage.button("Redo").click()
    stage.button("Redo").click()
    stage.until(lambda: np.array_equal(mask(stage), two))
    assert stage.button("Redo").is_disabled()


def test_invert_twice_changes_nothing_and_clear_leaves_nothing(mount: Mount) -> None:
    stage = shown(mount, radius=20.0)
    drag(stage, (100, 100), (150, 100))
    painted = mask(stage)
    stage.button("Invert").click()
    stage.until(lambda: picture(stage.widget.mask)[0, 0, 0] == 255)
    assert np.array_equal(mask(stage), 255 - painted)
    stage.button("Invert").click()
    stage.until(lambda: np.array_equal(mask(stage), painted))
    stage.button("Clear").click()
    stage.until(lambda: stage.widget.mask == b"")


def test_a_mask_from_python_comes_back_unchanged(mount: Mount) -> None:
    given = np.zeros((300, 400), np.uint8)
    given[50:100, 60:200] = 255
    given[150:200, :] = 77
    stage = shown(mount, mask=png(given))
    stage.settle()
    stage.button("Invert").click()
    stage.until(lambda: stage.widget.mask != png(given))
    assert np.array_equal(mask(stage), 255 - given)


def test_a_mask_of_another_size_is_given_up(mount: Mount) -> None:
    stage = shown(mount, mask=png(np.full((10, 10), 255)))
    stage.until(lambda: stage.widget.mask == b"")


def test_a_mask_is_painted_with_keys_alone(mount: Mount) -> None:
    stage = shown(mount, radius=16.0)
    keyboard = stage.page.keyboard
    stage.find("canvas").focus()
    keyboard.press("Space")
    for _ in range(3):
        keyboard.press("Shift+ArrowRight")
    keyboard.press("Space")
    painted = mask(stage)
    assert painted[150, 200] == painted[150, 290] == 255
    assert "Brush up" in stage.find(".sd-note").inner_text()
    keyboard.press("e")
    keyboard.press("]")
    stage.until(lambda: (stage.widget.tool, stage.widget.radius) == ("erase", 20.0))
    keyboard.press("Control+z")
    stage.until(lambda: stage.widget.mask == b"")
    keyboard.press("Control+Shift+Z")
    stage.until(lambda: stage.widget.mask and np.array_equal(mask(stage), painted))


def test_a_stroke_survives_the_end_of_the_view(mount: Mount) -> None:
    stage = shown(mount)
    drag(stage, (100, 150), (300, 150))
    stage.dispose()
    assert mask(stage)[150, 200] == 255


def test_a_png_that_is_dropped_arrives_byte_for_byte_and_the_mask_is_cleared(mount: Mount) -> None:
    stage = shown(mount)
    drag(stage, (100, 150), (300, 150))
    mask(stage)
    dropped = flat((10, 200, 30), 320, 256)
    hand_over(stage, "drop", dropped, "image/png")
    stage.until(lambda: stage.widget.image == dropped and stage.widget.mask == b"")
    assert stage.widget.name == "picture"
    stage.page.wait_for_function("document.querySelector('canvas').width === 320")


def test_a_jpeg_that_is_pasted_arrives_as_png_of_at_most_the_longest_side(mount: Mount) -> None:
    stage = mount(Canvas(max_side=128))
    file = io.BytesIO()
    Image.new("RGB", (400, 200), (200, 30, 40)).save(file, "JPEG", quality=95)
    hand_over(stage, "paste", file.getvalue(), "image/jpeg")
    stage.until(lambda: stage.widget.image)
    received = Image.open(io.BytesIO(stage.widget.image))
    assert (received.format, received.size) == ("PNG", (128, 64))
    assert "scaled down from 400" in stage.find(".sd-note").inner_text()


def test_a_picture_is_browsed_for(mount: Mount, tmp_path: Path) -> None:
    (tmp_path / "wall.png").write_bytes(GREY)
    stage = mount(Canvas())
    stage.find("input[type=file]").set_input_files(tmp_path / "wall.png")
    stage.until(lambda: (stage.widget.image, stage.widget.name) == (GREY, "wall.png"))


@pytest.mark.parametrize(("mime", "words"), [("text/plain", "not an image"), ("image/png", "cannot be read")])
def test_what_is_no_picture_changes_nothing_and_is_said_so(mount: Mount, mime: str, words: str) -> None:
    stage = shown(mount)
    hand_over(stage, "drop", b"not a picture", mime)
    stage.page.wait_for_function(f"document.querySelector('.sd-note').textContent.includes('{words}')")
    stage.pump()
    assert stage.widget.image == GREY


def hand_over(stage: Stage, how: str, content: bytes, mime: str) -> None:
    """Drop or paste a file on the widget."""
    stage.root.evaluate(
        """(root, [how, bytes, type]) => {
            const files = new DataTransfer();
            files.items.add(new File([Uint8Array.from(bytes)], "picture", { type }));
            const init = { bubbles: true, cancelable: true, dataTransfer: files, clipboardData: files };
            root.dispatchEvent(how === "drop" ? new DragEvent(how, init) : new ClipboardEvent(how, init));
        }""",
        [how, list(content), mime],
    )
