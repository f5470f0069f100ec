"""What stands around AWS IoT in the lab's estate: gateways, tunnels, app logins, trails, logs and private CAs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from moto.iam.models import iam_backends
from moto.iot.models import iot_backends

from lab.aws_answers import SET_UP, Answer, Missing, Reply, named, page
from lab.aws_certificates import ENDS, authority, mint
from lab.aws_estate import enrol
from lab.aws_greengrass import ANSWERS as GREENGRASS
from lab.aws_policies import ACCOUNT, HERE, HOME, OURS, Document, allow, deny, policy, trusting
from lab.clock import now

SUB = "${cognito-identity.amazonaws.com:sub}"
ENDPOINT_ONLY = {"StringEquals": {"aws:SourceVpce": "vpce-0b1c2d3e4f5a6b7c8"}}
CORE = "core-ennis-01"

POLICIES: dict[str, Document] = {
    "GreengrassCore": policy(
        allow("iot:Connect", f"{HERE}client/{CORE}*"),
        allow(["iot:Publish", "iot:Receive"], [f"{HERE}topic/$aws/things/{CORE}*/greengrass/*"]),
        allow("iot:Subscribe", [f"{HERE}topicfilter/$aws/things/{CORE}*/greengrass/*"]),
        allow(["greengrass:GetDeploymentConfiguration", "greengrass:ResolveComponentCandidates"], "*"),
    ),
    "ControlCentre": policy(
        allow("iot:Connect", f"{HERE}client/${{iot:Connection.Thing.ThingName}}", ENDPOINT_ONLY),
    ),
}
"""AWS IoT policies of the one well kept gateway, and of a device that is bound to a site's network."""

