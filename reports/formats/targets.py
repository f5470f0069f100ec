"""Every format by name, and how its files are written. A new one is a module with a Format, and a line here."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from reports.case import Docket
from reports.formats import asff, document, ocsf, sarif
from reports.formats.format import Coverage, Format, Options

FORMATS: Mapping[str, Format] = {
    format_.name: format_ for format_ in (ocsf.FORMAT, asff.FORMAT, sarif.FORMAT, document.FORMAT)
}


def write(format_: Format, docket: Docket, coverage: Coverage, options: Options, folder: Path) -> list[Path]:
    """Writes the files of a format into a folder, which is made if need be; returns their paths. Raises OSError.

    Nobody sees half a file: each is written beside its place, and all are moved there when the last one is whole.
    Files of an earlier export stay where this one has none of their name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(4)
    made: dict[Path, Path] = {}
    try:
        for name, text in format_.files(docket, coverage, options):
            draft = folder / f".{name}.{mark}"
            made[draft] = folder / name
            with draft.open("x", encoding="ascii", newline="") as out:
                out.writelines(text)
                out.flush()
                os.fsync(out.fileno())
        for draft, place in made.items():
            os.replace(draft, place)
    finally:
        for draft in made:
            draft.unlink(missing_ok=True)
    return list(made.values())
