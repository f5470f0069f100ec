"""Linear: its importer's "Linear (CSV)", which only ever creates.

Priority is one of five words, labels are separated by ``, ``; the importer takes a leading ``'`` off titles and
descriptions that start like a formula, which ours never do (linear/linear, LinearCsvImporter). It fetches what looks like an
image (replaceImagesInMarkdown), so nothing does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports.escape import clip, heading, linear
from reports.tickets.description import MARKDOWN, description
from reports.tickets.profile import Column, Profile, Sheet, email

PRIORITY = {"critical": "Urgent", "high": "High", "medium": "Medium", "low": "Low", "info": "No priority"}


def rules(row: Mapping[str, Any]) -> Iterator[str]:
    """No image."""
    if linear(row.get("Description", "")) != row.get("Description", ""):
        yield "Description has an image, which Linear's importer fetches"


PROFILE = Profile(
    "linear",
    "Linear",
    "never",
    Sheet(
        "create",
        (
            Column("Title", lambda t, _: clip(heading(t.title), 255), limit=255, required=True, shape=r"[^'+\-=@\r\n][^\r\n]*"),
            Column("Description", lambda t, _: linear(description(t, MARKDOWN, 90_000)), limit=100_000, required=True, shape=r"(?s)[^'+\-=@].*"),
            Column("Status", lambda _, __: "Todo", required=True),
            Column("Priority", lambda t, _: PRIORITY[t.severity], required=True, shape="|".join(PRIORITY.values())),
            Column("Assignee", lambda t, _: email(t.owner)),
            Column("Labels", lambda t, _: f"iotposture, {t.severity}", required=True),
            Column("Created", lambda t, _: t.first_seen, shape=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        ),
    ),
    keys=("ID", "Identifier"),
    rules=rules,
)  # fmt: skip
