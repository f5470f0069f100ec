"""The Lambda functions that AWS IoT calls, and whose AWS IoT may call them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.hubs import LIST_AUTHORIZERS
from collectors.aws.iam import SERVICE, statements, trust
from collectors.aws.provisioning import DESCRIBE_AUTHORIZER, DESCRIBE_TEMPLATE, LIST_TEMPLATES
from collectors.aws.rules import GET_RULE, LIST_RULES, actions
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.access import Function

FUNCTION_POLICY = Operation("lambda.get_policy", "lambda:GetPolicy", absent=("ResourceNotFoundException",))


@collector(
    Function, "aws",
    LIST_RULES, GET_RULE, LIST_AUTHORIZERS, DESCRIBE_AUTHORIZER, LIST_TEMPLATES, DESCRIBE_TEMPLATE, FUNCTION_POLICY,
)  # fmt: skip
def functions(read: Reader) -> Iterator[Row]:
    """Every function that a rule, an authorizer or a provisioning template of one region calls, each once."""
    callers: dict[str, set[str]] = {}
    for arn, caller in called_functions(read):
        callers.setdefault(arn, set()).add(caller)
    for arn in sorted(callers):
        yield {
            "resource": arn,
            "name": arn.split(":function:")[-1],
            "used_by": ", ".join(sorted(callers[arn])),
            **permissions_of_iot(read, arn),
        }


def called_functions(read: Reader) -> Iterator[tuple[str, str]]:
    """ARN of each function and what calls it; a list or reply that cannot be read leaves a gap."""
    for rule in read(LIST_RULES):
        for reply in read(GET_RULE, ruleName=rule["ruleName"]):
            for _, kind, action in actions(reply["rule"]):
                if kind == "lambda":
                    yield action["functionArn"], "topic rule"
    for listed in read(LIST_AUTHORIZERS):
        for reply in read(DESCRIBE_AUTHORIZER, authorizerName=listed["authorizerName"]):
            yield reply["authorizerDescription"]["authorizerFunctionArn"], "authorizer"
    for listed in read(LIST_TEMPLATES):
        for reply in read(DESCRIBE_TEMPLATE, templateName=listed["templateName"]):
            if hook := (reply.get("preProvisioningHook") or {}).get("targetArn"):
                yield hook, "provisioning hook"


def permissions_of_iot(read: Reader, arn: str) -> dict[str, Any]:
    """Whether the policy of a function lets AWS IoT call it, and for which accounts. One without a policy does not."""
    region, account = arn.split(":")[3:5]
    found: dict[str, Any] | Unread
    if account != read.scope.account:
        found = Unread("out_of_scope_account", detail="the function is in another account")
    else:
        found = read(FUNCTION_POLICY, region=region, FunctionName=arn).cell(
            lambda reply: callable_by_iot(json.loads(reply["Policy"]), read.scope.account),
            absent={"trusts_iot": False, "source_condition": False},
        )
    return dict.fromkeys(("trusts_iot", "source_condition"), found) if isinstance(found, Unread) else found


def callable_by_iot(policy: Mapping[str, Any], account: str) -> dict[str, bool]:
    """Whether a function's policy trusts AWS IoT, or everybody, and names the account whose AWS IoT it means."""
    everybody = ("*", {"AWS": "*"}, {"AWS": ["*"]})
    found = [
        {**statement, "Principal": {"Service": SERVICE}} if statement.get("Principal") in everybody else statement
        for statement in statements(policy)
    ]
    trusted = trust(found, account)
    return {"trusts_iot": SERVICE in trusted, "source_condition": trusted.get(SERVICE, False)}
