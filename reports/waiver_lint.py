"""What is wrong with the waivers of a day: expired, orphaned, overlapping, too broad, or not in the audit log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Literal

from checks.finding import Finding
from checks.waiver import Cover, Waivers
from reports.audit_log import Log

COLUMNS = ("level", "problem", "waiver", "detail")


@dataclass(frozen=True)
class Remark:
    """One thing about one waiver, or about the log. An ``error`` is mended in the file; a ``note`` may be left."""

    level: Literal["error", "note"]
    problem: str
    waiver: str
    detail: str


def lint(
    waivers: Waivers, log: Log, findings: Sequence[Finding] | None, today: date, *, whole: bool = True
) -> list[Remark]:
    """Every remark, errors first. Without findings nothing is said about what waivers match.

    ``whole``: the scan was asked for everything and read it. Otherwise a finding may be missing because nobody looked
    or could read, and a waiver that matches nothing is only noted.
    """
    found = chain(date_remarks(waivers, today), log_remarks(waivers, log))
    if findings is not None:
        cover = waivers.over(findings, today)
        found = chain(found, unmatched(waivers, cover, whole), overlaps(cover), voids(waivers, cover))
    return sorted(found, key=lambda remark: remark.level)


def date_remarks(waivers: Waivers, today: date) -> Iterator[Remark]:
    """What the calendar says."""
    for waiver in waivers.all:
        left = (waiver.expires_on - today).days
        if left < 0:
            yield Remark("error", "expired", waiver.id, f"since {waiver.expires_on}; renew or remove it")
        elif today < waiver.created_on:
            yield Remark("note", "not yet", waiver.id, f"holds from {waiver.created_on}")
        elif left <= waivers.rules.warn_days:
            yield Remark("note", "expires soon", waiver.id, f"on {waiver.expires_on}, {plural(left, 'day')} left")


def unmatched(waivers: Waivers, cover: Cover, whole: bool) -> Iterator[Remark]:
    """Waivers that cover nothing: too broad, or without a finding."""
    for waiver in waivers.all:
        if waiver.id in cover.refused:
            yield Remark("error", "too broad", waiver.id, f"{cover.refused[waiver.id]}; it covers nothing")
        elif cover.matched[waiver.id]:
            continue
        elif whole:
            yield Remark("error", "orphaned", waiver.id, "matches no finding; remove it")
        else:
            detail = "matches no finding, but the scan did not look everywhere or could not read all"
            yield Remark("note", "orphaned", waiver.id, detail)


def overlaps(cover: Cover) -> Iterator[Remark]:
    """Waivers over findings that another one covers too."""
    shadows = Counter((other.id, sharing[0].id) for sharing in cover.shared.values() for other in sharing[1:])
    effective = {waiver.id for waiver in cover.waived.values()}
    for (waiver_id, first), number in shadows.items():
        if waiver_id in effective:
            yield Remark("error", "overlapping", waiver_id, f"{plural(number, 'finding')} under {first} too")
        else:
            yield Remark("error", "shadowed", waiver_id, f"all it covers is under {first}; {plural(number, 'finding')}")


def voids(waivers: Waivers, cover: Cover) -> Iterator[Remark]:
    """Waivers that do not fit the findings they mean."""
    unfit: dict[tuple[str, str], list[str]] = {}
    for finding, (waiver, why) in cover.voided.items():
        unfit.setdefault((waiver.id, why), []).append(finding)
    globs = {waiver.id for waiver in waivers.all if waiver.match and not waiver.evidence_hash}
    for (waiver_id, why), findings in unfit.items():
        detail = f"{plural(len(findings), 'finding')}, such as {findings[0]}: {why}"
        if waiver_id in globs:  # narrower than its match, perhaps on purpose
            yield Remark("note", "not covered", waiver_id, detail)
        else:
            yield Remark("error", "void", waiver_id, detail)


def log_remarks(waivers: Waivers, log: Log) -> Iterator[Remark]:
    """What the audit log says."""
    if log.broken:
        yield Remark("error", "audit log", "", f"{log.broken}; what follows proves nothing")
        return
    for waiver, before, after in log.unrecorded(waivers.all):
        what = "added" if before is None else "removed" if after is None else "changed"
        detail = f"{what} in the file and not in the audit log; `iotposture waivers record` takes it up"
        yield Remark("note", "unrecorded", waiver, detail)


def plural(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'s'[: number != 1]}"
