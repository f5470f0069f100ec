"""What can be wrong with a run that somebody names. Nothing here needs a heavy import."""

from __future__ import annotations


class BadRun(Exception):
    """A run cannot be used: one line that says where it is and why."""


def is_scan_id(text: object) -> bool:
    """Whether a text can be a scan's id: it is safe as the name of a folder, on disk and in a URL."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= 200
        and text.isprintable()
        and not text.startswith((".", "~"))
        and not set(text) & set("/\\*?#%")
        and "::" not in text  # fsspec chains URLs by it
    )
