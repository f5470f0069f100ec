"""Who may do what: device policies, role aliases, identities of services, grants."""

from __future__ import annotations

from collectors.schema import Table, count, days, flag, text


class Policy(Table):
    """One row per AWS IoT policy, default version."""

    document = text("The policy, JSON.", shown=False)
    targets = count("Certificates and thing groups it is attached to.")
    judged_together = flag("It is attached to certificates and thing groups only, whose policies are judged together.")
    claim = flag("It is attached only to provisioning claims.")
    aliases = count("Role aliases in the same account and region.")


class Principal(Table):
    """One row per active AWS IoT certificate, joined with everything that decides what its holder may do."""

    context = ("policies", "group_policies", "things", "role_aliases")

    policies = text("Policies attached to it, by name; empty for none.")
    group_policies = text("Policies of the groups of its things and of their parent groups, as in `sites: Doors`.")
    documents = text(
        "Every set of policies in force at once, a JSON list of lists of documents: what is attached to it, with what the"
        " groups of one of its things add. One set for each different set of groups.",
        shown=False,
    )
    things = count("Things it is attached to.")
    exclusive = flag("It can be attached to one thing only.")
    role_aliases = text("Role aliases it may assume, by name, as its policies are written; empty for none.")
    roles = text("ARNs of the IAM roles behind them.")


class RoleAlias(Table):
    """One row per AWS role alias, joined with what its role may do and with who may assume it."""

    context = ("granted_by", "certificates", "least_used")

    role = text("ARN of the IAM role.")
    documents = text("Every policy of the role, a JSON list of documents.", shown=False)
    bounded = flag("A permissions boundary limits the role.")
    session_seconds = count("Lifetime in seconds of the credentials a device gets.")
    granted_by = text("AWS IoT policies that let a device assume it, by name; empty for none.")
    certificates = count("Active certificates that may assume it.")
    role_age_days = days("Days since the role was created.")
    services = count("Services that the role grants.")
    unused_services = count("Of these, services never used, as far back as IAM looks: 400 days.")
    unused_days = days("Of those used, days since the one was used that has been idle for longest; 0 for none.")
    least_used = text("Services idle for longest and the days since their use, ten at most, as in `iam never, s3 12`.")


class ServiceIdentity(Table):
    """One row per identity that services, bridges or devices act as: an AWS IAM role, a Google service account."""

    iot = flag("The IoT backend uses it.")
    trusts_iot = flag("AWS: iot.amazonaws.com may assume it.")
    source_condition = flag("AWS: its trust policy names the account or resource that may make the service assume it.")
    enabled = flag("It may be used.")
    user_managed_keys = count("Google: enabled keys that people downloaded.")
    oldest_key_days = days("Google: age in days of the oldest of them.")
    basic_role = flag("Google: it holds owner, editor or an admin role on the project.")
    project_wide_messaging = flag("Google: it holds a Pub/Sub role on the whole project.")


class Grant(Table):
    """One row per principal and right: an IAM binding, a role assignment, a statement of an identity's policy."""

    context = ("principal", "right")

    principal = text("Who.")
    principal_kind = text(
        "What kind of principal.", "public", "person", "group", "service", "retired service", "convenience", "unknown"
    )
    right = text("Role or action granted.")
    target_kind = text(
        "What it is granted on.",
        "account", "management group", "resource group", "hub", "topic", "subscription", "bucket", "key", "other",
    )  # fmt: skip
    holds_iot_data = flag("IoT data or firmware passes through the target.")
    external = flag("The principal belongs to another organisation or project.")
    iot_admin = flag("AWS: it allows iot:* or the making of claims, certificates, jobs or tunnels on every resource.")
    iot_data_role = flag("Azure: it is a role on the data plane of hubs.")
    hubs_covered = count("Azure: hubs and provisioning services that it reaches.")
    retired_role = flag("Google: a role of the retired Cloud IoT Core.")
    deleted = flag("The principal no longer exists.")


class RuleRole(Table):
    """One row per topic rule action that acts with an IAM role."""

    kind = text("Kind of action, as in `sqs`.")
    service = text("Prefix of the IAM actions that this kind of action needs.")
    role = text("ARN of the IAM role.")
    documents = text("Every policy of the role, a JSON list of documents.", shown=False)


class Function(Table):
    """One row per Lambda function that AWS IoT calls."""

    context = ("used_by",)

    used_by = text("What calls it: a topic rule, an authorizer, a provisioning hook.")
    trusts_iot = flag("Its policy lets AWS IoT call it.")
    source_condition = flag("Its policy names the account or resource that may make AWS IoT call it.")
