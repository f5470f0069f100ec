"""Logging, monitoring and detection: somebody would notice."""

from __future__ import annotations

from checks.check import check, proven
from collectors.schema import Rows, Verdict
from collectors.tables.device import Device
from collectors.tables.fleet import Audit, Registry, Suppression, Watch
from collectors.tables.hub import Detection, Log
from collectors.tables.monitoring import LogGroup, Recording


@check(
    severity="medium",
    serves=[
        "aws-iot-logging-disabled",
        "azure-iothub-diagnostics-off",
        "azure-dps-diagnostics-off",
        "gcp-clearblade-registry-logging-none",
    ],
    remedy={
        "aws": "Call SetV2LoggingOptions with default level ERROR or INFO.",
        "azure": "Send Connections and DeviceIdentityOperations (DPS: both categories) to a workspace.",
        "": "Set the registry's logLevel to ERROR or INFO.",
    },
    command={
        "aws": (
            "aws iot set-v2-logging-options --region {region} --role-arn YOUR_LOGGING_ROLE_ARN"
            " --default-log-level ERROR --no-disable-all-logs"
        ),
        "azure iot hub": (
            "az monitor diagnostic-settings create --resource {resource} --name YOUR_NAME"
            " --workspace YOUR_WORKSPACE_ID"
            ' --logs \'[{"category": "Connections", "enabled": true},'
            ' {"category": "DeviceIdentityOperations", "enabled": true}]\''
        ),
        "azure provisioning service": (
            "az monitor diagnostic-settings create --resource {resource} --name YOUR_NAME"
            " --workspace YOUR_WORKSPACE_ID"
            ' --logs \'[{"category": "DeviceOperations", "enabled": true},'
            ' {"category": "ServiceOperations", "enabled": true}]\''
        ),
    },
    passes=[{"logs_connections": True}],
    fails=[{"logs_connections": False}],
)
def connections_are_logged(logs: Rows[Log]) -> Verdict:
    """Connections of devices are logged.

    Otherwise failed logins, cloned devices and takeovers leave no trace.
    """
    return logs["logs_connections"]


@check(
    severity="medium",
    serves=["aws-iot-logging-disabled"],
    remedy={"aws": "Delete the logging level of the target with DeleteV2LoggingLevel, or set it to ERROR or finer."},
    only={"provider": "aws"},
    passes=[{"silenced": 0}],
    fails=[{"silenced": 1}],
)
def log_leaves_nobody_out(logs: Rows[Log]) -> Verdict:
    """No thing group, client, address or principal is exempt from the log of connections.

    The log looks complete, and the group that is exempt from it is the one to look at.
    """
    return logs["silenced"] == 0


@check(
    severity="medium",
    serves=["gcp-clearblade-registry-logging-none"],
    remedy="Remove the device's own logLevel NONE.",
    only={"provider": ("gcp", "clearblade"), "enabled": True},
    passes=[{"logs_off": False}],
    fails=[{"logs_off": True}],
    ignores=[{"enabled": False}],
)
def device_is_not_silenced(devices: Rows[Device]) -> Verdict:
    """No device is exempt from its registry's log.

    The device that is exempt is the one to look at.
    """
    return ~devices["logs_off"]


@check(
    severity="medium",
    serves=["aws-iot-dd-audit-not-scheduled"],
    remedy={"aws": "Enable the critical audit checks of Device Defender and schedule a daily audit."},
    command={
        "aws": (
            "aws iot create-scheduled-audit --region {region} --scheduled-audit-name YOUR_AUDIT"
            " --frequency DAILY --target-check-names YOUR_CHECK_NAMES"
        ),
    },
    only={"provider": "aws"},
    passes=[{"audit_scheduled": True}],
    fails=[{"audit_scheduled": False}],
)
def audit_is_scheduled(detections: Rows[Detection]) -> Verdict:
    """A Device Defender audit with the critical checks is scheduled.

    Drift that nobody looks for goes unnoticed.
    """
    return detections["audit_scheduled"]


@check(
    severity="low",
    serves=["aws-iot-dd-audit-not-scheduled"],
    remedy={"aws": "Set an SNS topic as the audit's notification target, and enable it."},
    only={"provider": "aws"},
    passes=[{"audit_notifies": True}],
    fails=[{"audit_notifies": False}],
)
def audit_tells_somebody(detections: Rows[Detection]) -> Verdict:
    """The results of Device Defender audits are sent to a topic.

    An audit that nobody is told about is read by nobody.
    """
    return detections["audit_notifies"]


