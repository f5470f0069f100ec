"""Device Defender: what its audits found, what was suppressed, and whether anything watches behaviour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from collectors.aws.account import RESULTS, registry
from collectors.aws.certificate_issuers import (
    DESCRIBE_AUTHORITY,
    DESCRIBE_CERTIFICATE,
    GET_LIST,
    LIST_AUTHORITIES,
    LIST_CERTIFICATES,
    REVOKED_ABOVE,
    REVOKED_AUTHORITY,
    REVOKED_DEVICE,
    Issuers,
)
from collectors.aws.hubs import AUDIT, CRITICAL_CHECKS
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.fleet import Audit, AuditCheck, Suppression, Watch

LIST_TASKS = Operation(
    "iot.list_audit_tasks", "iot:ListAuditTasks",
    items="tasks", shared=True, fixed=(("taskStatus", "COMPLETED"), *RESULTS),
)  # fmt: skip
DESCRIBE_TASK = Operation("iot.describe_audit_task", "iot:DescribeAuditTask", shared=True)
LIST_FINDINGS = Operation(
    "iot.list_audit_findings", "iot:ListAuditFindings",
    items="findings", fixed=(("listSuppressedFindings", False), *RESULTS),
)  # fmt: skip
LIST_SUPPRESSIONS = Operation(
    "iot.list_audit_suppressions", "iot:ListAuditSuppressions", items="suppressions", fixed=RESULTS
)
LIST_PROFILES = Operation(
    "iot.list_security_profiles", "iot:ListSecurityProfiles", items="securityProfileIdentifiers", fixed=RESULTS
)
PROFILE_TARGETS = Operation(
    "iot.list_targets_for_security_profile", "iot:ListTargetsForSecurityProfile",
    items="securityProfileTargets", fixed=RESULTS,
)  # fmt: skip
DESCRIBE_PROFILE = Operation("iot.describe_security_profile", "iot:DescribeSecurityProfile")

CONFLICTS = "CONFLICTING_CLIENT_IDS_CHECK"
REVOCATION = (REVOKED_AUTHORITY, REVOKED_DEVICE, REVOKED_ABOVE)
IMPORTED = (
    *REVOCATION, CONFLICTS,
    "DEVICE_CERTIFICATE_SHARED_CHECK", "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK", "CA_CERTIFICATE_KEY_QUALITY_CHECK",
)  # fmt: skip
"""Checks that need revocation lists, lists of weak keys or the history of connections, which no configuration holds."""
SERIOUS_CHECKS = CRITICAL_CHECKS | {CONFLICTS}
LESSER_CHECKS = frozenset({
    "CA_CERTIFICATE_EXPIRING_CHECK", "DEVICE_CERTIFICATE_AGE_CHECK", "DEVICE_CERTIFICATE_EXPIRING_CHECK",
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK", "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK",
    "LOGGING_DISABLED_CHECK", "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
})  # fmt: skip
"""Checks that Device Defender rates medium or low (AWS IoT Device Defender, "Audit checks")."""
WINDOWS = (8, 35)
"""Days to look back for an audit: a week first, then far enough for a monthly one."""
NAMED = 10


class Task(NamedTuple):
    """One completed audit: when it began and what came of each check."""

    began: datetime
    id: str
    checks: Mapping[str, Mapping[str, Any]]

    def ran(self, check: str) -> bool:
        """Whether it ran a check to its end."""
        return str((self.checks.get(check) or {}).get("checkRunStatus", "")).startswith("COMPLETED")

    def clean(self, check: str) -> bool:
        """Whether a check found nothing at all."""
        return bool(self.checks[check]["checkRunStatus"] == "COMPLETED_COMPLIANT")


def tasks(read: Reader, days: int) -> list[Task] | Unread:
    """The audits completed in that many days, the newest first."""
    ids = read(LIST_TASKS, startTime=read.clock - timedelta(days=days), endTime=read.clock).cell(
        lambda listed: [task["taskId"] for task in listed]
    )
    found = []
    for task in () if isinstance(ids, Unread) else ids:
        reply = read(DESCRIBE_TASK, taskId=task).cell(lambda found: (found["taskStartTime"], found.get("auditDetails")))
        if isinstance(reply, Unread):
            return reply
        found.append(Task(reply[0], task, reply[1] or {}))
    return ids if isinstance(ids, Unread) else sorted(found, key=lambda task: task.began, reverse=True)


def open_findings(read: Reader, task: str, **only: Any) -> list[dict[str, Any]] | Unread:
    """The findings of an audit that nobody suppressed."""
    found: list[dict[str, Any]] | Unread = read(LIST_FINDINGS, taskId=task, **only).cell(
        lambda findings: [finding for finding in findings if not finding.get("isSuppressed", False)]
    )
    return found


@collector(Audit, "aws", LIST_TASKS, DESCRIBE_TASK, LIST_FINDINGS)
def latest_audits(read: Reader) -> Iterator[Row]:
    """What the latest audit of each check found in one region, critical and high findings only."""
    row: dict[str, Any] = {
        "resource": f"{registry(read.scope)}:audit",
        "name": f"Device Defender findings in {read.scope.region}",
    }
    done: list[Task] | Unread = []
    for days in WINDOWS:
        done = tasks(read, days)
        if done:
            break
    if not done:
        done = Unread("no_data_source", detail=f"no audit was completed in {WINDOWS[-1]} days")
    if isinstance(done, Unread):
        yield row | dict.fromkeys(("age_days", "open_findings"), done)
        return
    yield row | {"age_days": read.days_since(done[0].began), "open_findings": serious(read, done)}


def serious(read: Reader, done: list[Task]) -> str | Unread:
    """Critical and high findings by check, each check as its newest audit saw it."""
    newest: dict[str, Task] = {}
    for task in done:
        for check in task.checks:
            if task.ran(check):
                newest.setdefault(check, task)
    counts: Counter[str] = Counter()
    for id_ in sorted({task.id for check, task in newest.items() if not task.clean(check)}):
        findings = open_findings(read, id_)
        if isinstance(findings, Unread):
            return findings
        counts.update(
            finding["checkName"]
            for finding in findings
            if finding.get("severity") in ("CRITICAL", "HIGH")
            and finding["checkName"] in newest
            and newest[finding["checkName"]].id == id_
        )
    return ", ".join(f"{check} {number}" for check, number in sorted(counts.items()))


@collector(
    AuditCheck, "aws", AUDIT, LIST_TASKS, DESCRIBE_TASK, LIST_FINDINGS,
    LIST_AUTHORITIES, DESCRIBE_AUTHORITY, LIST_CERTIFICATES, DESCRIBE_CERTIFICATE, GET_LIST,
)  # fmt: skip
def audit_checks(read: Reader) -> Iterator[Row]:
    """The answers of one region's Device Defender to what its configuration cannot tell."""
    enabled = read(AUDIT).cell(
        lambda settings: {n for n, c in (settings.get("auditCheckConfigurations") or {}).items() if c.get("enabled")}
    )
    issuers = Issuers(read)
    for check in IMPORTED:
        task = enabled if isinstance(enabled, Unread) else latest(read, check, enabled)
        row: dict[str, Any] = {
            "resource": f"{registry(read.scope)}:audit",
            "subject": check,
            "name": f"Device Defender audit in {read.scope.region}",
            "check": check,
            "lists_answered": issuers.lists_answer(check) if check in REVOCATION else None,
        }
        if isinstance(task, Unread):
            yield row | dict.fromkeys(("age_days", "open_resources"), task)
            continue
        findings = [] if task.clean(check) else open_findings(read, task.id, checkName=check)
        yield row | {
            "age_days": read.days_since(task.began),
            "open_resources": findings if isinstance(findings, Unread) else few(map(resource, findings)),
        }


