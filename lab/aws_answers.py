"""Operations that moto lacks or answers wrongly, by `<service>.<boto3 method>`: (region, parameters) -> reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from moto.iot.models import iot_backends
from moto.kms.models import kms_backends

from lab.aws_estate import AUTO_REGISTERING, EXCLUSIVE, IOT_KEY, arn
from lab.aws_policies import ACCOUNT, asking
from lab.aws_updates import AMERICAN_UPDATES

SET_UP = datetime(2024, 2, 1, 9, 30, tzinfo=UTC)
PAGE = 100
Reply = dict[str, Any]
Answer = Callable[[str, Mapping[str, Any]], Reply]


class Missing(Exception):
    """What was asked for does not exist."""

    def __init__(self, what: str, code: str = "ResourceNotFoundException", status: int = 404) -> None:
        super().__init__(f"{what} does not exist")
        self.code, self.status = code, status


def domain(region: str, name: str, tls: str | None, **more: Any) -> Reply:
    """A domain configuration as it is described."""
    found: Reply = {
        "domainConfigurationName": name,
        "domainConfigurationArn": arn(region, f"domainconfiguration/{name}/q1w2e"),
        "domainName": f"{name.lower().replace(':', '-')}.brightwater.example",
        "serverCertificates": [],
        "domainConfigurationStatus": "ENABLED",
        "serviceType": "DATA",
        "domainType": "CUSTOMER_MANAGED",
        "lastStatusChangeDate": SET_UP,
        "authenticationType": "AWS_X509",
        "applicationProtocol": "SECURE_MQTT",
    }
    if tls:
        found["tlsConfig"] = {"securityPolicy": f"IoTSecurityPolicy_{tls}"}
    return found | more


def served(status: str, arn_end: str = "2e3f") -> list[Reply]:
    """One server certificate of a domain; the one whose ARN ends in `e0d0` has twelve days left."""
    return [
        {
            "serverCertificateArn": f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/7a2b6c1e-5d0f-4a53-9c2b-0b6f7c1d-{arn_end}",
            "serverCertificateStatus": status,
            "serverCertificateStatusDetail": "" if status == "VALID" else "The certificate expired on 2026-10-30.",
        }
    ]


DOMAINS: dict[str, list[Reply]] = {
    "eu-west-1": [
        domain("eu-west-1", "iot-Data-ATS", "TLS13_1_2_2022_10", domainType="AWS_MANAGED"),
        domain(
            "eu-west-1",
            "iot-CredentialProvider",
            "TLS12_1_0_2016_01",
            domainType="ENDPOINT",
            serviceType="CREDENTIAL_PROVIDER",
        ),
        domain(
            "eu-west-1",
            "meters",
            "TLS13_1_2_2022_10",
            serverCertificates=served("VALID"),
            authorizerConfig={"defaultAuthorizerName": "MeterTokens", "allowAuthorizerOverride": False},
        ),
        domain("eu-west-1", "pumps", "TLS13_1_3_2022_10", serverCertificates=served("VALID")),
        domain("eu-west-1", "valves", "TLS13_1_2_2022_10", serverCertificates=served("VALID", "e0d0")),
        domain(
            "eu-west-1",
            "partners",
            "TLS12_1_0_2015_01",
            serverCertificates=served("INVALID"),
            authorizerConfig={"defaultAuthorizerName": "PartnerTokens", "allowAuthorizerOverride": True},
            authenticationType="CUSTOM_AUTH",
        ),
        domain(
            "eu-west-1",
            "trial-2021",
            "TLS12_1_0_2015_01",
            serverCertificates=served("VALID"),
            domainConfigurationStatus="DISABLED",
        ),
    ],
    "us-east-1": [domain("us-east-1", "iot-Data-ATS", "TLS12_1_2_2022_10", domainType="AWS_MANAGED")],
}

AUTHORIZERS = {"eu-west-1": ["MeterTokens", "PartnerTokens", "PartnerTokens2022"]}

CHECKS = (
    "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK", "CA_CERTIFICATE_EXPIRING_CHECK",
    "CA_CERTIFICATE_KEY_QUALITY_CHECK", "CONFLICTING_CLIENT_IDS_CHECK", "DEVICE_CERTIFICATE_AGE_CHECK",
    "DEVICE_CERTIFICATE_EXPIRING_CHECK", "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK", "DEVICE_CERTIFICATE_SHARED_CHECK",
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK", "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK", "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK", "LOGGING_DISABLED_CHECK",
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK", "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
    "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
)  # fmt: skip
AUDITED = "eu-west-1"
"""The region with logging and Device Defender set up; in the other one somebody once tried it."""
TRIED = (
    "CONFLICTING_CLIENT_IDS_CHECK",
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK",
    "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
    "DEVICE_CERTIFICATE_SHARED_CHECK",
)
"""Checks that are enabled where nothing is scheduled."""

UPDATES: dict[str, list[Reply]] = {
    "eu-west-1": [
        {
            "otaUpdateId": "pump-controller-4-2-0",
            "otaUpdateStatus": "CREATE_COMPLETE",
            "otaUpdateFiles": [
                {
                    "fileName": "/app",
                    "fileLocation": {"s3Location": {"bucket": "brightwater-firmware", "key": "pump/4.2.0.bin"}},
                    "codeSigning": {"awsSignerJobId": "3e6a2f0c-1111-4a2b-9f6d-6b1c8d1f7a10"},
                }
            ],
        },
        {
            "otaUpdateId": "valve-1-9-3",
            "otaUpdateStatus": "CREATE_COMPLETE",
            "otaUpdateFiles": [
                {
                    "fileName": "/app",
                    "fileLocation": {"s3Location": {"bucket": "brightwater-firmware-2019", "key": "valve/1.9.3.bin"}},
                },
                {
                    "fileName": "/boot",
                    "fileLocation": {"stream": {"streamId": "valve-boot", "fileId": 1}},
                    "codeSigning": {},
                },
            ],
        },
        {
            "otaUpdateId": "meter-7-0-1",
            "otaUpdateStatus": "CREATE_COMPLETE",
            "otaUpdateFiles": [
                {
                    "fileName": "/app",
                    "fileLocation": {"s3Location": {"bucket": "brightwater-firmware", "key": "meter/7.0.1.bin"}},
                    "codeSigning": {
                        "customCodeSigning": {
                            "signature": {"inlineDocument": b"MEUCIQ"},
                            "hashAlgorithm": "SHA256",
                            "signatureAlgorithm": "ECDSA",
                        }
                    },
                }
            ],
        },
        {
            "otaUpdateId": "valve-1-8-0",
            "otaUpdateStatus": "DELETE_FAILED",
            "otaUpdateFiles": [
                {
                    "fileName": "/app",
                    "fileLocation": {"s3Location": {"bucket": "brightwater-firmware-2019", "key": "valve/1.8.0.bin"}},
                }
            ],
        },
    ],
    "us-east-1": AMERICAN_UPDATES,
}
STREAMS: dict[str, dict[str, str]] = {"eu-west-1": {"valve-boot": "brightwater-firmware-2019"}}


def page(items: list[Any], params: Mapping[str, Any], member: str, marker: str = "nextMarker") -> Reply:
    """One page of a list, with the marker of the next."""
    start = int(params.get("marker") or params.get("nextToken") or 0)
    end = start + min(int(params.get("pageSize") or params.get("maxResults") or PAGE), PAGE)
    more = {marker: str(end)} if end < len(items) else {}
    return {member: items[start:end], **more}


def named(items: list[Reply], member: str, name: str) -> Reply:
    """The item of that name; raises Missing."""
    found = next((item for item in items if item[member] == name), None)
    if found is None:
        raise Missing(name)
    return found


def list_domains(region: str, params: Mapping[str, Any]) -> Reply:
    keys = ("domainConfigurationName", "domainConfigurationArn", "serviceType")
    items = [{key: domain[key] for key in keys} for domain in DOMAINS.get(region, [])]
    return page(items, params, "domainConfigurations")


def list_authorizers(region: str, params: Mapping[str, Any]) -> Reply:
    names = AUTHORIZERS.get(region, [])
    items = [{"authorizerName": n, "authorizerArn": arn(region, f"authorizer/{n}")} for n in names]
    return page(items, params, "authorizers")


def logging_v2(region: str, _: Mapping[str, Any]) -> Reply:
    if region != AUDITED:
        raise Missing("logging", "NotConfiguredException")
    return {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/IotLogging", "defaultLogLevel": "ERROR", "disableAllLogs": False}


def audit(region: str, _: Mapping[str, Any]) -> Reply:
    if region != AUDITED:
        return {"auditCheckConfigurations": {check: {"enabled": check in TRIED} for check in CHECKS}}
    return {
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/IotAudit",
        "auditNotificationTargetConfigurations": {
            "SNS": {
                "targetArn": f"arn:aws:sns:{region}:{ACCOUNT}:security-alerts",
                "roleArn": f"arn:aws:iam::{ACCOUNT}:role/IotAudit",
                "enabled": True,
            }
        },
        "auditCheckConfigurations": {check: {"enabled": True} for check in CHECKS},
    }


def schedules(region: str) -> list[Reply]:
    found = [{"scheduledAuditName": "nightly", "frequency": "DAILY"}, {"scheduledAuditName": "monthly", "frequency": "MONTHLY", "dayOfMonth": "1"}]  # fmt: skip
    whole = [s | {"scheduledAuditArn": arn(region, f"scheduledaudit/{s['scheduledAuditName']}")} for s in found]
    return whole if region == AUDITED else []


def update(region: str, item: Reply) -> Reply:
    return item | {
        "otaUpdateArn": arn(region, f"otaupdate/{item['otaUpdateId']}"),
        "creationDate": SET_UP,
        "targets": [arn(region, "thinggroup/field")],
        "targetSelection": "SNAPSHOT",
    }


def list_updates(region: str, params: Mapping[str, Any]) -> Reply:
    keys = ("otaUpdateId", "otaUpdateArn", "creationDate")
    items = [{key: update(region, item)[key] for key in keys} for item in UPDATES.get(region, [])]
    return page(items, params, "otaUpdates", "nextToken")


def get_update(region: str, params: Mapping[str, Any]) -> Reply:
    item = named(UPDATES.get(region, []), "otaUpdateId", params["otaUpdateId"])
    return {"otaUpdateInfo": update(region, item)}


def list_streams(region: str, params: Mapping[str, Any]) -> Reply:
    items = [
        {"streamId": s, "streamArn": arn(region, f"stream/{s}"), "streamVersion": 1} for s in STREAMS.get(region, {})
    ]
    return page(items, params, "streams", "nextToken")


def describe_stream(region: str, params: Mapping[str, Any]) -> Reply:
    name = params["streamId"]
    if name not in STREAMS.get(region, {}):
        raise Missing(name)
    location = {"bucket": STREAMS[region][name], "key": "valve/boot.bin"}
    info = {"streamId": name, "streamArn": arn(region, f"stream/{name}"), "streamVersion": 1}
    return {"streamInfo": info | {"files": [{"fileId": 1, "s3Location": location}]}}


def list_certificates(region: str, params: Mapping[str, Any]) -> Reply:
    held = iot_backends[asking.get()][region].certificates.values()
    keys = ("certificateArn", "certificateId", "status", "creationDate")
    return page([{key: c.to_dict()[key] for key in keys} for c in held], params, "certificates")


def list_authorities(region: str, params: Mapping[str, Any]) -> Reply:
    held = iot_backends[asking.get()][region].ca_certificates.values()
    keys = ("certificateArn", "certificateId", "status", "creationDate")
    return page([{key: c.to_dict()[key] for key in keys} for c in held], params, "certificates")


def described(held: Any) -> Reply:
    """A certificate as it is described, valid as long as its PEM says; moto says two days."""
    found: Reply = held.to_description_dict()
    with suppress(ValueError):
        parsed = x509.load_pem_x509_certificate(found["certificatePem"].encode())
        found["validity"] = {"notBefore": parsed.not_valid_before_utc, "notAfter": parsed.not_valid_after_utc}
    return found


def describe_certificate(region: str, params: Mapping[str, Any]) -> Reply:
    held = iot_backends[asking.get()][region].certificates.get(params["certificateId"])
    if held is None:
        raise Missing(params["certificateId"])
    more = {"caCertificateId": held.ca_certificate_id} if held.ca_certificate_id else {}
    return {"certificateDescription": described(held) | more}


def describe_authority(region: str, params: Mapping[str, Any]) -> Reply:
    held = iot_backends[asking.get()][region].ca_certificates.get(params["certificateId"])
    if held is None:
        raise Missing(params["certificateId"])
    found = described(held)
    del found["transferData"]
    auto = "ENABLE" if held.certificate_id in AUTO_REGISTERING else "DISABLE"
    config = {"registrationConfig": held.registration_config} if held.registration_config else {}
    return {"certificateDescription": found | {"autoRegistrationStatus": auto}, **config}


def principal_things(region: str, params: Mapping[str, Any]) -> Reply:
    names = iot_backends[asking.get()][region].list_principal_things(params["principal"])
    items = [
        {"thingName": name, "thingPrincipalType": "EXCLUSIVE_THING" if name in EXCLUSIVE else "NON_EXCLUSIVE_THING"}
        for name in names
    ]
    return page(items, params, "principalThingObjects", "nextToken")


def get_rule(region: str, params: Mapping[str, Any]) -> Reply:
    rules = iot_backends[asking.get()][region].rules
    if params["ruleName"] not in rules:
        raise Missing(params["ruleName"], "UnauthorizedException", 401)
    found: Reply = rules[params["ruleName"]].to_get_dict()
    if not found["rule"]["errorAction"]:
        del found["rule"]["errorAction"]
    return found


def encryption(region: str, _: Mapping[str, Any]) -> Reply:
    if region != AUDITED:
        return {"encryptionType": "AWS_OWNED_KMS_KEY"}
    return {
        "encryptionType": "CUSTOMER_MANAGED_KMS_KEY",
        "kmsKeyArn": IOT_KEY["arn"],
        "kmsAccessRoleArn": f"arn:aws:iam::{ACCOUNT}:role/IotEncryption",
        "configurationDetails": {"configurationStatus": "UNHEALTHY", "errorCode": "KMS_KEY_VALIDATION_ERROR"},
    }


def rotation(region: str, params: Mapping[str, Any]) -> Reply:
    backend = kms_backends[asking.get()][region]
    key = backend.keys[backend.get_key_id(params["KeyId"])]
    period = {"RotationPeriodInDays": 365} if key.key_rotation_status else {}
    return {"KeyRotationEnabled": bool(key.key_rotation_status), "KeyId": key.arn, **period}


ANSWERS: dict[str, Answer] = {
    "iot.list_domain_configurations": list_domains,
    "iot.describe_domain_configuration": lambda region, params: named(
        DOMAINS.get(region, []), "domainConfigurationName", params["domainConfigurationName"]
    ),
    "iot.list_authorizers": list_authorizers,
    "iot.get_v2_logging_options": logging_v2,
    "iot.get_logging_options": lambda *_: {"logLevel": "DISABLED"},
    "iot.describe_account_audit_configuration": audit,
    "iot.list_scheduled_audits": lambda region, params: page(schedules(region), params, "scheduledAudits", "nextToken"),
    "iot.describe_scheduled_audit": lambda region, params: (
        named(schedules(region), "scheduledAuditName", params["scheduledAuditName"])
        | {"targetCheckNames": list(CHECKS)}
    ),
    "iot.list_ota_updates": list_updates,
    "iot.get_ota_update": get_update,
    "iot.list_streams": list_streams,
    "iot.describe_stream": describe_stream,
    "iot.list_certificates": list_certificates,
    "iot.describe_certificate": describe_certificate,
    "iot.list_ca_certificates": list_authorities,
    "iot.describe_ca_certificate": describe_authority,
    "iot.list_principal_things_v2": principal_things,
    "iot.get_topic_rule": get_rule,
    "iot.describe_encryption_configuration": encryption,
    "kms.get_key_rotation_status": rotation,
}
