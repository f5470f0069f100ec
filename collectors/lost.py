"""One thing that cannot be had although its operation works: it is gone, or lies in an account that is not scanned."""

from __future__ import annotations

from typing import Any

from collectors.operation import Absent, ReadFailed
from collectors.schema import Unread


class Lost(ReadFailed, Absent):
    """Raised by a session when no permission and no second try brings what was asked for.

    It costs its row or its cell, and the operation counts as read: a list of it has no rows and no gap, as of a thing
    that is absent, and a cell of it is unread for the cause given.
    """

    def __init__(self, code: str, detail: str = "", cause: str = "gone") -> None:
        super().__init__("read", code, detail, cause=cause)


def is_gone(value: Any) -> bool:
    """Whether a cell was not read because what it was to be read of is no longer there."""
    return isinstance(value, Unread) and value.cause == "gone"
