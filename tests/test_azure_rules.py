"""Azure: how address rules, roles, lifetimes and connection strings are read. No cloud is needed."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.azure import addresses, session
from collectors.azure.account import covers
from collectors.azure.iothub import hours, min_tls
from collectors.azure.roles import allows
from collectors.azure.storage import deletes_in
from collectors.schema import Unread


@pytest.mark.parametrize(
    ("connection", "kept"),
    [
        ("", ""),
        ("AccountKey=a;AccountName=b", "AccountName=b;***"),
        ("HostName=h;SharedAccessKeyName=n;SharedAccessKey=k", "HostName=h;***"),
        ("nothing that anybody knows", "***"),
        ("BlobEndpoint=https://b.example/?sig=s", "***"),
        ("HostName=h", "HostName=h"),
    ],
)
def test_a_connection_string_keeps_only_the_place_it_names(connection: str, kept: str) -> None:
    assert session.redact({"connectionString": connection}) == {"connectionString": kept}


def rules(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """A legacy list of address rules."""
    return [{"action": action, "ipMask": mask} for action, mask in pairs]


@pytest.mark.parametrize(
    ("properties", "filtered", "by_default", "bits"),
    [
        ({}, False, False, 0),
        ({"publicNetworkAccess": "Disabled"}, True, False, 32),
        ({"ipFilterRules": rules(("Accept", "192.0.2.0/24"))}, False, True, 0),
        ({"ipFilterRules": rules(("Accept", "192.0.2.0/24"), ("Reject", "0.0.0.0/0"))}, True, False, 24),
        ({"ipFilterRules": rules(("Reject", "0.0.0.0/0"), ("Accept", "10.0.0.0/8"))}, True, False, 32),
        ({"ipFilterRules": rules(("Accept", "0.0.0.0/0"), ("Reject", "0.0.0.0/0"))}, False, True, 0),
        (
            {"ipFilterRules": rules(("Reject", "10.0.0.0/8"), ("Accept", "10.1.0.0/16"), ("Reject", "0.0.0.0/0"))},
            True,
            False,
            32,
        ),
        ({"networkRuleSets": {"defaultAction": "Deny", "ipRules": []}}, True, False, 32),
        ({"networkRuleSets": {"ipRules": [{"ipMask": "1.1.1.1/1"}]}}, True, False, 1),
        ({"networkRuleSets": {"ipRules": [{"ipMask": "0.0.0.0/1"}, {"ipMask": "128.0.0.0/1"}]}}, False, False, 0),
        ({"networkRuleSets": {"defaultAction": "Allow", "ipRules": [{"ipMask": "192.0.2.1"}]}}, False, True, 0),
    ],
)
def test_address_rules_come_to(properties: dict[str, Any], filtered: bool, by_default: bool, bits: int) -> None:
    cells = addresses.cells(properties)
    assert (cells["filtered"], cells["allows_by_default"], cells["widest_range_bits"]) == (filtered, by_default, bits)


def test_an_address_rule_that_does_not_parse_is_unread() -> None:
    cells = addresses.cells({"networkRuleSets": {"ipRules": [{"ipMask": "somewhere"}]}})
    assert isinstance(cells["filtered"], Unread)
    assert cells["public_network"] is True


@pytest.mark.parametrize(("cloud", "expected"), [("usgov", "1.0"), ("china", "1.0")])
def test_a_hub_without_a_tls_floor_is_weak_only_in_a_sovereign_cloud(cloud: str, expected: str) -> None:
    assert min_tls({"minTlsVersion": None}, cloud) == expected
    assert isinstance(min_tls({}, "public"), Unread)


@pytest.mark.parametrize(("duration", "expected"), [("PT1H", 1), ("PT61M", 2), ("P1D", 24), ("PT1S", 1)])
def test_an_upload_lifetime_is_rounded_up_to_hours(duration: str, expected: int) -> None:
    assert hours(duration) == expected


def role(**permission: list[str]) -> dict[str, Any]:
    """A role definition with one permission."""
    return {"properties": {"permissions": [permission]}}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (role(actions=["*"]), True),
        (role(actions=["*"], notActions=["microsoft.devices/*"]), False),
        (role(actions=["Microsoft.Devices/*/write"]), True),
        (role(actions=["*/read"]), False),
        (role(actions=["Microsoft.Devices/IotHubs/listKeys/*"]), True),
        (role(dataActions=["*"]), False),
    ],
)
def test_a_role_gives_keys_away(definition: dict[str, Any], expected: bool) -> None:
    rights = ("Microsoft.Devices/IotHubs/write", "Microsoft.Devices/IotHubs/listkeys/action")
    assert allows(definition, rights) is expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("/", True),
        ("/providers/Microsoft.Management/managementGroups/top", True),
        ("/subscriptions/S", True),
        ("/subscriptions/s/resourcegroups/RG", True),
        ("/subscriptions/s/resourceGroups/rg-2", False),
        ("/subscriptions/s/resourceGroups/r", False),
        ("/subscriptions/s2", False),
    ],
)
def test_an_assignment_covers_what_lies_below_it(scope: str, expected: bool) -> None:
    assert covers(scope, "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Devices/IotHubs/hub") is expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, True),
        ({"prefixMatch": ["telemetry"]}, True),
        ({"prefixMatch": ["tele"]}, True),
        ({"prefixMatch": ["telemetry/hub/"]}, True),
        ({"prefixMatch": ["other"]}, False),
        ({"blobTypes": ["appendBlob"]}, False),
        ({"blobIndexMatch": [{"name": "a"}]}, False),
    ],
)
def test_a_lifecycle_rule_deletes_in_a_container(filters: dict[str, Any], expected: bool) -> None:
    definition = {"filters": filters, "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 9}}}}
    assert deletes_in(definition, "telemetry") is expected
    assert not deletes_in({"actions": {"baseBlob": {"tierToArchive": {}}}}, "telemetry")
