"""DefectDojo: a file of "Generic Findings Import" in JSON, with every finding of the scan.

The importer refuses keys it does not know, so empty ones are left out. Titles are 511 characters at most. Without a
setting of your own it tells findings apart by title, description and service: the description is therefore the same byte
for byte while the finding is (DefectDojo, "Generic Findings Import", "Deduplication"). ``service`` is cloud:account. A reimport
closes what is missing only among findings of the service it was called with, and ours has none in the call: so the file
says of every finding that was resolved that it is mitigated, as long as the history knows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from reports.escape import clip, heading, markdown_block, markdown_prose, visible
from reports.tickets.description import MARKDOWN, description
from reports.tickets.profile import DAY, ID, Column, Context, Profile, Sheet
from reports.tickets.ticket import Ticket

TYPE = "iotposture"
TEST_TYPE = f"{TYPE} Scan (Generic Findings Import)"
"""The test type that DefectDojo makes from ``type``."""
SEVERITY = {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low", "info": "Info"}


def is_false_positive(ticket: Ticket, _: Context) -> bool:
    """Somebody decided that it is none."""
    return ticket.case.waiver_kind == "false_positive"


def is_accepted(ticket: Ticket, context: Context) -> bool:
    """Somebody accepted the risk."""
    return bool(ticket.case.waiver) and not is_false_positive(ticket, context)


def mitigation(ticket: Ticket, _: Context) -> str:
    """What to do."""
    finding = ticket.case.finding
    command = getattr(finding, "remediation_cli", "")
    parts = (markdown_prose(finding.remediation), markdown_block(command) if command else "")
    return clip("\n\n".join(filter(None, parts)), 10_000)


def references(ticket: Ticket, _: Context) -> str:
    """Guidelines and controls."""
    finding = ticket.case.finding
    return "\n".join(markdown_prose(name) for name in f"{finding.guidelines}|{finding.controls}".split("|") if name)


def setup(context: Context, _: Sequence[Ticket]) -> Mapping[str, str]:
    """The parameters of the API call. Only a scan that is complete, exported whole, may close what it does not hold."""
    whole = context.about["scan_complete"] == "true" and context.only == ("all",)
    held = {
        "endpoint": "POST /api/v2/reimport-scan/",
        "scan_type": "Generic Findings Import",
        "close_old_findings": whole,
        "do_not_reactivate": False,
        "setting_for_DefectDojo": {
            "DD_DEDUPLICATION_ALGORITHM_PER_PARSER": json.dumps({TEST_TYPE: "unique_id_from_tool"}),
        },
    }
    return {"defectdojo-import.json": json.dumps(held, indent=2) + "\n"}


PROFILE = Profile(
    "defectdojo",
    "DefectDojo",
    "snapshot",
    Sheet(
        "findings",
        (
            Column("title", lambda t, _: clip(heading(t.title), 511), limit=511, required=True, shape=r"[^\r\n]+"),
            Column("severity", lambda t, _: SEVERITY[t.severity], required=True, shape="|".join(SEVERITY.values())),
            Column("description", lambda t, _: description(t, MARKDOWN, 60_000), required=True),
            Column("date", lambda t, _: t.first_seen[:10], shape=DAY, required=True),
            Column("mitigation", mitigation),
            Column("impact", lambda t, _: markdown_prose(t.case.finding.risk)),
            Column("references", references),
            Column("active", lambda t, _: not (t.closed or t.case.waiver)),
            Column("verified", lambda t, c: t.case.finding.status == "fail" and not is_false_positive(t, c)),
            Column("false_p", lambda t, c: is_false_positive(t, c) or None),
            Column("risk_accepted", lambda t, c: is_accepted(t, c) or None),
            Column("is_mitigated", lambda t, _: t.closed or None),
            Column("mitigated", lambda t, _: t.resolved_at, shape=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
            Column("static_finding", lambda _, __: True),
            Column("dynamic_finding", lambda _, __: False),
            Column("unique_id_from_tool", lambda t, _: t.id, required=True, shape=ID),
            Column("vuln_id_from_tool", lambda t, _: t.case.finding.check_id, required=True),
            Column("service", lambda t, _: clip(visible(f"{t.case.finding.provider}:{t.case.finding.account_id}"), 200), limit=200, required=True),
            Column("planned_remediation_date", lambda t, _: t.due_on, shape=DAY),
            Column("tags", lambda t, _: [t.case.finding.area, t.case.finding.provider], required=True),
        ),
        "unique_id_from_tool",
    ),
    ending="json",
    judged=True,
    remembers=True,
    setup=setup,
    envelope=lambda context: {
        "name": "iotposture",
        "type": TYPE,
        "version": context.about["tool_version"],
        "description": "Security posture of cloud IoT backends",
    },
)  # fmt: skip
