"""IAM roles around AWS IoT: of devices, rules and functions, and of people who administer devices."""

from __future__ import annotations

from checks.check import check
from checks.command import ROLE_POLICY
from checks.policy.document import holds
from checks.policy.examples import policy
from checks.policy.role import overly_permissive, reaches_other_devices_data
from checks.policy.rule import does_more
from collectors.schema import Rows, Verdict
from collectors.tables.access import Function, Grant, RoleAlias, RuleRole, ServiceIdentity


@check(
    severity="critical",
    serves=["aws-iot-role-alias-overly-permissive"],
    remedy={"aws": "Replace the role's policies by actions on named resources, scoped with credentials-iot variables."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws"},
    passes=[{"documents": f"[{policy('s3:GetObject', 'arn:aws:s3:::firmware/*')}]"}],
    fails=[{"documents": f"[{policy('s3:*', '*')}]"}, {"documents": f"[{policy('iam:PassRole', '*')}]"}],
)
def role_alias_grants_only_what_devices_need(aliases: Rows[RoleAlias]) -> Verdict:
    """The role behind a role alias grants no whole service and no administration.

    Through the alias, every device credential becomes a cloud credential with these rights.
    """
    return ~holds(aliases["documents"], overly_permissive)


@check(
    severity="high",
    serves=["aws-iot-role-alias-no-device-scope"],
    remedy={"aws": "Scope prefixes and keys with ${credentials-iot:ThingName} or a condition on AwsCertificateId."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws"},
    passes=[{"documents": f"[{policy('s3:PutObject', 'arn:aws:s3:::logs/${credentials-iot:ThingName}/*')}]"}],
    fails=[{"documents": f"[{policy('s3:PutObject', 'arn:aws:s3:::logs/*')}]"}],
)
def role_alias_is_scoped_to_the_device(aliases: Rows[RoleAlias]) -> Verdict:
    """The role behind a role alias tells devices apart where they read or write data.

    Otherwise every device reads and writes every other device's objects.
    """
    return ~holds(aliases["documents"], reaches_other_devices_data)


@check(
    severity="low",
    serves=["aws-iot-role-alias-long-session"],
    remedy={"aws": "Lower credentialDurationSeconds to 3600."},
    command={
        "aws": ("aws iot update-role-alias --region {region} --role-alias {name} --credential-duration-seconds 3600"),
    },
    only={"provider": "aws"},
    passes=[{"session_seconds": 3600}],
    fails=[{"session_seconds": 3601}],
)
def role_alias_sessions_are_short(aliases: Rows[RoleAlias], *, seconds: int = 3600) -> Verdict:
    """Credentials from a role alias live for an hour at most.

    Revoking a certificate does not end sessions that are running.
    """
    return aliases["session_seconds"] <= seconds


@check(
    severity="medium",
    serves=["aws-iot-role-alias-unused-services"],
    remedy={"aws": "Take the services that no device uses out of the role's policies."},
    only={"provider": "aws"},
    passes=[{"unused_services": 0, "unused_days": 365}],
    fails=[{"unused_services": 1, "unused_days": 30}, {"unused_services": 0, "unused_days": 366}],
)
def role_alias_grants_only_services_in_use(aliases: Rows[RoleAlias], *, days: int = 365) -> Verdict:
    """The role behind a role alias grants only services that were used within a year.

    What no device uses is of use only to whoever steals a device's credential.
    """
    return (aliases["unused_services"] == 0) & (aliases["unused_days"] <= days)


@check(
    severity="medium",
    serves=["aws-iot-service-role-confused-deputy"],
    remedy={"aws": "Add conditions on aws:SourceAccount and aws:SourceArn to the role's trust policy."},
    command={
        "aws": (
            "aws iam update-assume-role-policy --role-name {resource.id}"
            " --policy-document file://YOUR_TRUST_POLICY.json"
        ),
    },
    only={"provider": "aws", "trusts_iot": True},
    passes=[{"source_condition": True}],
    fails=[{"source_condition": False}],
    ignores=[{"trusts_iot": False}],
)
def role_names_who_may_make_iot_assume_it(identities: Rows[ServiceIdentity]) -> Verdict:
    """A role that AWS IoT may assume names the account that may cause it.

    Otherwise another account's rule can make the service use the role (confused deputy).
    """
    return identities["source_condition"]


@check(
    severity="medium",
    serves=["aws-iot-service-role-confused-deputy"],
    remedy={"aws": "Add the permission again with --source-account and --source-arn, and remove the old statement."},
    only={"provider": "aws", "trusts_iot": True},
    passes=[{"source_condition": True}],
    fails=[{"source_condition": False}],
    ignores=[{"trusts_iot": False}],
)
def function_names_who_may_make_iot_call_it(functions: Rows[Function]) -> Verdict:
    """A function that AWS IoT may call names the account that may cause it.

    Otherwise a rule in another account can make AWS IoT call the function with messages of its own (confused deputy).
    """
    return functions["source_condition"]


@check(
    severity="high",
    serves=["aws-iam-iot-admin-broad"],
    remedy={"aws": "Split operator, provisioner and deployment duties, each with named resources or conditions."},
    only={"provider": "aws"},
    passes=[{"iot_admin": False}],
    fails=[{"iot_admin": True}],
)
def nobody_administers_every_device(grants: Rows[Grant]) -> Verdict:
    """No principal administers IoT on every resource.

    With iot:*, or the making of claims, certificates, jobs or tunnels, one stolen session takes over the fleet.
    """
    return ~grants["iot_admin"]


@check(
    severity="high",
    serves=["aws-iot-rule-role-broad"],
    remedy={"aws": "Give each rule a role of its own with the one action it needs, on the ARN of its target."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws"},
    passes=[
        {"service": "sqs", "documents": f"[{policy('sqs:SendMessage', 'arn:aws:sqs:eu-west-1:1:orders')}]"},
        {"service": "s3", "documents": f"[{policy('s3:PutObject', 'arn:aws:s3:::lake/*')}]"},
        {"service": "cloudwatch", "documents": f"[{policy('cloudwatch:PutMetricData', '*')}]"},
    ],
    fails=[
        {"service": "sqs", "documents": f"[{policy('sqs:SendMessage', '*')}]"},
        {"service": "sqs", "documents": f"[{policy('sqs:*', 'arn:aws:sqs:eu-west-1:1:orders')}]"},
        {"service": "sqs", "documents": f"[{policy('s3:PutObject', 'arn:aws:s3:::lake/*')}]"},
    ],
)
def rule_role_does_what_its_action_needs(roles: Rows[RuleRole]) -> Verdict:
    """The role of a rule action may do that action on that target, and nothing else.

    Otherwise a crafted message, or one edit of the rule, reaches data that has nothing to do with it.
    """
    return ~holds(roles["service"] + "\n" + roles["documents"], does_more)
