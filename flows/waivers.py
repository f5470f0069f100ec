"""The verbs around accepted risks: list, add, lint, record."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from checks.finding import Finding
from checks.waiver import BadWaivers, Cover, Waiver, Waivers, day, load
from checks.waiver_file import free_id, waiver_in, with_waiver
from collectors.files import write_files
from flows.console import CLEAN, GATE, Format, emit, say
from flows.errors import BadSettings, UnknownName
from flows.runs import instead, last_scan, near
from flows.settings import Settings
from flows.settings import load as load_settings
from reports import audit_log
from reports.report import Report, records
from reports.waiver_lint import COLUMNS, lint, plural

LISTED = ("id", "kind", "state", "owner", "approver", "expires_on", "findings", "reason")
RECORDED = ("waiver", "recorded")
COVERED = ("finding_id", "severity", "status", "check_id", "resource_id", "subject")


def waivers_of(settings: Settings) -> Waivers:
    """The waivers that hold for a scan. Raises BadSettings: a broken file is never taken for an empty one."""
    try:
        return load(Path(settings.waivers.file), settings.waivers.rules())
    except BadWaivers as error:
        raise BadSettings(str(error)) from error


def today() -> date:
    """The day that decides whether a waiver holds: the one in UTC."""
    return datetime.now(UTC).date()


def actor_of(settings: Settings) -> str:
    """Who is written into the audit log."""
    with contextlib.suppress(OSError, KeyError):
        return settings.waivers.actor or getpass.getuser()
    raise BadSettings("waivers.actor: this machine does not say who you are; set it, or IOTPOSTURE_WAIVERS__ACTOR")


def cover_of(report: Report, waivers: Waivers) -> Cover:
    """What the waivers do to the findings of a report, today."""
    return waivers.over((Finding(*row) for row in records(report.findings)), today())


def without_waived(report: Report, cover: Cover) -> Report:
    """The report as a gate sees it: without what was accepted."""
    return dataclasses.replace(
        report, findings=report.findings[~report.findings["finding_id"].isin(list(cover.waived))]
    )


def say_waivers(cover: Cover) -> None:
    """One line about what is accepted, and one for each kind of waiver that covers less than somebody may think."""
    parts = (
        (cover.waived, "waived"),
        (cover.voided, "with a waiver that does not fit its severity, status or evidence"),
    )
    for findings, what in parts:
        if findings:
            say(f"{plural(len(findings), 'finding')} {what}")
    over = Counter(waiver.id for waiver in cover.lapsed.values())
    for name, last in {waiver.id: waiver.expires_on for waiver in cover.lapsed.values()}.items():
        say(f"waiver {name} expired on {last}: {plural(over[name], 'finding')} without one")
    for name, why in cover.refused.items():
        say(f"waiver {name} covers nothing: {why}")
    ending = {w.id: w.expires_on for w in cover.waived.values() if (w.expires_on - cover.today).days <= cover.warn_days}
    for name, last in ending.items():
        say(f"waiver {name} expires on {last}")


def findings_of(settings: Settings, place: str) -> tuple[list[Finding], bool] | None:
    """The findings of a run, or of the last scan, and whether it looked everywhere and read it all; None without a scan."""
    from flows.runs import judged_report, run_at

    if not place and not (place := last_scan(settings)):
        return None
    found = run_at(place)
    report = judged_report(found, place)
    about = found.about()
    narrowed = about.get("only") or about.get("select")
    return [Finding(*row) for row in records(report.findings)], report.about["scan_complete"] == "true" and not narrowed


def list_waivers(settings_file: str, run: str, format_: Format) -> int:
    """The verb `waivers list`."""
    settings = load_settings(settings_file or None)
    waivers, now = waivers_of(settings), today()
    known = findings_of(settings, run)
    cover = waivers.over(known[0] if known else [], now)
    covered = Counter(waiver.id for waiver in cover.waived.values())

    def state(waiver: Waiver) -> str:
        if waiver.expires_on < now:
            return "expired"
        return "refused" if waiver.id in cover.refused else "holds" if waiver.holds(now) else "not yet"

    rows = [
        {
            **waiver.model_dump(mode="json", include={"id", "kind", "owner", "approver", "expires_on", "reason"}),
            "state": state(waiver),
            "findings": covered[waiver.id] if known else "",
        }
        for waiver in waivers.all
    ]
    emit(rows, LISTED, format_)
    return CLEAN


def lint_waivers(settings_file: str, run: str, format_: Format) -> int:
    """The verb `waivers lint`: exit 1 for an error, 0 when there are notes only."""
    settings = load_settings(settings_file or None)
    waivers = waivers_of(settings)
    log = audit_log.read(audit_log.log_of(Path(settings.waivers.file)))
    known = findings_of(settings, run)
    if known is None:
        say("no scan to compare with: nothing is said about what the waivers match")
    remarks = lint(waivers, log, known and known[0], today(), whole=not known or known[1])
    emit([vars(remark) for remark in remarks], COLUMNS, format_)
    say(f"{plural(len(waivers.all), 'waiver')}; audit log: {plural(len(log.entries), 'line')}, last {log.head or '-'}")
    return GATE if any(remark.level == "error" for remark in remarks) else CLEAN


def record_waivers(settings_file: str, format_: Format) -> int:
    """The verb `waivers record`: takes edits by hand up into the audit log."""
    settings = load_settings(settings_file or None)
    file, actor = Path(settings.waivers.file), actor_of(settings)
    log = audit_log.log_of(file)
    if not log.exists() and not waivers_of(settings).all:
        say(f"{file}: no waivers there, so there is nothing to record; `iotposture waivers add` writes one")
        emit([], RECORDED, format_)
        return CLEAN
    with audit_log.lock(log) as held:
        changes = sound_log(log).unrecorded(waivers_of(settings).all)
        audit_log.append(held, changes, actor, datetime.now(UTC))
    rows = [
        {"waiver": name, "recorded": "added" if before is None else "removed" if after is None else "changed"}
        for name, before, after in changes
    ]
    emit(rows, RECORDED, format_)
    return CLEAN


def sound_log(log: Path) -> audit_log.Log:
    """The audit log. Raises BadSettings when its chain is broken: nothing is added to such a log."""
    known = audit_log.read(log)
    if known.broken:
        raise BadSettings(
            f"{log}: {known.broken}; keep it as evidence, move it away, and `iotposture waivers record` starts a new one"
        )
    return known


def add_waiver(settings_file: str, ids: list[str], run: str, id: str, pin: bool, format_: Format, **said: str) -> int:
    """The verb `waivers add`. ``said`` has kind, reason, owner, approver, expires_on and ticket."""
    settings = load_settings(settings_file or None)
    file, actor = Path(settings.waivers.file), actor_of(settings)
    chosen = findings_by_id(settings, ids, run)
    worst = max(chosen, key=lambda finding: int(finding.severity_rank))
    fields: dict[str, Any] = {
        "kind": said["kind"],
        "finding": [finding.finding_id for finding in chosen],
        "severity": worst.severity,
        "status": "unknown" if all(finding.status == "unknown" for finding in chosen) else "",
        "reason": said["reason"],
        "owner": said["owner"],
        "approver": said["approver"],
        "created_on": today(),
        "expires_on": expiry_date(said["expires_on"]),
        "ticket": said["ticket"],
        "evidence_hash": list(dict.fromkeys(finding.evidence_hash for finding in chosen)) if pin else "",
    }
    log = audit_log.log_of(file)
    with audit_log.lock(log) as held:
        sound_log(log)
        before = waivers_of(settings)
        name = id or free_id(before)
        text = file.read_bytes().decode() if file.exists() else ""
        text = with_waiver(text, {"id": name, **{key: value for key, value in fields.items() if value}})
        try:
            waiver = waiver_in(text, file, settings.waivers.rules(), name)
        except BadWaivers as error:
            raise BadSettings(str(error)) from error
        audit_log.append(held, [(name, None, audit_log.waiver_fields(waiver))], actor, datetime.now(UTC))
        write_files(file.parent, {file.name: lambda out: out.write(text.encode())})
    for other in {w.id: w for w in before.over(chosen, today()).waived.values()}.values():
        say(f"{other.id} covers some of them already, until {other.expires_on}")
    covered = Waivers((waiver,), before.rules).over(chosen, today()).waived
    emit([finding._asdict() for finding in chosen if finding.finding_id in covered], COVERED, format_)
    say(f"{file}: {name} covers {plural(len(covered), 'finding')} until {waiver.expires_on}")
    return CLEAN


def findings_by_id(settings: Settings, ids: list[str], run: str) -> list[Finding]:
    """The findings of these ids, each once. Raises UnknownName."""
    known = findings_of(settings, run)
    if known is None:
        home = settings.runs or settings.out
        found = [] if "://" in home else [run.parent.parent for run in near(Path(home), "run/run.json")]
        raise UnknownName(f"{home}: no scan lies there; {instead(found, '--run')}")
    by_id = {finding.finding_id: finding for finding in known[0]}
    if missing := [one for one in ids if one not in by_id]:
        raise UnknownName(f"{', '.join(missing)}: no such finding in that scan; findings.csv has finding_id")
    return [by_id[one] for one in dict.fromkeys(ids)]


def expiry_date(text: str) -> date:
    """A day as it was typed. Raises BadSettings."""
    try:
        found: date = day(text)
    except ValueError as error:
        raise BadSettings(f"--expires: {error}") from error
    return found