@check(
    severity="low",
    controls=["ISVS 1.5.1", "ISVS 1.5.2", "NIST-CSF-2.0 RS.MI-01"],
    remedy={
        "aws": (
            "Create a mitigation action that moves things into a quarantine group, deactivates certificates or puts a"
            " blank policy in force."
        ),
    },
    command={
        "aws": (
            "aws iot create-mitigation-action --region {region} --action-name YOUR_ACTION --role-arn YOUR_ROLE_ARN"
            " --action-params addThingsToThingGroupParams={thingGroupNames=YOUR_QUARANTINE_GROUP}"
        ),
    },
    only={"provider": "aws", "audit_on": True},
    passes=[{"findings_containable": True}],
    fails=[{"findings_containable": False}],
    ignores=[{"audit_on": False}],
)
def audit_findings_can_be_contained(detections: Rows[Detection]) -> Verdict:
    """A mitigation action can contain the devices that an audit finds.

    Otherwise somebody has to work out how to stop a device that was taken over while it is still connected.
    """
    return detections["findings_containable"]


@check(
    severity="medium",
    serves=["gcp-audit-data-access-off"],
    remedy={"gcp": "Enable data access logs for Pub/Sub, KMS, Secret Manager and CA Service, without exemptions."},
    command={"gcp": "gcloud projects set-iam-policy {account} YOUR_POLICY.yaml"},
    only={"provider": "gcp"},
    passes=[{"data_access_logged": True, "audit_exemptions": 0}],
    fails=[
        {"data_access_logged": False, "audit_exemptions": 0},
        {"data_access_logged": True, "audit_exemptions": 1},
    ],
)
def data_access_is_logged(detections: Rows[Detection]) -> Verdict:
    """Reads and writes of data are in the audit log, for everybody.

    Otherwise nobody can say who read keys, secrets and device messages.
    """
    return detections["data_access_logged"] & (detections["audit_exemptions"] == 0)


@check(
    severity="high",
    serves=["aws-iot-dd-open-findings"],
    remedy={"aws": "Fix what the findings name, or suppress them until a date, with a reason."},
    only={"provider": "aws"},
    passes=[{"open_findings": "", "age_days": 8}],
    fails=[{"open_findings": "DEVICE_CERTIFICATE_SHARED_CHECK 1", "age_days": 9}],
    open=[{"open_findings": "", "age_days": 9}],
)
def audit_leaves_no_serious_finding_open(audits: Rows[Audit], *, days: int = 8) -> Verdict:
    """The latest Device Defender audit leaves no critical or high finding open.

    Somebody was told, and nothing happened.
    """
    return (audits["open_findings"] == "") & proven(audits["age_days"] <= days)


@check(
    severity="medium",
    serves=["aws-iot-dd-detect-absent"],
    remedy={"aws": "Create a security profile with ML Detect behaviours and an alert target for all things."},
    command={
        "aws": (
            "aws iot create-security-profile --region {region} --security-profile-name YOUR_PROFILE"
            " --behaviors file://YOUR_BEHAVIORS.json"
            " --alert-targets SNS={alertTargetArn=YOUR_TOPIC_ARN,roleArn=YOUR_ROLE_ARN}"
        ),
    },
    only={"provider": "aws"},
    passes=[{"alerting_profiles": 1}],
    fails=[{"alerting_profiles": 0}],
)
def behaviour_of_devices_is_watched(watches: Rows[Watch]) -> Verdict:
    """A security profile watches how devices behave, and alerts somebody.

    A device that was taken over starts to behave differently; nobody would see it.
    """
    return watches["alerting_profiles"] > 0


@check(
    severity="medium",
    serves=["aws-iot-dd-suppression-indefinite"],
    remedy={"aws": "Give the suppression an expiration date and a description."},
    command={
        "aws": (
            "aws iot update-audit-suppression --region {region} --check-name {name}"
            " --resource-identifier file://YOUR_RESOURCE.json --no-suppress-indefinitely --expiration-date YOUR_DATE"
        ),
    },
    only={"provider": "aws", "serious": True},
    passes=[{"indefinite": False}],
    fails=[{"indefinite": True}],
    ignores=[{"serious": False}],
)
def suppression_ends_some_day(suppressions: Rows[Suppression]) -> Verdict:
    """A suppression of critical or high audit findings ends at some date.

    What is silenced for ever is never looked at again.
    """
    return ~suppressions["indefinite"]


