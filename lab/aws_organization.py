"""The organization around Brightwater's account: who belongs to it, whose role can be assumed, and a second estate.

`lab.aws` answers for a member account with what moto holds of it, and for what moto lacks as an account does in which
nothing was ever set up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.iot.models import iot_backends
from moto.sts.models import sts_backends

from lab.aws_answers import CHECKS, Missing, Reply, page
from lab.aws_certificates import mint
from lab.aws_policies import ACCOUNT, HOME, allow, policy

QUALITY, LABS, SANDBOX, SOLD, LEAVING = "222233334444", "333344445555", "444455556666", "555566667777", "666677778888"
ROOT, PRODUCTION, FIELD, OTHERS = "r-bw01", "ou-bw01-prod0001", "ou-bw01-field001", "ou-bw01-other001"
ROLE, EXTERNAL_ID = "iotposture", "brightwater-2026"
UNITS = {ROOT: [PRODUCTION, OTHERS], PRODUCTION: [FIELD], FIELD: [], OTHERS: []}
"""Organizational units below each."""
TRUSTING = {QUALITY: EXTERNAL_ID, SANDBOX: ""}
"""Accounts that have the role, and the external id it asks for. The laboratories never rolled it out."""
SESSION = timedelta(hours=1)
"""How long an assumed role lasts."""


def account(number: str, name: str, unit: str, state: str = "ACTIVE", status: str = "") -> tuple[str, Reply]:
    """A member, and where it is. Status is the member that ended in 2026; AWS no longer sends it."""
    return unit, {
        "Id": number,
        "Arn": f"arn:aws:organizations::{ACCOUNT}:account/o-brightwater/{number}",
        "Email": f"aws+{number}@brightwater.example",
        "Name": name,
        "State": state,
        **({"Status": status} if status else {}),
    }


ACCOUNTS = [
    account(ACCOUNT, "Brightwater Utilities", ROOT),
    account(QUALITY, "=Water quality,cmd@x", FIELD),
    account(LABS, "<script>alert('labs')</script>", PRODUCTION, status="ACTIVE"),
    account(SANDBOX, "Sandbox", OTHERS),
    account(SOLD, "Sold in 2024", OTHERS, "SUSPENDED", "SUSPENDED"),
    account(LEAVING, "Leaving", OTHERS, "PENDING_CLOSURE"),
]


def listed(found: list[Reply], params: Mapping[str, Any], member: str) -> Reply:
    """Two to a page, so that every list has several."""
    return page(found, {**params, "maxResults": 2, "nextToken": params.get("NextToken")}, member, "NextToken")


def known(unit: str) -> str:
    """A unit that exists; raises Missing."""
    if unit not in UNITS:
        raise Missing(unit, "ParentNotFoundException", 400)
    return unit


def of_unit(_: str, params: Mapping[str, Any]) -> Reply:
    unit = known(params["ParentId"])
    return listed([about for where, about in ACCOUNTS if where == unit], params, "Accounts")


def units_below(_: str, params: Mapping[str, Any]) -> Reply:
    children = [{"Id": unit, "Type": params["ChildType"]} for unit in UNITS[known(params["ParentId"])]]
    return listed(children, params, "Children")


def assume(region: str, params: Mapping[str, Any]) -> Reply:
    """Credentials of a role that exists and asks for this external id, or for none."""
    number, role = params["RoleArn"].split(":")[4], params["RoleArn"].partition("/")[2]
    members = {about["Id"] for _, about in ACCOUNTS}
    wanted = TRUSTING.get(number)
    refused = wanted is None or role != ROLE or wanted not in ("", params.get("ExternalId"))
    if number in members and refused:
        raise Missing(f"a trust of {params['RoleArn']} in the caller", "AccessDenied", 403)
    held = sts_backends[number]["aws"].assume_role(
        region, params["RoleSessionName"], params["RoleArn"], "", int(SESSION.total_seconds()),
        params.get("ExternalId", ""),
    )  # fmt: skip
    return {
        "Credentials": {
            "AccessKeyId": held.access_key_id,
            "SecretAccessKey": held.secret_access_key,
            "SessionToken": held.session_token,
            "Expiration": datetime.now(UTC) + SESSION,
        },
        "AssumedRoleUser": {"AssumedRoleId": held.user_id, "Arn": held.arn},
    }


ANSWERS = {
    "organizations.list_accounts": lambda _, params: listed([about for _, about in ACCOUNTS], params, "Accounts"),
    "organizations.list_accounts_for_parent": of_unit,
    "organizations.list_children": units_below,
    "sts.assume_role": assume,
}


def nothing(operation: Any) -> Reply:
    """What an operation that moto lacks answers in an account where nothing was set up: empty lists, no settings."""
    name = operation.name
    if name in ("GetV2LoggingOptions", "ListV2LoggingLevels"):
        raise Missing("logging", "NotConfiguredException")
    settings: dict[str, Reply] = {
        "GetLoggingOptions": {"logLevel": "DISABLED"},
        "DescribeAccountAuditConfiguration": {
            "auditCheckConfigurations": {check: {"enabled": False} for check in CHECKS}
        },
        "DescribeEventConfigurations": {"eventConfigurations": {}},
        "DescribeEncryptionConfiguration": {"encryptionType": "AWS_OWNED_KMS_KEY"},
    }
    if name in settings:
        return settings[name]
    members = operation.output_shape.members
    return {member: [] for member, shape in members.items() if shape.type_name == "list"}


def seed() -> None:
    """One account more: two water quality probes, set up in a hurry."""
    backend = iot_backends[QUALITY][HOME]
    backend.create_policy("ProbeEverything", json.dumps(policy(allow("iot:*", "*"))))  # type: ignore[arg-type]
    for name in ("probe-lough-01", "probe-lough-02"):
        held = backend.register_certificate(mint(name), None, False, "ACTIVE")
        thing = backend.create_thing(name, "", None)
        backend.principal_policies[held.arn, "ProbeEverything"] = (held, backend.policies["ProbeEverything"])  # type: ignore[assignment]
        backend.principal_things[held.arn, name] = (held, thing)  # type: ignore[assignment]
    rule: dict[str, Any] = {
        "sql": "SELECT * FROM 'probes/#'",
        "description": "",
        "rule_disabled": False,
        "error_action": {},
    }
    sink = {"s3": {"roleArn": f"arn:aws:iam::{QUALITY}:role/Probes", "bucketName": "quality-probes", "key": "k"}}
    backend.create_topic_rule("probes", aws_iot_sql_version="2016-03-23", actions=[sink], **rule)
