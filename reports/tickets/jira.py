"""Jira Cloud and Data Center: the CSV importer.

Summary is one line of at most 255 characters, a description 32,767; headers hold no punctuation; a header repeats once
per label and a label has no space; people are named by email (Atlassian, "Prepare a CSV file for import"). Whoever is no
administrator imports 250 issues at a time. A row with an Issue Key updates that issue, one without creates another; what is
empty in an update stays as it is, and ``<<!clear!>>`` empties a field ("Importing data from CSV"). What was resolved and is
back gets its status again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.escape import clip, heading, jira
from reports.tickets.description import WIKI, description
from reports.tickets.profile import DAY, ID, Column, Context, Profile, Sheet, email
from reports.tickets.ticket import Ticket

PRIORITY = {"critical": "Highest", "high": "High", "medium": "Medium", "low": "Low", "info": "Lowest"}
FIELDS = {
    "Issue Key": "issuekey",
    "Summary": "summary",
    "Issue Type": "issuetype",
    "Priority": "priority",
    "Description": "description",
    "Labels": "labels",
    "Due Date": "duedate",
    "Component": "components",
    "Assignee": "assignee",
    "Status": "status",
    "Resolution": "resolution",
}
"""Our header, and the field of Jira it maps to; the other headers are offered as text fields of your own."""


def short(text: str, limit: int = 255) -> str:
    """A text for a cell of its own, of which no half of two backslashes is left."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\…$", r"\1…", clip(jira(text), limit))


KEY = Column("Issue Key", lambda t, _: t.key, required=True, shape=r"[A-Z][A-Z0-9_]*-\d+")
SUMMARY = Column("Summary", lambda t, _: short(heading(t.title)), limit=255, required=True, shape=r"[^\r\n]+")
CLEAR = "<<!clear!>>"
LABEL = r"\S+"
LONE = re.compile(r"(?<!\\)(?:\\\\)*\\(?!\\)")
EXTERNAL = Column("External Id", lambda t, _: t.id, required=True, shape=ID)
BODY = (
    Column("Issue Type", lambda _, c: c.choices.jira_issue_type, required=True),
    Column("Priority", lambda t, _: PRIORITY[t.severity], required=True, shape="|".join(PRIORITY.values())),
    Column("Description", lambda t, _: description(t, WIKI, 32767), limit=32767, required=True),
    Column("Labels", lambda _, __: "iotposture", shape=LABEL, limit=255),
    Column("Labels", lambda t, _: t.severity, shape=LABEL, limit=255),
    Column("Labels", lambda t, _: t.case.finding.area if t.by in ("finding", "check") else t.by, shape=LABEL, limit=255),
    Column("Due Date", lambda t, _: t.due_on, shape=DAY),
    Column("Component", lambda t, _: "" if email(t.owner) else short(t.owner), limit=255),
    Column("Assignee", lambda t, _: email(t.owner), shape=r"[^@\s]+@[^@\s]+"),
    EXTERNAL,
    Column("Severity", lambda t, _: t.severity, required=True),
    Column("Resource Id", lambda t, _: short(t.case.finding.resource_id) if t.by == "finding" else "", limit=255),
    Column("Account", lambda t, _: short(t.case.finding.account_id) if t.by != "owner" else "", limit=255),
    Column("Region", lambda t, _: short(t.case.finding.region) if t.by == "finding" else "", limit=255),
    Column("First Seen", lambda t, _: t.first_seen[:10], shape=DAY),
)  # fmt: skip
CREATE = Sheet("create", (SUMMARY, *BODY), "External Id")
UPDATE = Sheet(
    "update",
    (
        KEY,
        SUMMARY,
        *BODY,
        Column("Status", lambda t, c: c.choices.jira_open_status if t.reopened else "", optional=True),
        Column("Resolution", lambda t, _: CLEAR if t.reopened else "", shape=CLEAR, optional=True),
    ),
    "Issue Key",
)
CLOSE = Sheet(
    "close",
    (
        KEY,
        SUMMARY,
        Column("Status", lambda _, c: c.choices.jira_closed_status, required=True),
        Column("Resolution", lambda _, __: "Done", required=True),
        EXTERNAL,
    ),
    "Issue Key",
)


def setup(context: Context, tickets: Sequence[Ticket]) -> Mapping[str, str]:
    """A configuration for each file, as the importer saves and takes them."""
    return {f"jira-{sheet.name}-import-config.json": config(sheet, context, tickets) for sheet in PROFILE.sheets}


def config(sheet: Sheet, context: Context, tickets: Sequence[Ticket]) -> str:
    mapped = {
        column.name: FIELDS[column.name] for column in sheet.filled_columns(tickets, context) if column.name in FIELDS
    }
    held = {
        "config.version": "2.0",
        "config.project.from.csv": "false",
        "config.encoding": "UTF-8",
        "config.email.suffix": "@",
        "config.field.mappings": {
            name: {"jira.field": of, "userChanged": "false", "manualMapping": "false"} for name, of in mapped.items()
        },
        "config.value.mappings": {},
        "config.delimiter": ",",
        "config.project": {
            "project.type": None,
            "project.key": context.choices.jira_project,
            "project.description": None,
            "project.url": None,
            "project.name": "",
            "project.lead": None,
        },
        "config.date.format": "yyyy-MM-dd",
    }
    return json.dumps(held, indent=2) + "\n"


def rules(row: Mapping[str, Any]) -> Iterator[str]:
    """No header has punctuation, and no backslash stands alone."""
    yield from (f"header {name!r} has punctuation" for name in row if not name.replace(" ", "").isalnum())
    yield from (
        f"{name} has a backslash that Jira takes for an escape" for name, cell in row.items() if LONE.search(cell)
    )


PROFILE = Profile(
    "jira",
    "Jira",
    "key",
    CREATE,
    UPDATE,
    close=CLOSE,
    rows=250,
    keys=("Issue key", "Key"),
    setup=setup,
    rules=rules,
)
