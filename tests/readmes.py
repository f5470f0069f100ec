"""The generated halves of the folders' READMEs: tables printed from what the code declares."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files

from cyclopts import App

from checks.registry import AREAS, CHECKS
from collectors.registry import COLLECTORS, PROVIDERS, TABLES
from flows.cli import app
from flows.settings import Settings, rows
from reports.formats.targets import FORMATS
from reports.permissions import table
from reports.tickets.targets import TARGETS

MARK = "<!-- From here on generated: WRITE_GOLDEN=1 .venv/bin/pytest tests/test_readmes.py -->"
"""What stands above it is written by hand, what stands below is not."""


def grid(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> Iterator[str]:
    """A table in Markdown, with an empty line behind it."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for cells in lines:
        yield f"| {' | '.join(str(cell).replace('|', '&#124;').replace(chr(10), ' ') for cell in cells)} |"
    yield ""


def collectors_tables() -> Iterator[str]:
    """What a scan asks of each cloud, and what every column of every table means."""
    yield "## What a scan asks"
    yield ""
    yield "Every API operation, the permission it needs, and the tables it fills; `iotposture show permissions` prints the same."
    for provider in PROVIDERS:
        yield from ("", f"### {provider}", "")
        asked = [(f"`{r['operation']}`", r["permission"], r["tables"].replace("|", ", ")) for r in table([provider])]
        yield from grid(("operation", "permission", "tables"), asked)
    yield from (
        "## Tables",
        "",
        "Each lies in a run as one Parquet file per scope. What nobody could read is missing.",
        "",
    )
    for one in TABLES:
        clouds = ", ".join(p for p in PROVIDERS if any(c.table is one and c.provider == p for c in COLLECTORS))
        yield from (f"### {one.id()}", "", f"{(one.__doc__ or '').strip().splitlines()[0]} Filled from {clouds}.", "")
        cells = [(f"`{name}`", column.dtype.split("[")[0], column.meaning) for name, column in one.columns().items()]
        yield from grid(("column", "kind", "meaning"), cells)


def checks_tables() -> Iterator[str]:
    """Every check, by area."""
    yield "## Checks"
    for area, title in AREAS.items():
        yield from ("", f"### {title}", "")
        held = [check for check in CHECKS if check.area == area]
        lines = [(f"`{c.id}`", c.severity, c.title, c.table.id(), c.profile) for c in held]
        yield from grid(("check", "severity", "what it requires", "table", "profile"), lines)


def described(properties: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Columns and what a JSON Schema says of each."""
    for name, schema in properties.items():
        yield f"`{name}`", schema.get("description", "")


def reports_tables() -> Iterator[str]:
    """The columns of findings, and every target of an export."""
    text = files("reports.formats").joinpath("findings.schema.json").read_text(encoding="utf-8")
    yield from ("## Columns of findings.csv and findings.json", "")
    yield from grid(("column", "meaning"), described(json.loads(text)["properties"]["findings"]["items"]["properties"]))
    yield from ("## Targets of `export --to`", "")
    targets = [(f"`{name}`", profile.product) for name, profile in TARGETS.items()]
    yield from grid(("target", "product"), [*targets, *((f"`{name}`", one.product) for name, one in FORMATS.items())])


def verbs(command: App = app, words: tuple[str, ...] = ("iotposture",)) -> Iterator[tuple[str, str]]:
    """Every verb as it is typed, and the first line of its help."""
    for name in command:
        inner = command[name]
        if name.startswith("-"):
            continue
        if inner.default_command is None:
            yield from verbs(inner, (*words, name))
        else:
            yield f"`{' '.join((*words, name))}`", (inner.help or "").splitlines()[0]


def flows_tables() -> Iterator[str]:
    """Every verb and every setting."""
    yield from ("## Verbs", "", "`--help` behind each says more.", "")
    yield from grid(("verb", "what it does"), verbs())
    yield from (
        "## Settings",
        "",
        "A variable overrides each: `IOTPOSTURE_AWS__REGIONS='[\"eu-west-1\"]'` for `aws.regions`.",
        "",
    )
    lines = [(f"`{r['setting']}`", r["kind"], r["value"], r["meaning"]) for r in rows(Settings())]
    yield from grid(("setting", "kind", "default", "meaning"), lines)


READMES: Mapping[str, Callable[[], Iterator[str]]] = {
    "collectors": collectors_tables,
    "checks": checks_tables,
    "reports": reports_tables,
    "flows": flows_tables,
}
"""The generated half of each folder's README."""
