"""A Google Cloud project: how it is found, how its resources are named, and who is one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from collectors.operation import ROLE, Operation, Policies, Reader, permissions
from collectors.schema import Unread

PROJECT = Operation("cloudresourcemanager.projects.get", "resourcemanager.projects.get", shared=True)
PROJECT_POLICY = Operation(
    "cloudresourcemanager.projects.getIamPolicy", "resourcemanager.projects.getIamPolicy", shared=True
)
FIND: tuple[Operation, ...] = (PROJECT,)
"""What is asked before a scan knows that its credentials work."""


def full_name(service: str, name: str) -> str:
    """The full resource name, as in ``//pubsub.googleapis.com/projects/p/topics/t``.

    Google Cloud, "Full resource name": the service's host and the relative resource name.
    """
    return f"//{service}.googleapis.com/{name}"


def project(read: Reader) -> str:
    """The scope's project as a relative resource name."""
    return f"projects/{read.scope.account}"


def regions(read: Reader) -> list[str]:
    """Locations whose Cloud IoT registries are asked for. Without an endpoint for them one is enough to say so."""
    named: list[str] = list(read.session.options.get("regions") or REGIONS)
    return named if read.session.options.get("iot_endpoint") else named[:1]


REGIONS = ("us-central1", "europe-west1", "asia-east1")
"""Locations that Cloud IoT Core had (Google Cloud IoT Core, "Locations")."""


def total(values: Iterable[Any]) -> Any:
    """The sum of counts, or the first that was not read."""
    found = 0
    for value in values:
        if isinstance(value, Unread):
            return value
        found += value
    return found


def value_or_unread(value: Callable[[], Any]) -> Any:
    """``value()``, or an unread cell when the reply does not hold the field or makes no sense."""
    try:
        return value()
    except KeyError as error:
        return Unread("absent_field", detail=f"the reply has no {error.args[0]}")
    except Exception as error:  # whatever a reply brings about costs the cell
        return Unread("not_parseable", detail=type(error).__name__)


MARKS = {
    "telemetry": frozenset({"iot", "telemetry", "device-data"}),
    "firmware": frozenset({"firmware", "ota", "firmware-signing"}),
}
"""Words that mark a resource as part of the IoT backend, as key or value of one of its labels.

Google keeps no link from a bucket or key to what devices do with it; the label is the convention.
"""


def is_marked(resource: dict[str, Any], what: str) -> bool:
    """Whether a label of the resource says that it serves telemetry or firmware; `false` as its value says no."""
    labels: dict[str, str] = resource.get("labels") or {}
    words = MARKS[what]
    return any((key in words and value not in ("false", "no")) or value in words for key, value in labels.items())


def custom_role(operations: Iterable[Operation], _: Mapping[str, Any]) -> dict[str, Any]:
    """A custom role, as `gcloud iam roles create --file` takes it; Cloud IoT's own permissions no longer exist."""
    return {
        "title": ROLE[0],
        "description": ROLE[1],
        "stage": "GA",
        "includedPermissions": [p for p in permissions(operations) if not p.startswith("cloudiot.")],
    }


POLICIES: Policies = {"account": custom_role}
POLICY_FORMAT = "yaml"