READINGS = f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/readings"
FEDERATED: Document = {
    "Effect": "Allow",
    "Principal": {"Federated": "cognito-identity.amazonaws.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
}
ROLES: dict[str, tuple[Document, Document]] = {
    "IotReadings": (trusting("iot.amazonaws.com", OURS), policy(allow("dynamodb:PutItem", READINGS))),
    "AppGuest": (policy(FEDERATED), policy(allow("iot:Publish", f"{HERE}topic/app/{SUB}/*"))),
    "AppUser": (
        policy(FEDERATED),
        policy(allow(["iot:Connect", "iot:Publish"], "*"), allow("iot:DescribeThing", f"{HERE}thing/meter-*")),
    ),
    "AppInstaller": (
        policy(FEDERATED),
        policy(allow(["iot:Connect", "iot:AttachPolicy", "iot:CreateThing"], "*"), deny("iot:DeleteThing", "*")),
    ),
    "PilotGuest": (policy(FEDERATED), policy(allow(["iot:Connect", "iot:Receive", "iot:Subscribe"], "*"))),
    "WebsiteVisitor": (policy(FEDERATED), policy(allow("s3:GetObject", "arn:aws:s3:::brightwater-website/*"))),
}
"""Roles that a rule or an app's users act with: their trust policy and what they may do."""


def role(name: str) -> str:
    """ARN of a role."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


PRIVATE = authority("Brightwater Root")
ISSUING = {
    name: mint(f"Brightwater {name} CA", PRIVATE) for name in ("Device", "Factory", "Partner", "Website", "Batch")
}
"""Certificates of the CAs that AWS Private CA holds; those of devices, factory and partners are registered in AWS IoT."""


def seed() -> None:
    """Puts into moto what it holds of this."""
    backend = iot_backends[ACCOUNT][HOME]
    for name, document in POLICIES.items():
        backend.create_policy(name, json.dumps(document))  # type: ignore[arg-type]
    enrol(HOME, CORE, mint(CORE, PRIVATE), "GreengrassCore", 60)
    enrol(HOME, "centre-cork-01", mint("centre-cork-01", PRIVATE), "ControlCentre", 60)
    roles = iam_backends[ACCOUNT]["aws"]
    for name, (trust, document) in ROLES.items():
        roles.create_role(name, json.dumps(trust), "/", None, "", [], "3600")
        roles.put_role_policy(name, "use", json.dumps(document))


def hours_ago(hours: float) -> datetime:
    """A time before now."""
    return now() - timedelta(hours=hours)


TUNNELS: dict[str, list[tuple[str, str, float, int]]] = {
    HOME: [
        ("pump-limerick repair", "OPEN", 0.5, 60),
        ("vendor access, do not close", "OPEN", 9, 720),
        ("meter-cork last month", "CLOSED", 700, 720),
    ]
}
"""Secure tunnels: description, status, hours since they were opened, minutes they may stay open."""


def tunnel(region: str, index: int) -> Reply:
    """A tunnel as it is listed."""
    description, status, hours, _ = TUNNELS[region][index]
    identifier = f"7c1d2e3f-0000-4000-8000-00000000000{index}"
    return {
        "tunnelId": identifier,
        "tunnelArn": f"arn:aws:iot:{region}:{ACCOUNT}:tunnel/{identifier}",
        "status": status,
        "description": description,
        "createdAt": hours_ago(hours),
        "lastUpdatedAt": hours_ago(hours),
    }


def list_tunnels(region: str, params: Mapping[str, Any]) -> Reply:
    items = [tunnel(region, index) for index in range(len(TUNNELS.get(region, [])))]
    return page(items, params, "tunnelSummaries", "nextToken")


def describe_tunnel(region: str, params: Mapping[str, Any]) -> Reply:
    for index, (_, _, _, minutes) in enumerate(TUNNELS.get(region, [])):
        found = tunnel(region, index)
        if found["tunnelId"] == params["tunnelId"]:
            return {"tunnel": found | {"timeoutConfig": {"maxLifetimeTimeoutMinutes": minutes}}}
    raise Missing(params["tunnelId"])


def trail(name: str, multi: bool) -> Reply:
    """A trail as it is described."""
    return {
        "Name": name,
        "S3BucketName": "brightwater-audit",
        "IncludeGlobalServiceEvents": multi,
        "IsMultiRegionTrail": multi,
        "HomeRegion": HOME,
        "TrailARN": f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/{name}",
        "LogFileValidationEnabled": True,
        "HasCustomEventSelectors": multi,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": False,
    }


TRAILS = [trail("europe", False), trail("object-access", True), trail("stopped-2023", True)]
"""Administration is recorded in Europe only: the trails of every region keep reads of objects, or are stopped."""
OBJECTS = [
    {"Field": "eventCategory", "Equals": ["Data"]},
    {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
]


def describe_trails(region: str, params: Mapping[str, Any]) -> Reply:
    seen = [t for t in TRAILS if t["HomeRegion"] == region or t["IsMultiRegionTrail"]]
    return {"trailList": seen}


def trail_named(arn: str) -> str:
    """The name of a trail; raises Missing."""
    return str(named(TRAILS, "TrailARN", arn)["Name"])


def event_selectors(_: str, params: Mapping[str, Any]) -> Reply:
    if trail_named(params["TrailName"]) == "object-access":
        selectors = [{"Name": "objects", "FieldSelectors": OBJECTS}]
        return {"TrailARN": params["TrailName"], "AdvancedEventSelectors": selectors}
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}
    return {"TrailARN": params["TrailName"], "EventSelectors": [selector]}


LOG_GROUPS: dict[str, dict[str, int]] = {
    HOME: {
        "AWSIotLogsV2": 365,
        "/aws/greengrass/UserComponent/meter": 14,
        "/aws/iot/fleetwise": 0,
        "/aws/lambda/vet": 0,
    }
}
"""Log groups and the days they keep; 0 is for ever."""


def log_groups(region: str, params: Mapping[str, Any]) -> Reply:
    items = []
    for name, days in LOG_GROUPS.get(region, {}).items():
        if name.startswith(params.get("logGroupNamePrefix", "")):
            group: Reply = {"logGroupName": name, "arn": f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}:*"}
            items.append(group | ({"retentionInDays": days} if days else {}))
    return page(items, params, "logGroups", "nextToken")


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


CRL = {"Enabled": True, "ExpirationInDays": 7, "S3BucketName": "brightwater-crl"}
REVOCATION: dict[str, Reply] = {
    "Device": {"CrlConfiguration": CRL, "OcspConfiguration": {"Enabled": False}},
    "Factory": {"CrlConfiguration": CRL | {"CrlDistributionPointExtensionConfiguration": {"OmitExtension": True}}},
    "Partner": {"CrlConfiguration": {"Enabled": False}, "OcspConfiguration": {"Enabled": False}},
    "Website": {"CrlConfiguration": {"Enabled": False}},
    "Batch": {"CrlConfiguration": {"Enabled": False}},
}
"""What each private CA says about revocation: the factory's hides where its CRL is, the partners' has none."""


def ca_arn(name: str) -> str:
    """ARN of a private CA."""
    return f"arn:aws:acm-pca:{HOME}:{ACCOUNT}:certificate-authority/{list(REVOCATION).index(name):08}-aaaa-4bbb-8ccc-000000000000"


def private_ca(name: str) -> Reply:
    """A private CA as it is listed."""
    return {
        "Arn": ca_arn(name),
        "OwnerAccount": ACCOUNT,
        "Type": "SUBORDINATE",
        "Status": "ACTIVE",
        "NotAfter": ENDS,
        "CertificateAuthorityConfiguration": {
            "KeyAlgorithm": "EC_prime256v1",
            "SigningAlgorithm": "SHA256WITHECDSA",
            "Subject": {"CommonName": f"Brightwater {name} CA"},
        },
        "RevocationConfiguration": REVOCATION[name],
        "UsageMode": "SHORT_LIVED_CERTIFICATE" if name == "Batch" else "GENERAL_PURPOSE",
    }


def list_cas(region: str, params: Mapping[str, Any]) -> Reply:
    return {"CertificateAuthorities": [private_ca(name) for name in REVOCATION] if region == HOME else []}


def ca_certificate(_: str, params: Mapping[str, Any]) -> Reply:
    name = next((n for n in REVOCATION if ca_arn(n) == params["CertificateAuthorityArn"]), None)
    if name is None:
        raise Missing(params["CertificateAuthorityArn"], status=400)
    return {"Certificate": ISSUING[name], "CertificateChain": PRIVATE.pem}


def vpc_endpoints(region: str, params: Mapping[str, Any]) -> Reply:
    wanted = params["Filters"][0]["Values"]
    service = f"com.amazonaws.{region}.iot.data"
    endpoint = {"VpcEndpointId": "vpce-0b1c2d3e4f5a6b7c8", "VpcEndpointType": "Interface", "ServiceName": service}
    pending = endpoint | {"VpcEndpointId": "vpce-00000000000000000", "State": "PendingAcceptance"}
    there = region == HOME and service in wanted
    return {"VpcEndpoints": [endpoint | {"State": "Available"}, pending] if there else []}


def server_certificate(_: str, params: Mapping[str, Any]) -> Reply:
    soon = params["CertificateArn"].endswith("-e0d0")
    ends = now() + timedelta(days=12, hours=1) if soon else ENDS
    certificate = {
        "CertificateArn": params["CertificateArn"],
        "Status": "ISSUED",
        "NotBefore": SET_UP,
        "NotAfter": ends,
    }
    return {"Certificate": certificate}


ANSWERS: dict[str, Answer] = {
    "iotsecuretunneling.list_tunnels": list_tunnels,
    "iotsecuretunneling.describe_tunnel": describe_tunnel,
    "cloudtrail.describe_trails": describe_trails,
    "cloudtrail.get_trail_status": lambda _, params: {"IsLogging": trail_named(params["Name"]) != "stopped-2023"},
    "cloudtrail.get_event_selectors": event_selectors,
    "logs.describe_log_groups": log_groups,
    "cognito-identity.list_identity_pools": list_pools,
    "cognito-identity.describe_identity_pool": describe_pool,
    "cognito-identity.get_identity_pool_roles": pool_roles,
    "cognito-idp.describe_user_pool": describe_users,
    "cognito-idp.list_groups": user_groups,
    "acm-pca.list_certificate_authorities": list_cas,
    "acm-pca.get_certificate_authority_certificate": ca_certificate,
    "ec2.describe_vpc_endpoints": vpc_endpoints,
    "acm.describe_certificate": server_certificate,
    **GREENGRASS,
}
