"""Zero-shot words: likeness is that of the package ``transformers``, tested as other attributes are.

CLIP here is small, with random weights and one token for each letter: it knows no words, but its figures are CLIP's.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from allmodes.auditing import Examples, audit, open_distance
from allmodes.auditing.attributes import Attribute
from allmodes.auditing.traits import phrase, traits
from allmodes.auditing.words import choose_words, vocabulary
from allmodes.cli import main
from allmodes.core.errors import UserError
from allmodes.data.pixels import to_float
from allmodes.distances.pixels import Pixels
from allmodes.distances.vision_transformers import ClipFeatures

NAMES = ["dog", "a very long word indeed", "night", "x", "<b>bold</b>", "kite"]
TOKENS = 48


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights and tokenizer as the package leaves them."""
    transformers = pytest.importorskip("transformers")
    letters = [chr(code) for code in range(33, 127)]
    vocab = {token: n for n, token in enumerate([*letters, *(f"{each}</w>" for each in letters), "<start>", "<end>"])}
    first, last = vocab["<start>"], vocab["<end>"]
    tokens = {"bos_token_id": first, "eos_token_id": last, "pad_token_id": last, "vocab_size": len(vocab)}
    size = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 64}
    size |= {"projection_dim": 24, "initializer_range": 0.2}
    seen, read = {"image_size": 32, "patch_size": 8}, {"max_position_embeddings": TOKENS, **tokens}
    config = transformers.CLIPConfig(vision_config=size | seen, text_config=size | read, projection_dim=24)
    made = tmp_path_factory.mktemp("clip")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.CLIPModel(config).save_pretrained(made)
    marks = {"bos_token": "<start>", "eos_token": "<end>", "pad_token": "<end>", "unk_token": "<end>"}
    transformers.CLIPTokenizer(vocab=vocab, merges=[], **marks).save_pretrained(made)
    return made


