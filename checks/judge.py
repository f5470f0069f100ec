"""Tables and coverage in, findings out. Every scope is judged on its own, without a clock and without a cloud.

A cell that nobody could read stays ``<NA>`` through a check, and what is still ``<NA>`` at the end is ``unknown``.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, or_
from typing import Any

import numpy as np
import pandas as pd

from checks.check import SEVERITIES, Check
from checks.finding import COLUMNS, COUNTS, canonical, finding_id, partition, ticket_title
from checks.guidelines import controls_of
from checks.unread import (
    WHOLE_ROW,
    Unread,
    causes,
    dump,
    lies_with_the_read,
    nothing_there,
    permissions,
    sentences,
    shortened,
)
from collectors import tags
from collectors.causes import NOTHING_THERE
from collectors.registry import collectors_in
from collectors.schema import NAMING, TEXT, Tables, Tagged, unread_key
from collectors.scope import Scope

log = logging.getLogger("iotposture")
EVIDENCE_LIMIT = 240
"""Characters of one cell that evidence shows; the hash is over the whole cell."""


@dataclass(frozen=True)
class Why:
    """Why a finding has its status: what was not read, and a sentence.

    ``undecided``: a refused read keeps it open whether the check concerns the row.
    """

    reason: str
    unread: tuple[Unread, ...] = ()
    undecided: bool = False


@dataclass(frozen=True)
class Judged:
    """Findings (fail and unknown, row by row) and counts (per check and scope)."""

    findings: pd.DataFrame
    counts: pd.DataFrame

    @staticmethod
    def join(parts: Iterable[Judged]) -> Judged:
        """Several scopes as one, in a fixed order whatever order they were judged in."""
        parts = list(parts)
        findings = pd.concat([part.findings for part in parts] or [text([])])
        counts = pd.concat([part.counts for part in parts] or [numbers([])])
        return Judged(
            findings.sort_values(
                ["check_id", "provider", "account_id", "region", "resource_id", "subject"], ignore_index=True
            ),
            counts.sort_values(["check_id", "provider", "account_id", "region"], ignore_index=True),
        )


def text(rows: list[dict[str, str]]) -> pd.DataFrame:
    """Findings as a frame."""
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=TEXT)


def numbers(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Counts as a frame."""
    kinds = {name: "Int64" if name in ("passed", "failed", "unknown") else TEXT for name in COUNTS}
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in kinds.items()})


def relevant(frame: pd.DataFrame, only: Mapping[str, Any]) -> pd.arrays.BooleanArray:
    """Which rows a check concerns: true, false, or ``<NA>`` where nobody could read it."""
    every = pd.array(np.ones(len(frame), dtype=bool), dtype="boolean")
    wanted = ((frame[c].array, v if isinstance(v, tuple) else (v,)) for c, v in only.items())
    return reduce(and_, (reduce(or_, (cells == value for value in values)) for cells, values in wanted), every)


def verdicts(check: Check, frame: pd.DataFrame, settings: Mapping[str, Any]) -> pd.Series[bool]:
    """The check's answer for each row it concerns, or may concern; ``<NA>`` is unknown."""
    concerned = relevant(frame, check.only)
    wanted, unsure = concerned.fillna(True).to_numpy(dtype=bool), concerned.isna()
    if not wanted.any():
        return pd.Series(index=frame.index[:0], dtype="boolean")
    rows = frame.copy(deep=False) if wanted.all() else frame[wanted]
    answer = pd.Series(check.function(rows, **settings), index=rows.index).astype("boolean")
    return answer.mask(unsure[wanted]) if unsure.any() else answer


def judge(
    scope: Scope, tables: Tables, checks: Iterable[Check], thresholds: Mapping[str, Mapping[str, Any]] | None = None
) -> Judged:
    """Judges one scope. ``thresholds`` maps a check's id to the settings that replace its defaults."""
    held = {collector.table for collector in collectors_in(scope)}
    reasons, labels = Reasons(tables), Labels(tables)
    cells = {table: Cells(frame) for table, frame in tables.frames.items()}
    findings: list[dict[str, str]] = []
    counts: list[dict[str, Any]] = []
    for check in checks:
        if check.table not in held or not concerns(check, scope.provider):
            continue
        facts = About.of(check, scope.provider)
        frame = tables.frames.get(check.table)
        if frame is None:
            frame = check.table.frame([])
        try:
            answer = verdicts(check, frame, {**check.settings, **(thresholds or {}).get(check.id, {})})
            passed = int(answer.sum())
            failing, open_ = [], []
            undecided: dict[Why, int] = {}
            for index in answer.index[~answer.fillna(False)]:
                row = cells[check.table].row(index)
                if answer[index] is not pd.NA:
                    failing.append(facts.row("fail", row, Why("; ".join(evidence(check, row))), labels.of(row)))
                elif nothing_there((why := reasons.of(check, row)).unread):
                    continue
                elif why.undecided:
                    undecided[why] = undecided.get(why, 0) + 1
                else:
                    open_.append(facts.row("unknown", row, why, labels.of(row)))
            if undecided:
                open_.append(facts.scope(scope, "any", undecided_why(undecided)))
            gaps = gaps_of(check, tables.gaps)
            one_row = gaps["resource"].ne("")
            for row, why in rows_not_read(check, gaps[one_row], frame):
                open_.append(facts.row("unknown", row, why, labels.of(row)))
            if not one_row.all():
                open_.append(facts.scope(scope, "every", gap_why(gaps[~one_row])))
        except Exception as error:  # what a check stumbles over costs this check here, not the others
            log.debug("%s stopped in %s", check.id, scope, exc_info=True)
            passed, failing, open_ = 0, [], [facts.scope(scope, "every", stumbled_why(error))]
        findings += failing + open_
        state = "fail" if failing else "unknown" if open_ else "pass" if passed else "not_applicable"
        values = (check.id, scope.provider, scope.account, scope.region, passed, len(failing), len(open_), state)
        counts.append(dict(zip(COUNTS, values, strict=True)))
    return Judged(text(findings), numbers(counts))


