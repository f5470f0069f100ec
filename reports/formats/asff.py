"""The AWS Security Finding Format: files that ``aws securityhub batch-import-findings --findings file://…`` takes.

A batch goes to the account and region whose findings it holds, with 100 findings and 6 MB at most, 240 KB a finding
(Security Hub API, "BatchImportFindings"). Severity and types stand in ``FindingProviderFields``; what a customer
sets (workflow, notes) is left alone.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.case import Case, Docket
from reports.formats.format import Coverage, File, Format, Options, clip, explained, filled, split

BATCH, BATCH_BYTES, FINDING_BYTES = 100, 6_000_000, 240_000
"""Findings of a batch; bytes of a batch and of a finding."""
TITLE, DESCRIPTION, TEXT, ID, FIELD, DETAIL = 256, 1024, 512, 512, 2048, 1024
"""Characters (Security Hub API, "AwsSecurityFinding", "ProductFields", "Recommendation", "Resource")."""
REQUIREMENTS, REQUIREMENT = 32, 64
"""Related requirements, and characters of one."""
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
ACCOUNT = re.compile(r"\d{12}")
TYPES = (("aws", ":s3:::", "AwsS3Bucket"), ("aws", ":role/", "AwsIamRole"), ("aws", ":key/", "AwsKmsKey"))
"""Resource types that Security Hub knows, by provider and a part of the ARN; all others are ``Other``."""
PRODUCT = "iotposture"

Where = tuple[str, str, str]
"""Partition, account and region that take a finding in."""


def home(case: Case, options: Options) -> Where | None:
    """Where a finding is imported; None leaves it out."""
    finding = case.finding
    if finding.provider == "aws" and ACCOUNT.fullmatch(finding.account_id):
        region = finding.region if REGION.fullmatch(finding.region) else options.aws_region
        return finding.partition or "aws", finding.account_id, region
    return ("aws", options.aws_account, options.aws_region) if ACCOUNT.fullmatch(options.aws_account) else None


def imported(case: Case, docket: Docket, where: Where) -> dict[str, Any]:
    """One finding as Security Hub takes it."""
    finding = case.finding
    partition, account, region = where
    resolved = case.lifecycle == "resolved"
    status = "PASSED" if resolved else "FAILED" if finding.status == "fail" else "NOT_AVAILABLE"
    severity = "INFORMATIONAL" if finding.severity == "info" else finding.severity.upper()
    kind = next((k for p, part, k in TYPES if p == finding.provider and part in finding.resource_id), "Other")
    evidence = filled({"subject": finding.subject, "hub": finding.hub, "actual": finding.actual, "name": finding.resource_name})  # fmt: skip
    return {
        "SchemaVersion": "2018-10-08",
        "Id": finding.finding_id,
        "ProductArn": f"arn:{partition}:securityhub:{region}:{account}:product/{account}/default",
        "ProductName": PRODUCT,
        "CompanyName": PRODUCT,
        "GeneratorId": f"{PRODUCT}/{finding.check_id}",
        "AwsAccountId": account,
        "Region": region,
        "CreatedAt": case.first_seen,
        "FirstObservedAt": case.first_seen,
        "LastObservedAt": case.last_seen,
        "UpdatedAt": docket.about["scan_completed_at"],
        "Title": clip(finding.ticket_title or finding.check_title, TITLE),
        "Description": clip(finding.risk or finding.check_title, DESCRIPTION),
        "FindingProviderFields": {
            "Severity": {"Label": severity, "Original": finding.severity},
            "Types": ["Software and Configuration Checks/AWS Security Best Practices"],
        },
        **filled({"Remediation": filled({"Recommendation": filled({"Text": clip(finding.remediation, TEXT)})})}),
        "ProductFields": {f"{PRODUCT}/{name}": clip(value, FIELD) for name, value in fields(case, docket).items()},
        "Resources": [
            {
                "Type": kind,
                "Id": clip(finding.resource_id, ID),
                "Partition": partition,
                "Region": region,
                **filled(
                    {"Details": filled({"Other": {name: clip(value, DETAIL) for name, value in evidence.items()}})}
                ),
            }
        ],
        "Compliance": {
            "Status": status,
            "StatusReasons": [{"ReasonCode": reason(case), "Description": clip(explained(case), DESCRIPTION)}],
            **filled(
                {"RelatedRequirements": [clip(one, REQUIREMENT) for one in split(finding.controls)][:REQUIREMENTS]}
            ),
        },
        "RecordState": "ARCHIVED" if resolved else "ACTIVE",
    }


def reason(case: Case) -> str:
    """Why the status is what it is, as a code."""
    if case.lifecycle == "resolved":
        return "RESOLVED"
    return "REQUIREMENT_NOT_MET" if case.finding.status == "fail" else "NOT_READ"


def fields(case: Case, docket: Docket) -> Mapping[str, str]:
    """What Security Hub keeps as it is given."""
    finding = case.finding
    return filled(
        {
            "Lifecycle": case.lifecycle,
            "Provider": finding.provider,
            "Account": finding.account_id,
            "EvidenceHash": finding.evidence_hash,
            "Guidelines": finding.guidelines,
            "Permission": finding.permission,
            "Owner": case.owner,
            "DueOn": case.due_on,
            "Waiver": case.waiver,
            "WaiverKind": case.waiver_kind,
            "WaiverExpiresOn": case.waiver_expires_on,
            "ScanId": docket.about["scan_id"],
            "ScanComplete": docket.about["scan_complete"],
        }
    )


def files(docket: Docket, coverage: Coverage, options: Options) -> Iterator[File]:
    """``asff-ACCOUNT-REGION-N.json``, a JSON list each; one empty list where nothing belongs to AWS."""
    found: defaultdict[Where, list[Case]] = defaultdict(list)
    for case in docket.cases:
        if where := home(case, options):
            found[where].append(case)
    if not found:
        yield File("asff-none.json", ("[]\n",))
    for where, cases in sorted(found.items()):
        for number, batch in enumerate(batches(cases, docket, where), 1):
            yield File(f"asff-{where[1]}-{where[2]}-{number}.json", batch)


def batches(cases: Sequence[Case], docket: Docket, where: Where) -> Iterator[list[str]]:
    """Findings as text, as many as one call takes. A finding is never too long: each of its texts is clipped."""
    held: list[str] = []
    size = 0
    for case in cases:
        text = json.dumps(imported(case, docket, where))
        if held and (len(held) == BATCH or size + len(text) + 4 > BATCH_BYTES):
            yield ["[\n", ",\n".join(held), "\n]\n"]
            held, size = [], 0
        held.append(text)
        size += len(text) + 2
    yield ["[\n", ",\n".join(held), "\n]\n"]


def notes(docket: Docket, options: Options) -> list[str]:
    """How many findings no AWS account takes in."""
    left = sum(home(case, options) is None for case in docket.cases)
    return (
        [f"{left} of other clouds left out; aws_account in [formats] names an account that takes them"] if left else []
    )


FORMAT = Format("asff", "AWS Security Hub", files, "asff-*.json", notes)
