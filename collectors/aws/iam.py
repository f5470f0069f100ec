"""IAM: what roles may do, which of them AWS IoT may assume, and who may administer IoT."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.account import partition
from collectors.aws.s3 import as_list
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.access import Grant, ServiceIdentity

DETAILS = Operation(
    "iam.get_account_authorization_details", "iam:GetAccountAuthorizationDetails", shared=True,
    fixed=(("Filter", ("User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy")), ("MaxItems", 1000)),
)  # fmt: skip

SERVICE = "iot.amazonaws.com"
CREDENTIALS = "credentials.iot.amazonaws.com"
SOURCE_KEYS = ("aws:sourceaccount", "aws:sourcearn")
ADMIN_ACTIONS = (
    "iot:createprovisioningclaim", "iot:updatecertificate", "iot:createjob", "iot:opentunnel",
)  # fmt: skip
"""Actions that take over a fleet when they are allowed on every resource."""


def statements(document: Any) -> list[Mapping[str, Any]]:
    """The statements of an IAM policy document, given as JSON or parsed. Raises ``ValueError`` or
    ``TypeError`` when it is neither."""
    parsed = json.loads(document) if isinstance(document, str) else document
    if not isinstance(parsed, Mapping):
        raise TypeError("no policy document")
    return [s for s in as_list(parsed.get("Statement")) if isinstance(s, Mapping)]


def default_version(policy: Mapping[str, Any]) -> Any:
    """The document of a managed policy's default version. Raises ``KeyError`` when it was not returned."""
    for version in policy["PolicyVersionList"]:
        if version.get("IsDefaultVersion"):
            return version["Document"]
    raise KeyError("PolicyVersionList")


def documents(details: Mapping[str, Any], holder: Mapping[str, Any], inline: str) -> Iterator[tuple[str, Any]]:
    """Name (an ARN for managed ones) and document of every policy of a user, group or role.

    Raises ``KeyError`` for a managed policy whose document was not returned.
    """
    managed = {policy["Arn"]: policy for policy in details.get("Policies") or ()}
    for policy in holder.get(inline) or ():
        yield policy["PolicyName"], policy["PolicyDocument"]
    for attached in holder.get("AttachedManagedPolicies") or ():
        yield attached["PolicyArn"], default_version(managed[attached["PolicyArn"]])


def canonical(found: list[Any]) -> str:
    """Policy documents as one JSON list; raises ``ValueError`` for one that is no JSON."""
    parsed = [json.loads(document) if isinstance(document, str) else document for document in found]
    return json.dumps(parsed, sort_keys=True)


def behind(read: Reader, role_arn: str) -> tuple[Any, bool] | Unread:
    """The policies of a role as JSON, and whether a permissions boundary limits it."""
    details = read(DETAILS, region="global").cell(dict)
    if isinstance(details, Unread):
        return details
    for role in details.get("RoleDetailList") or ():
        if role["Arn"] == role_arn:
            try:
                held: Any = canonical([document for _, document in documents(details, role, "RolePolicyList")])
            except KeyError:
                held = Unread("absent_field", DETAILS.permission, "a managed policy's document was not returned")
            except ValueError:
                held = Unread("not_parseable", detail="a policy of the role is no JSON")
            return held, "PermissionsBoundary" in role
    if role_arn.split(":")[4] == read.scope.account:
        return "[]", False  # the role was deleted: nobody can assume it
    return Unread("out_of_scope_account", detail="the role is in another account")


@collector(ServiceIdentity, "aws", DETAILS, where="global")
def roles(read: Reader) -> Iterator[Row]:
    """Every role that AWS IoT, or a device through a role alias, may assume."""
    for details in read(DETAILS):
        for role in details.get("RoleDetailList") or ():
            row: dict[str, Any] = {"resource": role["Arn"], "name": role["RoleName"]}
            try:
                trusted = trust(statements(role["AssumeRolePolicyDocument"]), read.scope.account)
            except Exception:  # whatever a document brings about costs these cells
                unread = Unread("not_parseable", detail="the trust policy is no JSON")
                yield row | dict.fromkeys(("iot", "trusts_iot", "source_condition"), unread)
                continue
            if SERVICE in trusted or CREDENTIALS in trusted:
                yield row | {
                    "iot": True,
                    "trusts_iot": SERVICE in trusted,
                    "source_condition": trusted.get(SERVICE),
                    "enabled": True,
                }


def trust(policy: list[Mapping[str, Any]], account: str) -> dict[str, bool]:
    """Per trusted service: whether every statement that trusts it names the account that may be its source."""
    found: dict[str, bool] = {}
    for statement in policy:
        principal = statement.get("Principal")
        if statement.get("Effect") != "Allow" or not isinstance(principal, Mapping):
            continue
        for service in as_list(principal.get("Service")):
            found[service] = found.get(service, True) and names_source(statement.get("Condition") or {}, account)
    return found


def names_source(condition: Mapping[str, Any], account: str) -> bool:
    """Whether a condition holds the source to this account; an ``IfExists`` or a bare ``*`` does not."""
    for operator, keys in condition.items():
        if not re.fullmatch(r"(ForAnyValue:)?(String|Arn)(Equals|Like)(IgnoreCase)?", operator):
            continue
        for key, values in keys.items():
            if (
                key.lower() in SOURCE_KEYS
                and values
                and all(account in re.split(r"[:/]", str(v)) for v in as_list(values))
            ):
                return True
    return False


