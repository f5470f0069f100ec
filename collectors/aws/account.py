"""How the AWS credentials are recognised, and the ids that an account's IoT registry goes by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.aws.organization import organization_policy, trust_policy
from collectors.operation import Operation, Policies, permissions
from collectors.scope import Scope

IDENTITY = Operation("sts.get_caller_identity", "sts:GetCallerIdentity")
FIND: tuple[Operation, ...] = (IDENTITY,)
"""What finding the scopes asks. Roles named in the settings need ``sts:AssumeRole`` on top."""

PREFIXES = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))


PAGES = (("pageSize", 250),)
RESULTS = (("maxResults", 250),)
"""The largest page that AWS IoT's lists give, ten times the default (AWS IoT API Reference, each operation)."""


def partition(region: str) -> str:
    """The partition a region belongs to, as ARNs spell it."""
    return next((name for prefix, name in PREFIXES if region.startswith(prefix)), "aws")


def registry(scope: Scope) -> str:
    """Id of the account's one device registry in a region: the front half of every ARN in it."""
    return f"arn:{partition(scope.region)}:iot:{scope.region}:{scope.account}"


def policy(operations: Iterable[Operation], _: Mapping[str, Any]) -> dict[str, Any]:
    """An IAM policy document: what one account must let the identity read that scans it, or the role it takes there."""
    statement = {"Sid": "IotpostureReadOnly", "Effect": "Allow", "Action": permissions(operations), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


POLICIES: Policies = {
    "account": policy,
    "organization": lambda operations, settings: organization_policy(policy(operations, settings), settings),
    "trust": lambda _, settings: trust_policy(settings),
}
"""For one account, for the identity that scans an organization, and for the role in each of its accounts."""
POLICY_FORMAT = "json"
