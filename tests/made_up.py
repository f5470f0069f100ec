"""A made-up report: about forty findings in four clouds, and one in which every name is hostile."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Iterator

import pandas as pd

from checks.check import SEVERITIES
from checks.finding import COLUMNS, Finding, finding_id, ticket_title
from checks.unread import Unread, dump, sentences
from checks.unread import causes as cause_column
from checks.unread import permissions as permission_column
from collectors.schema import COVERAGE
from reports.case import Case, CaseReport
from reports.check_facts import CheckFacts
from reports.report import Report
from reports.trend import Mttr, Point, RiskyHub, Share, Trend

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("http://127.0.0.1/","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "＝1+1",
    "'quoted",
    "\t=1",
    "-2+3",
    "a\r\n::stop-commands::x",
    "safe\u202egnp.exe",
    "zero\u200bwidth",
    "line\u2028separator",
    "\x1b]0;owned\x07\x1b[2J",
    "\x9b31mred",
    "[bold red]markup[/]",
    "nul\x00del\x7f",
    'comma, "quote"; semicolon',
    "ŝtelita-机器",
)

AREAS = {
    "connection": "Connection security",
    "identity": "Device identity and credentials",
    "access": "Authorization and IAM",
    "data": "Cloud data and storage",
    "keys": "Key management",
    "updates": "OTA and update infrastructure",
    "edge": "Host-based and edge security",
    "detection": "Logging, monitoring and detection",
}

CHECKS: list[CheckFacts] = [
    {
        "id": check,
        "title": title,
        "risk": risk,
        "area": area,
        "severity": severity,
        "remedy": remedy,
        "guidelines": guidelines.split(),
        "controls": ["ISVS 4.1.2", "ETSI-EN-303-645 5.5-1"],
    }
    for check, area, severity, title, risk, remedy, guidelines in (
        (
            "hub-refuses-old-tls", "connection", "high", "The hub refuses TLS below 1.2.",
            "TLS 1.0 and 1.1 let a device on a hostile network be read or impersonated.",
            {"aws": "Choose a security policy of 2022 or later.", "azure": "Set minTlsVersion to 1.2 on the hub."},
            "aws-iot-domain-tls-policy azure-iothub-min-tls",
        ),
        (
            "hub-limits-addresses", "connection", "medium", "The hub answers to listed addresses only.",
            "A hub that the whole internet reaches can be probed and flooded by all of it.",
            {"azure": "Turn public network access off, or list the ranges that devices come from."},
            "azure-iothub-public-network azure-iothub-ip-filter",
        ),
        (
            "device-has-its-own-credential", "identity", "critical", "No two devices share a credential.",
            "One stolen credential speaks for all devices that hold it, and none of them can be shut out alone.",
            {"": "Give each device its own certificate and disable the shared one."},
            "aws-iot-shared-certificate azure-iothub-shared-thumbprint",
        ),
        (
            "device-credential-ends", "identity", "medium", "The device's credential has an end.",
            "A credential without an end stays useful to whoever copied it for as long as the hub exists.",
            {"gcp": "Set expirationTime on the credential."}, "gcp-device-credential-expiry",
        ),
        (
            "certificate-is-strong", "identity", "high", "The certificate's key is strong.",
            "A weak key can be computed from the certificate, which is public.",
            "Issue a new certificate with EC P-256 or RSA of 2048 bits or more.",
            "aws-iot-weak-key azure-ca-weak-key",
        ),
        (
            "policy-allows-no-wildcard", "access", "critical", "A device policy allows no wildcard over all topics.",
            "A device with iot:* on * is every device: it reads all data and sends every command.",
            {"aws": "Name the thing in the resource: use ${iot:Connection.Thing.ThingName}."},
            "aws-iot-policy-overly-permissive",
        ),
        (
            "service-identity-is-narrow", "access", "high", "Roles of the backend name what they may touch.",
            "Whoever takes over one rule or function owns every store that its role can write.",
            {"aws": "List ARNs instead of *.", "gcp": "Grant the role on the topic, not on the project."},
            "aws-iot-rule-role-narrow gcp-iot-broad-roles",
        ),
        (
            "store-is-private", "data", "critical", "No store of device data is public.",
            "Telemetry tells where people are and what they do; a public store tells it to everybody.",
            {"aws": "Turn Block Public Access on.", "gcp": "Enforce public access prevention.", "azure": "Set allowBlobPublicAccess to false."},
            "aws-iot-bucket-public azure-iot-storage-public gcp-iot-bucket-public",
        ),
        (
            "hub-keys-have-few-holders", "keys", "medium", "Few people can read the hub's keys.",
            "A key that many can read was read by one who has left.",
            {"azure": "Remove listkeys from roles that people hold."}, "azure-iothub-key-holders",
        ),
        (
            "update-is-signed", "updates", "high", "Updates are signed.",
            "A device that installs what it is sent belongs to whoever can write the bucket.",
            {"aws": "Create OTA updates with a signing profile."}, "aws-iot-ota-signed",
        ),
        (
            "gateway-checks-devices", "edge", "medium", "A gateway checks the devices behind it.",
            "A gateway that vouches for all lets any device on site speak for another.",
            {"clearblade": "Use ASSOCIATION_AND_DEVICE_AUTH_TOKEN."}, "gcp-gateway-auth-method",
        ),
        (
            "connections-are-logged", "detection", "medium", "Connections of devices are logged.",
            "Without a log nobody sees a stolen identity connect, or can tell later what it did.",
            {"": "Send connection events to a log that is kept."},
            "aws-iot-logging azure-iothub-logs gcp-registry-logging",
        ),
        (
            "audit-is-scheduled", "detection", "low", "Device Defender audits on a schedule.",
            "An audit that nobody starts finds nothing.", {"aws": "Create a scheduled audit."}, "aws-iot-audit",
        ),
    )
]  # fmt: skip

COMMANDS = {
    "policy-allows-no-wildcard": "aws iot create-policy-version --region eu-central-1 --policy-name 'fleet default'"
    " --policy-document file://YOUR_POLICY.json --set-as-default"
}
"""The command of a check's remedy, in every one of its findings that fails."""

