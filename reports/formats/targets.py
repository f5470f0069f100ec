"""Every format by name, and how its files are written. A new one is a module with a Format, and a line here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TextIO

from reports.case import Docket
from reports.formats import asff, document, ocsf, sarif
from reports.formats.format import Coverage, Format, Options
from reports.whole import text, write_whole

FORMATS: Mapping[str, Format] = {
    format_.name: format_ for format_ in (ocsf.FORMAT, asff.FORMAT, sarif.FORMAT, document.FORMAT)
}


def write(format_: Format, docket: Docket, coverage: Coverage, options: Options, folder: Path) -> list[Path]:
    """Writes the files of a format into a folder, which is made if need be; returns their paths. Raises OSError.

    Nobody sees half a file. What an earlier export left there goes: a batch too many would be imported again.
    """
    files = {name: text(partial(pour, made)) for name, made in format_.files(docket, coverage, options)}

    def ready() -> None:
        for older in folder.glob(format_.own):
            if older.name not in files:
                older.unlink(missing_ok=True)

    return write_whole(folder, files, ready)


def pour(pieces: Iterable[str], out: TextIO) -> None:
    """Writes text piece by piece."""
    out.writelines(pieces)
