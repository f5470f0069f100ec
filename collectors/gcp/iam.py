"""Service accounts: the identities of bridges, gateways and pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from collectors.gcp.account import PROJECT_POLICY, full_name, project
from collectors.gcp.policy import members, project_members, split
from collectors.gcp.pubsub import SUBSCRIPTION_POLICY, SUBSCRIPTIONS, TELEMETRY, TOPIC_POLICY, of, telemetry
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, any_of, is_gone
from collectors.tables.access import ServiceIdentity

ACCOUNTS = Operation(
    "iam.projects.serviceAccounts.list", "iam.serviceAccounts.list", items="accounts", fixed=(("pageSize", 100),)
)
KEYS = Operation(
    "iam.projects.serviceAccounts.keys.list",
    "iam.serviceAccountKeys.list",
    items="keys",
    fixed=(("keyTypes", "USER_MANAGED"),),
)
BASIC = frozenset({"roles/owner", "roles/editor"})
MESSAGING = frozenset(
    {"roles/pubsub.publisher", "roles/pubsub.subscriber", "roles/pubsub.editor", "roles/pubsub.admin"}
)


def is_basic(role: str) -> bool:
    """Whether a role is owner, editor or an administrator's: ``admin``, ``xAdmin`` or ``x.admin``."""
    last = role.rpartition("/")[2].rpartition(".")[2]
    return role in BASIC or (role.startswith("roles/") and last.lower().endswith("admin"))


def roles_of(pairs: Any, email: str) -> Any:
    """The roles that a service account holds by a policy's bindings."""
    if isinstance(pairs, Unread):
        return pairs
    return {role for role, member in pairs if split(member) == ("serviceAccount", email, False)}


def holds(roles: Any, wanted: Any) -> Any:
    """Whether one of the roles is wanted."""
    return roles if isinstance(roles, Unread) else any(wanted(role) for role in roles)


def bound_to_telemetry(read: Reader) -> Any:
    """Per service account whether it is bound to, or delivers from, a telemetry topic or one of its subscriptions."""
    known = telemetry(read)
    if isinstance(known, Unread):
        return known
    found: dict[str, list[Any]] = {}
    doubts: list[Any] = []
    for topic, answer in known.items():
        if answer is not False and not is_gone(answer):
            policy = read(TOPIC_POLICY, resource=topic).cell(lambda p: list(members(p)))
            note(found, doubts, policy, answer)

    def walk(subscriptions: list[dict[str, Any]]) -> None:
        for subscription in subscriptions:
            answer = of(known, subscription["topic"])
            if answer is False or is_gone(answer):
                continue
            for email in delivering(subscription):
                found.setdefault(email, []).append(answer)
            policy = read(SUBSCRIPTION_POLICY, resource=subscription["name"]).cell(lambda p: list(members(p)))
            note(found, doubts, policy, answer)

    walked = read(SUBSCRIPTIONS, project=project(read)).cell(walk)
    if isinstance(walked, Unread):
        doubts.append(walked)
    return found, doubts


def note(found: dict[str, list[Any]], doubts: list[Any], policy: Any, answer: Any) -> None:
    """Notes who a policy binds, or that nobody could read it; what is gone binds nobody."""
    if is_gone(policy):
        return
    if isinstance(policy, Unread):
        doubts.append(policy)
        return
    for _, member in policy:
        found.setdefault(split(member)[1], []).append(answer)


def delivering(subscription: dict[str, Any]) -> Iterator[str]:
    """The service accounts that a subscription delivers as."""
    push = (subscription.get("pushConfig") or {}).get("oidcToken") or {}
    for config in (push, subscription.get("bigqueryConfig") or {}, subscription.get("cloudStorageConfig") or {}):
        if email := config.get("serviceAccountEmail"):
            yield email


def is_iot(bound: Any, email: str) -> Any:
    """Whether the IoT backend uses a service account."""
    if isinstance(bound, Unread):
        return bound
    found, doubts = bound
    return any_of((*found.get(email, ()), *doubts))


def enabled_keys(keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The keys that people downloaded and that still work."""
    return [key for key in keys if key.get("keyType") == "USER_MANAGED" and not key.get("disabled", False)]


def oldest_days(keys: list[dict[str, Any]], clock: datetime) -> int | None:
    """Age in days of the oldest enabled key; None without one."""
    made = [datetime.fromisoformat(key["validAfterTime"]) for key in enabled_keys(keys)]
    return (clock - min(made)).days if made else None


@collector(
    ServiceIdentity,
    "gcp",
    ACCOUNTS,
    KEYS,
    PROJECT_POLICY,
    SUBSCRIPTIONS,
    SUBSCRIPTION_POLICY,
    *TELEMETRY,
    where="global",
)
def service_accounts(read: Reader) -> Iterator[Row]:
    """Every service account of one project."""
    pairs, bound = project_members(read), bound_to_telemetry(read)
    for account in read(ACCOUNTS, name=project(read)):
        email = account["email"]
        keys = read(KEYS, name=account["name"])
        roles = roles_of(pairs, email)
        yield {
            "resource": full_name("iam", account["name"]),
            "name": account.get("displayName") or email,
            "iot": is_iot(bound, email),
            "enabled": not account.get("disabled", False),
            "user_managed_keys": keys.cell(lambda found: len(enabled_keys(found))),
            "oldest_key_days": keys.cell(lambda found: oldest_days(found, read.clock)),
            "basic_role": holds(roles, is_basic),
            "project_wide_messaging": holds(roles, MESSAGING.__contains__),
        }
