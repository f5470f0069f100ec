"""Logins of apps in the lab's AWS estate: identity pools, their roles, and the user pools behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.aws_access import role
from lab.aws_answers import Answer, Missing, Reply
from lab.aws_policies import HOME

USERS = {
    f"{HOME}_Customers": {
        "length": 12,
        "MfaConfiguration": "OPTIONAL",
        "UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"},
    },
    f"{HOME}_Installers": {"length": 8, "MfaConfiguration": "OFF"},
}
"""User pools by id."""


INSTALLERS = f"cognito-idp.{HOME}.amazonaws.com/{HOME}_Installers:3n4b5urk1ft4fl3mg5e62d9ado"


POOLS: dict[str, dict[str, Reply]] = {
    HOME: {
        "customer-app": {
            "AllowUnauthenticatedIdentities": True,
            "users": f"{HOME}_Customers",
            "Roles": {"authenticated": role("AppUser"), "unauthenticated": role("AppGuest")},
        },
        "installer-app": {
            "AllowUnauthenticatedIdentities": False,
            "users": f"{HOME}_Installers",
            "Roles": {"authenticated": role("AppUser"), "unauthenticated": role("PilotGuest")},
            "RoleMappings": {INSTALLERS: {"Type": "Token", "AmbiguousRoleResolution": "Deny"}},
        },
        "website": {
            "AllowUnauthenticatedIdentities": True,
            "users": f"{HOME}_Elsewhere",
            "Roles": {"unauthenticated": role("WebsiteVisitor"), "authenticated": role("WebsiteVisitor")},
        },
    },
    "us-east-1": {
        "pilot": {
            "AllowUnauthenticatedIdentities": True,
            "Roles": {"unauthenticated": role("PilotGuest")},
            "RoleMappings": {
                "login.partner.example": {"Type": "Token", "AmbiguousRoleResolution": "Deny"},
                "accounts.google.com": {
                    "Type": "Rules",
                    "RulesConfiguration": {
                        "Rules": [{"Claim": "hd", "MatchType": "Equals", "Value": "brightwater.example", "RoleARN": role("AppInstaller")}]
                    },
                }
            },
        }
    },
}  # fmt: skip
"""Identity pools by region and name."""


def pool_id(region: str, name: str) -> str:
    """Id of an identity pool."""
    return f"{region}:00000000-0000-4000-8000-{list(POOLS[region]).index(name):012}"


def list_pools(region: str, params: Mapping[str, Any]) -> Reply:
    items = [{"IdentityPoolId": pool_id(region, name), "IdentityPoolName": name} for name in POOLS.get(region, {})]
    return {"IdentityPools": items}


def pool(region: str, params: Mapping[str, Any]) -> tuple[str, Reply]:
    """Name and facts of an identity pool; raises Missing."""
    for name, facts in POOLS.get(region, {}).items():
        if pool_id(region, name) == params["IdentityPoolId"]:
            return name, facts
    raise Missing(params["IdentityPoolId"], status=400)


def describe_pool(region: str, params: Mapping[str, Any]) -> Reply:
    name, facts = pool(region, params)
    found: Reply = {
        "IdentityPoolId": params["IdentityPoolId"],
        "IdentityPoolName": name,
        "AllowUnauthenticatedIdentities": facts["AllowUnauthenticatedIdentities"],
        "AllowClassicFlow": False,
    }
    if users := facts.get("users"):
        provider = f"cognito-idp.{region}.amazonaws.com/{users}"
        found["CognitoIdentityProviders"] = [{"ProviderName": provider, "ClientId": "3n4b5urk1ft4fl3mg5e62d9ado"}]
    return found


def pool_roles(region: str, params: Mapping[str, Any]) -> Reply:
    _, facts = pool(region, params)
    return {"IdentityPoolId": params["IdentityPoolId"]} | {k: facts[k] for k in ("Roles", "RoleMappings") if k in facts}


def user_groups(_: str, params: Mapping[str, Any]) -> Reply:
    items = [{"GroupName": "installers", "RoleArn": role("AppInstaller")}, {"GroupName": "newsletter"}]
    return {"Groups": items if params["UserPoolId"].endswith("Installers") else []}


def describe_users(_: str, params: Mapping[str, Any]) -> Reply:
    facts = USERS.get(params["UserPoolId"])
    if facts is None:
        raise Missing(params["UserPoolId"], status=400)
    more = {key: value for key, value in facts.items() if key != "length"}
    passwords = {"PasswordPolicy": {"MinimumLength": facts["length"], "RequireNumbers": True}}
    name = params["UserPoolId"].rsplit("_", 1)[-1]
    return {"UserPool": {"Id": params["UserPoolId"], "Name": name, "Policies": passwords, **more}}


ANSWERS: dict[str, Answer] = {
    "cognito-identity.list_identity_pools": list_pools,
    "cognito-identity.describe_identity_pool": describe_pool,
    "cognito-identity.get_identity_pool_roles": pool_roles,
    "cognito-idp.describe_user_pool": describe_users,
    "cognito-idp.list_groups": user_groups,
}
