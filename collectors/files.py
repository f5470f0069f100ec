"""Files at a path or any fsspec URL, written under a temporary name and renamed, so that nobody reads half of one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import fsspec
from fsspec.implementations.local import LocalFileSystem


def opened(url: str, storage: Mapping[str, Any] | None = None) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a URL and the path in it."""
    fs, path = fsspec.core.url_to_fs(url, **(storage or {}))
    return fs, path.rstrip("/")


def safe(part: str) -> str:
    """An id as one name of a path: percent-encoded, so that none can lead anywhere else."""
    return quote(part, safe="").replace(".", "%2E")


def write_whole(fs: fsspec.AbstractFileSystem, target: str, write: Callable[[Any], None]) -> None:
    """Writes a file whole or not at all. Raises ``OSError``."""
    fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
    temporary = f"{target}.{uuid.uuid4().hex}.part"
    try:
        with fs.open(temporary, "wb") as file:
            write(file)
        if isinstance(fs, LocalFileSystem):  # its mv would move the file into a folder of the target's name
            os.replace(temporary, target)
        else:
            fs.mv(temporary, target)
    except BaseException:
        if fs.exists(temporary):
            fs.rm(temporary)
        raise
