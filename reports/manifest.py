"""Files that the manifest of an export names by their SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path


def manifest_bytes(file: Path, digest: str, problems: list[str]) -> bytes | None:
    """The bytes of a file, which are those of the manifest; what is wrong with that goes to the problems."""
    try:
        data = file.read_bytes()
    except OSError as error:
        problems.append(f"{file.name}: {error.strerror}")
        return None
    if hashlib.sha256(data).hexdigest() != digest:
        problems.append(f"{file.name}: not the bytes that the manifest names")
    return data
