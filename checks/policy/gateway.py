"""What the AWS IoT policies on a gateway's certificates let it do. Policies are read as they stand.

Core devices know no thing policy variables, so a resource that begins with the core's name is as narrow as it gets.
"""

from __future__ import annotations

from checks.policy.document import Statement, all_of
from checks.policy.pattern import resource_part

MESSAGES = (
    "iot:Connect", "iot:Publish", "iot:Subscribe", "iot:Receive",
    "iot:GetThingShadow", "iot:UpdateThingShadow", "iot:DeleteThingShadow",
)  # fmt: skip
EVERYTHING = frozenset({"*", "client/*", "topic/*", "topicfilter/*", "thing/*"})
ANY_ACTION = "greengrass:AnActionThatDoesNotExistYet"


def everything(statement: Statement) -> bool:
    """Whether a statement covers every resource, or every one of a type that devices use."""
    parts = map(resource_part, statement.resources)
    return bool(statement.not_resources) or any(part in EVERYTHING for part in parts)


def speaks_for_everyone(documents: str) -> bool:
    """Messages to or shadows of every device are allowed, or every Greengrass action on everything."""
    return any(
        statement.allows
        and everything(statement)
        and any(statement.covers_action(action) for action in (*MESSAGES, ANY_ACTION))
        for statement in all_of(documents)
    )
