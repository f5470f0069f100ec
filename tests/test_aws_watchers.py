"""AWS: AWS Config, fleet indexing and mitigation actions, by single replies and in the lab's two regions."""

from __future__ import annotations

from typing import Any

import pytest
from estate import CLOCK

from collectors.aws.config_recorder import covers, running
from collectors.aws.mitigation import CONTAINING
from collectors.aws.registry import connections_indexed
from collectors.operation import COLLECTORS, Memory, declared
from collectors.rate_limit import RateLimiter
from collectors.run import collect
from collectors.schema import Tables
from collectors.scope import Scope
from collectors.tables.fleet import Registry
from collectors.tables.hub import Detection
from lab.aws import Aws
from lab.aws_policies import ACCOUNT, HOME
from lab.server import Fault

POLICY, BUCKET = "AWS::IoT::Policy", "AWS::S3::Bucket"
EUROPE, AMERICA = Scope("aws", ACCOUNT, HOME), Scope("aws", ACCOUNT, "us-east-1")


def chosen(strategy: str, included: list[str], excluded: list[str]) -> dict[str, Any]:
    """A recording group as AWS Config describes it."""
    return {
        "allSupported": strategy == "ALL_SUPPORTED_RESOURCE_TYPES",
        "resourceTypes": included,
        "exclusionByResourceTypes": {"resourceTypes": excluded},
        "recordingStrategy": {"useOnly": strategy},
    }


@pytest.mark.parametrize(
    ("group", "covered"),
    [
        ({}, True),
        ({"allSupported": True, "includeGlobalResourceTypes": True, "resourceTypes": []}, True),
        ({"allSupported": False, "resourceTypes": [BUCKET, POLICY]}, True),
        ({"allSupported": False, "resourceTypes": [BUCKET]}, False),
        ({"allSupported": False}, False),
        (chosen("ALL_SUPPORTED_RESOURCE_TYPES", [], []), True),
        (chosen("INCLUSION_BY_RESOURCE_TYPES", [POLICY], []), True),
        (chosen("INCLUSION_BY_RESOURCE_TYPES", [BUCKET], []), False),
        (chosen("EXCLUSION_BY_RESOURCE_TYPES", [], [BUCKET]), True),
        (chosen("EXCLUSION_BY_RESOURCE_TYPES", [], [BUCKET, POLICY]), False),
    ],
)
def test_a_recording_group_has_policies_in_it_or_not(group: dict[str, Any], covered: bool) -> None:
    assert covers(group) is covered


def test_a_recorder_records_when_it_is_on_and_did_not_fail() -> None:
    assert running({"recording": True, "lastStatus": "Success"})
    assert running({"recording": True, "lastStatus": "Pending"})
    assert not running({"recording": True, "lastStatus": "Failure"})
    assert not running({"recording": False, "lastStatus": "Success"})
    assert not running({})


def test_connections_are_indexed_when_things_are_and_their_status_is_kept() -> None:
    def indexed(**things: str) -> bool:
        return connections_indexed({"thingIndexingConfiguration": things})

    assert indexed(thingIndexingMode="REGISTRY", thingConnectivityIndexingMode="STATUS")
    assert not indexed(thingIndexingMode="REGISTRY_AND_SHADOW")
    assert not indexed(thingIndexingMode="REGISTRY", thingConnectivityIndexingMode="OFF")
    assert not indexed(thingIndexingMode="OFF", thingConnectivityIndexingMode="STATUS")
    assert not connections_indexed({})


def test_logging_and_telling_contain_nothing() -> None:
    assert not CONTAINING & {"ENABLE_IOT_LOGGING", "PUBLISH_FINDING_TO_SNS"}


def seen(cloud: Aws, scope: Scope) -> Tables:
    """What the collectors of the two tables give in one region."""
    from collectors.aws import session  # late: only this needs the SDK

    wanted = [c for c in COLLECTORS if c.provider == "aws" and c.table in (Registry, Detection)]
    transport = session.connect(ACCOUNT, cloud.settings(), declared("aws", wanted), RateLimiter(5000))
    return collect(scope, transport, Memory(), CLOCK, wanted)


def test_the_region_that_is_looked_after_is_told_from_the_other(aws_alone: Aws) -> None:
    aws_alone.switchboard.clear()
    for scope, well in ((EUROPE, True), (AMERICA, False)):
        frames = seen(aws_alone, scope).frames
        registry, detection = frames[Registry].iloc[0], frames[Detection].iloc[0]
        assert (registry["policies_recorded"], registry["connections_indexed"]) == (well, well)
        assert (detection["audit_on"], detection["findings_containable"]) == (True, well)


@pytest.mark.parametrize(
    ("operation", "table", "column"),
    [
        ("config.describe_configuration_recorders", Registry, "policies_recorded"),
        ("config.describe_configuration_recorder_status", Registry, "policies_recorded"),
        ("iot.get_indexing_configuration", Registry, "connections_indexed"),
        ("iot.list_mitigation_actions", Detection, "findings_containable"),
        ("iot.describe_mitigation_action", Detection, "findings_containable"),
    ],
)
def test_what_was_denied_is_unknown(aws_alone: Aws, operation: str, table: Any, column: str) -> None:
    aws_alone.switchboard.clear()
    aws_alone.switchboard.faults[operation] = Fault("deny")
    try:
        found = seen(aws_alone, EUROPE)
    finally:
        aws_alone.switchboard.clear()
    assert found.frames[table][column].isna().all()
    note = found.unread[found.unread["column"] == column].iloc[0]
    assert (note["cause"], note["operation"]) == ("denied", operation)
