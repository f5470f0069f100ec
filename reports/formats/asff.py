"""The AWS Security Finding Format: files that ``aws securityhub batch-import-findings --findings file://…`` takes.

A batch goes to the account and region whose findings it holds, with 100 findings and 6 MB at most, 240 KB a finding
(Security Hub API, "BatchImportFindings"). Severity and types stand in ``FindingProviderFields``; what a customer
sets (workflow, notes) is left alone. Texts are of one line, because the API asks of most that they fit ``.*\\S.*``.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from collectors import tags
from reports.case import Case, CaseReport
from reports.escape import visible
from reports.formats.format import (
    Coverage,
    File,
    Format,
    FormatOptions,
    Read,
    bad_ids,
    explanation,
    split,
    without_empty,
)

BATCH, BATCH_BYTES, FINDING_BYTES = 100, 6_000_000, 240_000
"""Findings of a batch; bytes of a batch and of a finding."""
TITLE, DESCRIPTION, TEXT, ID, FIELD, DETAIL = 256, 1024, 512, 512, 2048, 1023
"""Characters (Security Hub API, "AwsSecurityFinding", "ProductFields", "Recommendation", "Resource"; "Other object")."""
REQUIREMENTS, REQUIREMENT = 32, 64
"""Related requirements, and characters of one."""
TAGS, TAG_KEY, TAG = 50, 128, 256
"""Tags of a resource, and characters of a key and of its text (Security Hub user guide, "Resources")."""
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
ACCOUNT = re.compile(r"\d{12}")
PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
"""Partitions by how the names of their regions begin; all others lie in ``aws``."""
TYPES = (("aws", ":s3:::", "AwsS3Bucket"), ("aws", ":role/", "AwsIamRole"), ("aws", ":key/", "AwsKmsKey"))
"""Resource types that Security Hub knows, by provider and a part of the ARN; all others are ``Other``."""
PRODUCT = "iotposture"
STAMPS = ("CreatedAt", "FirstObservedAt", "LastObservedAt", "UpdatedAt")

Where = tuple[str, str, str]
"""Partition, account and region that take a finding in."""


def home(case: Case, options: FormatOptions) -> Where | None:
    """Where a finding is imported; None leaves it out."""
    finding = case.finding
    if finding.provider == "aws" and ACCOUNT.fullmatch(finding.account_id):
        region = finding.region if REGION.fullmatch(finding.region) else options.aws_region
        return partition_of(region), finding.account_id, region
    if not ACCOUNT.fullmatch(options.aws_account):
        return None
    return partition_of(options.aws_region), options.aws_account, options.aws_region


def partition_of(region: str) -> str:
    """The partition of a region. Ids that are no ARN name none."""
    return next((partition for begins, partition in PARTITIONS if region.startswith(begins)), "aws")


def asff_finding(case: Case, case_report: CaseReport, where: Where) -> dict[str, Any]:
    """One finding as Security Hub takes it."""
    finding = case.finding
    partition, account, region = where
    resolved = case.lifecycle == "resolved"
    status = "PASSED" if resolved else "FAILED" if finding.status == "fail" else "NOT_AVAILABLE"
    severity = "INFORMATIONAL" if finding.severity == "info" else finding.severity.upper()
    kind = next((k for p, part, k in TYPES if p == finding.provider and part in finding.resource_id), "Other")
    evidence = nonempty_texts({"subject": finding.subject, "hub": finding.hub, "actual": finding.actual, "name": finding.resource_name}, DETAIL)  # fmt: skip
    texts = nonempty_texts({"Text": finding.remediation}, TEXT)
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
        "UpdatedAt": case_report.about["scan_completed_at"],
        "Title": one_line(finding.ticket_title or finding.check_title, TITLE),
        "Description": one_line(finding.risk or finding.check_title, DESCRIPTION),
        "FindingProviderFields": {
            "Severity": {"Label": severity, "Original": finding.severity},
            "Types": ["Software and Configuration Checks/AWS Security Best Practices"],
        },
        **without_empty({"Remediation": without_empty({"Recommendation": texts})}),
        "ProductFields": {
            f"{PRODUCT}/{name}": text for name, text in nonempty_texts(fields(case, case_report), FIELD).items()
        },
        "Resources": [
            {
                "Type": kind,
                "Id": one_line(finding.resource_id, ID),
                "Partition": partition,
                "Region": region,
                **without_empty({"Tags": tagged(finding.tags)}),
                **without_empty({"Details": without_empty({"Other": evidence})}),
            }
        ],
        "Compliance": {
            "Status": status,
            "StatusReasons": [
                {"ReasonCode": status_code(case), "Description": one_line(explanation(case), DESCRIPTION)}
            ],
            **without_empty(
                {"RelatedRequirements": [one_line(one, REQUIREMENT) for one in split(finding.controls)][:REQUIREMENTS]}
            ),
        },
        "RecordState": "ARCHIVED" if resolved else "ACTIVE",
    }


def one_line(text: str, limit: int) -> str:
    """A text as Security Hub takes it: one line of at most so many characters, whatever it counts as one; so bytes."""
    data = visible(text).encode()
    return data.decode() if len(data) <= limit else f"{data[: limit - 3].decode(errors='ignore')}…"


def nonempty_texts(texts: Mapping[str, str], limit: int) -> dict[str, str]:
    """Texts by name, without those in which nothing stands."""
    return {name: one_line(text, limit) for name, text in texts.items() if text.strip()}


def tagged(cell: str) -> dict[str, str]:
    """Tags as Security Hub takes them, at most 50; one without text is left out."""
    found = (
        (one_line(key, TAG_KEY), one_line(text, TAG))
        for key, text in tags.read(cell).items()
        if key.strip() and text.strip()
    )
    return dict(islice(found, TAGS))


def status_code(case: Case) -> str:
    """Why the status is what it is, as a code."""
    if case.lifecycle == "resolved":
        return "RESOLVED"
    return "REQUIREMENT_NOT_MET" if case.finding.status == "fail" else "NOT_READ"


def fields(case: Case, case_report: CaseReport) -> Mapping[str, str]:
    """What Security Hub keeps as it is given."""
    finding = case.finding
    return {
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
        "ScanId": case_report.about["scan_id"],
        "ScanComplete": case_report.about["scan_complete"],
    }


def files(case_report: CaseReport, _: Coverage, options: FormatOptions) -> Iterator[File]:
    """``asff-ACCOUNT-REGION-N.json``, a JSON list each; one empty list where nothing belongs to AWS."""
    found: defaultdict[Where, list[Case]] = defaultdict(list)
    for case in case_report.cases:
        if where := home(case, options):
            found[where].append(case)
    if not found:
        yield File("asff-none.json", 0, ("[]\n",))
    for where, cases in sorted(found.items()):
        for number, batch in enumerate(batches(cases, case_report, where), 1):
            text = ("[\n", ",\n".join(batch), "\n]\n")
            yield File(f"asff-{where[1]}-{where[2]}-{number}.json", len(batch), text)


def batches(cases: Sequence[Case], case_report: CaseReport, where: Where) -> Iterator[list[str]]:
    """Findings as text, as many as one call takes. A finding is never too long: each of its texts is clipped."""
    held: list[str] = []
    size = 0
    for case in cases:
        text = json.dumps(asff_finding(case, case_report, where))
        if held and (len(held) == BATCH or size + len(text) + 4 > BATCH_BYTES):
            yield held
            held, size = [], 0
        held.append(text)
        size += len(text) + 2
    yield held


def notes(case_report: CaseReport, options: FormatOptions) -> list[str]:
    """How many findings no AWS account takes in."""
    left = sum(home(case, options) is None for case in case_report.cases)
    return (
        [f"{left} of other clouds left out; aws_account in [formats] names an account that takes them"] if left else []
    )


def rules(files: Sequence[Read]) -> Iterator[str]:
    """What no schema says: sizes, one account and region a file, names that fit them, times that are, no id mistaken."""
    ids = ((f"{file.name}: row {n}", row["Id"]) for file in files for n, row in enumerate(file.value, 1))
    yield from bad_ids(ids)
    for name, data, rows in files:
        if len(rows) > BATCH:
            yield f"{name}: {len(rows)} findings; {BATCH} is the most"
        if len(data) > BATCH_BYTES:
            yield f"{name}: {len(data)} bytes; {BATCH_BYTES} is the most"
        for number, row in enumerate(rows, start=1):
            yield from (f"{name}: row {number}: {problem}" for problem in unfit(name, row))


def unfit(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one finding in a file of this name."""
    account, region = row["AwsAccountId"], row["Region"]
    if not name.startswith(f"asff-{account}-{region}-"):
        yield f"is of {account} {region}, the file is not"
    if not row["ProductArn"].endswith(f":securityhub:{region}:{account}:product/{account}/default"):
        yield f"ProductArn: {row['ProductArn']} is not of {account} {region}"
    if (size := len(json.dumps(row))) > FINDING_BYTES:
        yield f"{size} bytes; {FINDING_BYTES} is the most"
    stamps = [name for name in STAMPS if name in row]
    none = [name for name in stamps if not is_time(row[name])]
    yield from (f"{name}: {row[name]} is no time" for name in none)
    if not none and max(row[name] for name in stamps) != row["UpdatedAt"]:
        yield f"UpdatedAt: {row['UpdatedAt']} is not the last of its times"


def is_time(stamp: str) -> bool:
    """Whether a text in the form of a time tells one; there is no 31 November."""
    try:
        datetime.fromisoformat(stamp)
    except ValueError:
        return False
    return True


FORMAT = Format("asff", "AWS Security Finding Format", files, "asff-*.json", "asff", list, rules, notes=notes)
