"""What reads in CLIP (Radford et al. 2021): features of texts, which its features of pictures are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...core.errors import UserError
from .vision_transformers import Published, load_published, load_tokenizer

BLOCK = 64  # texts at a time


@torch.no_grad()
def texts(network: Published, said: Sequence[str], path: Path | None = None) -> Tensor:
    """Features of texts, of unit length, ``(n, D)``.

    Args:
        network: what sees in the same CLIP.
        said: the texts.
        path: the folder that it comes from; by default it is downloaded once.

    Raises:
        UserError: what reads or its tokenizer is not there, they do not go together, or a text is too long.
    """
    reading = replace(
        network, name="CLIP with its words", kind="CLIPTextModelWithProjection", types=frozenset({"clip"})
    )
    reader: Any = load_published(reading, path)
    tokenizer = load_tokenizer(reading, path)
    if len(tokenizer) != reader.config.vocab_size:  # the package makes an empty one where there is none
        raise UserError(
            f"{path or network.repository} holds a tokenizer of {len(tokenizer):,} tokens, and CLIP's has "
            f"{reader.config.vocab_size:,}: put the tokenizer.json of {network.repository} beside its weights."
        )
    tokens = [tokenizer(text, verbose=False)["input_ids"] for text in said]
    longest = max(range(len(tokens)), key=lambda place: len(tokens[place]))
    if len(tokens[longest]) > (most := reader.config.max_position_embeddings):
        raise UserError(
            f"'{said[longest][:60]}...' has {len(tokens[longest])} tokens, and CLIP reads at most {most}: shorten it."
        )
    padded = tokenizer.pad({"input_ids": tokens}, return_tensors="pt")
    blocks = zip(padded["input_ids"].split(BLOCK), padded["attention_mask"].split(BLOCK), strict=True)
    return F.normalize(torch.cat([reader(ids, attention_mask=mask).text_embeds for ids, mask in blocks]), dim=1)
