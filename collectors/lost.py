"""One thing that cannot be had although its operation works: it is gone, or lies in an account that is not scanned."""

from __future__ import annotations

from collectors.operation import Absent, ReadFailed


class Lost(ReadFailed, Absent):
    """Raised by a session when no permission and no second try brings what was asked for.

    It costs its row or its cell, and the operation counts as read: a list of it has no rows and no gap, as of a thing
    that is absent, and a cell of it is unread for the cause given.
    """

    def __init__(self, code: str, detail: str = "", cause: str = "gone") -> None:
        super().__init__("read", code, detail, cause=cause)
