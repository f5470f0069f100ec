"""AWS: what single replies, statements and errors are taken for. No cloud is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from collectors.aws import refusals, rules, s3
from collectors.aws.certificates import hears
from collectors.aws.functions import callable_by_iot
from collectors.aws.iam import matches, names_source
from collectors.aws.jobs import linked_buckets
from collectors.aws.redaction import delivery, destinations, plain_url, presence, rule_without_secrets
from collectors.aws.rule_destinations import refers
from collectors.aws.secrets import secrets_of_rule
from collectors.operation import Operation, ReadFailed
from lab.aws_policies import ACCOUNT
from lab.server import CANARY


def told(error: ClientError, region: str) -> str:
    """The outcome of an error in a region."""
    failure = refusals.failure(error, Operation("iot.list_things", "iot:ListThings"), {}, ACCOUNT, region)
    assert isinstance(failure, ReadFailed)
    return failure.outcome


def test_a_key_unknown_to_an_opt_in_region_means_the_region_is_off() -> None:
    def outcome(code: str, region: str, status: int = 403) -> str:
        reply: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return told(ClientError(reply, "ListThings"), region)

    assert outcome("UnrecognizedClientException", "me-south-1") == "unavailable"
    assert outcome("UnrecognizedClientException", "eu-west-1") == "failed"
    assert outcome("OptInRequired", "eu-west-1") == "unavailable"
    assert outcome("ExpiredTokenException", "eu-west-1") == "failed"
    assert outcome("SomethingNew", "eu-west-1") == "denied"
    assert outcome("ThrottlingException", "eu-west-1", 400) == "failed"


def test_a_service_that_takes_no_new_customers_is_unavailable_and_not_denied() -> None:
    def outcome(message: str) -> str:
        reply: Any = {"Error": {"Code": "AccessDeniedException", "Message": message}}
        return told(ClientError(reply, "DescribeEndpoints"), "eu-west-1")

    assert outcome("Only existing Timestream for LiveAnalytics customers can access the service.") == "unavailable"
    assert outcome("User: a is not authorized to perform: timestream:DescribeEndpoints") == "denied"


def test_secrets_of_a_rule_are_gone_and_their_presence_stays() -> None:
    vault = "${get_secret('a', 'SecretString', 'b', 'role')}"
    headers = [{"key": "Authorization", "value": CANARY}, {"key": "X-Trace", "value": CANARY}]
    rule: dict[str, Any] = {
        "actions": [
            {"http": {"url": f"https://user:{CANARY}@a.example/b?key={CANARY}", "headers": headers}},
            {"kafka": {"clientProperties": {"acks": "1", "sasl.scram.password": CANARY, "ssl.keystore": vault}}},
        ],
        "errorAction": {"salesforce": {"token": CANARY, "url": "https://c.example"}},
    }
    plain = rule_without_secrets({"rule": rule})
    assert CANARY not in json.dumps(plain)
    assert secrets_of_rule(plain["rule"]) == {"a"}
    http, kafka = (next(iter(action.values())) for action in plain["rule"]["actions"])
    assert http["url"] == "https://a.example/b"
    assert rules.holds_secret("http", http)
    assert rules.holds_secret("kafka", kafka)
    assert not rules.holds_secret("kafka", {"clientProperties": {"ssl.keystore.password": "${get_secret(***)}"}})
    assert not rules.holds_secret("http", {"headers": [{"key": "Content-Type", "value": "***"}]})
    assert plain_url("https://a.example/b#c") == "https://a.example/b"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ""),
        (CANARY, "***"),
        (
            f"Bearer {CANARY} ${{get_secret('erp/kafka-1', 'SecretString', 'k', 'r')}}",
            "${get_secret('erp/kafka-1', ***)}",
        ),
        (f"${{get_secret('{CANARY} <b>', 'SecretString', 'k', 'r')}}", "${get_secret(***)}"),
        (
            "${get_secret('a', 'SecretString', 'u')}:${get_secret('b')}",
            "${get_secret('a', ***)} ${get_secret('b', ***)}",
        ),
    ],
)
def test_of_a_text_that_may_be_secret_only_the_names_of_secrets_stay(text: str, left: str) -> None:
    assert presence(text) == left


def test_a_rule_names_secrets_in_its_sql_too() -> None:
    sql = "SELECT *, get_secret( 'site/key', 'SecretString', 'k', 'r') AS k FROM 'a'"
    assert secrets_of_rule({"sql": sql, "actions": []}) == {"site/key"}


def test_destinations_keep_no_query_and_no_reason() -> None:
    url = f"https://user:{CANARY}@a.example/confirm?key={CANARY}"
    listed = [
        {"httpUrlSummary": {"confirmationUrl": url}, "statusReason": url},
        {"influxDBSummary": {"endpoint": url, "secretId": "levels"}},
    ]
    plain = destinations({"destinationSummaries": listed})["destinationSummaries"]
    assert plain == [
        {"httpUrlSummary": {"confirmationUrl": "https://a.example/confirm"}},
        {"influxDBSummary": {"endpoint": "https://a.example/confirm", "secretId": "levels"}},
    ]


@pytest.mark.parametrize(
    ("kind", "action", "leads"),
    [
        ("http", {"url": "https://a.example/b/${topic(2)}"}, True),
        ("http", {"url": "https://c.example", "confirmationUrl": "https://a.example/b"}, True),
        ("http", {"url": "https://c.example"}, False),
        ("kafka", {"destinationArn": "arn:d"}, True),
        ("influxDB", {"destinationArn": "arn:e"}, False),
    ],
)
def test_an_action_leads_to_a_destination_by_url_or_arn(kind: str, action: dict[str, Any], leads: bool) -> None:
    assert refers(kind, action, "arn:d", "https://a.example/b") is leads


@pytest.mark.parametrize(
    ("topic", "chosen"),
    [
        ("$$aws/things/${topic(2)}/shadow/update", True),
        ("$aws/things/${thing}/shadow/update", True),
        ("$$aws/things/${clientid()}/shadow/update", False),
        ("$$aws/things/pump-1/shadow/update", False),
        ("brightwater/${topic(2)}", False),
    ],
)
def test_a_republish_is_an_injection_where_the_message_chooses_a_reserved_topic(topic: str, chosen: bool) -> None:
    assert rules.message_chooses(topic) is chosen


def test_a_level_that_the_rule_spells_out_is_not_the_messages_choice() -> None:
    topic = "$$aws/things/${topic(2)}/shadow/update"
    assert not rules.message_chooses(topic, "SELECT * FROM 'site/pump-1/+'")
    assert rules.message_chooses(topic, "SELECT * from 'site/+/total'")
    assert rules.message_chooses(topic, "SELECT * FROM 'site/#'")
    assert rules.message_chooses(topic, "SELECT *")


@pytest.mark.parametrize(
    ("url", "buckets"),
    [
        ("${aws:iot:s3-presigned-url:https://s3.eu-west-1.amazonaws.com/images/pump/4.bin}", ["images"]),
        ("https://images.s3.eu-west-1.amazonaws.com/pump.bin", ["images"]),
        ("https://my.images.s3.amazonaws.com/pump.bin", ["my.images"]),
        ("https://s3.cn-north-1.amazonaws.com.cn/images/pump.bin", ["images"]),
        ("https://cdn.example/s3.amazonaws.com/pump.bin", []),
        ("https://s3.amazonaws.com/${bucket}/pump.bin", []),
    ],
)
def test_a_job_document_names_the_buckets_that_devices_fetch_from(url: str, buckets: list[str]) -> None:
    assert linked_buckets(json.dumps({"files": [{"url": url}]})) == buckets


@pytest.mark.parametrize(
    ("principal", "condition", "trusts", "held"),
    [
        ({"Service": "iot.amazonaws.com"}, {"StringEquals": {"AWS:SourceAccount": "123456789012"}}, True, True),
        (
            {"Service": ["iot.amazonaws.com"]},
            {"ArnLike": {"AWS:SourceArn": "arn:aws:iot:*:123456789012:*"}},
            True,
            True,
        ),
        ({"Service": "iot.amazonaws.com"}, {"StringLike": {"AWS:SourceArn": "*"}}, True, False),
        ({"Service": "iot.amazonaws.com"}, {"StringEquals": {"AWS:SourceAccount": "210987654321"}}, True, False),
        ({"Service": "iot.amazonaws.com"}, {}, True, False),
        ("*", {}, True, False),
        ({"Service": "events.amazonaws.com"}, {}, False, False),
    ],
)
def test_a_function_is_open_to_the_iot_of_other_accounts_unless_its_policy_names_ours(
    principal: Any, condition: Any, trusts: bool, held: bool
) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Condition": condition}
    found = callable_by_iot({"Statement": statement}, "123456789012")
    assert found == {"trusts_iot": trusts, "source_condition": held}


def test_a_delivery_stream_keeps_no_token_of_its_destination() -> None:
    reply = {"DeliveryStreamDescription": {"DeliveryStreamName": "x", "Destinations": [{"HECToken": CANARY}]}}
    assert delivery(reply) == {"DeliveryStreamDescription": {"DeliveryStreamName": "x"}}


@pytest.mark.parametrize(
    ("pattern", "heard"),
    [
        ("$aws/events/certificates/registered/abc", True),
        ("$aws/events/certificates/registered/+", True),
        ("$aws/events/certificates/registered/#", True),
        ("$aws/events/#", True),
        ("$aws/events/certificates/registered/other", False),
        ("#", False),
        ("+/events/certificates/registered/abc", False),
    ],
)
def test_a_rule_hears_of_a_registration_where_its_filter_matches(pattern: str, heard: bool) -> None:
    topic = "$aws/events/certificates/registered/abc"
    assert hears({"topicPattern": pattern, "ruleDisabled": False}, topic) is heard
    assert not hears({"topicPattern": pattern, "ruleDisabled": True}, topic)


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"ArnLike": {"AWS:SourceArn": [f"arn:aws:iot:eu-west-1:{ACCOUNT}:*"]}}, True),
        ({"StringLike": {"aws:SourceArn": "*"}}, False),
        ({"StringEquals": {"aws:SourceAccount": "999988887777"}}, False),
        ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, False),
        ({}, False),
    ],
)
def test_a_source_is_named_only_by_a_condition_that_must_hold(condition: dict[str, Any], named: bool) -> None:
    assert names_source(condition, ACCOUNT) is named


@pytest.mark.parametrize(
    ("change", "denies"),
    [
        ({}, True),
        ({"Resource": "*"}, True),
        ({"Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b*"]}, True),
        ({"Resource": "arn:aws:s3:::b/*"}, False),
        ({"Resource": "arn:aws:s3:::b"}, False),
        ({"Action": "s3:GetObject"}, False),
        ({"Effect": "Allow"}, False),
        ({"Principal": {"AWS": "arn:aws:iam::999988887777:root"}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:x": "y"}}}, False),
    ],
)
def test_plain_http_is_denied_for_bucket_and_objects_or_not_at_all(change: dict[str, Any], denies: bool) -> None:
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    assert s3.denies_plain_http({"Statement": statement | change}, "b") is denies


def test_an_action_is_matched_as_iam_does() -> None:
    assert matches({"Action": "iot:*"}, "iot:createjob")
    assert matches({"Action": ["IOT:Create?ob"]}, "iot:createjob")
    assert matches({"NotAction": "iam:*"}, "iot:createjob")
    assert not matches({"NotAction": ["iot:*"]}, "iot:createjob")
    assert not matches({"Action": "iot:Describe*"}, "iot:createjob")
    assert not matches({"Effect": "Deny", "Action": "*", "Condition": {"Bool": {"x": "y"}}}, "iot:createjob")