@check(
    severity="low",
    serves=["aws-iot-registry-events-off"],
    remedy={"aws": "Enable the event types CERTIFICATE, CA_CERTIFICATE and POLICY with UpdateEventConfigurations."},
    command={
        "aws": (
            "aws iot update-event-configurations --region {region}"
            " --event-configurations CERTIFICATE={Enabled=true},CA_CERTIFICATE={Enabled=true},POLICY={Enabled=true}"
        ),
    },
    only={"provider": "aws"},
    passes=[
        {"certificate_events": True, "authority_events": True, "policy_events": True, "api_alerts": False},
        {"certificate_events": False, "authority_events": False, "policy_events": False, "api_alerts": True},
    ],
    fails=[
        {"certificate_events": False, "authority_events": True, "policy_events": True, "api_alerts": False},
        {"certificate_events": True, "authority_events": False, "policy_events": True, "api_alerts": False},
        {"certificate_events": True, "authority_events": True, "policy_events": False, "api_alerts": False},
    ],
)
def credential_changes_raise_events(registries: Rows[Registry]) -> Verdict:
    """Changes to certificates and policies raise an event.

    Otherwise a credential is added or widened in silence. An EventBridge rule on API calls does as well.
    """
    events = registries["certificate_events"] & registries["authority_events"] & registries["policy_events"]
    return events | registries["api_alerts"]


@check(
    severity="low",
    controls=["ISVS 1.4.1", "NIST-CSF-2.0 PR.PS-01"],
    remedy={
        "aws": "Add the resource type IoT Policy to what AWS Config's recorder records in this region, and start it."
    },
    command={
        "aws": (
            "aws configservice put-configuration-recorder --region {region}"
            " --configuration-recorder file://YOUR_RECORDER.json"
        ),
    },
    only={"provider": "aws"},
    passes=[{"policies_recorded": True}],
    fails=[{"policies_recorded": False}],
)
def policy_changes_are_recorded(registries: Rows[Registry]) -> Verdict:
    """AWS Config records how AWS IoT policies change.

    AWS IoT keeps five versions of a policy, and none of a deleted one: what devices were allowed to do at the time of an
    incident is lost.
    """
    return registries["policies_recorded"]


@check(
    severity="info",
    controls=["ISVS 1.5.3"],
    remedy={
        "aws": "Set thingConnectivityIndexingMode to STATUS in the thing indexing configuration; indexing is billed."
    },
    command={
        "aws": (
            "aws iot update-indexing-configuration --region {region}"
            " --thing-indexing-configuration file://YOUR_INDEXING.json"
        ),
    },
    only={"provider": "aws"},
    passes=[{"connections_indexed": True}],
    fails=[{"connections_indexed": False}],
)
def connected_things_can_be_listed(registries: Rows[Registry]) -> Verdict:
    """Fleet indexing can tell which things are connected.

    Otherwise nobody can list what is connected, or has been silent for long, and review whether it should be there.
    """
    return registries["connections_indexed"]


@check(
    severity="medium",
    serves=["aws-cloudtrail-iot-not-recorded"],
    remedy={"aws": "Create a multi-region trail with management events, and start it."},
    command={
        "aws": (
            "aws cloudtrail create-trail --region {region} --name YOUR_TRAIL --s3-bucket-name YOUR_BUCKET"
            " --is-multi-region-trail"
        ),
    },
    only={"provider": "aws"},
    passes=[{"recorded": True}],
    fails=[{"recorded": False}],
)
def administration_is_recorded(recordings: Rows[Recording]) -> Verdict:
    """Administrative calls to the IoT backend are recorded.

    Otherwise nobody can tell who registered a certificate, changed a policy or opened a tunnel.
    """
    return recordings["recorded"]


@check(
    severity="low",
    serves=["aws-iot-log-retention-unbounded"],
    remedy={"aws": "Set the log group's retention to 90 days or more, and to an end."},
    command={
        "aws": (
            "aws logs put-retention-policy --region {region} --log-group-name {name} --retention-in-days YOUR_DAYS"
        ),
    },
    only={"provider": "aws"},
    passes=[{"retention_days": 90}, {"retention_days": 3653}],
    fails=[{"retention_days": 0}, {"retention_days": 89}, {"retention_days": 3654}],
)
def log_is_kept_for_a_bounded_time(groups: Rows[LogGroup], *, least: int = 90, most: int = 3653) -> Verdict:
    """A log of the IoT backend is kept for 90 days at least, and not for ever.

    A short one is gone before an incident is noticed; an endless one keeps data about people without a purpose.
    """
    return (groups["retention_days"] >= least) & (groups["retention_days"] <= most)
