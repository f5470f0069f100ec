"""The verbs `export` and `tickets`: findings to a tracker, and the tracker's keys back."""

from __future__ import annotations

from dataclasses import dataclass

from flows.settings import load
from reports.tickets.choose import Only
from reports.tickets.export import Wish
from reports.tickets.targets import TARGETS
from reports.tickets.ticket import By


class Misfit(Exception):
    """Files that the target would not take."""


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    to: str
    settings: str = ""
    history: str = ""
    out: str = ""
    only: tuple[Only, ...] = ()
    by: By = "finding"
    include_unknown: bool = False
    include_waived: bool = False
    verify: bool = False


def export_to(asked: Asked) -> int:
    """The verb `export`: the paths of the files on stdout, what a person should know on stderr."""
    load(asked.settings or None)
    TARGETS[asked.to]
    Wish(asked.only, asked.by, asked.include_unknown, asked.include_waived)
    raise NotImplementedError
