"""The audit as one page: the verdict, the map of the data, what is missing, and how to read all this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..core.files import remove, write_text
from ..core.pictures import image_grid, save_picture
from ..core.seeding import derive_seed
from ..reports.page import fill, inline_image, templates
from ..reports.plots import GREY, ORANGE, SKY, VERMILION, drawing, new_figure, to_svg
from .found import Found, Part
from .power import SEEN
from .regions import Region
from .space import HANDED
from .traits import phrase
from .verdict import percent, remarks, sentence
from .view import View, core

MAPPED = 2_000  # examples on the map
PARTS = 10  # regions with a gallery of their own
ABREAST = 12  # examples in a gallery
WORST = 24  # examples in the gallery of all data
LABELS = 20
BETWEEN = "#777777"  # ink that is legible on light and on dark
TINY = 1e-12
FEWEST = 4  # different examples that a map is laid out of
KINDS = (  # local ratio up to, what the map's legend calls it, colour, size
    (0.25, "less than a quarter of the samples due", VERMILION, 16),
    (0.5, "a quarter to a half", ORANGE, 12),
    (2.0, "half to double", GREY, 6),
    (np.inf, "more than double", SKY, 9),
)


@dataclass(frozen=True)
class Gallery:
    """Examples of the data over their nearest samples.

    Args:
        picture: as a ``data:`` address; None where features were handed in.
        names: of the examples: files, or numbers.
        given: whether the inputs of the examples stand above them.
    """

    picture: str | None
    names: tuple[str, ...]
    given: bool = False

    @property
    def description(self) -> str:
        """The picture for who cannot see it."""
        upper = "Upper rows: inputs, and the data that answer them" if self.given else "Upper row: examples of the data"
        return f"{upper} ({', '.join(self.names)}). Lower row: the nearest sample of each."


def write_page(found: Found, path: Path, drawn: Markup | None = None) -> None:
    """Write the page, whole or not at all.

    Args:
        found: what it shows.
        path: the file.
        drawn: the map, if it is drawn already.

    Raises:
        UserError: it cannot be written.
    """
    parts = found.parts[:PARTS]
    labels = [label for label in found.labels if label.dropped or len(label.value) == 1][:LABELS]
    page = fill(
        "audit.html",
        found=found,
        verdict=sentence(found).partition(". "),
        remarks=remarks(found),
        space=_space(found),
        map=drawn or draw_map(found, parts),
        parts=_shown(found, parts),
        worst=_gallery(found, [example.index for example in found.examples[:WORST]]),
        labels=labels,
        widened=max((label.samples_share.widened for label in labels if label.samples_share), default=1),
        named=_named(found),
        seen=SEEN,
        percent=percent,
        style=Markup(templates().get_template("style.css").render()),
    )
    write_text(path, page)


def _shown(found: Found, parts: Sequence[Part]) -> list[tuple[Part, Gallery, str, str]]:
    """These parts, or where there are none those that came nearest to it: their pictures, labels and words."""
    nearly = [region for region in found.ordered[0].regions if region.n_real][:3]
    chosen = parts or [Part(region, (region.view,)) for region in nearly]
    words = [phrase(mine) for mine in found.traits[1 : 1 + PARTS]] if parts else [""] * len(chosen)
    by_name = {view.name: view for view in found.views}
    attributes = {name for label in found.labels for name in label.value}
    attribute = f"{attributes.pop()} " if len(attributes) == 1 else ""  # of several, each label bears its own
    return [
        (
            part,
            _gallery(found, part.region.members[:ABREAST], by_name[part.region.view]),
            _labels(part.region, attribute),
            said,
        )
        for part, said in zip(chosen, words, strict=True)
    ]


def write_pictures(found: Found, folder: Path) -> Markup:
    """Write ``map.svg`` and, of images, ``scarcest.png``: the worst-served examples over their nearest samples.

    That of an earlier audit in this folder is removed where features were handed in.

    Returns:
        The map, as a part of a page.

    Raises:
        UserError: a file cannot be written.
    """
    drawn = draw_map(found, found.parts[:PARTS])
    write_text(folder / "map.svg", drawn.replace("currentColor", BETWEEN))
    scarcest = folder / "scarcest.png"
    gallery = draw_gallery(found, [example.index for example in found.examples[:ABREAST]])
    if gallery is None:
        remove(scarcest)
        return drawn
    save_picture(gallery, scarcest)
    return drawn


def _space(found: Found) -> str:
    if found.real.images is None:
        return "the features handed in"
    return f"the feature space{'s' if len(found.views) > 1 else ''} {found.distance['name']}"


def _named(found: Found) -> str:
    """The space that metrics were measured in."""
    name = found.certificate["features"]
    return "the features handed in" if name.startswith(HANDED[0]) else f"the feature space {name}"


def _labels(region: Region, attribute: str) -> str:
    """The labels that set it apart, if labels are known, after what all of them are labels of."""
    if region.label_counts is None:
        return ""
    said = []
    for label, times in list(region.typical.items())[:3]:
        share = region.label_counts[label] / len(region.members)
        said.append(f"{share:.0%} of it bear {attribute}{label} ({times:.2g} times as frequent as in all data)")
    return ", ".join(said) or "No label sets it apart"


def _gallery(found: Found, members: Sequence[int], view: View | None = None) -> Gallery:
    files, picture = found.real.files, draw_gallery(found, members, view)
    names = tuple(files[i] for i in members) if files else tuple(f"#{i}" for i in found.real.numbers(members))
    return Gallery(None if picture is None else inline_image(picture), names, found.real.given is not None)


def draw_gallery(found: Found, members: Sequence[int], view: View | None = None) -> Image.Image | None:
    """These examples in rows, below each row the sample nearest to each; None where features were handed in.

    Of pairs, their inputs stand above. What is nearest is so in this view, or in that where an example lacks most.
    """
    real, fake, given = found.real.images, found.fake.images, found.real.given
    if real is None or fake is None:
        return None
    shown = [real] if given is None or given.images is None else [given.images, real]
    nearest = {example.index: example.nearest for example in (found if view is None else view).examples}
    rows = []
    for start in range(0, len(members), ABREAST):
        some = list(members[start : start + ABREAST])
        blank = torch.full_like(real[:1], 255).repeat(ABREAST - len(some), 1, 1, 1)
        rows += [part for images in shown for part in (images[some], blank)]
        rows += [fake[[nearest[i] for i in some]], blank]
    return image_grid(torch.cat(rows), columns=ABREAST)


def draw_map(found: Found, parts: Sequence[Part]) -> Markup:
    """Examples of the data, near to each other where they are alike, coloured by the share of samples around them."""
    scores = np.empty(found.n_real)
    scores[[example.index for example in found.examples]] = [example.score for example in found.examples]
    seed = derive_seed(int(found.certificate["seed"]), "map") % 2**32
    shown = np.sort(np.random.default_rng(seed).permutation(found.n_real)[:MAPPED])
    places = _places(_beside(found)[shown].numpy(), seed)
    ratio = np.exp(-scores[shown])
    with drawing():
        figure = new_figure(7.4, 5.2)
        axes = figure.subplots()
        kind = np.searchsorted([edge for edge, *_ in KINDS[:-1]], ratio)
        for number, (_, name, colour, size) in enumerate(KINDS):
            x, y = places[kind == number].T
            axes.scatter(x, y, s=size, c=colour, linewidths=0, label=name, alpha=0.85, zorder=len(KINDS) - number)
        for number, part in enumerate(parts, start=1):
            here = np.isin(shown, core(part.region))
            if here.any():
                _mark(axes, np.median(places[here], axis=0), str(number))
        axes.set_axis_off()
        figure.legend(loc="outside lower center", ncols=len(KINDS), fontsize=8, handletextpad=0.1)
        lost = f"around {(kind == 0).mean():.0%} of them, samples are missing"
        return to_svg(figure, f"Map of {len(shown)} examples of the data; {lost}.")


def _beside(found: Found) -> Tensor:
    """The features of the data in all views, each as large as the others, ``(n, D)``."""
    if len(found.views) == 1:
        return found.views[0].features
    spread = [view.features.square().sum(1).mean().sqrt().clamp_min(TINY) for view in found.views]
    return torch.cat([view.features / size for view, size in zip(found.views, spread, strict=True)], dim=1)


def _mark(axes: object, place: NDArray[np.float64], text: str) -> None:
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3, foreground="#ffffff")]
    axes.text(*place, text, ha="center", va="center", zorder=9, weight="bold", color="#111111", path_effects=halo)  # type: ignore[attr-defined]


def _places(features: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Points in the plane, ``(n, 2)`` (t-SNE, van der Maaten & Hinton 2008); as they are where they are in it."""
    different, which = np.unique(features, axis=0, return_inverse=True)  # equal examples would crash its quadtree
    if features.shape[1] == 2 or len(different) < FEWEST:
        return np.pad(features[:, :2], ((0, 0), (0, max(0, 2 - features.shape[1])))).astype(np.float64)
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(different) - 1) / 3)
    start = "pca" if features.shape[1] > 1 else "random"
    centred = different - different.mean(0)
    places = TSNE(perplexity=perplexity, init=start, random_state=seed).fit_transform(centred / np.abs(centred).max())
    found: NDArray[np.float64] = places[which.ravel()]
    return found