SCOPES = (
    ("aws", "123456789012", "eu-central-1"),
    ("aws", "123456789012", "us-east-1"),
    ("azure", "7c1b9e0a-2f64-4c55-9a3d-0d5b7f1e8a11", "global"),
    ("gcp", "field-telemetry", "europe-west1"),
    ("clearblade", "field-telemetry", "europe-west1"),
)

ABOUT_SCAN = {
    "schema_version": "2",
    "tool_version": "0.1.0",
    "catalogue_version": "2026.11",
    "scan_id": "20261122T0600Z-4f1c",
    "scan_started_at": "2026-11-22T06:00:00Z",
    "scan_completed_at": "2026-11-22T06:04:31Z",
    "scan_complete": "true",
    "coverage_pct": "97.5",
}


def finding(
    check: str, scope: int, resource: str, kind: str = "hub", status: str = "fail", **more: str
) -> dict[str, str]:
    """A finding as the judge makes it."""
    facts = next(c for c in CHECKS if c["id"] == check)
    provider, account, region = SCOPES[scope]
    name = more.get("resource_name", resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1])
    remedy = facts["remedy"]
    return {
        **dict.fromkeys(COLUMNS, ""),
        "finding_id": finding_id(check, provider, account, region, resource, more.get("subject", "")),
        "check_id": check,
        "check_title": facts["title"],
        "area": facts["area"],
        "status": status,
        "severity": facts["severity"],
        "severity_rank": str(4 - SEVERITIES.index(facts["severity"])),
        "provider": provider,
        "partition": provider,
        "account_id": account,
        "region": region,
        "resource_type": kind,
        "resource_id": resource,
        "resource_name": name,
        "expected": facts["title"],
        "evidence_hash": hashlib.sha256(resource.encode()).hexdigest()[:16],
        "risk": facts["risk"],
        "remediation": remedy if isinstance(remedy, str) else remedy.get(provider, remedy.get("", "")),
        "guidelines": "|".join(facts["guidelines"]),
        "controls": "|".join(facts["controls"]),
        "ticket_title": ticket_title(status, facts["title"], name),
        "remediation_cli": COMMANDS.get(check, "") if status == "fail" else "",
        **more,
    }


