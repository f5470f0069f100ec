"""What a user can get wrong. Each carries the lines to show; none needs a heavy import."""

from __future__ import annotations


class BadSettings(Exception):
    """One line per mistake in the settings: where, what, and what is allowed."""


class UnknownName(Exception):
    """A name that does not exist, with where to see those that do."""


class NothingReachable(Exception):
    """No cloud can be scanned: one line per cloud."""
