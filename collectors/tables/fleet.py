"""How an AWS fleet is brought in, watched and changed: authorizers, provisioning, Device Defender, jobs, packages."""

from __future__ import annotations

from collectors.schema import Table, count, days, flag, text


class Authorizer(Table):
    """One row per active custom authorizer."""

    verifies_tokens = flag("AWS IoT checks the signature of a token before it calls the function.")
    signing_keys = count("Public keys it checks signatures with.")


class ProvisioningTemplate(Table):
    """One row per provisioning template, and per CA whose registration settings hold a template of their own."""

    kind = text("What it is.", "fleet provisioning", "jitp", "ca registration")
    enabled = flag("Devices can be provisioned with it.")
    hooked = flag("A function decides about each device before it is provisioned.")
    documents = text(
        "Every policy it hands to a device, a JSON list of documents. A parameter that the caller chooses is `*`; what"
        " the certificate or a hook decides is a name of the device's own.",
        shown=False,
    )
    settled = flag("What its policies say does not depend on a parameter that a hook may or may not set.")


class Claim(Table):
    """One row per certificate whose policies name a provisioning template: a claim when it has no thing."""

    active = flag("It can be used.")
    things = count("Things it is attached to; a claim has none.")
    documents = text("Every policy attached to it, a JSON list of documents.", shown=False)


class Audit(Table):
    """One row per AWS account and region: what the latest Device Defender audits found."""

    age_days = days("Days since the latest completed audit began.")
    open_findings = text(
        "Checks with critical or high findings that are not suppressed, and how many, as in `CHECK 3`; empty for none."
    )


class AuditCheck(Table):
    """One row per AWS account, region and Device Defender check whose answer no configuration holds."""

    check = text("Name of the Device Defender check.")
    age_days = days("Days since the latest audit that ran it to its end began.")
    open_resources = text("What its unsuppressed findings name, ten at most, then how many more; empty for none.")
    lists_answered = flag("Revocation lists say of every trusted certificate, or CA, what the check asks.")


class Suppression(Table):
    """One row per suppression of Device Defender audit findings."""

    context = ("expires_in_days", "description")

    serious = flag("The suppressed check is of critical or high severity.")
    indefinite = flag("It never ends.")
    expires_in_days = days("Days until it ends; negative when it has.")
    description = text("Why, as somebody wrote it down.")


class Watch(Table):
    """One row per AWS account and region: what Device Defender Detect watches."""

    context = ("profiles", "attached_profiles")

    profiles = count("Security profiles.")
    attached_profiles = count("Security profiles with behaviours that are attached to something.")
    alerting_profiles = count("Those of them that send alerts somewhere.")


class Job(Table):
    """One row per job that devices are running or will run, and per job template."""

    kind = text("What it is.", "job", "template")
    insecure_downloads = count(
        "URLs of its document that devices would fetch over plain HTTP, or from S3 without a presigned URL and with no"
        " signature or hash beside them."
    )
    one_thing = flag("It targets a single thing.")
    target_groups = count("Thing groups it targets.")
    target_things = count("Things it targets by name.")
    rate_limited = flag("Its rollout is slower than the service's own limit of 1000 devices a minute.")
    aborts = flag("It stops when too many devices fail.")


class PackageVersion(Table):
    """One row per published version of a software package."""

    sbom = flag("A software bill of materials is associated with it.")
    sbom_valid = flag("AWS IoT validated the bill of materials.")


class Registry(Table):
    """One row per AWS account and region: settings of the device registry."""

    certificate_events = flag("Changes to device certificates are published as events.")
    authority_events = flag("Changes to CA certificates are published as events.")
    policy_events = flag("Changes to policies are published as events.")
    api_alerts = flag("An enabled EventBridge rule hears of API calls that change certificates or policies.")
    policies_recorded = flag("A recorder of AWS Config that runs keeps every version of a policy.")
    connections_indexed = flag("Fleet indexing keeps which things are connected, and since when.")
    customer_key = flag("It is encrypted with a key of the customer; otherwise with one that AWS owns.")
    key_usable = flag("That key works.")