def unread(check: str, scope: int, resource: str, kind: str, cause: str, permission: str = "") -> dict[str, str]:
    """A finding of status unknown. ``cause`` and ``permission`` may be several, joined by ``|``, each with its own."""
    causes = cause.split("|")
    needs = permission.split("|") if len(causes) > 1 else [permission]
    operations = {row["permission"]: row["operation"] for row in coverage()}
    whole = resource == "/".join(SCOPES[scope])
    missing = [
        Unread("" if whole else "facts", one, operations.get(needed, ""), needed)
        for one, needed in zip(causes, needs, strict=True)
    ]
    more = {
        "cause": cause_column(missing), "permission": permission_column(missing), "status_reason": sentences(missing),
        "unread": dump(missing),
    }  # fmt: skip
    if whole:
        more |= {"resource_name": resource, "subject": f"every {kind}"}
    return finding(check, scope, resource, kind, "unknown", **more)


AZURE_HUB = (
    "/subscriptions/7c1b9e0a-2f64-4c55-9a3d-0d5b7f1e8a11/resourceGroups/field/providers/Microsoft.Devices/IotHubs/"
)
REGISTRY = "projects/field-telemetry/locations/europe-west1/registries/meters"


def estate() -> list[dict[str, str]]:
    """About forty findings over four providers."""
    arn = "arn:aws:iot:eu-central-1:123456789012:"
    rows = [
        finding("hub-refuses-old-tls", 0, f"{arn}domainconfiguration/legacy/x7Qd2", actual="tls_policy=IoTSecurityPolicy_TLS12_1_0_2016_01; min_tls=1.0"),
        finding("hub-refuses-old-tls", 2, f"{AZURE_HUB}plant-south", actual="min_tls=1.0", tags='{"site": "south", "team": "pumps"}'),
        finding("hub-limits-addresses", 2, f"{AZURE_HUB}plant-south", actual="public_network=true; filtered=false"),
        finding("hub-limits-addresses", 2, f"{AZURE_HUB}plant-north", actual="public_network=true; filtered=false"),
        finding("certificate-is-strong", 0, f"{arn}cert/9f{'ab' * 31}", "certificate", actual="algorithm=RSA; key_bits=1024"),
        finding("policy-allows-no-wildcard", 0, f"{arn}policy/fleet-default", "policy", subject="statement 2", actual="action=iot:*; resource=*"),
        finding("policy-allows-no-wildcard", 1, "arn:aws:iot:us-east-1:123456789012:policy/bench", "policy", actual="action=iot:Publish; resource=*"),
        finding("service-identity-is-narrow", 0, "arn:aws:iam::123456789012:role/iot-rule-writer", "service_identity", actual="resources=*"),
        finding("service-identity-is-narrow", 3, "projects/field-telemetry/serviceAccounts/ingest@field-telemetry.iam.gserviceaccount.com", "service_identity", subject="roles/pubsub.editor", actual="granted_on=project"),
        finding("store-is-private", 0, "arn:aws:s3:::field-firmware", "store", actual="public=true"),
        finding("update-is-signed", 0, f"{arn}otaupdate/2026-10-gateway", "update", actual="signed=false"),
        finding("hub-keys-have-few-holders", 2, f"{AZURE_HUB}plant-south", actual="key_holders=14"),
        finding("connections-are-logged", 1, "aws/us-east-1 logging", "log", actual="logs_connections=false"),
        finding("connections-are-logged", 3, REGISTRY, "log", actual="logs_connections=false"),
        finding("audit-is-scheduled", 1, "arn:aws:iot:us-east-1:123456789012:account", "detection", actual="audit_scheduled=false"),
        finding("gateway-checks-devices", 4, f"{REGISTRY}/devices/gw-01", "device", hub=REGISTRY, actual="gateway_auth=ASSOCIATION_ONLY"),
        *(finding("device-has-its-own-credential", 2, f"{AZURE_HUB}plant-south/devices/pump-{n:03}", "device", hub=f"{AZURE_HUB}plant-south", actual=f"sharers={11 + n % 2}") for n in range(12)),
        *(finding("device-credential-ends", 4, f"{REGISTRY}/devices/meter-{n:03}", "device", hub=REGISTRY, actual="credentials=1; expiring_credentials=0") for n in range(7)),
        unread("connections-are-logged", 0, "aws/eu-central-1 logging", "log", "denied", "iot:GetV2LoggingOptions"),
        unread("store-is-private", 3, "field-telemetry-raw", "store", "denied", "storage.buckets.getIamPolicy"),
        unread("store-is-private", 1, "arn:aws:s3:::field-archive", "store", "denied|failed", "s3:GetBucketPolicyStatus|s3:GetBucketAcl"),
        unread("device-has-its-own-credential", 0, "aws/123456789012/eu-central-1", "device", "failed", "iot:ListThings"),
        unread("certificate-is-strong", 2, f"{AZURE_HUB}plant-north/certificates/root", "certificate", "not_parseable"),
    ]  # fmt: skip
    return rows


