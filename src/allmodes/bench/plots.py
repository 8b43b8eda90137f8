"""Pictures of the benchmarks."""

from __future__ import annotations

from pathlib import Path

from ..core.files import atomic
from .table import Table

KINDS = {
    "exact bfloat16": "exact bfloat16",
    "DCI (l2, random": "DCI, random",
    "DCI (l2, pca": "DCI, PCA",
    "auto": "auto",
    "faiss (IVF": "faiss IVF",
    "faiss (HNSW": "faiss HNSW",
    "hnswlib": "hnswlib",
}


def growth_plot(table: Table, path: Path) -> None:
    """Visits over the number of points, a line for every intrinsic dimension."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for row in table.rows:
        sizes = {int(key[4:].replace(",", "")): value for key, value in row.items() if key.startswith("n = ")}
        label = f"{row['intrinsic dimension']} dimensions: n^{row['exponent']:.2f}"
        axes.loglog(list(sizes), list(sizes.values()), marker="o", label=label)
    axes.set(
        xlabel="points", ylabel="entries visited for a query", title="Prioritized DCI: work grows slower than the data"
    )
    axes.legend(frameon=False)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120)


def rebuild_plot(table: Table, path: Path) -> None:
    """Time against the best exact search, over the number of queries, a panel for every shape."""
    from matplotlib.figure import Figure

    shapes = list(dict.fromkeys((row["m"], row["d"]) for row in table.rows))
    figure = Figure(figsize=(3.2 * len(shapes), 3.6), layout="constrained")
    panels = figure.subplots(1, len(shapes), sharey=True, squeeze=False)[0]
    for axes, shape in zip(panels, shapes, strict=True):
        rows = [row for row in table.rows if (row["m"], row["d"]) == shape]
        for kind, label in KINDS.items():
            line = [(row["n"], row["times"]) for row in rows if row["search"].startswith(kind)]
            if line:
                axes.loglog(*zip(*line, strict=True), marker="o", label=label)
        axes.axhline(1, color="grey", linewidth=1)
        axes.set(title=f"{shape[0]:,} points, {shape[1]:,} dimensions", xlabel="queries")
    panels[0].set_ylabel("times as fast as the best exact float32")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(KINDS), frameon=False)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120)
