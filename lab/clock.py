"""The lab's time. It is now, unless somebody moved it; estates are laid out relative to it and so never age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_moved = timedelta(0)


def now() -> datetime:
    """The lab's time, with its zone."""
    return datetime.now(UTC) + _moved


def move(to: datetime | None) -> None:
    """Moves the clock to a moment, from which it runs on; None puts it right again."""
    global _moved  # noqa: PLW0603 - one time for the whole lab
    _moved = to - datetime.now(UTC) if to else timedelta(0)