def coverage() -> list[dict[str, str]]:
    """What was asked, and what came of it."""
    asked = (
        (0, "list_things", "iot:ListThings", "failed", "ThrottlingException"),
        (0, "get_v2_logging_options", "iot:GetV2LoggingOptions", "denied", "AccessDeniedException"),
        (0, "list_policies", "iot:ListPolicies", "read", ""),
        (1, "list_policies", "iot:ListPolicies", "read", ""),
        (1, "get_bucket_policy_status", "s3:GetBucketPolicyStatus", "denied", "AccessDenied"),
        (1, "get_bucket_acl", "s3:GetBucketAcl", "failed", "InternalError"),
        (1, "list_jobs", "iot:ListJobs", "unavailable", "UnknownEndpoint"),
        (2, "iot_hub_resource.list_by_subscription", "Microsoft.Devices/IotHubs/read", "read", ""),
        (3, "storage.buckets.list", "storage.buckets.list", "read", ""),
        (3, "storage.buckets.getIamPolicy", "storage.buckets.getIamPolicy", "denied", "403"),
        (4, "list_devices", "cloudiot.devices.list", "partial", "CallBudget"),
    )
    return [
        dict(
            zip(
                COVERAGE,
                (*SCOPES[scope], *rest, "", "" if rest[2] == "read" else rest[2], ""),
                strict=True,
            )
        )
        for scope, *rest in asked
    ]


def counted(findings: pd.DataFrame) -> pd.DataFrame:
    """Counts that fit the findings, with some passes."""
    rows = []
    for check in CHECKS:
        for provider, account, region in SCOPES:
            here = findings[
                (findings["check_id"] == check["id"])
                & (findings["provider"] == provider)
                & (findings["region"] == region)
            ]
            failed, unknown = (int((here["status"] == status).sum()) for status in ("fail", "unknown"))
            passed = (len(check["id"]) + len(region)) % 5 if provider != "clearblade" or failed else 0
            state = "fail" if failed else "unknown" if unknown else "pass" if passed else "not_applicable"
            rows.append((check["id"], provider, account, region, passed, failed, unknown, state))
    names = ["check_id", "provider", "account_id", "region", "passed", "failed", "unknown", "status"]
    return pd.DataFrame(rows, columns=names).astype(
        {name: "Int64" if name in ("passed", "failed", "unknown") else "string" for name in names}
    )


def report(rows: list[dict[str, str]] | None = None, **about: str) -> Report:
    """A report over an estate."""
    findings = pd.DataFrame(estate() if rows is None else rows, columns=list(COLUMNS), dtype="string")
    return Report(
        about=ABOUT_SCAN | about,
        findings=findings,
        counts=counted(findings),
        coverage=pd.DataFrame(coverage(), dtype="string"),
        checks=CHECKS,
        areas=AREAS,
    )


def hostile() -> Report:
    """A report in which everything that a cloud names is hostile."""
    rows = [
        finding(
            "policy-allows-no-wildcard",
            0,
            f"arn:{text}",
            "policy",
            resource_name=text,
            subject=text,
            hub=text,
            actual=text,
            tags=json.dumps({text: text}, ensure_ascii=False),
        )
        for text in HOSTILE
    ]
    rows += [finding("device-credential-ends", 4, text, "device", hub=HOSTILE[1], actual=text) for text in HOSTILE]
    rows += [
        unread("store-is-private", 3, text, "store", "denied", text) | {"status_reason": text, "region": text}
        for text in HOSTILE
    ]
    asked = [
        row | {"operation": text, "permission": text, "code": text, "account": text, "outcome": "denied"}
        for row in coverage()[:1]
        for text in HOSTILE
    ]
    whole = report(rows, scan_id=HOSTILE[1])
    return dataclasses.replace(whole, coverage=pd.DataFrame(asked, dtype="string"))


