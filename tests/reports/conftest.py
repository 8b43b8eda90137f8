"""Fixtures of this room."""

from fake_runs import make_run

__all__ = ["make_run"]
