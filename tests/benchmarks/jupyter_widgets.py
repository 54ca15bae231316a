"""How soon a widget is on the page, and how it bears 40 changes of a slider in a second, in headless Chromium.

    python tests/benchmarks/jupyter_widgets.py

"shown" runs from the call that renders the widget to the next frame, with 512 px pictures; "a move" is the time for
which one change of the trait holds up the page, as mean and as longest of 40; "moves a second" is its inverse.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[2]))

from jupyter_ext.widgets import Canvas, DepthView, Player, Shape, Tiling, Wipe
from jupyter_ext.widgets._base import Widget
from tests.chromium import chromium
from tests.jupyter.browser.stage import Stage, png

MOVES = """async ([trait, low, high]) => {
    const times = [];
    for (let move = 0; move < 40; move++) {
        const start = performance.now();
        update({ [trait]: low + ((high - low) * move) / 39 });
        document.body.getBoundingClientRect();
        times.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, 25));
    }
    return times;
}"""


def widgets() -> list[tuple[Widget, str, float, float]]:
    """Each widget with a trait that a slider moves, and how far."""
    picture = png(np.random.default_rng(0).integers(0, 256, (512, 512, 3)))
    depth = DepthView()
    depth.show_depth(np.random.default_rng(0).uniform(1, 9, (512, 512)))
    return [
        (Canvas(image=picture), "radius", 4, 100),
        (Wipe(before=picture, after=picture), "position", 0, 1),
        (Tiling(image=picture), "repeat", 1, 8),
        (Shape(base_color=picture, normal=picture), "relief", 0, 0.3),
        (Player(frames=[picture] * 40), "index", 0, 39),
        (depth, "near", 1, 8),
    ]


def measure(page: Page, widget: Widget, trait: str, low: float, high: float) -> tuple[float, list[float]]:
    """Milliseconds until the widget is shown, and for each of 40 moves."""
    stage = Stage(page, widget)
    shown = page.evaluate("shown")
    page.wait_for_timeout(500)
    stage.pump()
    integer = trait in ("index", "repeat")
    script = MOVES.replace("/ 39 }", "/ 39 | 0 }") if integer else MOVES
    return shown, page.evaluate(script, [trait, low, high])


def main() -> None:
    with chromium() as browser:
        print(f"{'widget':<10} {'shown ms':>9} {'a move ms':>10} {'longest ms':>11} {'moves a second':>15}")
        for widget, trait, low, high in widgets():
            page = browser.new_page()
            shown, times = measure(page, widget, trait, low, high)
            mean = sum(times) / len(times)
            name = type(widget).__name__
            print(f"{name:<10} {shown:>9.0f} {mean:>10.2f} {max(times):>11.2f} {1000 / max(mean, 1e-3):>15.0f}")
            page.close()


if __name__ == "__main__":
    main()
