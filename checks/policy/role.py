"""What an IAM role lets a device do beyond AWS IoT: the role behind a role alias, a rule or an identity pool.

Judged by this package's own engine, not by a library. policyuniverse and policy_sentry turn wildcards into lists of
today's actions (and ship that list, megabytes that age with every new service), parliament and cloudsplaining look for
mistakes and privilege escalation in a policy; none knows the variables of a device's credentials
(``credentials-iot:ThingName``), AWS IoT's topics, or whether two devices are told apart, and each would stand
beside the engine that IoT policies need anyway. What is asked here needs no list of actions: whether an action that does
not exist yet is allowed shows a wildcard, also behind NotAction and ``s3:?*``.

A Deny without a condition counts where its actions and resources cover those of the Allow. Permission boundaries and
service control policies, which can only take away, are not evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.policy.device import Device
from checks.policy.document import Statement, all_of
from checks.policy.pattern import fits, items

AUDITING = ("iam", "cloudtrail", "guardduty", "inspector", "inspector2", "trustedadvisor")
"""Services that no device needs ("Role alias overly permissive")."""
UNBORN = ":AnActionThatDoesNotExistYet"
NOBODYS = "zz"
"""A service that no statement names: allowed by ``*``, and by a NotAction whatever it leaves out."""
IOT_DATA = {
    f"iot:{name.lower()}"
    for name in ("Connect", "Publish", "Subscribe", "Receive", "RetainPublish", "GetRetainedMessage", "ListRetainedMessages",
                 "GetThingShadow", "UpdateThingShadow", "DeleteThingShadow", "ListNamedShadowsForThing",
                 "DescribeJobExecution", "GetPendingJobExecutions", "StartNextPendingJobExecution", "UpdateJobExecution",
                 "AssumeRoleWithCertificate", "DescribeEndpoint", "DescribeCertificate")
}  # fmt: skip
"""What devices themselves may ask; the last two are reads that stock Greengrass roles carry."""
IOT_READS = (
    "iot:DescribeThing",
    "iot:ListJobExecutionsForThing",
    "iot:ListThingGroupsForThing",
    "iot:ListThingPrincipals",
)
"""Administrative reads that are fine on a named set of things."""
IOT_ADMIN = ("iot:AddThingToThingGroup", "iot:AttachPolicy", "iot:AttachPrincipalPolicy", "iot:AttachThingPrincipal",
             "iot:CancelJob", "iot:CreateJob", "iot:CreateKeysAndCertificate", "iot:CreatePolicy", "iot:CreatePolicyVersion",
             "iot:CreateProvisioningClaim", "iot:CreateRoleAlias", "iot:CreateThing", "iot:CreateTopicRule",
             "iot:DeleteCertificate", "iot:DeletePolicy", "iot:DeleteThing", "iot:DetachPolicy", "iot:DetachThingPrincipal",
             "iot:ListThings", "iot:ListThingsInThingGroup", "iot:RegisterCertificate", "iot:RegisterThing",
             "iot:RemoveThingFromThingGroup", "iot:SearchIndex", "iot:SetDefaultPolicyVersion", "iot:UpdateCertificate",
             "iot:UpdateThing", "iot:UpdateThingGroupsForThing")  # fmt: skip
"""Administrative actions that a wildcard may cover; any other action of AWS IoT that is spelt out counts too."""
DATA_ACTIONS = (
    "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem",
    "dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem",
    "kinesisvideo:PutMedia", "kinesisvideo:GetMedia", "kinesis:GetRecords", "sqs:ReceiveMessage", "timestream:Select",
    "secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter",
)  # fmt: skip
"""Reads and writes of stored data. Sinks that only append without object names (logs, Firehose, PutRecord) are not here."""
PER_DEVICE = re.compile(r"credentials-iot:(ThingName|ThingTypeName|AwsCertificateId)", re.IGNORECASE)


def is_denied(allow: Statement, action: str, statements: list[Statement]) -> bool:
    """Whether a Deny takes an action away from an Allow, on every resource that the Allow has."""
    return any(
        not deny.allows
        and deny.always(action)
        and deny.covers_action(action)
        and ("*" in deny.resources or (bool(allow.resources) and all(is_covered(r, deny) for r in allow.resources)))
        for deny in statements
    )


def is_covered(resource: str, deny: Statement) -> bool:
    """Whether a Deny covers everything that a resource pattern matches."""
    return any(fits(items(wide), items(resource)) for wide in deny.resources)


def granting_statements(statements: list[Statement], action: str) -> Iterator[Statement]:
    """The Allow statements that hold for an action."""
    return (s for s in statements if s.allows and s.covers_action(action) and not is_denied(s, action, statements))


def services(statement: Statement) -> set[str]:
    """Services that a statement names, as it writes them."""
    return {action.partition(":")[0].lower() for action in (*statement.actions, *statement.not_actions)}


def is_broad(statements: list[Statement]) -> bool:
    """Whether a whole service, a service that audits, administration of AWS IoT, or rights over other things are granted."""
    named = {NOBODYS}.union(*map(services, statements))
    if any(any(granting_statements(statements, service + UNBORN)) for service in named):
        return True
    for statement in statements:
        for action in statement.actions if statement.allows else ():
            service = items(action.partition(":")[0].lower())
            spelt = action.lower().startswith("iot:") and not {"*", "?"} & set(action)
            known = action.lower() in IOT_DATA or action.lower() in map(str.lower, IOT_READS)
            harmful = any(fits(service, name) for name in AUDITING) or (spelt and not known)
            if harmful and not is_denied(statement, action, statements):
                return True
    if any(any(granting_statements(statements, action)) for action in IOT_ADMIN):
        return True
    device = Device(statements)
    return bool(device.broad()) or any(device.calls_any(action) for action in IOT_READS)


def overly_permissive(documents: str) -> bool:
    """The role allows more than any device needs."""
    return is_broad(all_of(documents))


def reaches_other_devices_data(documents: str) -> bool:
    """The role reads or writes stored data by wildcard, and nothing in it names the device that asks."""
    statements = all_of(documents)
    if any(PER_DEVICE.search(text) for statement in statements for text in scoping(statement)):
        return False
    return any(
        statement.not_resources or any({"*", "?"} & set(resource) for resource in statement.resources)
        for action in DATA_ACTIONS
        for statement in granting_statements(statements, action)
    )


def scoping(statement: Statement) -> Iterator[str]:
    """Where a statement may tell devices apart: its resources, and the keys and values of its conditions."""
    yield from statement.resources + statement.not_resources
    for tests in (statement.condition or {}).values():
        yield from tests
        yield from map(str, tests.values())