class Cells:
    """A table's cells as Python's own values; None for what nobody could read."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    @cached_property
    def _columns(self) -> dict[str, list[Any]]:
        found = ((str(name), column.tolist()) for name, column in self._frame.items())
        return {name: [None if cell is pd.NA else cell for cell in cells] for name, cells in found}

    def row(self, index: Any) -> dict[str, Any]:
        """One row, by its label."""
        at = self._frame.index.get_loc(index)
        return {name: column[at] for name, column in self._columns.items()}


def concerns(check: Check, provider: str) -> bool:
    """Whether a check may say anything about a cloud."""
    wanted = check.only.get("provider", provider)
    return provider in (wanted if isinstance(wanted, tuple) else (wanted,))


def evidence_text(value: Any) -> str:
    """A cell as evidence."""
    if value is None:
        return "not read"
    if isinstance(value, bool):
        return str(value).lower()
    plain = str(value)
    return plain if len(plain) <= EVIDENCE_LIMIT else f"{plain[:EVIDENCE_LIMIT]}… ({len(plain)} characters)"


def evidence(check: Check, row: Mapping[str, Any]) -> list[str]:
    """The cells the check read, or its severity goes by, and those that tell its resources apart, as ``column=value``."""
    columns = dict.fromkeys((*check.reads, *check.weighs, *check.table.context))
    return [f"{column}={evidence_text(row[column])}" for column in columns]


@dataclass(frozen=True)
class About:
    """What every finding of a check says alike in one cloud."""

    check: Check
    alike: Mapping[str, str]

    @staticmethod
    def of(check: Check, provider: str) -> About:
        """The part of a finding that does not depend on the resource."""
        serves = [guideline for guideline in check.serves if guideline.startswith(GUIDELINE_PREFIX[provider])]
        return About(
            check,
            {
                "check_id": check.id,
                "check_title": check.title,
                "area": check.area,
                "provider": provider,
                "resource_type": check.table.id(),
                "expected": check.title,
                "risk": check.risk,
                "remediation": check.remedy_for(provider),
                "guidelines": "|".join(serves),
                "controls": "|".join(dict.fromkeys((*controls_of(serves), *check.controls))),
            },
        )

    def row(self, status: str, row: Mapping[str, Any], why: Why, tags: str = "") -> dict[str, str]:
        """The finding of one resource."""
        cells = {column: "" if value is None else value for column, value in row.items()}
        columns = self.check.table.columns()
        read = "\n".join(f"{column}={row[column]}" for column in self.check.reads if not columns[column].moves)
        name = cells["name"] or cells["resource"]
        severity = self.check.severity_for(row)
        return {
            **self.alike,
            "finding_id": finding_id(
                self.check.id, cells["provider"], cells["account"], cells["region"], cells["resource"], cells["subject"]
            ),
            "severity": severity,
            "severity_rank": str(len(SEVERITIES) - 1 - SEVERITIES.index(severity)),
            "status": status,
            "status_reason": why.reason,
            "cause": causes(why.unread),
            "permission": permissions(why.unread),
            "partition": partition(cells["provider"], cells["resource"]),
            "account_id": cells["account"],
            "region": cells["region"],
            "resource_id": cells["resource"],
            "resource_name": name,
            "subject": cells["subject"],
            "hub": cells.get("hub", ""),
            "actual": "; ".join(evidence(self.check, row)),
            "evidence_hash": hashlib.sha256(read.encode()).hexdigest()[:16],
            "ticket_title": ticket_title(status, self.check.title, f"{name} {cells['subject']}".strip()),
            "remediation_cli": self.check.command_for(row) if status == "fail" else "",
            "tags": tags,
            "unread": dump(why.unread),
        }

    def scope(self, scope: Scope, which: str, why: Why) -> dict[str, str]:
        """The one unknown of a check and scope, for resources that nobody could name or tell apart."""
        row = {
            "provider": scope.provider, "account": scope.account, "region": scope.region, "resource": str(scope),
            "subject": f"{which} {self.check.table.id().replace('_', ' ')}",
        }  # fmt: skip
        return self.row("unknown", {**dict.fromkeys(self.check.table.columns()), **row}, why)


def gaps_of(check: Check, gaps: pd.DataFrame) -> pd.DataFrame:
    """The lists with a gap that may hold rows the check concerns."""
    if gaps.empty:
        return gaps
    kinds = check.only.get("kind", "")
    within = gaps["kind"].isin(["", *((kinds,) if isinstance(kinds, str) else kinds)]) if kinds else True
    return gaps[gaps["table"].eq(check.table.id()) & ~gaps["cause"].isin(NOTHING_THERE) & within]


def gap_why(gaps: pd.DataFrame) -> Why:
    """Why a list is not whole."""
    unread = shortened(
        Unread("", str(gap.cause), str(gap.operation), str(gap.permission), str(gap.detail))
        for gap in gaps.itertuples(index=False)
    )
    return Why(sentences(unread), unread)


def rows_not_read(check: Check, gaps: pd.DataFrame, frame: pd.DataFrame) -> Iterator[tuple[dict[str, Any], Why]]:
    """Each row that was not understood, by what is known of it, and why. One that was read all the same is none."""
    read = set(zip(frame["resource"], frame["subject"], strict=True)) if len(gaps) else set()
    for key, some in gaps.groupby(["resource", "subject"], sort=True):
        if key not in read:
            first, columns = some.iloc[0], check.table.columns()
            known = {name: first[name] or None for name in ("provider", *NAMING) if name in columns}
            unread = shortened(one._replace(column=WHOLE_ROW) for one in gap_why(some).unread)
            yield {**dict.fromkeys(check.table.columns()), **known}, Why(sentences(unread), unread)


def stumbled_why(error: Exception) -> Why:
    """Why a check said nothing about any row. The exception's text may hold what a row holds; its kind is enough."""
    unread = (Unread("", "not_parseable", detail=f"the check stopped with {type(error).__name__}"),)
    return Why(sentences(unread), unread)


