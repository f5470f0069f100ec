"""How the fleet is brought in, watched and changed: answers for authorizers, provisioning, Device Defender and jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lab.aws_answers import AUDITED, CHECKS, SET_UP, TRIED, Answer, Missing, Reply, named, page
from lab.aws_estate import arn
from lab.aws_policies import ACCOUNT, HERE, HOME, allow, policy
from lab.aws_updates import CERTIFICATES, PLATFORMS, PROFILES, SIGNING_JOBS, certificate
from lab.clock import now
from lab.server import CANARY

AMERICA = "us-east-1"
UNSIGNED = ("PartnerTokens",)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REF = {"Ref": "SerialNumber"}
COMMON_NAME = {"Ref": "AWS::IoT::Certificate::CommonName"}


def describe_authorizer(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["authorizerName"]
    unsigned = name in UNSIGNED
    keys = (
        {} if unsigned else {"tokenKeyName": "token", "tokenSigningPublicKeys": {"2026": "-----BEGIN PUBLIC KEY-----"}}
    )
    function = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"
    return {
        "authorizerDescription": {
            "authorizerName": name,
            "authorizerArn": arn(region, f"authorizer/{name}"),
            "authorizerFunctionArn": function,
            "status": "ACTIVE",
            "signingDisabled": unsigned,
            **keys,
        }
    }


def client(name: Any) -> Reply:
    """A policy resource of a template whose client id is worked out when a device is provisioned."""
    join = {"Fn::Join": ["", [f"{HERE}client/", name]]}
    document = policy(allow("iot:Connect", join))  # type: ignore[arg-type]
    return {"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": json.dumps(document)}}


def template(name: str, resource: Reply, hook: bool, enabled: bool = True, kind: str = "FLEET_PROVISIONING") -> Reply:
    """A provisioning template as it is described."""
    region = HOME
    function = {"targetArn": f"arn:aws:lambda:{region}:{ACCOUNT}:function:allow-listed-meters"}
    body = {
        "Parameters": {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::CommonName": {"Type": "String"}},
        "Resources": {"thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": REF}}, "policy": resource},
    }
    return {
        "templateName": name,
        "templateArn": arn(region, f"provisioningtemplate/{name}"),
        "templateBody": json.dumps(body),
        "enabled": enabled,
        "type": kind,
        "creationDate": SET_UP,
        **({"preProvisioningHook": function} if hook else {}),
    }


EXISTING = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "MeterDevice"}}
EVERYTHING = {
    "Type": "AWS::IoT::Policy",
    "Properties": {"PolicyDocument": json.dumps(policy(allow(["iot:Connect", "iot:Publish"], "*")))},
}
TEMPLATES = {
    HOME: [
        template("meters", EXISTING, hook=True),
        template("meters-jitp", client(COMMON_NAME), hook=False, kind="JITP"),
        template("partners", EVERYTHING, hook=False),
        template("samplers", client(REF), hook=False),
        template("valves", client(REF), hook=True),
        template("trial-2020", EXISTING, hook=False, enabled=False),
    ]
}
"""Vetted, just in time, open to everybody, named by the caller, named by the caller or the hook, switched off."""


def list_templates(region: str, params: Mapping[str, Any]) -> Reply:
    keys = ("templateName", "templateArn", "enabled", "type", "creationDate")
    return page([{k: t[k] for k in keys} for t in TEMPLATES.get(region, [])], params, "templates", "nextToken")


TASKS: dict[str, list[tuple[str, int, tuple[str, ...]]]] = {
    AUDITED: [
        ("00000000-0000-4000-8000-0000000000a1", 9, CHECKS),
        ("00000000-0000-4000-8000-0000000000a2", 1, CHECKS),
        ("00000000-0000-4000-8000-0000000000a3", 3, CHECKS),
    ],
    AMERICA: [("00000000-0000-4000-8000-0000000000b1", 3, TRIED)],
}
"""Completed audits, in the order they are listed: id, age in days and the checks they ran."""


def finding(check: str, severity: str, resource: Reply, suppressed: bool = False) -> Reply:
    """An audit finding."""
    return {
        "checkName": check,
        "severity": severity,
        "nonCompliantResource": {"resourceType": "DEVICE_CERTIFICATE", "resourceIdentifier": resource},
        "isSuppressed": suppressed,
    }


FINDINGS = {
    "00000000-0000-4000-8000-0000000000a2": [
        finding("REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK", "CRITICAL", {"caCertificateId": "ca" * 32}),
        finding("CONFLICTING_CLIENT_IDS_CHECK", "HIGH", {"clientId": "gateway-cork-01"}),
        finding("CONFLICTING_CLIENT_IDS_CHECK", "HIGH", {"clientId": "gateway-test-bench"}, suppressed=True),
        finding("REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK", "MEDIUM", {"deviceCertificateId": "de" * 32}),
        finding("DEVICE_CERTIFICATE_SHARED_CHECK", "CRITICAL", {"deviceCertificateId": "ab" * 32}, suppressed=True),
        finding("DEVICE_CERTIFICATE_SHARED_CHECK", "CRITICAL", {"deviceCertificateId": "ac" * 32}),
        finding("DEVICE_CERTIFICATE_KEY_QUALITY_CHECK", "CRITICAL", {"deviceCertificateId": "ad" * 32}),
    ],
    "00000000-0000-4000-8000-0000000000a3": [
        finding("IOT_POLICY_OVERLY_PERMISSIVE_CHECK", "CRITICAL", {"policyVersionIdentifier": {"policyName": "Gone", "policyVersionId": "1"}})
    ],
}  # fmt: skip
"""What each audit found; the policy of an older one is gone."""


def began(task: tuple[str, int, tuple[str, ...]]) -> datetime:
    """When an audit began."""
    return now() - task[1] * DAY - HOUR


def list_tasks(region: str, params: Mapping[str, Any]) -> Reply:
    after = (
        params["startTime"]
        if isinstance(params["startTime"], datetime)
        else datetime.fromisoformat(params["startTime"])
    )
    found = [
        {"taskId": task[0], "taskStatus": "COMPLETED", "taskType": "ON_DEMAND_AUDIT_TASK"}
        for task in TASKS.get(region, [])
        if began(task) >= after.replace(tzinfo=UTC)
    ]
    return page(found, params, "tasks", "nextToken")


def describe_task(region: str, params: Mapping[str, Any]) -> Reply:
    task = next((task for task in TASKS.get(region, []) if task[0] == params["taskId"]), None)
    if task is None:
        raise Missing(params["taskId"])
    bad = {found["checkName"] for found in FINDINGS.get(task[0], [])}
    return {
        "taskStatus": "COMPLETED",
        "taskType": "ON_DEMAND_AUDIT_TASK",
        "taskStartTime": began(task),
        "auditDetails": {
            check: {"checkRunStatus": "COMPLETED_NON_COMPLIANT" if check in bad else "COMPLETED_COMPLIANT"}
            for check in task[2]
        },
    }


def list_findings(region: str, params: Mapping[str, Any]) -> Reply:
    found = [
        whole
        for whole in FINDINGS.get(params["taskId"], [])
        if params.get("checkName", whole["checkName"]) == whole["checkName"]
        and params.get("listSuppressedFindings", whole["isSuppressed"]) == whole["isSuppressed"]
    ]
    return page(found, params, "findings", "nextToken")


SUPPRESSIONS: dict[str, list[Reply]] = {
    AUDITED: [
        {
            "checkName": "DEVICE_CERTIFICATE_SHARED_CHECK",
            "resourceIdentifier": {"deviceCertificateId": "ab" * 32},
            "suppressIndefinitely": True,
            "description": "=gateways,share@one",
        },
        {
            "checkName": "CONFLICTING_CLIENT_IDS_CHECK",
            "resourceIdentifier": {"clientId": "gateway-test-bench"},
            "suppressIndefinitely": False,
            "expirationDate": datetime(2049, 1, 1, tzinfo=UTC),
            "description": "Two test benches take turns",
        },
        {
            "checkName": "LOGGING_DISABLED_CHECK",
            "resourceIdentifier": {"account": ACCOUNT},
            "suppressIndefinitely": True,
        },
    ],
    AMERICA: [
        {
            "checkName": "A_CHECK_OF_NEXT_YEAR",
            "resourceIdentifier": {"account": ACCOUNT},
            "suppressIndefinitely": True,
        }
    ],
}

BEHAVIOUR = {
    "name": "Authorization failures",
    "metric": "aws:num-authorization-failures",
    "criteria": {"mlDetectionConfig": {"confidenceLevel": "HIGH"}},
}
SECURITY_PROFILES: dict[str, dict[str, list[str]]] = {
    AUDITED: {"fleet": ["all/things"], "draft": []},
    AMERICA: {"draft": []},
}
"""Security profiles by region, and what they are attached to."""


def list_profiles(region: str, params: Mapping[str, Any]) -> Reply:
    names = SECURITY_PROFILES.get(region, {})
    items = [{"name": name, "arn": arn(region, f"securityprofile/{name}")} for name in names]
    return page(items, params, "securityProfileIdentifiers", "nextToken")


def profile_targets(region: str, params: Mapping[str, Any]) -> Reply:
    targets = SECURITY_PROFILES[region][params["securityProfileName"]]
    return page([{"arn": arn(region, target)} for target in targets], params, "securityProfileTargets", "nextToken")


def describe_profile(region: str, params: Mapping[str, Any]) -> Reply:
    alert = {"alertTargetArn": f"arn:aws:sns:{region}:{ACCOUNT}:security-alerts", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/IotAudit"}  # fmt: skip
    return {"securityProfileName": params["securityProfileName"], "behaviors": [BEHAVIOUR], "alertTargets": {"SNS": alert}}  # fmt: skip


SLOWLY = {"exponentialRate": {"baseRatePerMinute": 10, "incrementFactor": 2.0, "rateIncreaseCriteria": {"numberOfSucceededThings": 50}}}  # fmt: skip
CAREFULLY = {"criteriaList": [{"failureType": "FAILED", "action": "CANCEL", "thresholdPercentage": 10.0, "minNumberOfExecutedThings": 20}]}  # fmt: skip


def job(name: str, document: Any, targets: tuple[str, ...] = ("thinggroup/field",), guarded: bool = True, status: str = "IN_PROGRESS") -> Reply:  # fmt: skip
    """A job, its document beside it."""
    limits = {"jobExecutionsRolloutConfig": SLOWLY, "abortConfig": CAREFULLY} if guarded else {"jobExecutionsRolloutConfig": {"maximumPerMinute": 1000}}  # fmt: skip
    return {
        "document": json.dumps(document),
        "job": {
            "jobId": name,
            "jobArn": arn(HOME, f"job/{name}"),
            "status": status,
            "targetSelection": "SNAPSHOT",
            "targets": [arn(HOME, target) for target in targets],
            "documentParameters": {"wifi": CANARY},
            **limits,
        },
    }


PLACEHOLDER = "${aws:iot:s3-presigned-url:https://s3.eu-west-1.amazonaws.com/brightwater-firmware/pump/4.2.0.bin}"
JOBS = {
    HOME: [
        job("pump-4-2-0", {"$schema": "http://json-schema.org/draft-07/schema#", "url": PLACEHOLDER}),
        job(
            "valve-1-9-4",
            {"files": [{"url": f"https://cdn.brightwater.example/v.bin?key={CANARY}", "sig-sha256-ecdsa": "MEQC"}]},
            targets=("thing/valve-ennis-001", "thing/valve-ennis-002"),
            guarded=False,
        ),
        job("valve-1-9-3", {"image": "http://downloads.brightwater.example/valve-1.9.3.bin", "wifi": CANARY}, guarded=False),
        job("meter-open", {"image": "https://brightwater-dashboard.s3.eu-west-1.amazonaws.com/meter.bin"}),
        job("reboot-one", {"operation": "reboot"}, ("thing/meter-cork-000",), guarded=False, status="SCHEDULED"),
        job("finished", {"image": "http://old.example/a.bin"}, guarded=False, status="COMPLETED"),
    ],
    AMERICA: [job("boston-unknown", {"image": "https://cdn.brightwater.example/boston.bin"})],
}  # fmt: skip
"""Presigned, signed, plain HTTP, an open bucket, nothing fetched, over; and in America what nobody can tell."""


def list_jobs(region: str, params: Mapping[str, Any]) -> Reply:
    keys = ("jobId", "jobArn", "status", "targetSelection")
    found = [{key: made["job"][key] for key in keys} for made in JOBS.get(region, []) if made["job"]["status"] == params["status"]]  # fmt: skip
    return page(found, params, "jobs", "nextToken")


def one_job(region: str, params: Mapping[str, Any]) -> Reply:
    """A job with its document, by id."""
    found = next((made for made in JOBS.get(region, []) if made["job"]["jobId"] == params["jobId"]), None)
    if found is None:
        raise Missing(params["jobId"])
    return found


JOB_TEMPLATES: dict[str, list[Reply]] = {
    HOME: [
        {
            "jobTemplateId": "monthly-image",
            "jobTemplateArn": arn(HOME, "jobtemplate/monthly-image"),
            "document": json.dumps({"image": f"http://downloads.brightwater.example/latest.bin?key={CANARY}"}),
            "jobExecutionsRolloutConfig": SLOWLY,
        }
    ]
}


def list_job_templates(region: str, params: Mapping[str, Any]) -> Reply:
    keys = ("jobTemplateId", "jobTemplateArn")
    items = [{key: found[key] for key in keys} for found in JOB_TEMPLATES.get(region, [])]
    return page(items, params, "jobTemplates", "nextToken")


def sbom(status: str) -> Reply:
    """A bill of materials and what came of its validation."""
    return {
        "artifact": {"s3Location": {"bucket": "brightwater-partner-images", "key": "pump.bin"}},
        "sbom": {"s3Location": {"bucket": "brightwater-firmware", "key": "sbom.zip"}},
        "sbomValidationStatus": status,
    }


PACKAGES: dict[str, dict[str, dict[str, Reply]]] = {
    HOME: {
        "pump-controller": {"4.2.0": sbom("SUCCEEDED"), "4.3.0": {"status": "DRAFT"}},
        "valve": {"1.9.3": {}},
        "meter": {"7.0.1": sbom("FAILED")},
    },
    AMERICA: {"meter": {"7.1.0": sbom("IN_PROGRESS")}},
}
"""Packages and their versions, published unless they say otherwise."""


def list_packages(region: str, params: Mapping[str, Any]) -> Reply:
    items = [{"packageName": name} for name in PACKAGES.get(region, {})]
    return page(items, params, "packageSummaries", "nextToken")


def list_versions(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["packageName"]
    items = [
        {"packageName": name, "versionName": version, "status": "PUBLISHED"}
        for version, about in PACKAGES[region][name].items()
        if about.get("status", "PUBLISHED") == params["status"]
    ]
    return page(items, params, "packageVersionSummaries", "nextToken")


def get_version(region: str, params: Mapping[str, Any]) -> Reply:
    name, version = params["packageName"], params["versionName"]
    return {"packageName": name, "versionName": version, "status": "PUBLISHED", **PACKAGES[region][name][version]}


def events(region: str, _: Mapping[str, Any]) -> Reply:
    on = {"Enabled": region == AUDITED}
    kinds = ("CERTIFICATE", "CA_CERTIFICATE", "POLICY")
    return {"eventConfigurations": {"THING": {"Enabled": False}, **dict.fromkeys(kinds, on)}}


EVENT_RULES: dict[str, list[Reply]] = {
    AMERICA: [
        {
            "Name": "jobs",
            "State": "ENABLED",
            "EventPattern": json.dumps({"source": ["aws.iot"], "detail": {"eventName": ["CreateJob"]}}),
        },
        {
            "Name": "policies",
            "State": "DISABLED",
            "EventPattern": json.dumps({"source": ["aws.iot"], "detail": {"eventName": ["AttachPolicy"]}}),
        },
        {"Name": "nightly", "State": "ENABLED", "ScheduleExpression": "rate(1 day)"},
    ]
}


def signing_profile(_: str, params: Mapping[str, Any]) -> Reply:
    name = params["profileName"]
    if name not in PROFILES:
        raise Missing(name)
    return {"profileName": name, **PROFILES[name]}


def signing_job(_: str, params: Mapping[str, Any]) -> Reply:
    if params["jobId"] not in SIGNING_JOBS:
        raise Missing(params["jobId"])
    used = SIGNING_JOBS[params["jobId"]]
    keys = ("platformId", "signingMaterial", "overrides")
    about = {key: value for key, value in PROFILES[used].items() if key in keys}
    return {"jobId": params["jobId"], "profileName": used, "status": "Succeeded", **about}


def signing_platform(_: str, params: Mapping[str, Any]) -> Reply:
    default = PLATFORMS[params["platformId"]]
    return {
        "platformId": params["platformId"],
        "signingConfiguration": {
            "encryptionAlgorithmOptions": {"allowedValues": ["RSA", "ECDSA"], "defaultValue": "ECDSA"},
            "hashAlgorithmOptions": {"allowedValues": ["SHA1", "SHA256"], "defaultValue": default},
        },
    }


def signing_certificate(_: str, params: Mapping[str, Any]) -> Reply:
    ends = {certificate(name): date for name, date in CERTIFICATES.items()}
    if params["CertificateArn"] not in ends:
        raise Missing(params["CertificateArn"])
    return {"Certificate": {"CertificateArn": params["CertificateArn"], "NotAfter": ends[params["CertificateArn"]]}}


ANSWERS: dict[str, Answer] = {
    "iot.describe_authorizer": describe_authorizer,
    "iot.list_provisioning_templates": list_templates,
    "iot.describe_provisioning_template": lambda region, params: named(
        TEMPLATES.get(region, []), "templateName", params["templateName"]
    ),
    "iot.list_audit_tasks": list_tasks,
    "iot.describe_audit_task": describe_task,
    "iot.list_audit_findings": list_findings,
    "iot.list_audit_suppressions": lambda region, params: page(
        SUPPRESSIONS.get(region, []), params, "suppressions", "nextToken"
    ),
    "iot.list_security_profiles": list_profiles,
    "iot.list_targets_for_security_profile": profile_targets,
    "iot.describe_security_profile": describe_profile,
    "iot.list_jobs": list_jobs,
    "iot.describe_job": lambda region, params: {"job": one_job(region, params)["job"]},
    "iot.get_job_document": lambda region, params: {"document": one_job(region, params)["document"]},
    "iot.list_job_templates": list_job_templates,
    "iot.describe_job_template": lambda region, params: named(
        JOB_TEMPLATES.get(region, []), "jobTemplateId", params["jobTemplateId"]
    ),
    "iot.list_packages": list_packages,
    "iot.list_package_versions": list_versions,
    "iot.get_package_version": get_version,
    "iot.describe_event_configurations": events,
    "events.list_rules": lambda region, params: page(EVENT_RULES.get(region, []), params, "Rules", "NextToken"),
    "signer.get_signing_profile": signing_profile,
    "signer.describe_signing_job": signing_job,
    "signer.get_signing_platform": signing_platform,
    "acm.describe_certificate": signing_certificate,
}
