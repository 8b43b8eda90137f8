"""How methods and figures are called and written, the same in every table and plot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

METHODS = {
    "gan": "GAN",
    "imle": "IMLE",
    "imle-gan": "IMLE-GAN",
    "chimle": "CHIMLE",
    "regression": "Regression",
    "rs-imle": "RS-IMLE",
    "adaptive-imle": "Adaptive IMLE",
    "one-to-one": "One-to-one matching",
    "glo": "GLO",
    "glann": "GLANN",
    "fastgan": "FastGAN",
    "flow-matching": "Flow matching",
    "unrolled-gan": "Unrolled GAN",
    "gm-gan": "Supervised GM-GAN",
    "gm-gan-em": "GM-GAN, fitted by inversion",
    "info-gan": "InfoGAN",
    "pacgan": "PacGAN",
    "veegan": "VEEGAN",
    "stylegan2": "StyleGAN2",
    "srgan": "SRGAN",
    "pix2pix": "pix2pix",
    "bicyclegan": "BicycleGAN",
}
SPLIT = ("frechet_distance", "precision", "recall", "density", "coverage")  # measured against a test split
MATCHERS = {"rejection": "rs-imle", "one-to-one": "one-to-one"}  # methods that differ from IMLE in nothing else
MIXTURES = {"gaussian-mixture": "static", "dynamic-mixture": "dynamic"}  # priors that make a GAN a GM-GAN


def method_of(objective: str, *, matching: str, prior: str, loss: str, conditional: bool = False) -> str:
    """What a method is called, from the names of its parts; of a part that it has not, any other word.

    Of a model that answers inputs, IMLE is Conditional IMLE.

    >>> method_of("gan", matching="", prior="gaussian-mixture", loss="wasserstein")
    'GM-GAN, static, Wasserstein'
    """
    if objective == "imle":
        plain = "Conditional IMLE" if conditional else METHODS["imle"]
        return METHODS[MATCHERS[matching]] if matching in MATCHERS else plain
    if objective != "gan":
        return METHODS.get(objective, objective)
    named = f"GM-GAN, {MIXTURES[prior]}" if prior in MIXTURES else METHODS["gan"]
    return f"{named}, Wasserstein" if loss == "wasserstein" else named


@dataclass(frozen=True)
class Label:
    """How one figure is shown.

    Args:
        title: in words.
        decimals: digits after the point.
        meaning: what it says, in half a sentence.
        better: which values are, where either are.
        unit: ``"dB"``, of a logarithm, of which 0 is no natural end; or none.
    """

    title: str
    decimals: int
    meaning: str = ""
    better: Literal["more", "less", ""] = ""
    unit: Literal["dB", ""] = ""


FIDELITY: tuple[tuple[str, str, int, str, Literal["dB", ""]], ...] = (
    ("psnr", "PSNR", 2, "in dB, against the original, ", "dB"),
    ("ssim", "SSIM", 3, "structural similarity to the original, ", ""),
    ("psnr_y", "PSNR of luma", 2, "in dB, without a border of the factor's width, as papers give it, ", "dB"),
    ("ssim_y", "SSIM of luma", 3, "without a border of the factor's width, as papers give it, ", ""),
)
LABELS = {
    "modes": Label("modes", 0, "modes with enough samples to count as covered; more is better", better="more"),
    "kl": Label("KL", 4, "divergence of the samples' mode law from the data's, in nats; less is better", better="less"),
    "kl_uniform": Label(
        "KL to uniform", 4, "divergence of the samples' mode law from the uniform law, in nats", better="less"
    ),
    "excess_kl": Label(
        "excess KL", 4, "KL less what so many draws from the true law would show, in nats", better="less"
    ),
    "effective_modes": Label("effective modes", 1, "number of equally likely modes with the same KL", better="more"),
    "confidence": Label("confidence", 3, "mean certainty of the classifier on samples; more is better", better="more"),
    "high_quality": Label("high quality", 3, "share of samples that lie near a mode", better="more"),
    "worst_distance": Label(
        "worst distance", 3, "of a mode to the sample nearest to it; less is better", better="less"
    ),
    "frechet_distance": Label(
        "Fréchet distance", 4, "between Gaussian fits to features of data and samples; less is better", better="less"
    ),
    "fid": Label(
        "FID", 2, "Fréchet distance in the features of the standard Inception network; less is better", better="less"
    ),
    "kernel_distance": Label(
        "kernel distance", 4, "distance of mean features of all orders up to three; 0 is as the data", better="less"
    ),
    "kid": Label(
        "KID", 5, "kernel distance in the features of the standard Inception network; 0 is as the data", better="less"
    ),
    "f8": Label("F8", 3, "recall along the PRD curve, by the shares of 20 clusters; 1 is as the data", better="more"),
    "f1/8": Label("F1/8", 3, "precision along the PRD curve; 1 is as the data", better="more"),
    "ndb": Label("NDB/K", 3, "share of 100 clusters whose size differs; 0.05 is chance"),
    "vendi": Label("Vendi score", 2, "effective number of different samples; it knows nothing of the data"),
    "support_size": Label("support size", 0, "number of different samples, by near-duplicates among them"),
    "memorisation": Label(
        "memorisation C_T", 2, "below −3, samples are nearer to the data than other data are: copies"
    ),
    "authenticity": Label("authenticity", 3, "share of samples that are no copies; compare it with that of other data"),
    "precision": Label(
        "precision", 3, "share of samples that lie among the data; can be high where parts are missing", better="more"
    ),
    "recall": Label(
        "recall", 3, "share of the data that lies among samples; one far sample can cover much", better="more"
    ),
    "f1": Label("F1", 3, "harmonic mean of precision and recall", better="more"),
    "density": Label(
        "density", 3, "data neighbourhoods that a sample lies in, over their number due; 1 is as the data"
    ),
    "coverage": Label("coverage", 3, "share of the data with a sample in its neighbourhood", better="more"),
    "frechet_vgg": Label(
        "Fréchet distance, VGG16", 4, "the same in the features of ST-LPIPS' VGG16; less is better", better="less"
    ),
    "frechet_heldout": Label(
        "Fréchet distance, held out",
        4,
        "of samples from images that were not trained on; copying does not lower it",
        better="less",
    ),
    "covered": Label(
        "covered",
        3,
        "share of training images that some sample is nearer to than any other training image is",
        better="more",
    ),
    "copied_mass": Label("copied", 3, "share of samples that copy a training image, beyond chance", better="less"),
    "prior_gap": Label(
        "prior gap",
        2,
        "of what samples lack, the share that those at latents assigned in training do not; near 1 the fault is in the "
        "latents, near 0 in the generator",
    ),
    "inversion_train": Label(
        "distance of training images",
        4,
        "from the nearest that the generator can make, in pixels; less is better",
        better="less",
    ),
    "inversion_heldout": Label(
        "distance of held-out images",
        4,
        "from the nearest that the generator can make, in pixels; less is better",
        better="less",
    ),
    "reached_train": Label(
        "training images reached",
        3,
        "share that the generator can come nearer to than any other training image",
        better="more",
    ),
    "reached_heldout": Label(
        "held-out images reached",
        3,
        "share that the generator can come nearer to than any training image",
        better="more",
    ),
    "largest_step": Label(
        "largest step", 2, "of a walk between latents, over its mean step; 1 is an even change, 16 a single jump"
    ),
    **{
        f"{figure}_by_{way}": Label(
            f"{title}, by {way}", 3, f"of components and classes of test images; {meaning}", better="more"
        )
        for way in ("inversion", "encoder")
        for figure, title, meaning in (
            ("nmi", "NMI", "1 is the same partition, 0 chance"),
            ("ari", "adjusted Rand", "agreement on pairs; 0 is chance"),
            ("hungarian_accuracy", "accuracy", "share in the class matched one to one with their component"),
            ("purity", "purity", "share in the largest class of their component"),
        )
    },
    "read_components": Label(
        "components read", 3, "share of samples whose component the encoder reads rightly", better="more"
    ),
    "st_lpips_best": Label(
        "ST-LPIPS, nearest answer",
        4,
        "squared distance of the original to the nearest answer to its input",
        better="less",
    ),
    "diversity": Label(
        "diversity of answers", 4, "mean squared ST-LPIPS distance of two answers to one input", better="more"
    ),
    "layout_agreement": Label(
        "agreement with the layout", 3, "share of an answer's pixels that are read as its input has them", better="more"
    ),
    "layout_agreement_originals": Label(
        "the same of originals",
        3,
        "share of an original's pixels that are read as its input has them: what can be read",
    ),
    "consistency": Label(
        "consistency",
        1,
        "PSNR in dB of answers, degraded as originals were, against their inputs",
        better="more",
        unit="dB",
    ),
    "st_lpips": Label(
        "ST-LPIPS", 4, "squared distance of answers to the original, as people see it, the mean", better="less"
    ),
    **{
        f"{figure}{ending}": Label(f"{title}{of}", decimals, f"{what}{which}", better="more", unit=unit)
        for figure, title, decimals, what, unit in FIDELITY
        for ending, of, which in (
            ("", "", "the mean over answers"),
            ("_mean", ", mean answer", "of the mean of answers, which is blurred"),
            ("_best", ", nearest answer", "of the nearest of the answers"),
        )
    },
    "images": Label("presentations", 0, "of training examples, each as often as it was shown"),
    "images_per_second": Label("presentations per second", 0, "speed of the training", better="more"),
    "calls": Label("network calls", 0, "that one sample takes", better="less"),
    "sampling_seconds": Label(
        "sampling seconds", 4, "for 1,000 samples, on the machine of the evaluation; less is better", better="less"
    ),
    "seconds": Label("training seconds", 0, "of training alone, in all sessions", better="less"),
    "minutes": Label("minutes", 1, "all that it took: training, evaluation and audit, in all sessions", better="less"),
    "matching_share": Label("share of time spent matching", 2),
}


def title_of(name: str) -> str:
    """``"excess_kl"`` -> ``"excess KL"``."""
    return LABELS[name].title if name in LABELS else name.replace("_", " ")


def meaning_of(name: str) -> str:
    """What a figure says, or nothing."""
    return LABELS[name].meaning if name in LABELS else ""


def write_figure(name: str, value: float | None) -> str:
    """A figure with the digits it deserves; a dash where there is none.

    >>> write_figure("modes", 1000.0), write_figure("kl", 0.03642), write_figure("kl", None)
    ('1,000', '0.0364', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    decimals = LABELS[name].decimals if name in LABELS else 4
    if decimals == 4:  # nats and unknown figures: four digits that count, not four decimals
        decimals = max(0, min(4, 3 - math.floor(math.log10(abs(value))) - (abs(value) >= 1))) if value else 0
    return f"{value:,.{decimals}f}".replace("-", "−")
