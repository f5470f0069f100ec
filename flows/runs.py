"""Collected runs on disk, as a person names them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import Any

import fsspec

from collectors.run import Run
from flows.errors import UnknownName
from flows.scan import gather
from flows.settings import Settings
from flows.trust import known_place
from reports.report import Report

NEARBY = 3
"""Histories or scans that are named where another one was asked for."""


def run_about(at: str, typed: str) -> dict[str, Any]:
    """What the run at a place is. Raises UnknownName where there is none."""
    try:
        return Run(at).about()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise UnknownName(f"{typed}: no run lies there; a run's folder holds run.json") from error


def run_at(place: str) -> Run:
    """The run a person means: its own folder or URL, or the folder of its scan. Raises UnknownName."""
    try:
        known_place(place)
    except ValueError as error:
        raise UnknownName(str(error)) from error
    within = f"{place.rstrip('/')}/run"
    for url in (place, within):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, ValueError, fsspec.exceptions.FSTimeoutError):
            Run(url).about()
            return Run(url)
    raise UnknownName(f"{place}: no run lies there; a run's folder holds run.json")


def judged_report(run: Run, typed: str) -> Report:
    """The report of a run that was judged. Raises UnknownName where it was not, and BadRun."""
    try:
        return gather(run, datetime.now(UTC))
    except FileNotFoundError as error:
        raise UnknownName(f"{typed}: that run was not judged; `iotposture check` does it") from error


def reports_folder(place: str, out: str) -> Path:
    """Where reports of an old run go: where they were, unless somebody says otherwise."""
    if out:
        return Path(out)
    return Path(place).parent if Path(place).name == "run" else Path(place) if Path(place).is_dir() else Path.cwd()


SCAN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+")


def near(place: Path, name: str) -> list[Path]:
    """The newest files of this name in or below a folder, else beside it, else where somebody types."""
    for home in (place, place.parent, Path()):
        paths = [path for pattern in (name, f"*/{name}") for path in home.glob(pattern) if os.path.isfile(path)]
        if paths:
            return sorted(paths, key=os.path.getmtime, reverse=True)[:NEARBY]
    return []


def instead(found: Sequence[Path], option: str) -> str:
    """What to do where something was looked for and does not lie: name what was found nearby."""
    if not found:
        return "`iotposture scan` makes one"
    return f"{', '.join(map(str, found))} {'is one' if len(found) == 1 else 'are some'}: name it with {option}"


def last_scan(settings: Settings) -> str:
    """Where the newest judged run lies: scan ids sort by time. Empty text where there is none. The demo's do not count.

    Where the settings' folder holds no scans, it may be that of one itself, as a month of the demo leaves it.
    """
    home = settings.runs.rstrip("/") or settings.out
    try:
        fs, root = fsspec.core.url_to_fs(home)
    except (ValueError, ImportError) as error:
        raise UnknownName(f"runs: {home}: no place that can be read ({type(error).__name__})") from error
    within = "run/" if not settings.runs else ""
    judged = fs.glob(f"{escape(root.rstrip('/'))}/*/{within}*/*/*/findings.parquet")
    folders = {path.removeprefix(root).strip("/").split("/")[0] for path in judged}
    names = [name for name in folders if SCAN_ID.fullmatch(name)]
    if names:
        return f"{home}/{max(names)}"
    alone = not settings.runs and fs.glob(f"{escape(root.rstrip('/'))}/run/*/*/*/findings.parquet")
    return home if alone else ""
