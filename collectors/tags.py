"""Tags of a resource, as AWS and Azure call them, or labels, as Google Cloud does: one cell of texts by key."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

MOST = 64
"""Tags of one resource that are kept, the first by their keys. Google Cloud allows 64 labels, AWS and Azure 50 tags."""
LENGTH = 256
"""Characters of a value that are kept. AWS and Azure allow 256, Google Cloud 63."""
MASK = "***"
SECRET_KEY = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|connection.?str"
    r"|(api|access|account|private|shared|primary|secondary|symmetric|sas).?key",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"(Shared)?AccessKey=|AccountKey=|\bsig=|\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN |://[^/@\s]+:[^/@\s]+@"
    r"|\beyJ[\w-]{8,}\.eyJ|\b(gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|AIza)[\w-]{16}"
)
"""A tag is no place for a secret, and people put one there all the same: such a value is masked, and such a key."""


def tags(found: Mapping[str, Any] | None, named: Collection[str] | None = None) -> str | None:
    """Tags as a cell: a JSON object, sorted by key. A tag within a tag, as twins have them, is written ``outer.inner``.

    ``named`` are the keys, in lower case, that are kept; None keeps all. None found is none known.
    """
    if found is None:
        return None
    flat = {key: text for key, text in tag_texts(found) if named is None or key.lower() in named}
    return json.dumps({key: flat[key] for key in sorted(flat)[:MOST]}, ensure_ascii=False)


def tag_texts(found: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Every tag with its text; lists and what has no value are left out."""
    for name, value in found.items():
        key = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from tag_texts(value, f"{key}.")
        elif isinstance(value, bool):
            yield key, str(value).lower()
        elif isinstance(value, (str, int, float)):
            text = str(value)
            shown = MASK if SECRET_KEY.search(key) or SECRET_VALUE.search(text) else text[:LENGTH]
            yield MASK if SECRET_VALUE.search(key) else key, shown


def read(cell: str) -> dict[str, str]:
    """The tags in a cell, by key."""
    found: dict[str, str] = json.loads(cell) if cell else {}
    return found
