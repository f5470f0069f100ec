"""How the AWS credentials are recognised, and the ids that an account's IoT registry goes by."""

from __future__ import annotations

from collectors.operation import Operation, Scope

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
