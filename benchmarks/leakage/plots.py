"""Plots of the comparison, as SVG that is the same for the same measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from benchmarks.leakage.kinds import KINDS
from benchmarks.leakage.stats import Estimate
from benchmarks.leakage.table import Cell
from benchmarks.leakage.targets import Calibration, CorpusRow

mpl.use("svg")
mpl.rcParams.update({"svg.hashsalt": "leakage", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False})
mpl.rcParams.update({"axes.spines.right": False, "figure.constrained_layout.use": True})

COLOURS = dict(zip((kind.name for kind in KINDS), plt.get_cmap("tab10").colors, strict=False))
MARKS = {"0.11M": "o", "0.62M": "s"}


def by_kind(cells: Sequence[Cell], file: Path) -> None:
    """Predicted z against measured exposure of each cell; the area of a mark grows with occurrences × epochs."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.2))
    for cell in cells:
        area = 12 + 10 * np.log2(cell.planted * cell.epochs)
        style = {"color": COLOURS[cell.kind], "marker": MARKS[cell.size], "s": area, "alpha": 0.6, "linewidths": 0}
        left.scatter(cell.z, cell.exposure, **style)
        right.scatter(cell.z, cell.extrapolated, **style)
    left.set(
        xlabel="z predicted from the scanner's counts",
        ylabel="measured exposure by rank, bits",
    )
    right.set(
        xlabel="z predicted from the scanner's counts", ylabel="measured exposure extrapolated, bits", yscale="log"
    )
    for name, colour in COLOURS.items():
        right.scatter([], [], color=colour, label=name)
    right.legend(frameon=False, fontsize=8)
    _save(figure, file)


def by_occurrences(cells: Sequence[Cell], file: Path) -> None:
    """Measured exposure over occurrences × epochs, a line a kind, for the models of most cells."""
    figure, axis = plt.subplots(figsize=(6.5, 4.2))
    for name, colour in COLOURS.items():
        own = [cell for cell in cells if cell.kind == name and cell.size == "0.11M" and cell.family == "ladder"]
        seen = sorted({cell.planted * cell.epochs for cell in own})
        mean = [np.mean([c.exposure for c in own if c.planted * c.epochs == d]) for d in seen]
        axis.plot(seen, mean, marker="o", color=colour, label=name)
    axis.axhline(1 / np.log(2), color="grey", linestyle=":", label="never seen: 1.44")
    axis.set(xscale="log", xlabel="occurrences × epochs", ylabel="measured exposure, bits")
    axis.legend(frameon=False, fontsize=8)
    _save(figure, file)


def calibrations(fits: Sequence[Calibration], file: Path) -> None:
    """Chance predicted against chance measured of each cell left out, before and after the re-fit."""
    figure, axes = plt.subplots(1, len(fits), figsize=(4.2 * len(fits), 4.2), squeeze=False)
    for axis, fit in zip(axes[0], fits, strict=True):
        axis.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        axis.scatter(fit.untouched, fit.measured, s=14, alpha=0.5, linewidths=0, label="constants as shipped")
        axis.scatter(fit.predicted, fit.measured, s=14, alpha=0.5, linewidths=0, label="re-fitted on other seeds")
        axis.set(xlabel="chance predicted", ylabel="chance measured", title=f"{fit.queries:g} queries per value")
        axis.legend(frameon=False, fontsize=8)
    _save(figure, file)


def comparators(panels: Mapping[str, Mapping[str, tuple[Estimate, Estimate]]], file: Path) -> None:
    """Rank correlation of the score and of what it is compared with, with 95 % intervals."""
    figure, axes = plt.subplots(1, len(panels), figsize=(5 * len(panels), 2.6), squeeze=False)
    for axis, (title, ranked) in zip(axes[0], panels.items(), strict=True):
        for place, (name, (estimate, _)) in enumerate(reversed(ranked.items())):
            axis.barh(place, estimate.value, color="#4878a8" if place == len(ranked) - 1 else "#bbbbbb")
            axis.plot([estimate.low, estimate.high], [place, place], color="black", linewidth=1)
            axis.text(0.02, place, name, va="center", fontsize=8)
        axis.set(xlim=(0, 1), yticks=[], xlabel="Spearman, 95 % interval", title=title)
        axis.axvline(0.9, color="grey", linestyle=":")
    _save(figure, file)


def corpora(rows: Sequence[CorpusRow], file: Path) -> None:
    """Predicted against measured harm of each corpus."""
    figure, axis = plt.subplots(figsize=(6, 4.2))
    for made, colour in ((False, "#4878a8"), (True, "#c44e52")):
        own = [row for row in rows if row.made_to_violate is made]
        harm = [max(row.harm, 1e-9) for row in own]
        label = "made to break the policy" if made else "others"
        axis.scatter([row.found_harm for row in own], harm, s=16, color=colour, alpha=0.7, linewidths=0, label=label)
    axis.set(xlabel="harm expected of what was found, units", ylabel="measured harm, units (least shown: 1e-9)")
    axis.set(xscale="log", yscale="log")
    axis.legend(frameon=False, fontsize=8)
    _save(figure, file)


def _save(figure: plt.Figure, file: Path) -> None:
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
