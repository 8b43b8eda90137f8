"""The command line: one thin file per command, found by name; nothing heavy is imported before it is needed."""

from .front import main

__all__ = ["main"]
