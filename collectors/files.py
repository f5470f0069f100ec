"""Files that are there whole or not at all: on the local disk, and at any fsspec URL."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from urllib.parse import quote

import fsspec
from fsspec.implementations.local import LocalFileSystem

Writer = Callable[[BinaryIO], object]


def write_files(folder: Path, files: Mapping[str, Writer], ready: Callable[[], None] = lambda: None) -> list[Path]:
    """Writes local files into a folder, which is made if need be; returns their paths. Raises OSError as it comes.

    Nobody sees half a file: each is written beside its place and synced to the disk, and all are moved there, in their
    order, when the last one is whole. ``ready`` is called in between. A file that exists keeps its mode; a link stays one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(4)
    places = {name: (folder / name).resolve() for name in files}
    drafts = {name: place.with_name(f".{place.name}.{mark}") for name, place in places.items()}
    try:
        for name, write in files.items():
            with drafts[name].open("xb") as out:
                write(out)
                out.flush()
                os.fsync(out.fileno())
            if places[name].exists():
                shutil.copymode(places[name], drafts[name])
        ready()
        for name, draft in drafts.items():
            os.replace(draft, places[name])
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return [folder / name for name in files]


def text_writer(write: Callable[[TextIO], object]) -> Writer:
    """A writer of text, in UTF-8 with line ends as they are written; what UTF-8 cannot hold is written out."""

    def write_text(out: BinaryIO) -> None:
        wrapper = io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="")
        write(wrapper)
        wrapper.flush()
        wrapper.detach()

    return write_text


def filesystem(url: str, storage: Mapping[str, Any] | None = None) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a URL and the path in it."""
    fs, path = fsspec.core.url_to_fs(url, **(storage or {}))
    return fs, path.rstrip("/")


def path_part(id_: str) -> str:
    """An id as one name of a path: percent-encoded, so that none can lead anywhere else."""
    return quote(id_, safe="").replace(".", "%2E")


def write_file(fs: fsspec.AbstractFileSystem, target: str, write: Callable[[Any], object]) -> None:
    """Writes a file of any file system whole or not at all. Raises ``OSError``."""
    if isinstance(fs, LocalFileSystem):
        place = Path(target)
        write_files(place.parent, {place.name: write})
        return
    fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
    temporary = f"{target}.{uuid.uuid4().hex}.part"
    try:
        with fs.open(temporary, "wb") as file:
            write(file)
        fs.mv(temporary, target)
    except BaseException:
        if fs.exists(temporary):
            fs.rm(temporary)
        raise
