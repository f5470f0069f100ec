"""Policy statements and documents as tests write them."""

from __future__ import annotations

import json
from typing import Any

HEAD = "arn:aws:iot:eu-west-1:123456789012:"
Statement = dict[str, Any]


def allow(action: str | list[str], resource: str | list[str], **more: Any) -> Statement:
    """An Allow on resources of AWS IoT, or on ``*`` and full ARNs."""
    listed = [resource] if isinstance(resource, str) else resource
    return {
        "Effect": "Allow",
        "Action": action,
        "Resource": [r if r == "*" or r.startswith("arn:") else HEAD + r for r in listed],
        **more,
    }


def deny(action: str | list[str], resource: str | list[str], **more: Any) -> Statement:
    """A Deny, likewise."""
    return {**allow(action, resource, **more), "Effect": "Deny"}


def text(*statements: Statement) -> str:
    """A document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
