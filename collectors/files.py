"""Files that are there whole or not at all: on the local disk, and at any fsspec URL."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from glob import escape
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from urllib.parse import quote

import fsspec
from fsspec.implementations.local import LocalFileSystem

OLD = 3600
"""Seconds after which a draft is a killed process's, where no lock tells."""
Writer = Callable[[BinaryIO], object]


def private_folder(folder: Path) -> None:
    """Makes a folder, and those above it, for its owner only; one that is there stays as it is. Raises OSError."""
    if not folder.parent.exists():
        private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def private_opener(path: str, flags: int) -> int:
    """For ``open``: a file that is made is its owner's only, one that is there keeps its mode."""
    return os.open(path, flags, 0o600)


def write_files(folder: Path, files: Mapping[str, Writer], ready: Callable[[], None] = lambda: None) -> list[Path]:
    """Writes local files into a folder, which is made if need be; returns their paths. Raises OSError as it comes.

    Nobody sees half a file: each is written beside its place and synced to the disk, and all are moved there, in their
    order, when the last one is whole. ``ready`` is called in between. A file that exists keeps its mode; a new one is
    its owner's only, as a new folder is. A link stays one. Drafts that a killed process has left are removed.
    """
    private_folder(folder)
    places = {name: (folder / name).resolve() for name in files}
    drafts: dict[str, Path] = {}
    with ExitStack() as held:
        try:
            for name, write in files.items():
                remove_abandoned(places[name])
                drafts[name], out = new_draft(places[name])
                held.enter_context(out)
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


def new_draft(place: Path) -> tuple[Path, BinaryIO]:
    """A hidden file beside a place, open and locked, so that :func:`remove_abandoned` leaves it alone."""
    while True:
        draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        out = os.fdopen(private_opener(str(draft), os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb")
        with suppress(OSError):  # some network file systems lock nothing
            lock(out.fileno())
        if draft.exists():  # else it was taken for abandoned before it was locked
            return draft, out
        out.close()


def lock(file: int, wait: bool = True) -> None:
    """Locks an open file until it is closed. Raises BlockingIOError when another process holds it, OSError where none can."""
    import fcntl  # POSIX only; what only reads does without

    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def remove_abandoned(place: Path) -> None:
    """Removes what a killed process left of a file: its drafts that nobody holds, or that are old where none can be held."""
    for draft in place.parent.glob(f"{escape(f'.{place.name}.')}{'[0-9a-f]' * 8}"):
        with suppress(OSError):
            file = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                lock(file, wait=False)
                draft.unlink()
            except BlockingIOError:
                pass
            except OSError:
                if time.time() - os.fstat(file).st_mtime > OLD:
                    draft.unlink()
            finally:
                os.close(file)


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
    except BaseException:  # Ctrl-C too leaves no draft; what went wrong is told, not what came of tidying up
        with suppress(Exception):
            fs.rm(temporary)
        raise
