"""Who may do what: device policies, role aliases, identities of services, grants."""

from __future__ import annotations

from collectors.schema import Table, count, days, flag, text


class Policy(Table):
    """One row per AWS IoT policy, default version."""

    document = text("The policy, JSON.", shown=False)
    targets = count("Certificates and thing groups it is attached to.")
    claim = flag("It is attached only to provisioning claims.")
    aliases = count("Role aliases in the same account and region.")


class RoleAlias(Table):
    """One row per AWS role alias, joined with what its role may do."""

    role = text("ARN of the IAM role.")
    documents = text("Every policy of the role, a JSON list of documents.", shown=False)
    bounded = flag("A permissions boundary limits the role.")
    session_seconds = count("Lifetime in seconds of the credentials a device gets.")


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
