"""Which accounts of an AWS organization are scanned, and by which role. The calls are the session's.

The organization is listed by its management account or by a delegated administrator; every other account is entered by
a role of the same name in each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors.operation import Operation, ReadFailed

LIST_ACCOUNTS = Operation("organizations.list_accounts", "organizations:ListAccounts", items="Accounts")
LIST_OF_UNIT = Operation(
    "organizations.list_accounts_for_parent", "organizations:ListAccountsForParent", items="Accounts"
)
LIST_UNITS = Operation(
    "organizations.list_children", "organizations:ListChildren", items="Children",
    fixed=(("ChildType", "ORGANIZATIONAL_UNIT"),),
)  # fmt: skip
LISTING: tuple[Operation, ...] = (LIST_ACCOUNTS, LIST_OF_UNIT, LIST_UNITS)
"""What finding the accounts of an organization asks, in the account that lists it."""
ASSUME_ROLE = Operation("sts.assume_role", "sts:AssumeRole")
"""How another account is entered. It is no read of a collector: it stands in the coverage of every such account."""
MEMBER_ROLE = "iotposture"

Ask = Callable[[Operation, Mapping[str, Any]], Iterator[Any]]


def member_role(settings: Mapping[str, Any], account: str, partition: str) -> str:
    """ARN of the role that leads to a member account; the setting is its name or its ARN, with placeholders."""
    role = str(settings.get("member_role") or MEMBER_ROLE)
    whole = role if role.startswith("arn:") else f"arn:{{partition}}:iam::{{account}}:role/{role}"
    return whole.replace("{partition}", partition).replace("{account}", account)


@dataclass
class Listing:
    """What an organization answered: its active accounts in order, how many others it has, and what was refused."""

    active: list[str] = field(default_factory=list)
    inactive: int = 0
    asked: dict[Operation, ReadFailed | None] = field(default_factory=dict)


def listing(ask: Ask, units: Sequence[str] = ()) -> Listing:
    """The accounts of an organization, or those in some of its units and in every unit below them.

    A list that is refused, or breaks off, keeps what came before.
    """
    found = Listing()

    def items(operation: Operation, **params: str) -> Iterator[Mapping[str, Any]]:
        try:
            yield from ask(operation, dict(operation.fixed) | params)
        except ReadFailed as failure:
            found.asked[operation] = failure
        else:
            found.asked.setdefault(operation, None)

    def take(accounts: Iterator[Mapping[str, Any]]) -> None:
        for account in accounts:
            # The member Status ended on 9 September 2026 for State (AWS Organizations API Reference, "Account").
            if (account.get("State") or account.get("Status")) == "ACTIVE":
                found.active.append(str(account["Id"]))
            else:
                found.inactive += 1

    if not units:
        take(items(LIST_ACCOUNTS))
    waiting, seen = list(units), set[str]()
    while waiting:
        unit = waiting.pop(0)
        if unit not in seen:
            seen.add(unit)
            take(items(LIST_OF_UNIT, ParentId=unit))
            waiting += [str(child["Id"]) for child in items(LIST_UNITS, ParentId=unit)]
    found.active = sorted(set(found.active))
    return found


def organization_policy(account: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The IAM policy of the identity that scans an organization: that of an account, the list of accounts, and their role."""
    listed = sorted(operation.permission for operation in LISTING)
    role = member_role(settings, "*", "*")
    return {
        "Version": "2012-10-17",
        "Statement": [
            *account["Statement"],
            {"Sid": "IotpostureAccounts", "Effect": "Allow", "Action": listed, "Resource": "*"},
            {"Sid": "IotpostureMembers", "Effect": "Allow", "Action": ASSUME_ROLE.permission, "Resource": role},
        ],
    }


def trust_policy(settings: Mapping[str, Any]) -> dict[str, Any]:
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