@collector(Grant, "aws", DETAILS, where="global")
def iot_grants(read: Reader) -> Iterator[Row]:
    """Policies of people and workloads that allow anything in AWS IoT. Full administrators share one row."""
    administrators: list[str] = []
    for details in read(DETAILS):
        for kind, holder, inline in principals(details):
            try:
                held = [(name, statements(document)) for name, document in documents(details, holder, inline)]
            except Exception:  # whatever a document brings about costs its holder
                yield unread_grant(kind, holder)
                continue
            denied = [s for _, found in held for s in found if s.get("Effect") == "Deny" and everywhere(s)]
            barred = all(any(matches(d, action) for d in denied) for action in ADMIN_ACTIONS)
            if not barred and any(administers(s) for _, found in held for s in found):
                administrators.append(holder["Arn"])
                continue
            for name, found in held:
                allowed = [s for s in found if s.get("Effect") == "Allow" and iot_actions(s)]
                if allowed:
                    yield grant(kind, holder, name, allowed, denied)
    if administrators:
        some = ", ".join(sorted(administrators)[:5])
        yield {
            "resource": f"arn:{partition(read.options['regions'][0])}:iam::{read.scope.account}:administrators",
            "name": "Administrators of the account",
            "principal": f"{len(administrators)}: {some}",
            "principal_kind": "unknown",
            "right": "*",
            "target_kind": "account",
            "iot_admin": True,
        }


def principals(details: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Kind, details and member with inline policies of every principal; service-linked roles are AWS's own."""
    for user in details.get("UserDetailList") or ():
        yield "person", user, "UserPolicyList"
    for group in details.get("GroupDetailList") or ():
        yield "group", group, "GroupPolicyList"
    for role in details.get("RoleDetailList") or ():
        if not role.get("Path", "/").startswith("/aws-service-role/"):
            yield "service", role, "RolePolicyList"


def unread_grant(kind: str, holder: Mapping[str, Any]) -> Row:
    """A principal with a policy that was not returned or is no JSON."""
    unread = Unread("not_parseable", DETAILS.permission, "a policy was not returned or is no JSON")
    return {
        "resource": holder["Arn"],
        "name": holder["Arn"].rsplit("/", 1)[-1],
        "principal": holder["Arn"],
        "principal_kind": kind,
        "right": unread,
        "target_kind": unread,
        "iot_admin": unread,
    }


def grant(
    kind: str, holder: Mapping[str, Any], name: str, allowed: list[Mapping[str, Any]], denied: list[Mapping[str, Any]]
) -> Row:
    """What one policy lets one principal do in AWS IoT."""
    return {
        "resource": holder["Arn"],
        "subject": name,
        "name": holder["Arn"].rsplit("/", 1)[-1],
        "principal": holder["Arn"],
        "principal_kind": kind,
        "right": ", ".join(sorted({action for statement in allowed for action in iot_actions(statement)})),
        "target_kind": "account" if any(everywhere(s) for s in allowed) else "other",
        "iot_admin": any(
            not s.get("Condition")
            and everywhere(s)
            and matches(s, action)
            and not any(matches(d, action) for d in denied)
            for s in allowed
            for action in ADMIN_ACTIONS
        ),
    }


def administers(statement: Mapping[str, Any]) -> bool:
    """Whether a statement allows every action on every resource, whatever the circumstances."""
    return (
        statement.get("Effect") == "Allow"
        and not statement.get("Condition")
        and everywhere(statement)
        and "*" in as_list(statement.get("Action"))
    )


def everywhere(statement: Mapping[str, Any]) -> bool:
    """Whether a statement covers every resource, or every one of AWS IoT, unconditionally on that resource."""
    return any(re.fullmatch(r"\*|arn:[^:]*:iot:[^:]*:[^:]*:\*", str(r)) for r in as_list(statement.get("Resource")))


def matches(statement: Mapping[str, Any], action: str) -> bool:
    """Whether a statement covers an action; Deny counts only without a condition."""
    if statement.get("Effect") == "Deny" and statement.get("Condition"):
        return False
    if "NotAction" in statement:
        return not any(covers(pattern, action) for pattern in as_list(statement["NotAction"]))
    return any(covers(pattern, action) for pattern in as_list(statement.get("Action")))


def covers(pattern: str, action: str) -> bool:
    """Whether an action pattern of IAM, which ignores case, covers an action."""
    return like(pattern.lower(), action)


def like(pattern: str, value: str) -> bool:
    """Whether a pattern with ``*`` and ``?`` matches a whole value."""
    parts = re.split(r"([*?])", pattern)
    expression = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def iot_actions(statement: Mapping[str, Any]) -> list[str]:
    """The action patterns of a statement that reach into AWS IoT; ``NotAction …`` for a complement that does."""
    if "NotAction" in statement:
        excluded = as_list(statement["NotAction"])
        return [f"NotAction {', '.join(excluded)}"] if any(matches(statement, a) for a in ADMIN_ACTIONS) else []
    return [
        pattern
        for pattern in as_list(statement.get("Action"))
        if pattern.lower().startswith(("iot:", "iotsecuretunneling:")) or any(covers(pattern, a) for a in ADMIN_ACTIONS)
    ]