def pictures(n: int, seed: int, *, green: bool = True) -> torch.Tensor:
    """Flat colours with grain, a quarter of them green."""
    rng = np.random.default_rng(seed)
    light = rng.uniform(0.2, 0.8, (n, 3, 1, 1)) * [[[1]], [[0.4]], [[1]]]
    if green:
        light[: n // 4] = rng.uniform(0.1, 0.2, (n // 4, 3, 1, 1)) + np.array([0, 0.7, 0])[:, None, None]
    grain = rng.normal(0, 0.05, (n, 3, 24, 24))
    return torch.from_numpy((255 * (light + grain).clip(0, 1)).astype(np.uint8))


def examples(images: torch.Tensor) -> Examples:
    return Examples(images, None, (), "")


@torch.no_grad()
def theirs(clip: Path, images: torch.Tensor, names: list[str]) -> np.ndarray:
    """CLIP's logits of pictures ``(n,)`` for texts ``(w,)`` by the package, less their mean over our words, over
    their scale."""
    import transformers

    model = transformers.CLIPModel.from_pretrained(clip).eval()
    tokenizer = transformers.CLIPTokenizer.from_pretrained(clip)
    shown = ClipFeatures(path=clip).prepared(to_float(images))
    said = [f"a photo of a {name}" for name in (*names, *vocabulary())]
    found = model(pixel_values=shown, **tokenizer(said, padding=True, return_tensors="pt")).logits_per_image
    likeness = (found / model.logit_scale.exp()).double().numpy()
    return likeness[:, : len(names)] - likeness[:, len(names) :].mean(1, keepdims=True)


def test_the_likeness_to_a_word_is_that_of_the_package(clip: Path) -> None:
    images = pictures(12, 0)
    words = choose_words(NAMES, examples(images), [ClipFeatures(path=clip)]).words
    assert words is not None
    found, truth = words.measured(examples(images)), theirs(clip, images, NAMES)
    assert [attribute.more for attribute in found] == [f"more '{name}'" for name in NAMES]
    assert truth.std(0).min() > 1e-3
    assert np.abs(truth[:, 1:] - truth[:, :-1]).mean(0).min() > 1e-3
    np.testing.assert_allclose(np.stack(list(found.values()), 1), truth, atol=1e-6)
    alone = choose_words(["night"], examples(images), [ClipFeatures(path=clip)]).words
    assert alone is not None
    np.testing.assert_allclose(*alone.measured(examples(images)).values(), truth[:, 2], atol=1e-6)


def test_an_audit_names_the_words_by_which_a_missing_part_stands_out(clip: Path, tmp_path: Path) -> None:
    real, fake = pictures(320, 0), pictures(240, 1, green=False)
    names = [*NAMES, *(chr(code) * 3 for code in range(97, 117))]
    found = audit(real, fake, distance=[Pixels(), ClipFeatures(path=clip)], words=names, metrics=())
    truth = theirs(clip, real, names)
    than = (truth[:80, None] > truth[None, 80:]).mean((0, 1))
    clear = [f"more '{names[place]}'" for place in np.argsort(-than)]
    said = [trait for trait in found.traits[0] if trait.attribute.startswith("likeness to ")]
    assert 0 < len(said) <= 3
    assert {trait.word for trait in said} <= set(clear[:8])  # of the data that drew no parts, so not quite the first
    for trait in said:
        assert trait.than == pytest.approx(than[names.index(trait.word[6:-1])], abs=0.05)
    others = [trait for trait in found.traits[0] if trait not in said]
    assert "with an object greener" in [trait.word for trait in others]
    assert found.traits[0] == (*others, *said)
    assert f"{said[0].word} than " in found.verdict()
    found.save(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "What is like a word" in page
    assert "<b>bold" not in page
    assert f"{said[0].word.replace('<', '&lt;').replace('>', '&gt;')} than".replace("'", "&#39;") in page
    document = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert [trait["word"] for trait in document["traits"][-len(said) :]] == [trait.word for trait in said]


def scores(count: int, n: int, seed: int, shift: float = 0) -> dict[Attribute, np.ndarray]:
    """Of so many words and pictures, of which the first thirty are ``shift`` higher in the first word."""
    values = np.random.default_rng(seed).normal(size=(count, n))
    values[0, :30] += shift
    return {Attribute(f"{place}", None, f"more '{place}'"): each for place, each in enumerate(values)}


def test_words_are_tested_by_ranks_and_corrected_for_their_number_and_the_parts(clip: Path) -> None:
    images, words = (
        pictures(150, 0),
        scores(50, 150, 0, shift=-2) | {Attribute("z", None, "more 'z'"): np.r_[:150][::-1]},
    )
    parts = [range(30), range(30, 60)]
    first, _ = traits(images, parts, range(60, 150), lambda: words)
    (said,) = [trait for trait in first if trait.word.startswith("more '")]
    assert (said.word, said.than) == ("more 'z'", 1.0)  # and nothing of that which they are less like
    truth = mannwhitneyu(np.r_[120:150], np.r_[:90], alternative="greater").pvalue
    assert said.p_value == pytest.approx(2 * 2 * 51 * truth)  # words and others, parts, words


def test_a_vocabulary_halves_what_is_left_to_other_attributes_however_long_it_is() -> None:
    images = pictures(150, 0)
    (alone,) = traits(images, [range(30)], range(40, 150))
    for count in (2, 90):
        (beside,) = traits(images, [range(30)], range(40, 150), lambda count=count: scores(count, 150, 1))
        assert [trait.word for trait in beside] == [trait.word for trait in alone]
        assert [trait.p_value for trait in beside] == [pytest.approx(2 * trait.p_value) for trait in alone]


def test_of_equal_parts_no_word_is_said() -> None:
    """Eight parts of 20 out of 300 alike, 60 words: at 5% over all, more than 3 of 20 come in 2% of cases."""
    alarms, images = 0, pictures(300, 0, green=False)
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(300)
        parts = [order[20 * i : 20 * i + 20].tolist() for i in range(8)]
        alarms += any(traits(images, parts, order[160:].tolist(), lambda seed=seed: scores(60, 300, seed)))
    assert alarms <= 3


def test_ours_are_words_each_once() -> None:
    assert len(vocabulary()) > 150
    assert max(map(len, vocabulary())) < 30


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no words: write one word or phrase a line"),
        (b"\n  \n", "holds no words"),
        (b"dog\ncat\n\nDog\n", "holds the word 'dog' twice"),
        (b"\x93NUMPY\x01\x00", "is not text in UTF-8"),
        (b"dog\nc\x00at\n", r"holds 'c\\x00at', which is no word"),
        (b"dog\n" + 60 * b"z", "zzz.*has 71 tokens, and CLIP reads at most 48: shorten it"),
    ],
)
def test_a_bad_vocabulary_is_refused_in_a_sentence(
    content: bytes, message: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    np.save(tmp_path / "real.npy", pictures(30, 0).permute(0, 2, 3, 1).numpy())
    sides = ["--real", str(tmp_path / "real.npy"), "--fake", str(tmp_path / "real.npy"), "--out", str(tmp_path / "out")]
    view = ["--distance", "clip", "--distance.path", str(clip), "--words", str(tmp_path / "words.txt")]
    capsys.readouterr()
    assert main(["audit", *sides, *view]) == 2
    assert not (tmp_path / "out").exists()
    assert len(capsys.readouterr().err.strip().splitlines()) == 1  # and nothing of the package's own
    with pytest.raises(UserError, match=message):
        choose_words(tmp_path / "words.txt", examples(pictures(2, 0)), [ClipFeatures(path=clip)])


def test_a_file_is_as_its_words_are_whatever_its_line_ends(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes("\ufeffdog\r\n\r\n  red   thing \r\nété".encode())
    assert vocabulary(tmp_path / "words.txt") == ("dog", "red thing", "été")


def test_words_need_pictures_and_what_reads(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    images, blind = examples(pictures(2, 0)), Path(shutil.copytree(clip, tmp_path / "blind"))
    assert choose_words(None, images, [Pixels()]).words is None
    with pytest.raises(UserError, match="the data are features: leave the words out"):
        audit(np.random.default_rng(0).normal(size=(30, 2)), np.zeros((30, 2)), words=["dog"])
    (blind / "tokenizer.json").unlink()  # the package would make an empty one
    with pytest.raises(UserError, match="a tokenizer of 2 tokens, and CLIP's has 190: put the tokenizer.json of"):
        choose_words(["dog"], images, [ClipFeatures(path=blind)])
    seeing = transformers.CLIPVisionModelWithProjection.from_pretrained(clip)
    seeing.save_pretrained(tmp_path / "seeing")
    (view,) = [open_distance("clip", {"path": str(tmp_path / "seeing")})]
    with pytest.raises(UserError, match="holds weights of 'clip_vision_model', not of CLIP with its words"):
        choose_words(["dog"], images, [view])
    default = choose_words(None, images, [Pixels(), ClipFeatures(path=clip)]).words
    assert default is not None
    assert default.names == vocabulary()
    chosen = choose_words(None, images, [view])  # nobody asked for words
    assert chosen.words is None
    assert chosen.warnings[0].startswith("No words are said of what is missing. ")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="The weights of CLIP .* cannot be downloaded"):
        choose_words(["dog"], images, [Pixels()])


def test_words_end_a_phrase() -> None:
    from allmodes.auditing.traits import Trait

    two = (Trait("brightness", "darker", 0.96, 1e-9), Trait("likeness to 'dog'", "more 'dog'", 0.92, 1e-9))
    assert phrase(two) == "darker than 96% of the rest of the data, more 'dog' than 92%"
