"""The least privilege a scan needs, printed from what the collectors declare. Nothing is listed twice or by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from collectors.aws.organization import ASSUME_ROLE, LISTING, member_role
from collectors.operation import Operation, declared
from collectors.registry import COLLECTORS, PROVIDERS
from reports.escape import terminal

ROLE_TITLE = "iotposture read-only"


def operations(provider: str) -> tuple[Operation, ...]:
    """Every operation that a scan of one cloud may ask, with those that find its scopes."""
    find: tuple[Operation, ...] = import_module(f"collectors.{provider}.account").FIND
    found = {operation.name: operation for operation in (*find, *declared(provider, COLLECTORS))}
    return tuple(found[name] for name in sorted(found))


def rows(provider: str) -> list[dict[str, str]]:
    """Operation, permission and the tables it fills, one row each."""
    fills: dict[str, set[str]] = {}
    for collector in COLLECTORS:
        if collector.provider == provider:
            for operation in collector.operations:
                fills.setdefault(operation.name, set()).add(collector.table.id())
    return [
        {
            "provider": provider,
            "operation": operation.name,
            "permission": operation.permission,
            "tables": "|".join(sorted(fills.get(operation.name, ()))),
        }
        for operation in operations(provider)
    ]


def permissions(provider: str, *, data: bool = False) -> list[str]:
    """The permissions of a cloud's operations, sorted; those on the data plane apart."""
    return sorted(
        {op.permission for op in operations(provider) if op.permission and op.data == data and not op.outside}
    )


def policy(provider: str) -> dict[str, Any]:
    """The policy or role to create. AWS: an IAM policy. Azure: a custom role. Google: a custom role.

    ClearBlade has no roles to print: its answer lists the services that the token must reach.
    """
    return {"aws": aws, "azure": azure, "gcp": gcp, "clearblade": clearblade}[provider]()


def aws() -> dict[str, Any]:
    """An IAM policy document: what one account must let the identity read that scans it, or the role it takes there."""
    statement = {"Sid": "IotpostureReadOnly", "Effect": "Allow", "Action": permissions("aws"), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def aws_organization(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The IAM policy of the identity that scans an organization: the same, the list of accounts, and their role."""
    listing = sorted(operation.permission for operation in LISTING)
    role = member_role(settings, "*", "*")
    return {
        "Version": "2012-10-17",
        "Statement": [
            *aws()["Statement"],
            {"Sid": "IotpostureAccounts", "Effect": "Allow", "Action": listing, "Resource": "*"},
            {"Sid": "IotpostureMembers", "Effect": "Allow", "Action": ASSUME_ROLE.permission, "Resource": role},
        ],
    }


def aws_member(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The trust policy of the role in each member account; put the scanning account in place of the zeros."""
    statement: dict[str, Any] = {
        "Sid": "IotpostureMembers",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": ASSUME_ROLE.permission,
    }
    if settings.get("external_id"):
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": settings["external_id"]}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def azure() -> dict[str, Any]:
    """A custom role, as `az role definition create --role-definition` takes it."""
    return {
        "Name": ROLE_TITLE,
        "IsCustom": True,
        "Description": "Reads IoT, IAM and storage configuration; no keys.",
        "Actions": permissions("azure"),
        "NotActions": [],
        "DataActions": permissions("azure", data=True),
        "NotDataActions": [],
        "AssignableScopes": ["/subscriptions/00000000-0000-0000-0000-000000000000"],
    }


def gcp() -> dict[str, Any]:
    """A custom role, as `gcloud iam roles create --file` takes it; Cloud IoT's own permissions no longer exist."""
    held = [permission for permission in permissions("gcp") if not permission.startswith("cloudiot.")]
    return {
        "title": ROLE_TITLE,
        "description": "Reads IoT, IAM and storage configuration; no keys.",
        "stage": "GA",
        "includedPermissions": held,
    }


def clearblade() -> dict[str, Any]:
    """What the service account's token must reach."""
    return {"services": permissions("clearblade")}


def yaml(role: dict[str, Any]) -> str:
    """A role of plain words and lists of them as YAML."""
    lines: list[str] = []
    for key, value in role.items():
        if isinstance(value, list):
            lines += [f"{key}:", *(f"- {terminal(item)}" for item in value)]
        else:
            lines.append(f"{key}: {terminal(value)}")
    return "\n".join(lines) + "\n"


def table(providers: Iterable[str] = PROVIDERS) -> list[dict[str, str]]:
    """Rows of several clouds."""
    return [row for provider in providers for row in rows(provider)]
