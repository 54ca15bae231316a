"""Tables, plot and sheets of the animation benchmark."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from animation_measures import Frames, mean_of

from sd_core.display import contact_sheet
from sd_core.values import to_pillow

Row = Mapping[str, float | str]

FLOOR = "autoencoder (F)"
COLUMNS: Mapping[str, str] = {
    "E1": "E lag 1", "E8": "E lag 8", "E24": "E lag 24", "share8": "E-F / best, lag 8", "share24": "lag 24",
    "raw8": "E / best, lag 8", "raw24": "lag 24", "closure": "closure dB", "sharpness": "sharpness", "last_sharpness": "at the end",
    "drift": "drift dE", "new_sharpness": "new: sharpness", "new_seam": "new: seam", "switch": "switch",
    "half_life": "half-life", "depth": "depth", "prompt": "prompt", "evaluations": "UNet rows", "seconds": "s / frame",
}  # fmt: skip
"""Names of the measures by key; warp errors are shown times 1000."""

Guard = Callable[[float], bool]

GUARDS: Mapping[str, Guard] = {
    "sharpness": lambda value: 0.9 <= value <= 1.1,
    "drift": lambda value: value <= 2,
    "new_sharpness": lambda value: 0.85 <= value <= 1.15,
    "new_seam": lambda value: value <= 1.15,
    "switch": lambda value: value >= 0.9,
    "half_life": lambda value: value <= 4,
    "depth_loss": lambda value: value <= 0.02,
    "prompt_loss": lambda value: value <= 0.02,
}
"""What a copy of the frame before cannot pass."""

TARGETS: Mapping[str, Guard] = {
    **GUARDS,
    "share8": lambda value: value <= 0.1,
    "share24": lambda value: value <= 0.1,
    "growth": lambda value: value <= 1.2,
    "closure_loss": lambda value: value <= 1.5,
    "evaluation_share": lambda value: value <= 0.5,
}


def shares(rows: Sequence[Row]) -> list[dict[str, float | str]]:
    """The rows with what compares them to the other arms of their scene."""
    return [dict(row) | compared(row, [other for other in rows if other["scene"] == row["scene"]]) for row in rows]


def compared(row: Row, scene: Sequence[Row]) -> dict[str, float]:
    by_arm = {str(other["arm"]): other for other in scene}
    floor, alone = by_arm.get(FLOOR, {}), by_arm.get("independent noise", {})
    plain = [by_arm[name] for name in ("independent noise", "fixed seed") if name in by_arm]
    found: dict[str, float] = {}
    if row["arm"] == FLOOR or not plain:
        return found
    for lag in (8, 24):
        best = min(number(other, f"E{lag}") for other in plain)
        found[f"raw{lag}"] = over(number(row, f"E{lag}"), best)
        found[f"share{lag}"] = over(number(row, f"E{lag}") - number(floor, f"E{lag}"), best)
    found["closure_loss"] = number(floor, "closure") - number(row, "closure") if "closure" in row else math.nan
    found["depth_loss"] = number(alone, "depth") - number(row, "depth")
    found["prompt_loss"] = number(alone, "prompt") - number(row, "prompt")
    found["evaluation_share"] = over(number(row, "evaluations"), number(alone, "evaluations"))
    found["time_share"] = over(number(row, "seconds"), number(alone, "seconds"))
    return found


def over(one: float, other: float) -> float:
    """The ratio; nan where nothing changes at all in the other."""
    return one / other if other > 1e-7 else math.nan


def failed_guards(rows: Sequence[Row], arm: str, guards: Mapping[str, Guard] = GUARDS) -> list[str]:
    """The guards that an arm fails, in the mean over the scenes."""
    means = mean_row(rows, arm)
    return [name for name, passes in guards.items() if not math.isnan(means[name]) and not passes(means[name])]


def mean_row(rows: Sequence[Row], arm: str) -> dict[str, float]:
    """Means over the scenes, and ratios of means; what was not measured is nan."""
    own = averages(rows, arm)
    arms = dict.fromkeys(str(row["arm"]) for row in rows)
    means = [{"arm": other, **averages(rows, other)} for other in arms]
    nothing = dict.fromkeys(("closure_loss", *TARGETS, "time_share"), math.nan)
    return nothing | own | compared({"arm": arm, **own}, means) | {"growth": growth(rows, arm)}


def growth(rows: Sequence[Row], arm: str) -> float:
    """How many times larger errors are at lag 24 than at lag 8, over the scenes that have both."""
    pairs = [(number(row, "E24"), number(row, "E8")) for row in of_arm(rows, arm)]
    known = [pair for pair in pairs if not any(math.isnan(value) for value in pair)]
    return over(sum(late for late, _ in known), sum(early for _, early in known)) if known else math.nan


def averages(rows: Sequence[Row], arm: str) -> dict[str, float]:
    return {name: average([number(row, name) for row in of_arm(rows, arm)]) for name in COLUMNS}


def of_arm(rows: Sequence[Row], arm: str) -> list[Row]:
    return [row for row in rows if row["arm"] == arm]


def average(values: Sequence[float]) -> float:
    return math.inf if any(value == math.inf for value in values) else mean_of(values)


def number(row: Row, name: str) -> float:
    value = row.get(name, math.nan)
    return float(value)


def table(rows: Sequence[Row]) -> str:
    """Markdown: a row for each scene and arm."""
    full = shares(rows)
    shown = [name for name in COLUMNS if any(name in row for row in full)]
    lines = ["| scene | arm | " + " | ".join(COLUMNS[name] for name in shown) + " |", "|---" * (len(shown) + 2) + "|"]
    for row in full:
        cells = [cell(name, number(row, name)) for name in shown]
        lines.append(f"| {row['scene']} | {row['arm']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdict(rows: Sequence[Row], arm: str = "ours") -> str:
    """What is wanted of our arm, against its means over the scenes."""
    means = mean_row(rows, arm)
    if all(math.isnan(value) for value in means.values()):
        return ""
    lines = [f"| {arm}, mean over scenes | | |", "|---|---|---|"]
    for name, passes in TARGETS.items():
        value = means[name]
        state = "not measured" if math.isnan(value) else "met" if passes(value) else "MISSED"
        lines.append(f"| {name} | {value:.3f} | {state} |")
    lines.append(f"| growth of F | {growth(rows, FLOOR):.3f} | |")
    lines += [f"| E without F over the best, lag {lag} | {means[f'raw{lag}']:.3f} | |" for lag in (8, 24)]
    lines.append(f"| time against independent frames | {means['time_share']:.2f} | |")
    return "\n".join(lines)


def cell(name: str, value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value * 1000:.2f}" if name in ("E1", "E8", "E24") else f"{value:.3g}"


def print_table(rows: Sequence[Row]) -> None:
    print(f"\n{table(rows)}\n\n{verdict(rows)}\n", flush=True)


def write_tables(rows: Sequence[Row], folder: Path) -> None:
    (folder / "table.md").write_text(f"{table(rows)}\n\n{verdict(rows)}\n", encoding="utf-8")
    (folder / "table.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def plot(rows: Sequence[Row], path: Path) -> None:
    """Warp error at lag 8 against the sharpness of what is newly seen: only the corner at the bottom in the band counts."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.axhspan(0.85, 1.15, color="0.92", label="wanted")
    for index, arm in enumerate(dict.fromkeys(str(row["arm"]) for row in rows if row["arm"] != FLOOR)):
        own = [row for row in rows if row["arm"] == arm]
        errors = [max(number(row, "E8") * 1000, 1e-3) for row in own]
        axes.scatter(errors, [number(row, "new_sharpness") for row in own], label=arm, s=46, color=f"C{index}")
    axes.set(xscale="log", xlabel="warp error at lag 8 (mean square x 1000)", ylabel="sharpness of newly seen regions")
    axes.set_title("Holding still, and still making pictures")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def sheet(frames: Mapping[str, Frames], sampled: Sequence[int], path: Path, columns: int = 8) -> None:
    """A row of frames for each arm, in the order in which the table has them."""
    chosen = [sampled[index] for index in np.linspace(0, len(sampled) - 1, min(columns, len(sampled))).astype(int)]
    tiles = [held[index] for held in frames.values() for index in chosen]
    to_pillow(contact_sheet(tiles, columns=len(chosen), gap=0)).save(path)
