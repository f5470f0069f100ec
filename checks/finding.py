"""What a finding is: its columns, and what makes it the same finding next time."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import NamedTuple


class Finding(NamedTuple):
    """One check that one resource fails, or that could not be judged. Its fields are the columns of every output.

    ``guidelines`` and ``controls`` are joined by ``|``, and so are ``cause`` and ``permission`` where there are several.
    ``unread`` says what was not read and why, as :mod:`checks.unread` writes it: ``status_reason`` tells it in a
    sentence, and ``cause`` and ``permission`` are taken out of it.
    ``remediation_cli`` is one command with its values quoted for a shell; in it ``YOUR_…`` is for the reader to fill in.
    ``tags`` is a JSON object of the resource's tags and, where it has none of the same key, its hub's; empty text if none.
    """

    finding_id: str
    check_id: str
    check_title: str
    status: str
    status_reason: str
    cause: str
    permission: str
    severity: str
    severity_rank: str
    provider: str
    partition: str
    account_id: str
    region: str
    resource_type: str
    resource_id: str
    resource_name: str
    subject: str
    hub: str
    expected: str
    actual: str
    evidence_hash: str
    area: str
    guidelines: str
    risk: str
    remediation: str
    controls: str
    ticket_title: str
    remediation_cli: str
    tags: str
    unread: str

    @property
    def about_hub(self) -> str:
        """The hub that it is about: the one it names, or its resource where that is a hub; empty text if none."""
        return self.hub or (self.resource_id if self.resource_type == "hub" else "")


COLUMNS = Finding._fields
"""Columns of the findings frame, all text. ``status`` is ``fail`` or ``unknown``: passes are counted, not stored."""

COUNTS = ("check_id", "provider", "account_id", "region", "passed", "failed", "unknown", "status")
"""Columns of the counts frame: one row per check and scope."""

TITLE_LIMIT = 255
"""Characters; the shortest title limit among ticket systems (Jira's Summary)."""


def canonical(provider: str, resource: str) -> str:
    """The resource id as identity sees it: ARM ids are compared without case, all others as they are."""
    return resource.lower() if provider == "azure" else resource


def partition(provider: str, resource: str) -> str:
    """The AWS partition in an ARN (``aws``, ``aws-cn``, ``aws-us-gov``); the provider itself elsewhere."""
    return (resource.split(":", 2)[1] or "aws") if provider == "aws" and resource.startswith("arn:") else provider


def finding_id(check: str, provider: str, account: str, region: str, resource: str, subject: str) -> str:
    """The finding's identity, the same in every scan and every output.

    Nothing volatile is in it: no display name, policy version, severity or time.
    """
    parts = [
        1, check, provider, partition(provider, resource), account, region, canonical(provider, resource),
        canonical(provider, subject),
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()).digest()
    return "v1:" + base64.b32encode(digest).decode()[:26].lower()


def ticket_title(status: str, title: str, name: str) -> str:
    """One line for a ticket: what is not met, and where."""
    lead = "Not met" if status == "fail" else "Not assessed"
    line = " ".join(f"{lead}: {title.removesuffix('.')} ({name})".split())
    return line if len(line) <= TITLE_LIMIT else f"{line[: TITLE_LIMIT - 1]}…"
