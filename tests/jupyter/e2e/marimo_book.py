"""A marimo notebook that shows every widget of the studio by itself; marimo runs it, in `test_marimo.py`."""

import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    from tests.jupyter.browser import examples

    return examples, mo


@app.cell
def _(examples, mo):
    wipe, player = mo.ui.anywidget(examples.EXAMPLES["wipe"]()), mo.ui.anywidget(examples.EXAMPLES["player"]())
    mo.vstack([wipe, player])
    return player, wipe


@app.cell
def _(mo, player, wipe):
    mo.md(f"position {wipe.value['position']:.2f}, frame {player.value['index']}")


@app.cell
def _(examples, mo):
    mo.vstack([make() for name, make in examples.EXAMPLES.items() if name not in ("wipe", "player")])
