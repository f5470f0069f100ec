"""GitLab: "Import issues from CSV", which only ever creates.

``title`` and ``description`` are required, ``due_date`` is YYYY-MM-DD, other columns are not read; a file is 10 MB at most
on GitLab.com. Labels and assignees go in as quick actions at the head of the description; a label that the project does
not have is passed over (GitLab, "Importing issues from CSV").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reports.escape import clip, heading
from reports.tickets.description import MARKDOWN, description
from reports.tickets.profile import DAY, Column, Context, Profile, Sheet
from reports.tickets.ticket import Ticket

ACTION = re.compile(r"/label( ~[a-z-]+)+|/assign @[A-Za-z0-9_.-]+")


def text(ticket: Ticket, context: Context) -> str:
    """Quick actions of ours, then the description, in which no line starts with one."""
    lines = [f"/label ~iotposture ~{ticket.severity}"] if context.choices.gitlab_labels else []
    if re.fullmatch(r"@[A-Za-z0-9_.-]+", ticket.owner):
        lines.append(f"/assign {ticket.owner}")
    return "\n".join([*lines, "", description(ticket, MARKDOWN, 100_000)]).lstrip("\n")


def rules(row: Mapping[str, Any]) -> Iterator[str]:
    """No quick action but ours."""
    for line in row.get("description", "").splitlines():
        if line.startswith("/") and not ACTION.fullmatch(line):
            yield f"description has the quick action {line.split(' ')[0]}"


PROFILE = Profile(
    "gitlab",
    "GitLab",
    "never",
    Sheet(
        "create",
        (
            Column("title", lambda t, _: clip(heading(t.title), 255), limit=255, required=True, shape=r"[^\r\n]+"),
            Column("description", text, limit=1_048_576, required=True),
            Column("due_date", lambda t, _: t.due_on, shape=DAY),
        ),
    ),
    size=10_000_000,
    keys=("Issue ID", "IID"),
    rules=rules,
)
