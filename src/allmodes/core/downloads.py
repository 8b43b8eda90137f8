"""Files from the network: whole and checked, or not there."""

from __future__ import annotations

import socket
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from .errors import UserError
from .files import atomic

ELSEWHERE = "and set ALLMODES_DATA to the folder above it, or give --data.path"  # what else to do for a data set


def fetch(urls: Sequence[str], target: Path, *, genuine: Callable[[bytes], bool], what: str, remedy: str) -> None:
    """Download a file from the first mirror that has it; it appears under its name only when whole and checked.

    Args:
        urls: mirrors.
        target: where it goes.
        genuine: whether the content is what it should be.
        what: is fetched, for the message.
        remedy: what to do without a network, for the message.

    Raises:
        UserError: no mirror has it.
        ValueError: an address is not of https.
    """
    if not all(url.startswith("https://") for url in urls):
        raise ValueError(f"{target.name} may come over https alone, not from {', '.join(urls)}")
    before, reason = socket.getdefaulttimeout(), ""
    socket.setdefaulttimeout(10)
    try:
        for url in urls:
            try:
                with tempfile.TemporaryDirectory() as folder:
                    part = Path(folder) / target.name
                    torch.hub.download_url_to_file(url, str(part), progress=False)
                    content = part.read_bytes()
                if not genuine(content):
                    raise ValueError("the checksum of the download is wrong")
            except (OSError, ValueError, RuntimeError, EOFError, zlib.error) as error:
                reason = str(error)
                continue
            with atomic(target) as whole:
                whole.write_bytes(content)
            return
    finally:
        socket.setdefaulttimeout(before)
    raise UserError(f"{what} is not on this machine and cannot be downloaded ({reason}): {remedy}.")
