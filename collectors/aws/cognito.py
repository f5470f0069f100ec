"""Amazon Cognito: which IAM roles identity pools hand out, and how users of the pools behind them sign in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.aws.account import partition
from collectors.aws.iam import DETAILS, iot_actions, statements
from collectors.aws.rule_roles import policies_of_role
from collectors.operation import Operation, Reader, Reply, collector
from collectors.schema import Row, Unread
from collectors.tables.app import PoolRole, UserPool

LIST_POOLS = Operation(
    "cognito-identity.list_identity_pools", "cognito-identity:ListIdentityPools", items="IdentityPools", shared=True,
    fixed=(("MaxResults", 60),),
)  # fmt: skip
DESCRIBE_POOL = Operation(
    "cognito-identity.describe_identity_pool", "cognito-identity:DescribeIdentityPool", shared=True
)
POOL_ROLES = Operation("cognito-identity.get_identity_pool_roles", "cognito-identity:GetIdentityPoolRoles", shared=True)
DESCRIBE_USERS = Operation(
    "cognito-idp.describe_user_pool", "cognito-idp:DescribeUserPool", absent=("ResourceNotFoundException",)
)
LIST_USER_GROUPS = Operation(
    "cognito-idp.list_groups", "cognito-idp:ListGroups", items="Groups", shared=True, fixed=(("Limit", 60),)
)

GUESTS, SIGNED_IN = "guests", "signed-in users"
USER_POOL = re.compile(r"cognito-idp\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([\w-]+)")
"""Region and id of a user pool in the name that identity pools know it by."""
SETTINGS = ("passwords", "password_length", "mfa", "threat_protection")


def pool_arn(read: Reader, identifier: str) -> str:
    """ARN of an identity pool."""
    scope = read.scope
    return f"arn:{partition(scope.region)}:cognito-identity:{scope.region}:{scope.account}:identitypool/{identifier}"


def roles_of_pool(reply: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """To whom a pool hands out which role, by default or by its rules."""
    for kind, role in (reply.get("Roles") or {}).items():
        yield GUESTS if kind == "unauthenticated" else SIGNED_IN, role
    for mapping in (reply.get("RoleMappings") or {}).values():
        for rule in (mapping.get("RulesConfiguration") or {}).get("Rules") or ():
            yield SIGNED_IN, rule["RoleARN"]


def by_token(reply: Mapping[str, Any]) -> list[str]:
    """The providers whose tokens name the role of a user."""
    mappings = reply.get("RoleMappings") or {}
    return sorted(provider for provider, mapping in mappings.items() if mapping.get("Type") == "Token")


def groups_of(read: Reader, provider: str) -> Reply | None:
    """The groups of the user pool that a provider is, whose roles its tokens name; None for other providers."""
    users = USER_POOL.match(provider)
    return read(LIST_USER_GROUPS, region=users[1], UserPoolId=users[2]) if users else None


def roles_of(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    """The roles of groups that have one."""
    return sorted({group["RoleArn"] for group in groups if group.get("RoleArn")})


def roles_of_other_provider(provider: str) -> Unread:
    """Why roles are not known that another provider's tokens name."""
    return Unread("no_data_source", detail=f"tokens of {provider} name the role")


@collector(PoolRole, "aws", LIST_POOLS, DESCRIBE_POOL, POOL_ROLES, LIST_USER_GROUPS, DETAILS)
def pool_roles(read: Reader) -> Iterator[Row]:
    """Every role that an identity pool of one region hands out."""
    for pool in read(LIST_POOLS):
        identifier = pool["IdentityPoolId"]
        guests = read(DESCRIBE_POOL, IdentityPoolId=identifier).cell(
            lambda reply: bool(reply["AllowUnauthenticatedIdentities"])
        )
        row = {"resource": pool_arn(read, identifier), "name": pool["IdentityPoolName"]}
        for reply in read(POOL_ROLES, IdentityPoolId=identifier):
            found = list(roles_of_pool(reply))
            for provider in by_token(reply):
                groups = groups_of(read, provider)
                if groups is not None:
                    found += [(SIGNED_IN, role) for role in roles_of(groups)]
                    continue
                unread = roles_of_other_provider(provider)
                yield row | {
                    "subject": f"{SIGNED_IN}: tokens of {provider}",
                    "identities": SIGNED_IN,
                    "handed_out": True,
                    "role": unread,
                    "documents": unread,
                }
            for kind, role in found:
                yield row | {
                    "subject": f"{kind}: {role.split(':role/')[-1]}",
                    "identities": kind,
                    "handed_out": guests if kind == GUESTS else True,
                    "role": role,
                    "documents": policies_of_role(read, role),
                }


@collector(UserPool, "aws", LIST_POOLS, DESCRIBE_POOL, POOL_ROLES, DESCRIBE_USERS, LIST_USER_GROUPS, DETAILS)
def user_pools(read: Reader) -> Iterator[Row]:
    """Every user pool that an identity pool of one region trusts."""
    scope = read.scope
    for pool in read(LIST_POOLS):
        for described in read(DESCRIBE_POOL, IdentityPoolId=pool["IdentityPoolId"]):
            providers = {p.get("ProviderName", "") for p in described.get("CognitoIdentityProviders") or ()}
            for region, identifier in sorted(m.groups() for p in providers if (m := USER_POOL.match(p))):
                yield {
                    "resource": f"arn:{partition(region)}:cognito-idp:{region}:{scope.account}:userpool/{identifier}",
                    "name": identifier,
                    "subject": pool["IdentityPoolName"],
                    "iot": reaches_iot(read, pool["IdentityPoolId"]),
                    **sign_in(read, region, identifier),
                }


def reaches_iot(read: Reader, pool: str) -> bool | Unread:
    """Whether a role for signed-in users of an identity pool allows anything in AWS IoT."""
    reply = read(POOL_ROLES, IdentityPoolId=pool).cell(dict)
    if isinstance(reply, Unread):
        return reply
    unread: Unread | None = None
    roles = {role for kind, role in roles_of_pool(reply) if kind == SIGNED_IN}
    for provider in by_token(reply):
        groups = groups_of(read, provider)
        found = roles_of_other_provider(provider) if groups is None else groups.cell(roles_of)
        if isinstance(found, Unread):
            unread = found
        else:
            roles.update(found)
    for role in sorted(roles):
        held = policies_of_role(read, role)
        if isinstance(held, Unread):
            unread = held
        elif any(s.get("Effect") == "Allow" and iot_actions(s) for d in json.loads(held) for s in statements(d)):
            return True
    return unread or False


def sign_in(read: Reader, region: str, identifier: str) -> dict[str, Any]:
    """How the users of one pool sign in. A pool that does not say otherwise asks for a password."""
    elsewhere = Unread("out_of_scope_account", detail="the user pool is not in this account")
    users = read(DESCRIBE_USERS, region=region, UserPoolId=identifier).cell(lambda r: dict(r["UserPool"]), elsewhere)
    if isinstance(users, Unread):
        return dict.fromkeys(SETTINGS, users)
    policies = users.get("Policies") or {}
    factors = (policies.get("SignInPolicy") or {}).get("AllowedFirstAuthFactors")
    missing = Unread("absent_field", detail="the user pool has no password policy")
    return {
        "passwords": "PASSWORD" in factors if factors else True,
        "password_length": (policies.get("PasswordPolicy") or {}).get("MinimumLength", missing),
        "mfa": users.get("MfaConfiguration", "OFF"),
        "threat_protection": (users.get("UserPoolAddOns") or {}).get("AdvancedSecurityMode", "OFF"),
    }
