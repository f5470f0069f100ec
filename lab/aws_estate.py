"""Brightwater Utilities' AWS account: water meters, pumps and valves, some of them looked after better than others.

Everything that moto holds is put in here; what moto lacks is in :mod:`lab.aws_answers`.
"""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

from moto.iot.models import iot_backends
from moto.kinesis.models import kinesis_backends
from moto.kms.models import kms_backends
from moto.moto_api._internal import mock_random
from moto.s3.models import get_canned_acl, s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from lab.aws_certificates import ENDED, Authority, authority, dated, ec_key, mint, roca_key, rsa_key
from lab.aws_policies import ACCOUNT, ALIASES, HOME, POLICIES, seed_iam
from lab.aws_rules import ERRORS, RULES
from lab.clock import now

EXCLUSIVE: set[str] = set()
"""Things whose certificate can be attached to no other."""
AUTO_REGISTERING: set[str] = set()
"""Ids of CAs that register unknown devices."""
IOT_KEY: dict[str, str] = {}
"""The key that AWS IoT Core encrypts the registry with: its ARN, once it is made."""

LAB_REGISTRATION = {
    "templateBody": json.dumps(
        {"Resources": {"policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "GatewayLegacy"}}}}
    ),
    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/IotProvisioning",
}
"""How the laboratory's CA registers devices: with the policy of the old gateways."""
FLEET = (("meter", 90, "MeterDevice"), ("pump", 30, "PumpController"), ("valve", 20, "ValveService"))
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def arn(region: str, resource: str) -> str:
    """ARN of an AWS IoT resource."""
    return f"arn:aws:iot:{region}:{ACCOUNT}:{resource}"


def seed(share: float = 1.0) -> None:
    """Fills moto's empty state with the estate; ``share`` is how much of the bulk of devices there is."""
    mock_random.seed(20261122)
    EXCLUSIVE.clear()
    AUTO_REGISTERING.clear()
    for region, policies in POLICIES.items():
        for name, document in policies.items():
            iot_backends[ACCOUNT][region].create_policy(name, json.dumps(document))  # type: ignore[arg-type]
    authorities = seed_authorities()
    seed_fleet(authorities["Device"], share)
    seed_oddities(authorities)
    seed_america(authorities["Device"])
    keys = seed_keys()
    seed_targets(keys)
    seed_buckets(keys)
    seed_iam()
    for region, rules in RULES.items():
        for name, rule in rules.items():
            made: dict[str, Any] = {
                "description": "",
                "rule_disabled": False,
                "aws_iot_sql_version": "2016-03-23",
                "error_action": {},
            }
            iot_backends[ACCOUNT][region].create_topic_rule(name, **(made | rule))
    for alias, role, seconds in ALIASES:
        iot_backends[ACCOUNT][HOME].create_role_alias(alias, role, seconds)


def seed_authorities() -> dict[str, Authority]:
    """Seven CAs: one vetted by a template, one by a rule, one by nothing, two retired, one weak, one with SHA-1."""
    backend = iot_backends[ACCOUNT][HOME]
    root = authority("Brightwater Root")
    made = {
        name: Authority(
            f"Brightwater {name} CA", mint(f"Brightwater {name} CA", root), ec_key(f"Brightwater {name} CA")
        )
        for name in ("Device", "Factory", "Partner", "Retired 2021", "Retired 2018")
    }
    weak = rsa_key("Brightwater Contractor CA", 1024)
    held = {
        "Device": backend.register_ca_certificate(
            made["Device"].pem,
            True,
            {"templateName": "meters-jitp", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/IotProvisioning"},
        )
    }
    for name in ("Factory", "Partner"):
        held[name] = backend.register_ca_certificate(made[name].pem, True, {})
    for name in ("Retired 2021", "Retired 2018"):
        held[name] = backend.register_ca_certificate(made[name].pem, False, {})
    contractor = mint("Brightwater Contractor CA", root, weak, ENDED)
    held["Contractor"] = backend.register_ca_certificate(contractor, True, {})
    old = dated(mint("Brightwater Lab CA", root))
    held["Lab"] = backend.register_ca_certificate(old, True, LAB_REGISTRATION)
    AUTO_REGISTERING.update(held[name].certificate_id for name in ("Device", "Factory", "Partner"))
    backend.create_topic_rule(
        "partner_devices_vetted",
        f"SELECT * FROM '$aws/events/certificates/registered/{held['Partner'].certificate_id}'",
        description="Checks the certificate revocation list before a partner's device is activated",
        rule_disabled=False,
        aws_iot_sql_version="2016-03-23",
        actions=[{"lambda": {"functionArn": f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:vet-partner-device"}}],
        error_action=ERRORS,
    )
    return made


def enrol(region: str, name: str, pem: str, policy: str = "", days: int = 90, **more: Any) -> Any:
    """A certificate registered some days ago, with its policy and the things it belongs to."""
    backend = iot_backends[ACCOUNT][region]
    signer: Authority | None = more.get("signer")
    held = backend.register_certificate(pem, signer.pem if signer else None, False, more.get("status", "ACTIVE"))
    if more.get("label"):
        known_as(held, backend.certificates, more["label"])
    held.creation_date = held.last_modified_date = now().replace(tzinfo=None) - days * DAY - HOUR
    held.validity_not_after = (
        now().replace(tzinfo=None) + DAY
    )  # of what cannot be parsed; moto reads a clock of its own
    if policy:
        backend.principal_policies[held.arn, policy] = (held, backend.policies[policy])  # type: ignore[assignment]
    for thing_name in more.get("things", (name,)):
        thing = next((t for t in backend.things.values() if t.thing_name == thing_name), None)
        thing = thing or backend.create_thing(thing_name, "", {"attributes": {"site": thing_name.split("-")[1]}})
        backend.principal_things[held.arn, thing_name] = (held, thing)  # type: ignore[assignment]
    return held


def known_as(held: Any, kept: dict[str, Any], label: str) -> Any:
    """Gives a certificate an id that follows from a label: one made from its text would change with a port in it."""
    del kept[held.certificate_id]
    held.certificate_id = sha256(label.encode()).hexdigest()
    held.arn = f"{held.arn.rpartition('/')[0]}/{held.certificate_id}"
    kept[held.certificate_id] = held
    return held


def seed_fleet(signer: Authority, share: float) -> None:
    """The bulk: one certificate per thing, attached to it alone."""
    sites = ("cork", "galway", "limerick", "sligo", "ennis")
    for kind, size, policy in FLEET:
        for index in range(round(size * share)):
            name = f"{kind}-{sites[index % len(sites)]}-{index:03}"
            enrol(HOME, name, mint(name, signer), policy, signer=signer, days=30 + index)
            EXCLUSIVE.add(name)


def seed_oddities(authorities: dict[str, Authority]) -> None:
    """What goes wrong over the years, once each."""
    device, retired = authorities["Device"], authorities["Retired 2021"]
    backend = iot_backends[ACCOUNT][HOME]
    enrol(
        HOME, "gateways", mint("gateway image 2020", device), "GatewayLegacy", 700, signer=device,
        things=("gateway-cork-01", "gateway-galway-01", "gateway-sligo-01"),
    )  # fmt: skip
    enrol(HOME, "sampler-cork-01", mint("sampler-cork-01", device, rsa_key("sampler", 1024)), "SamplerClientId", 1500)
    enrol(HOME, "sampler-cork-02", mint("sampler-cork-02", device, roca_key("token")), "SamplerClientId")
    enrol(HOME, "sampler-ennis-01", dated(mint("sampler-ennis-01", device)), "FieldTest-2019")
    enrol(HOME, "sampler-ennis-02", mint("sampler-ennis-02", device, ends=ENDED), "MeterDevice", 800)
    enrol(HOME, "sampler-sligo-01", mint("sampler-sligo-01", device, rsa_key("modern", 2048)), "MeterDevice")
    enrol(HOME, "pump-limerick-900", mint("pump-limerick-900", retired), "PumpController", 1200, signer=retired)
    for generation in range(3):
        enrol(HOME, "valve-galway-900", mint(f"valve-galway-900 {generation}", device), "ValveService", 10 + generation)
    enrol(HOME, "", mint("technician's laptop", device), "DashboardAllSites", 400, things=())
    enrol(HOME, "", mint("claim batch 2026-03", device), "ProvisioningClaim", 200, things=())
    enrol(HOME, "", mint("claim batch 2024-11", device), "ProvisioningClaimAnyTemplate", 600, things=())
    enrol(HOME, "", mint("spare, no policy", device), "", 40, things=())
    enrol(HOME, "meter-cork-900", mint("meter-cork-900", device), "MeterDevice", 500, status="REVOKED")
    enrol(HOME, "", mint("on its way", device), "", 3, things=(), status="PENDING_TRANSFER")
    backend.create_thing("-cmd:calc", "", None)
    backend.create_thing("sampler-store-room-01", "", None)


def seed_america(signer: Authority) -> None:
    """A pilot in another region, set up in an afternoon."""
    for index in range(5):
        name = f"meter-boston-{index:03}"
        enrol("us-east-1", name, mint(name, signer), "PilotEverything", days=20 + index)


def seed_keys() -> dict[str, str]:
    """KMS keys by use: ARN."""
    backend = kms_backends[ACCOUNT][HOME]
    made = {}
    for use, rotated, origin in (
        ("registry", True, "AWS_KMS"),
        ("telemetry", False, "AWS_KMS"),
        ("alarms", True, "AWS_KMS"),
        ("firmware <script>alert(1)</script>", False, "EXTERNAL"),
    ):
        # moto makes an RSA key for a symmetric one, which takes a while and is never used
        key = backend.create_key(None, "ENCRYPT_DECRYPT", "ECC_NIST_P256", f"Brightwater {use}", None, origin=origin)
        key.key_spec = "SYMMETRIC_DEFAULT"
        key.enabled, key.key_rotation_status = True, rotated
        made[use.split()[0]] = key.arn
    IOT_KEY["arn"] = made["registry"]
    return made


def seed_targets(keys: dict[str, str]) -> None:
    """Queues, topics and streams that rules lead to, encrypted and not."""
    queues = sqs_backends[ACCOUNT][HOME]
    queues.create_queue("rule-errors", SqsManagedSseEnabled="true")
    queues.create_queue("work-orders-2019", SqsManagedSseEnabled="false")
    topics = sns_backends[ACCOUNT][HOME]
    topics.create_topic("alarms", {"KmsMasterKeyId": keys["alarms"]})
    topics.create_topic("alarms-2019")
    streams = kinesis_backends[ACCOUNT][HOME]
    for name in ("metrics", "raw"):
        streams.create_stream(name, 1)
    streams.start_stream_encryption(None, "metrics", "KMS", keys["telemetry"])  # type: ignore[arg-type]


ALL = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def seed_buckets(keys: dict[str, str]) -> None:
    """Buckets: a well kept lake and firmware store, and three that are not."""
    backend = s3_backends[ACCOUNT]["aws"]
    for name in (
        "brightwater-lake", "brightwater-dashboard", "brightwater-firmware", "brightwater-firmware-2019",
        "brightwater-archive", "brightwater-website", "brightwater-pilot",
    ):  # fmt: skip
        backend.create_bucket(name, "us-east-1" if name.endswith("pilot") else HOME)
    for name in ("brightwater-lake", "brightwater-firmware", "brightwater-archive"):
        backend.put_public_access_block(name, dict.fromkeys(ALL, "true"))
    for name in ("brightwater-lake", "brightwater-firmware"):
        backend.put_bucket_policy(name, json.dumps(only_tls(name)).encode())
        backend.put_bucket_versioning(name, "Enabled")
    for name in ("brightwater-dashboard", "brightwater-archive", "brightwater-website"):
        backend.put_bucket_policy(name, json.dumps(readable(name)).encode())
    backend.put_bucket_versioning("brightwater-firmware-2019", "Suspended")
    backend.put_bucket_acl("brightwater-dashboard", get_canned_acl("public-read"))
    backend.put_bucket_lifecycle_configuration(
        "brightwater-lake",
        [{"ID": "two years", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": "730"}}],
    )
    for name, key in (("brightwater-lake", keys["telemetry"]), ("brightwater-firmware", keys["firmware"])):
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        backend.put_bucket_encryption(name, {"Rule": {"ApplyServerSideEncryptionByDefault": default}})


def only_tls(bucket: str) -> dict[str, Any]:
    """A bucket policy that refuses plain HTTP."""
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": both, "Condition": tls}
    return {"Version": "2012-10-17", "Statement": [deny]}


def readable(bucket: str) -> dict[str, Any]:
    """A bucket policy that lets everybody read."""
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [allow]}
