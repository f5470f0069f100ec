"""Files that are there whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TextIO

Writer = Callable[[BinaryIO], object]


def write_whole(folder: Path, files: Mapping[str, Writer], ready: Callable[[], None] = lambda: None) -> list[Path]:
    """Writes files into a folder, which is made if need be; returns their paths. Raises OSError as it comes.

    Nobody sees half a file: each is written beside its place, and all are moved there, in their order, when the last
    one is whole. ``ready`` is called in between.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(4)
    made = {folder / f".{name}.{mark}": folder / name for name in files}
    try:
        for draft, place in made.items():
            with draft.open("xb") as out:
                files[place.name](out)
                out.flush()
                os.fsync(out.fileno())
        ready()
        for draft, place in made.items():
            os.replace(draft, place)
    finally:
        for draft in made:
            draft.unlink(missing_ok=True)
    return list(made.values())


def text(write: Callable[[TextIO], object]) -> Writer:
    """A writer of text, in UTF-8 with line ends as they are written; what UTF-8 cannot hold is written out."""

    def written(out: BinaryIO) -> None:
        shown = io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="")
        write(shown)
        shown.flush()
        shown.detach()

    return written


def content(file: Path, digest: str, problems: list[str]) -> bytes | None:
    """The bytes of a file, which are those of the manifest; what is wrong with that goes to the problems."""
    try:
        data = file.read_bytes()
    except OSError as error:
        problems.append(f"{file.name}: {error.strerror}")
        return None
    if hashlib.sha256(data).hexdigest() != digest:
        problems.append(f"{file.name}: not the bytes that the manifest names")
    return data