def estate_of(count: int, kind: str) -> Iterator[dict[str, str]]:
    checks = [check["id"] for check in CHECKS]
    for n in range(count):
        scope = n % len(SCOPES)
        provider, account, region = SCOPES[scope]
        where = {
            "aws": f"arn:aws:iot:{region}:{account}:policy/fleet-policy-of-line-{n:05}",
            "azure": f"{AZURE_HUB}plant-south-{n:05}",
        }.get(provider, f"{REGISTRY}-{n:05}")
        more = {} if kind == "hub" else {"hub": where[:-1]}
        yield finding(checks[n % len(checks)], scope, where, kind, actual="public_network=true; min_tls=1.0", **more)


def distinct(count: int) -> list[dict[str, str]]:
    """Findings no two of which are rolled up, with ids, evidence and commands as long as real ones."""
    rows = []
    for n in range(count):
        scope, check = n % len(SCOPES), CHECKS[n % len(CHECKS)]["id"]
        provider, account, region = SCOPES[scope]
        where = {
            "aws": f"arn:aws:iot:{region}:{account}:policy/fleet-policy-of-line-{n:05}",
            "azure": f"{AZURE_HUB}plant-south-{n:05}",
        }.get(provider, f"{REGISTRY}-{n:05}")
        evidence = f"public_network=true; min_tls=1.0; tls_policy=IoTSecurityPolicy_TLS12_1_0_2016_01; statement={n}"
        rows.append(finding(check, scope, where, actual=evidence, hub=f"{where}/hub", region=f"{region}-{n // 1000}"))
    return rows


DAYS = 90
MENDED = {
    "critical": (9, 6.0, 19.0),
    "high": (21, 16.5, 44.0),
    "medium": (12, 41.0, 97.0),
    "low": (0, None, None),
    "info": (0, None, None),
}
AGES = (("0-7", 0, 7), ("8-30", 8, 30), ("31-90", 31, 90), (">90", 91, 10_000))