def latest(read: Reader, check: str, enabled: set[str]) -> Task | Unread:
    """The newest audit that ran a check; what is not enabled has no answer, whatever an old audit said."""
    if check not in enabled:
        return Unread("no_data_source", detail="the audit check is not enabled in Device Defender")
    for days in WINDOWS:
        done = tasks(read, days)
        if isinstance(done, Unread):
            return done
        if task := next((task for task in done if task.ran(check)), None):
            return task
    return Unread("no_data_source", detail=f"no audit ran the check in {WINDOWS[-1]} days")


def resource(finding: Mapping[str, Any]) -> str:
    """What a finding is about: the identifier that it gives, an issuer by its subject and serial number."""
    named = (finding.get("nonCompliantResource") or {}).get("resourceIdentifier") or {}
    issuer = named.get("issuerCertificateIdentifier") or {}
    return (
        named.get("deviceCertificateArn")
        or next((value for value in named.values() if isinstance(value, str)), "")
        or f"{issuer.get('issuerCertificateSubject', '')} {issuer.get('issuerCertificateSerialNumber', '')}".strip()
        or "unnamed"
    )


def few(names: Iterable[str]) -> str:
    """Some names in order, and how many more there are."""
    each = sorted(set(names))
    more = f" and {len(each) - NAMED} more" if len(each) > NAMED else ""
    return ", ".join(each[:NAMED]) + more


@collector(Suppression, "aws", LIST_SUPPRESSIONS)
def suppressions(read: Reader) -> Iterator[Row]:
    """Every suppression of audit findings in one region."""
    for suppression in read(LIST_SUPPRESSIONS):
        check, ends = suppression["checkName"], suppression.get("expirationDate")
        new = Unread("not_parseable", detail=f"audit check {check}")
        yield {
            "resource": f"{registry(read.scope)}:auditsuppression",
            "subject": f"{check} {resource({'nonCompliantResource': suppression})}",
            "name": check,
            "serious": check in SERIOUS_CHECKS if check in SERIOUS_CHECKS | LESSER_CHECKS else new,
            "indefinite": bool(suppression.get("suppressIndefinitely", False)),
            "expires_in_days": read.days_until(ends) if ends else None,
            "description": suppression.get("description", ""),
        }


@collector(Watch, "aws", LIST_PROFILES, PROFILE_TARGETS, DESCRIBE_PROFILE)
def watches(read: Reader) -> Iterator[Row]:
    """Which security profiles watch one region; rules and machine learning count alike."""
    row = {"resource": f"{registry(read.scope)}:detect", "name": f"Device Defender Detect in {read.scope.region}"}
    names = read(LIST_PROFILES).cell(lambda profiles: [profile["name"] for profile in profiles])
    if isinstance(names, Unread):
        yield row | dict.fromkeys(("profiles", "attached_profiles", "alerting_profiles"), names)
        return
    attached: Counter[bool] = Counter()
    unread: Unread | None = None
    for name in names:
        targets = read(PROFILE_TARGETS, securityProfileName=name).cell(len)
        if targets == 0:
            continue
        alerts = read(DESCRIBE_PROFILE, securityProfileName=name).cell(
            lambda profile: bool(profile.get("alertTargets")) if profile.get("behaviors") else None
        )
        if isinstance(targets, Unread) or isinstance(alerts, Unread):
            unread = targets if isinstance(targets, Unread) else alerts
        elif alerts is not None:
            attached[alerts] += 1
    yield row | {
        "profiles": len(names),
        "attached_profiles": unread or attached.total(),
        "alerting_profiles": unread or attached[True],
    }
