"""A marimo notebook that shows every widget of the studio by itself; marimo runs it, in `test_marimo.py`."""

import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import numpy as np

    from jupyter_ext import widgets
    from jupyter_ext.pictures import lossless_bytes

    picture = lossless_bytes(np.full((64, 64, 3), (120, 80, 40), np.uint8))
    return mo, np, picture, widgets


@app.cell
def _(mo, picture, widgets):
    wipe = mo.ui.anywidget(widgets.Wipe(before=picture, after=picture))
    player = mo.ui.anywidget(widgets.Player(frames=[picture] * 3))
    mo.vstack([wipe, player])
    return player, wipe


@app.cell
def _(mo, player, wipe):
    mo.md(f"position {wipe.value['position']:.2f}, frame {player.value['index']}")


@app.cell
def _(mo, np, picture, widgets):
    depth = np.ones(16, np.float32).tobytes()
    mo.vstack(
        [
            widgets.Canvas(image=picture),
            widgets.DepthView(depth=depth, width=4, height=4),
            widgets.Gallery(items=[{"id": "a", "caption": "a"}], thumbnails=[picture]),
            widgets.Grid(column_labels=["1"], cells=[picture]),
            widgets.Preview(image=picture, busy=True, progress=0.5),
            widgets.Shape(base_color=picture),
            widgets.Tiling(image=picture),
        ]
    )