def undecided_why(undecided: Mapping[Why, int]) -> Why:
    """Why nobody can tell whether rows are ones the check concerns."""
    unread = shortened(one for why in undecided for one in why.unread)
    return Why(sentences(unread, sum(undecided.values())), unread)


GUIDELINE_PREFIX = {"aws": "aws-", "azure": "azure-", "gcp": "gcp-", "clearblade": "gcp-"}
"""The catalogue files ClearBlade, the successor of Cloud IoT Core, under Google Cloud."""


class Reasons:
    """Why cells of a scope are missing."""

    def __init__(self, tables: Tables) -> None:
        self._why: dict[tuple[str, tuple[str, str]], dict[str, Unread]] = {}
        for note in tables.unread.to_dict("records"):
            told = Unread(*(str(note[name]) for name in Unread._fields))
            self._why.setdefault((str(note["table"]), unread_key(note)), {})[told.column] = told

    def of(self, check: Check, row: Mapping[str, Any]) -> Why:
        """Why a check has no answer for a row: the cells that it needed and nobody could read."""
        missing = [column for column in dict.fromkeys((*check.only, *check.reads)) if row.get(column) is None]
        if not missing:
            read = tuple(Unread(column, "not_parseable") for column in check.reads)
            return Why(sentences(read), read)
        noted = self._why.get((check.table.id(), unread_key(row)), {})
        unread = tuple(noted.get(column) or Unread(column, "absent_field") for column in missing)
        undecided = bool(set(missing) & set(check.only)) and lies_with_the_read(unread)
        return Why(sentences(unread), unread, undecided)


class Labels:
    """Tags of the resources of a scope: its own, and where it has none of a key those of its hub."""

    def __init__(self, tables: Tables) -> None:
        self._cells: dict[tuple[str, str], str] = {}
        for table, frame in tables.frames.items():
            if issubclass(table, Tagged):
                told = frame.loc[frame["tags"].notna(), ["provider", "resource", "tags"]]
                for provider, resource, cell in told.itertuples(index=False):
                    self._cells[provider, canonical(provider, resource)] = cell

    def of(self, row: Mapping[str, Any]) -> str:
        """A row's tags as a JSON object; empty text if there are none."""
        provider = row["provider"]
        own, hub = (
            tags.read(self._cells.get((provider, canonical(provider, row.get(name) or "")), ""))
            for name in ("resource", "hub")
        )
        taken = {key.lower() for key in own}
        whole = own | {key: value for key, value in hub.items() if key.lower() not in taken}
        return json.dumps(whole, ensure_ascii=False, sort_keys=True) if whole else ""