def point(n: int, before: Point | None, critical: int) -> Point:
    """One weekly scan: what is open falls slowly, with a bad week, and two scans that did not complete."""
    when = dt.date(2026, 8, 30) + dt.timedelta(days=7 * n)
    counts = {"critical": critical, "high": 18 - n, "medium": 19 - n // 2, "low": 1 + n % 3, "info": 0}
    total = sum(counts.values())
    complete = n not in (4, 5)
    new = 3 + n % 3 + (6 if n == 7 else 0)
    raw = round(58 + 1.7 * n - (5 if n == 7 else 0), 1)
    return Point(
        scan_id=f"{when:%Y%m%d}T0600Z-{n:04x}",
        date=f"{when}T06:04:31Z",
        complete=complete,
        coverage=97.5 if n != 4 else 61.0,
        score_raw=raw if complete else None,
        score_managed=raw + 4.2 if complete else None,
        rebased=raw + 1.1 if n == 9 else None,
        open=total,
        open_by_severity=counts,
        new=new,
        resolved=max(0, new + (before.open - total if before else 0)),
        reopened=n % 4 == 3,
        dark=1 if n == 12 else 0,
        expired_waivers=1 if n == 12 else 0,
        checks_added=("audit-is-scheduled", "update-is-signed") if n == 9 else (),
    )


def trend(findings: list[dict[str, str]] | None = None) -> Trend:
    """A trend of thirteen weeks that ends with the scan of ABOUT_SCAN."""
    points: list[Point] = []
    for n, critical in enumerate((19, 18, 18, 17, 17, 16, 16, 19, 18, 16, 15, 14, 15)):
        points.append(point(n, points[-1] if points else None, critical))
    rows = estate() if findings is None else findings
    failing = [row for row in rows if row["status"] == "fail"]
    cases = [case for case in case_report(report(rows)).cases if case.lifecycle != "resolved"]
    ages = {
        s: sorted(c.age_days for c in cases if c.finding.severity == s and c.finding.status == "fail") for s in MENDED
    }

    def spread(days: list[int]) -> tuple[float, float]:
        return float(days[len(days) // 2]), float(days[len(days) * 9 // 10])

    def shares(of: list[dict[str, str]], column: str) -> tuple[Share, ...]:
        found: dict[str, Counter[str]] = {}
        for row in of:
            found.setdefault(row[column], Counter())[row["severity"]] += 1
        made = [
            Share(n, c.total(), {s: c[s] for s in SEVERITIES}, len(n) % 7 - 3, 40.0 + 7 * (len(n) % 8))
            for n, c in found.items()
            if n
        ]
        return tuple(sorted(made, key=lambda s: (-s.open, s.name)))

    return Trend(
        window_days=DAYS,
        points=tuple(points),
        before=dataclasses.replace(points[0], date="2026-08-23T06:04:31Z", open=66, score_raw=57.1),
        mttr={
            severity: Mttr(*mended, len(ages[severity]), *(spread(ages[severity]) if ages[severity] else (None, None)))
            for severity, mended in MENDED.items()
        },
        ageing={s: {b: sum(low <= age <= high for age in ages[s]) for b, low, high in AGES} for s in MENDED},
        sla={s: {d: sum(c.sla == d for c in cases if c.finding.severity == s) for d in ("in", "near", "breached")} for s in MENDED},
        by={name: shares(failing, column) for name, column in (("area", "area"), ("provider", "provider"), ("account", "account_id"), ("hub", "hub"))} | {
            "owner": shares([{"owner": c.owner, "severity": c.finding.severity} for c in cases if c.finding.status == "fail" and c.lifecycle != "dark"], "owner")
        },
        hubs=(
            RiskyHub(f"{AZURE_HUB}plant-south", "azure", SCOPES[2][1], 148, {"critical": 12, "high": 1, "medium": 2}, "plant-ops@example.com", "12 devices share a key, and the hub answers the whole internet over TLS 1.0"),
            RiskyHub("arn:aws:iot:eu-central-1:123456789012:hub", "aws", SCOPES[0][1], 61, {"critical": 1, "high": 3}, "", "a policy that allows everything reaches all devices"),
            RiskyHub(REGISTRY, "clearblade", SCOPES[4][1], 34, {"medium": 9}, "metering@example.com", "7 credentials have no end"),
        ),
    )  # fmt: skip


OWNERS = ("plant-ops@example.com", "metering@example.com", "")
DUE_DAYS = {"critical": 7, "high": 30, "medium": 90}


def case_report(whole: Report) -> CaseReport:
    """The lives of a report's findings, one dark finding, and two resolved ones."""
    today = dt.date(2026, 11, 22)
    cases = []
    for n, one in enumerate(whole.findings.itertuples(index=False, name=None)):
        what = Finding._make(one)
        age = (0, 3, 12, 40, 71, 133)[n % 6]
        seen = today - dt.timedelta(days=age)
        waived = what.status == "fail" and n % 9 == 4
        due = seen + dt.timedelta(days=DUE_DAYS[what.severity]) if what.severity in DUE_DAYS else None
        timed = due is not None and what.status == "fail" and not waived
        cases.append(
            Case(
                finding=what,
                lifecycle="new" if not age else "reopened" if n % 7 == 3 else "open",
                first_seen=f"{seen}T06:04:31Z",
                last_seen=whole.about["scan_completed_at"],
                age_days=age,
                owner=OWNERS[n % 3] if what.resource_type != "device" else OWNERS[0],
                waiver=("legacy-plant", "metering-migration")[n // 9 % 2] if waived else "",
                waiver_kind=("risk_accepted", "mitigated_elsewhere")[n // 9 % 2] if waived else "",
                waiver_expires_on=("2026-12-01", "2027-03-31")[n // 9 % 2] if waived else "",
                waiver_created_on=("2026-09-07", "2026-10-12")[n // 9 % 2] if waived else "",
                due_on=str(due) if timed else "",
                sla="" if not timed or due is None else "breached" if due < today else "near" if (due - today).days < 7 else "in",
            )
        )  # fmt: skip
    named = [Finding._make(row[column] for column in COLUMNS) for row in (
        finding("store-is-private", 3, "field-telemetry-lost", "store", actual="public=true"),
        finding("store-is-private", 0, "arn:aws:s3:::field-mended", "store", actual="public=true"),
        finding("update-is-signed", 0, "arn:aws:iot:eu-central-1:123456789012:otaupdate/old", "update", actual="signed=false"),
    )]  # fmt: skip
    first, last = "2026-09-13T06:04:31Z", whole.about["scan_completed_at"]
    cases.append(Case(named[0], "dark", first, "2026-11-15T06:04:31Z", age_days=70, owner=OWNERS[1]))
    cases += [Case(one, "resolved", first, "2026-11-15T06:04:31Z", last, 70, owner=OWNERS[0]) for one in named[1:]]
    return CaseReport(whole.about, tuple(cases))
