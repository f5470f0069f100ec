"""The waivers file: its next id, and its text with one more waiver."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.waiver import Rules, Waiver, Waivers, parse


def free_id(waivers: Waivers) -> str:
    """The next id of the form ``W-0001``."""
    used = [int(found[1]) for waiver in waivers.all if (found := re.fullmatch(r"W-(\d{1,9})", waiver.id))]
    return f"W-{max(used, default=0) + 1:04}"


def with_waiver(text: str, fields: Mapping[str, Any]) -> str:
    """A waivers file with one more waiver at its end; what stands there stays as it is, byte by byte."""
    import tomlkit

    row = tomlkit.table()
    for key, value in fields.items():
        row.add(key, value)
    rows = tomlkit.aot()
    rows.append(row)
    document = tomlkit.document()
    document.add("waiver", rows)
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else end if text.endswith("\n") else end * 2
    return text + gap + tomlkit.dumps(document).replace("\n", end)


def waiver_in(text: str, file: Path, rules: Rules, name: str) -> Waiver:
    """The waiver of this id in a text that is about to be written. Raises BadWaivers."""
    return next(waiver for waiver in parse(text, str(file), rules).all if waiver.id == name)
