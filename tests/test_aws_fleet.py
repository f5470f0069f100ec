"""AWS: what templates, job documents, claims, event rules and signatures are taken for. No cloud is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checks.identity.provisioning import lets_act_as_others
from checks.policy.enrolment import exceeds_a_claim
from collectors.aws.defender import few, resource
from collectors.aws.jobs import guarded, insecure_downloads
from collectors.aws.provisioning import Template
from collectors.aws.redaction import job_without_secrets
from collectors.aws.registry import hears_of_changes
from collectors.aws.signing import is_broken_hash
from collectors.schema import Unread
from lab.aws_policies import CLAIM, HERE, allow, deny, policy
from lab.server import CANARY

PRESIGNED = "${aws:iot:s3-presigned-url:https://s3.eu-west-1.amazonaws.com/bucket/key}"
BUCKET = "https://bucket.s3.eu-west-1.amazonaws.com/key"
COMMON_NAME = {"Ref": "AWS::IoT::Certificate::CommonName"}


def body(document: Any, **parameters: Any) -> dict[str, Any]:
    """A template that hands out one policy."""
    resource = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": document}}
    return {"Parameters": {"Serial": {"Type": "String"}, **parameters}, "Resources": {"policy": resource}}


def connecting(*name: Any) -> str:
    """A policy as a template holds it: text, with a reference in the client id."""
    return json.dumps(policy(allow("iot:Connect", {"Fn::Join": ["", [f"{HERE}client/", *name]]})))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "caller_chooses", "wide", "settled"),
    [
        (COMMON_NAME, True, False, True),
        ({"Ref": "Serial"}, True, True, True),
        ({"Ref": "Serial"}, False, False, False),
        ({"Ref": "policy"}, True, False, False),
        ({"Fn::Select": [0, ["a", "b"]]}, True, False, False),
        ("gateway", True, False, True),
    ],
)
def test_a_reference_is_a_name_of_the_devices_own_unless_the_caller_chooses_it(
    reference: Any, caller_chooses: bool, wide: bool, settled: bool
) -> None:
    handed = Template(body(connecting(reference)), caller_chooses).handed_policies()
    assert lets_act_as_others(json.dumps(handed.documents)) is wide
    assert handed.settled is settled


def test_a_policy_document_may_be_an_object_and_what_is_none_cannot_be_judged() -> None:
    everything = policy(allow("iot:*", "*"))
    assert lets_act_as_others(json.dumps(Template(body(everything), False).handed_policies().documents))
    nonsense = json.dumps(Template(body("{not json"), False).handed_policies().documents)
    with pytest.raises(ValueError, match="cannot be judged"):
        lets_act_as_others(nonsense)
    assert lets_act_as_others(json.dumps(["{not json", json.dumps(everything)]))
    named = {"Resources": {"policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "MeterDevice"}}}}
    assert Template(named, True).handed_policies().names == ["MeterDevice"]


def claim(*more: Any, base: tuple[Any, ...] = CLAIM) -> str:
    return json.dumps([json.dumps(policy(*base))] + [json.dumps(policy(*more))] * bool(more))


@pytest.mark.parametrize(
    "more",
    [
        allow("iot:Publish", f"{HERE}topic/brightwater/telemetry"),
        allow("iot:Publish", f"{HERE}topic/$aws/provisioning-templates/pumps/provision/json"),
        allow("iot:Publish", f"{HERE}topic/$aws/provisioning-templates/met*/provision/json"),
        allow("iot:Publish", f"{HERE}topic/$aws/provisioning-templates/${{iot:ClientId}}/provision/json"),
        allow("iot:Subscribe", f"{HERE}topicfilter/#"),
        allow("iot:UpdateThingShadow", f"{HERE}thing/pump-1"),
        allow("iotjobsdata:DescribeJobExecution", "*"),
        allow("iot:AssumeRoleWithCertificate", f"{HERE}rolealias/MeterUpload"),
        {"Effect": "Allow", "Action": "iot:Publish", "NotResource": f"{HERE}topic/brightwater/*"},
        {"Effect": "Allow", "NotAction": "iot:Connect", "Resource": "*"},
    ],
    ids=lambda statement: json.dumps(statement)[:60],
)
def test_a_claim_that_may_do_more_exceeds_a_claim(more: Any) -> None:
    assert exceeds_a_claim(claim(more))


@pytest.mark.parametrize(
    "more",
    [
        allow("iot:Connect", "*"),
        allow("iot:Receive", "*"),
        allow("iot:Publish", f"{HERE}topic/$aws/certificates/create-from-csr/json"),
        allow("iot:UpdateThingShadow", f"{HERE}topic/$aws/things/x/shadow/update"),
        deny("iot:Publish", f"{HERE}topic/brightwater/*"),
    ],
    ids=lambda statement: json.dumps(statement)[:60],
)
def test_a_claim_that_only_provisions_does_not(more: Any) -> None:
    assert not exceeds_a_claim(claim(more))


def test_one_policy_of_a_claim_may_take_back_what_another_gives() -> None:
    wide = allow("iot:Publish", f"{HERE}topic/brightwater/*")
    assert exceeds_a_claim(claim(wide))
    assert not exceeds_a_claim(claim(wide, deny("iot:*", f"{HERE}topic/brightwater/*")))


@pytest.mark.parametrize(
    ("document", "insecure"),
    [
        ({"operation": "reboot"}, 0),
        ({"url": PRESIGNED}, 0),
        ({"url": "HTTP://a.example/b"}, 1),
        ({"steps": [{"run": "curl http://a.example/b -o /tmp/b"}]}, 1),
        ({"url": "http://a.example/b", "sha256": "ab"}, 1),
        ({"url": BUCKET}, 1),
        ({"url": BUCKET, "sha256": "ab"}, 0),
        ({"url": BUCKET, "sha256": ""}, 1),
        ({"signature": "ab", "files": [{"url": "https://a.example/b"}]}, 0),
        ({"files": [{"url": BUCKET}, {"url": BUCKET, "signature": {"r": "x"}}]}, 1),
        ({"url": BUCKET, "signature": "${aws:iot:code-sign-signature:s3://region.bucket/key}"}, 0),
        ({"$schema": "http://json-schema.org/draft-07", "comment": "see http://a.example", "url": PRESIGNED}, 0),
        ({"hook": "http://127.0.0.1:8080/done"}, 0),
        ({"url": "https://a.example/b"}, None),
        ({"url": f"{BUCKET}?X-Amz-Signature=***"}, None),
    ],
)
def test_a_job_document_counts_what_an_attacker_could_swap(document: Any, insecure: int | None) -> None:
    found = insecure_downloads(json.dumps(document))
    assert found == insecure or (insecure is None and isinstance(found, Unread))


def test_the_limit_of_the_service_is_no_limit() -> None:
    assert guarded({"jobExecutionsRolloutConfig": {"maximumPerMinute": 1000}}) == {
        "rate_limited": False,
        "aborts": False,
    }
    assert guarded({"jobExecutionsRolloutConfig": {"maximumPerMinute": 50}, "abortConfig": {"criteriaList": [{}]}}) == {
        "rate_limited": True,
        "aborts": True,
    }
    assert guarded({}) == {"rate_limited": False, "aborts": False}


def test_values_in_urls_of_a_job_are_gone_and_the_document_is_still_json() -> None:
    document = json.dumps({"url": f"https://me:{CANARY}@a.example/b?X-Amz-Signature={CANARY}&v={CANARY}", "other": 1})
    plain = job_without_secrets({"document": document, "job": {"documentParameters": {"wifi": CANARY}}})
    assert CANARY not in json.dumps(plain)
    assert json.loads(plain["document"]) == {"url": "https://a.example/b?X-Amz-Signature=***&v=***", "other": 1}


@pytest.mark.parametrize(
    ("rule", "hears"),
    [
        ({"source": ["aws.iot"]}, True),
        ({"source": ["aws.iot"], "detail": {"eventName": ["AttachPolicy", "CreateJob"]}}, True),
        ({"detail": {"eventSource": ["iot.amazonaws.com"]}}, True),
        ({"source": ["aws.iot"], "detail": {"eventName": ["CreateJob"]}}, False),
        ({"source": ["aws.s3"]}, False),
        (["not", "a", "pattern"], False),
    ],
)
def test_an_event_rule_counts_when_it_hears_of_credentials_or_rights(rule: Any, hears: bool) -> None:
    whole = {"State": "ENABLED", "EventPattern": json.dumps(rule)}
    assert hears_of_changes(whole) is hears
    assert not hears_of_changes(whole | {"State": "DISABLED"})


def test_a_hash_is_broken_sound_or_unheard_of() -> None:
    assert [is_broken_hash(name) for name in ("SHA1", "sha-1", "MD5", "SHA256", "SHA-512")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert isinstance(is_broken_hash("SHA3-256"), Unread)
    assert isinstance(is_broken_hash(None), Unread)


def test_a_finding_is_named_by_what_it_names() -> None:
    issuer = {"issuerCertificateSubject": "CN=Partner", "issuerCertificateSerialNumber": "07"}
    for named, expected in (
        ({"deviceCertificateId": "ab", "deviceCertificateArn": "arn:x"}, "arn:x"),
        ({"clientId": "pump-1"}, "pump-1"),
        ({"issuerCertificateIdentifier": issuer}, "CN=Partner 07"),
        ({}, "unnamed"),
    ):
        assert resource({"nonCompliantResource": {"resourceIdentifier": named}}) == expected
    assert few(str(n) for n in range(12)).endswith("and 2 more")
    assert few([]) == ""
