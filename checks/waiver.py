"""Accepted risks: ``waivers.toml``, and which findings it covers on a day.

A waiver is applied when findings are read. It hides nothing and changes no status: a finding keeps what the scan saw,
and carries the waiver beside it. Whatever is doubtful leaves the finding uncovered.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from checks.check import SEVERITIES, Severity
from checks.finding import Finding
from checks.glob_rules import Match, Matcher, as_list, numbers
from checks.owner import Name

Kind = Literal["risk_accepted", "false_positive", "mitigated_elsewhere"]
KINDS: tuple[Kind, ...] = get_args(Kind)

REASON = (10, 2000)
"""Fewest and most characters of a reason."""
BROAD_FLOOR = 10
"""A waiver over no more findings than this is never too broad, whatever their share."""
CAPS: Mapping[Severity, int] = {"critical": 30, "high": 90, "medium": 180, "low": 180, "info": 180}
"""Most days from ``created_on`` to ``expires_on``, by severity. Ours; Azure Security DevOps Kit's attestations last at
most six months."""


class BadWaivers(ValueError):
    """One line per mistake in a waivers file: file, waiver, key, what is allowed."""


def day(value: Any) -> Any:
    """A date as TOML has it, or as text."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(value)
    if type(value) is date:
        return value
    raise ValueError(f"{value!s:.40} is no date; allowed: YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(day)]
FindingId = Annotated[str, Field(pattern=r"^v1:[a-z2-7]{26}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class Waiver(BaseModel):
    """One accepted risk: over findings by id, or over those that a match covers. It holds through ``expires_on``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    kind: Kind
    finding: Annotated[tuple[FindingId, ...], BeforeValidator(as_list), Field(max_length=10000)] = ()
    match: Match | None = None
    exclude: Match | None = None
    severity: Severity = Field(
        "critical", description="Worst severity that was accepted; what is worse is not covered."
    )
    status: Literal["fail", "unknown"] = Field("fail", description="unknown: only while nobody can read it.")
    reason: Annotated[str, Field(min_length=REASON[0], max_length=REASON[1])]
    owner: Name
    approver: Name
    created_on: Day
    expires_on: Day
    ticket: Annotated[str, Field(max_length=500)] = ""
    evidence_hash: Annotated[tuple[Hash, ...], BeforeValidator(as_list), Field(max_length=10000)] = Field(
        (), description="The evidence that was accepted; other evidence is not covered."
    )
    max_matches: int = Field(0, ge=0, description="Most findings it may match; 0 is no limit.")
    allow_broad: bool = False

    @field_validator("reason")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if len("".join(value.split())) < REASON[0]:
            raise ValueError(f"says too little; allowed: {REASON[0]} to {REASON[1]} characters")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Waiver:
        if bool(self.finding) == bool(self.match):
            raise ValueError("needs either finding, a list of ids, or match, a table of globs")
        if self.exclude and not self.match:
            raise ValueError("exclude goes with match")
        if self.expires_on < self.created_on:
            raise ValueError(f"expires_on {self.expires_on} is before created_on {self.created_on}")
        return self

    def holds(self, today: date) -> bool:
        """Whether a day is within it; the first and the last one are."""
        return self.created_on <= today <= self.expires_on

    def refusal(self, finding: Finding) -> str:
        """Why a finding that it matches is not covered all the same; empty text when it is."""
        if SEVERITIES.index(finding.severity) < SEVERITIES.index(self.severity):
            return f"the finding is {finding.severity}, accepted was {self.severity}"
        if self.status == "unknown" and finding.status != "unknown":
            return f"the finding is {finding.status} now, accepted was unknown"
        if self.evidence_hash and finding.evidence_hash not in self.evidence_hash:
            return "the evidence is not what was accepted"
        return ""


class Period(NamedTuple):
    """When a waiver covers a finding, as long as that fits it: from its first to its last day."""

    first: date
    last: date
    waiver: str


class Held(NamedTuple):
    """The waiver of a finding, as outputs name it: its id, kind, last and first day (``YYYY-MM-DD``).

    One that has ``lapsed`` was the last to cover the finding, and does so no longer.
    """

    waiver: str
    kind: str
    expires_on: str
    created_on: str = ""
    lapsed: bool = False


@dataclass(frozen=True)
class Rules:
    """What the settings demand of every waiver. Above ``broad_percent`` of all findings a match is too broad."""

    max_days: Mapping[Severity, int] = field(default_factory=lambda: dict(CAPS))
    broad_percent: float = 10.0
    two_persons: bool = True
    warn_days: int = 14


@dataclass(frozen=True)
class Cover:
    """What the waivers do to the findings of one day. Lists of findings are ids in the findings' order.

    ``waived`` is what holds; where several hold, the first of the file. ``matched`` has every waiver's findings,
    ``refused`` the waivers that match too much and therefore cover nothing, each with the reason, ``lapsed`` the
    findings that only an expired waiver matches, ``voided`` those whose waiver no longer fits, with the reason.
    ``shared`` are findings under several waivers that hold. A waiver is pointed out ``warn_days`` before it ends.
    """

    today: date
    warn_days: int
    waived: Mapping[str, Waiver]
    matched: Mapping[str, Sequence[str]]
    refused: Mapping[str, str]
    lapsed: Mapping[str, Waiver]
    voided: Mapping[str, tuple[Waiver, str]]
    shared: Mapping[str, Sequence[Waiver]]


@dataclass(frozen=True)
class Waivers:
    """The waivers of a file, in its order."""

    all: tuple[Waiver, ...] = ()
    rules: Rules = Rules()

    def reach(self, findings: Iterable[Finding]) -> Iterable[tuple[Finding, list[Waiver]]]:
        """Every finding with the waivers that match it, whatever the day; exclusions are out."""
        wanted, spared = Matcher([w.match for w in self.all]), Matcher([w.exclude for w in self.all])
        by_id: defaultdict[str, int] = defaultdict(int)
        for number, waiver in enumerate(self.all):
            for one in waiver.finding:
                by_id[one] |= 1 << number
        for finding in findings:
            bits = wanted.fits(finding) & ~spared.fits(finding) | by_id.get(finding.finding_id, 0)
            if bits:
                yield finding, [self.all[number] for number in numbers(bits)]

    def over(self, findings: Iterable[Finding], today: date) -> Cover:
        """What holds on a day, for all findings of a scan at once: the share that a waiver matches counts."""
        known = list(findings) if self.all else []
        reached = list(self.reach(known))
        matched: dict[str, list[str]] = {waiver.id: [] for waiver in self.all}
        for finding, waivers in reached:
            for waiver in waivers:
                matched[waiver.id].append(finding.finding_id)
        refused = {w.id: why for w in self.all if (why := self.too_broad(w, len(matched[w.id]), len(known)))}
        waived: dict[str, Waiver] = {}
        lapsed: dict[str, Waiver] = {}
        voided: dict[str, tuple[Waiver, str]] = {}
        shared: dict[str, Sequence[Waiver]] = {}
        for finding, waivers in reached:
            holding = [w for w in waivers if w.holds(today) and w.id not in refused]
            covering = [w for w in holding if not w.refusal(finding)]
            if covering:
                waived[finding.finding_id] = covering[0]
                if len(covering) > 1:
                    shared[finding.finding_id] = covering
            elif holding:
                voided[finding.finding_id] = (holding[0], holding[0].refusal(finding))
            elif expired := [w for w in waivers if w.expires_on < today]:
                lapsed[finding.finding_id] = max(expired, key=lambda w: w.expires_on)
        return Cover(today, self.rules.warn_days, waived, matched, refused, lapsed, voided, shared)

    def held(self, findings: Iterable[Finding], today: date) -> dict[str, Held]:
        """The waiver that holds for each finding on a day, or the one that has lapsed, by the finding's id."""
        cover = self.over(findings, today)
        return {
            finding: Held(w.id, w.kind, f"{w.expires_on}", f"{w.created_on}", lapsed)
            for waivers, lapsed in ((cover.waived, False), (cover.lapsed, True))
            for finding, w in waivers.items()
        }

    def too_broad(self, waiver: Waiver, matches: int, findings: int) -> str:
        """Why a waiver matches too much; empty text when it does not."""
        if waiver.max_matches and matches > waiver.max_matches:
            return f"matches {matches} findings, max_matches is {waiver.max_matches}"
        share = 100 * matches / findings if findings else 0.0
        if waiver.match and not waiver.allow_broad and matches > BROAD_FLOOR and share > self.rules.broad_percent:
            limit = f"{self.rules.broad_percent:g} %"
            return f"matches {matches} of {findings} findings, more than {limit}; narrow it, or set allow_broad = true"
        return ""

    def periods(self, findings: Iterable[Finding], mended: Iterable[Finding] = ()) -> dict[str, list[Period]]:
        """When each finding is covered, by its id, by every waiver that fits it as it is now.

        For a score of past days. A match that is too broad for the findings of today covers none of them, and none of
        those that are ``mended``.
        """
        known = list(findings)
        reached = list(self.reach(known))
        sizes = Counter(waiver.id for _, waivers in reached for waiver in waivers)
        refused = {w.id for w in self.all if self.too_broad(w, sizes[w.id], len(known))}
        reached += self.reach(mended)
        covered = {
            finding.finding_id: [
                Period(w.created_on, w.expires_on, w.id)
                for w in waivers
                if w.id not in refused and not w.refusal(finding)
            ]
            for finding, waivers in reached
        }
        return {finding: spans for finding, spans in covered.items() if spans}


def load(path: Path, rules: Rules | None = None) -> Waivers:
    """The waivers of a file. Raises BadWaivers; a file that is not there holds none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Waivers((), rules or Rules())
    except (OSError, UnicodeDecodeError) as error:
        raise BadWaivers(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from error
    return parse(text, str(path), rules)


def parse(text: str, name: str, rules: Rules | None = None) -> Waivers:
    """The waivers of a text. Every mistake is named, and none of them leaves a waiver in force. Raises BadWaivers."""
    rules = rules or Rules()
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadWaivers(f"{name}: not TOML: {error}") from error
    wrong = [f"{name}: {key}: no such key; allowed: [[waiver]]" for key in content if key != "waiver"]
    rows = content.get("waiver", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadWaivers(f"{name}: waiver is a list of tables; write [[waiver]]")
    good: dict[str, Waiver] = {}
    for number, row in enumerate(rows, 1):
        label = f"{name}: {row['id'] if isinstance(row.get('id'), str) else f'waiver {number}'}"
        try:
            waiver = Waiver(**row)
        except ValidationError as error:
            wrong += [f"{label}: {complaint(problem)}" for problem in error.errors()]
            continue
        wrong += [f"{label}: {line}" for line in rule_violations(waiver, rules)]
        if waiver.id in good:
            wrong.append(f"{label}: id is taken; each waiver has its own")
        good[waiver.id] = waiver
    if wrong:
        raise BadWaivers("\n".join(wrong))
    return Waivers(tuple(good.values()), rules)


def rule_violations(waiver: Waiver, rules: Rules) -> list[str]:
    """What the settings forbid about a waiver."""
    wrong = []
    days, cap = (waiver.expires_on - waiver.created_on).days, rules.max_days[waiver.severity]
    if days > cap:
        worst = "" if "severity" in waiver.model_fields_set else ", which holds where no severity is given"
        wrong.append(f"expires_on: {days} days after created_on; allowed: {cap} days for {waiver.severity}{worst}")
    if rules.two_persons and waiver.owner.casefold() == waiver.approver.casefold():
        wrong.append(f"approver: {waiver.approver} is the owner too; allowed: somebody else (waivers.two_persons)")
    return wrong


def complaint(problem: Any) -> str:
    """One line about one mistake in a waiver."""
    keys = [str(key) for key in problem["loc"]]
    kind, message = problem["type"], str(problem["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        message = "is missing; every waiver needs it"
    elif kind == "extra_forbidden":
        fields = Match.model_fields if keys[0] in ("match", "exclude") else Waiver.model_fields
        message = f"no such key; allowed: {', '.join(fields)}"
    elif kind == "string_too_short":
        message = f"{problem['input']!r} is too short; allowed: at least {problem['ctx']['min_length']} characters"
    elif kind == "string_pattern_mismatch":
        message = f"{problem['input']!r:.80} does not fit; allowed: {problem['ctx']['pattern']}"
    elif kind == "model_type":
        message = f"is a table of globs; write {keys[-1]} = {{ check = ... }}"
    return f"{'.'.join(keys)}: {message}" if keys else message
