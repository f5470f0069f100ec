"""What stands around AWS IoT: gateways, tunnels, app logins, roles of rules, trails, log groups and private CAs."""

from __future__ import annotations

from collectors.schema import Table, Tagged, count, days, flag, hours, text


class EdgeCore(Table):
    """One row per AWS IoT Greengrass V2 core device."""

    runtime = text("Which nucleus it runs, as in `aws_nucleus_classic`.")
    release = count("Version of the nucleus as one number: 2.12 is 2012.")
    healthy = flag("It reports no broken component.")
    silent_days = days("Days since it last reported.")
    documents = text("Every AWS IoT policy on its certificates, a JSON list of documents.", shown=False)
    debug_tool = flag("The local debug console or the local command line is installed.")
    development = flag("A tag says that it is no production device.")


class EdgeDeployment(Table):
    """One row per Greengrass V2 deployment: the latest of each target."""

    active = flag("Devices still get it.")
    rolls_back = flag("A device on which it fails goes back to what it ran before.")


class EdgeComponent(Table):
    """One row per component of the latest Greengrass V2 deployment of each target; the subject is its name."""

    component = text("Name of the component.")
    active = flag("Devices still get the deployment.")
    vendor = flag(
        "AWS publishes it and answers for the privilege it needs; the nucleus, whose user is set, is not meant."
    )
    runs_as_root = flag("It runs as root, or (nucleus) makes others run as root by default.")
    debug_tool = flag("It is the local debug console or the local command line.")
    development = flag("A tag says that the deployment is not for production.")
    clients_open = flag("Client device auth: every client device may use every topic of the local broker.")


class EdgeGroup(Table):
    """One row per AWS IoT Greengrass V1 group."""

    deployed = flag("It was deployed to a core.")


class Tunnel(Table):
    """One row per secure tunnel into a device that AWS still lists."""

    open = flag("It is open.")
    age_hours = hours("Hours since it was opened, rounded up.")
    lifetime_minutes = count("Minutes for which it may stay open.")


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


class Recording(Table):
    """One row per AWS account and region: whether administrative calls are recorded there."""

    recorded = flag("A trail that is logging covers write calls to AWS IoT in this region.")


class LogGroup(Table):
    """One row per log group that AWS IoT or Greengrass writes into."""

    retention_days = count("Days for which events are kept; 0 is for ever.")


class PoolRole(Table):
    """One row per IAM role that an Amazon Cognito identity pool hands out; the subject says to whom."""

    identities = text("Who gets it.", "guests", "signed-in users")
    handed_out = flag("Such identities get credentials at all.")
    role = text("ARN of the IAM role.")
    documents = text("Every policy of the role, a JSON list of documents.", shown=False)


class UserPool(Table):
    """One row per Amazon Cognito user pool and the identity pool (subject) that trusts it."""

    iot = flag("Its users get credentials that reach AWS IoT.")
    passwords = flag("Its users may sign in with a password.")
    password_length = count("Shortest password it takes.")
    mfa = text("Whether a second factor is asked for.", "OFF", "ON", "OPTIONAL")
    threat_protection = text("What it does about suspicious sign-ins.", "OFF", "AUDIT", "ENFORCED")


class IssuingAuthority(Table):
    """One row per CA of AWS Private CA."""

    active = flag("It issues certificates.")
    short_lived = flag("It issues certificates of seven days at most, which are not revoked.")
    registered = flag("Its certificate, or one above it, is registered in AWS IoT.")
    publishes_revocation = flag("A certificate it issues says where its revocation is published: a CRL or OCSP.")


class DataEndpoint(Table):
    """One row per AWS account and region: how the data plane of AWS IoT is reached."""

    private_endpoints = count("Interface endpoints for it that are available.")
    bound_policies = count("Attached AWS IoT policies with a condition on the VPC or VPC endpoint.")


class TaggedResource(Tagged):
    """One row per resource with tags, where the provider lists tags apart from the resources."""
