"""What holds for every test: none of them reaches the network."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

collect_ignore_glob = ["conftest.py", "*/conftest.py"]  # files of one name, which hold no examples to be run
HERE = frozenset({"localhost", "127.0.0.1", "::1", "", None, b"localhost", b"127.0.0.1"})


def _at_home(ask: Callable[..., Any], where: Callable[..., Any]) -> Callable[..., Any]:
    """The function, for this machine alone. The failure is no Exception, so that no code takes it for a bad network."""

    def guarded(*arguments: Any, **more: Any) -> Any:
        if (host := where(*arguments)) not in HERE:
            pytest.fail(f"a test reaches for {host!r}")
        return ask(*arguments, **more)

    return guarded


def _peer(sock: socket.socket, address: Any) -> Any:
    return address[0] if sock.family in {socket.AF_INET, socket.AF_INET6} else None


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are not looked up and nothing is connected to, but on this machine."""
    monkeypatch.setattr(socket.socket, "connect", _at_home(socket.socket.connect, _peer))
    monkeypatch.setattr(socket.socket, "connect_ex", _at_home(socket.socket.connect_ex, _peer))
    monkeypatch.setattr(socket, "getaddrinfo", _at_home(socket.getaddrinfo, lambda host, *rest: host))
