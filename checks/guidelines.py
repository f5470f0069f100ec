"""The guidelines of the catalogue, and the requirements of public frameworks that they answer to.

The data are the CSV files of ``frameworks/``: ``guidelines.csv``, ``sources.csv`` (where a guideline comes from) and
one file per framework. A control is cited as ``<framework> <requirement>``: ``ISVS 4.1.2``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FOLDER = files("checks") / "frameworks"


@dataclass(frozen=True)
class Guideline:
    """One guideline that a cloud's configuration can prove or refute.

    ``area`` is the module of its checks. ``tier`` is 1 for the first release, 2 for what follows. ``profile`` names
    the settings profile that must be chosen for it, if any. ``peer`` tells how much of it the vendor's own tools or a
    CIS benchmark decide: ``full``, ``partial`` or ``none``. ``source`` cites ids of :func:`sources`.
    """

    id: str
    provider: str
    area: str
    tier: int
    severity: str
    title: str
    profile: str
    peer: str
    controls: tuple[str, ...]
    fix: str
    source: str


@dataclass(frozen=True)
class Requirement:
    """One requirement of a framework. The title is our wording, but for OWASP's lists and NIST IR 8259A."""

    framework: str
    id: str
    title: str
    url: str

    def __str__(self) -> str:
        return f"{self.framework} {self.id}"


@dataclass(frozen=True)
class Source:
    """A text that guidelines were taken from; no URL where it is a package."""

    id: str
    title: str
    url: str


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader((_FOLDER / name).read_text(encoding="utf-8").splitlines(), strict=True)


@cache
def guidelines() -> dict[str, Guideline]:
    """Every guideline by id, by provider, area and severity."""
    found = {}
    for row in _rows("guidelines.csv"):
        tier, controls = int(row.pop("tier")), tuple(row.pop("controls").split("|"))
        found[row["id"]] = Guideline(**row, tier=tier, controls=controls)
    return found


@cache
def sources() -> dict[str, Source]:
    """Every text that a guideline cites, by id."""
    return {row["id"]: Source(**row) for row in _rows("sources.csv")}


@cache
def frameworks() -> dict[str, dict[str, Requirement]]:
    """Requirements by framework, as cited (``OWASP-IOT-2018``), and id."""
    found = {}
    for name in sorted(file.name for file in _FOLDER.iterdir()):
        if name.endswith(".csv") and name not in {"guidelines.csv", "sources.csv"}:
            framework = name.removesuffix(".csv").upper()
            found[framework] = {row["id"]: Requirement(framework, **row) for row in _rows(name)}
    return found


def controls_of(serves: Iterable[str]) -> tuple[str, ...]:
    """The controls of some guidelines, each once, in the order of the guidelines.

    Raises ``KeyError`` for an id that is no guideline.
    """
    return tuple(dict.fromkeys(control for guideline in serves for control in guidelines()[guideline].controls))
