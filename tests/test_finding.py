"""What makes a finding the same next time, and the one line that a ticket has for it."""

from __future__ import annotations

from typing import Any

import made_up
import pytest

from checks.finding import TITLE_LIMIT, Finding, canonical, finding_id, partition, ticket_title

ARN = "arn:aws:iot:eu-west-1:123456789012:policy/Fleet"
ARM = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Devices/IotHubs/Plant"
KNOWN: dict[str, tuple[str, str, str, str, str, str]] = {
    "v1:nrj2uux7tdfu6gf7vdoif3up7d": ("policy-is-narrow", "aws", "123456789012", "eu-west-1", ARN, "statement 1"),
    "v1:yikgffirscn25su7jfrh35dt4j": (
        "policy-is-narrow",
        "aws",
        "123456789012",
        "cn-north-1",
        ARN.replace("aws", "aws-cn"),
        "",
    ),
    "v1:xvtyl44snq33za6m7i2cflqqse": ("hub-is-private", "azure", "S", "westeurope", ARM, ""),
    "v1:mcrcxnrkztw3472bdmfem7jfbk": ("key-rotates", "gcp", "p", "global", "projects/p/Schlüssel", ""),
}


@pytest.mark.parametrize("identity", KNOWN)
def test_the_identity_of_a_finding_is_a_contract(identity: str) -> None:
    assert finding_id(*KNOWN[identity]) == identity


def test_each_part_of_an_identity_makes_another_finding() -> None:
    whole = ("policy-is-narrow", "aws", "123456789012", "eu-west-1", ARN, "statement 1")
    others = {
        finding_id(*[f"{part}x" if n == at else part for n, part in enumerate(whole)]) for at in range(len(whole))
    }
    assert len(others | {finding_id(*whole)}) == len(whole) + 1


def test_ids_of_azure_are_the_same_in_any_case_and_others_are_not() -> None:
    def identity(provider: str, resource: str, subject: str) -> str:
        return finding_id("c", provider, "a", "r", resource, subject)

    assert identity("azure", ARM, "Rule") == identity("azure", ARM.upper(), "RULE")
    for provider in ("aws", "gcp", "clearblade"):
        assert (
            len(
                {
                    identity(provider, ARN, "Rule"),
                    identity(provider, ARN.upper(), "Rule"),
                    identity(provider, ARN, "RULE"),
                }
            )
            == 3
        )
    assert canonical("azure", ARM) == ARM.lower()
    assert canonical("aws", ARN) == ARN


@pytest.mark.parametrize(
    ("provider", "resource", "found"),
    [
        ("aws", ARN, "aws"), ("aws", ARN.replace("aws", "aws-cn"), "aws-cn"), ("aws", "arn:aws-us-gov:x", "aws-us-gov"),
        ("aws", "arn::iot", "aws"), ("aws", "arn:aws:", "aws"), ("aws", "aws/123456789012/eu-west-1", "aws"),
        ("aws", "xrn:aws-cn:iot", "aws"), ("azure", "arn:x:iot", "azure"), ("gcp", "projects/p", "gcp"),
    ],
)  # fmt: skip
def test_the_partition_is_what_an_arn_says(provider: str, resource: str, found: str) -> None:
    assert partition(provider, resource) == found


@pytest.mark.parametrize(
    ("status", "title", "name", "line"),
    [
        ("fail", "The hub is private.", "plant", "Not met: The hub is private (plant)"),
        ("unknown", "The hub is private", "plant", "Not assessed: The hub is private (plant)"),
        ("fail", "Two\nlines.", " a\tb ", "Not met: Two lines ( a b )"),
        ("fail", "x" * 200, "y" * 43, f"Not met: {'x' * 200} ({'y' * 43})"),
        ("fail", "x" * 200, "y" * 44, f"Not met: {'x' * 200} ({'y' * 43}…"),
    ],
)
def test_a_ticket_has_one_line_of_at_most_255_characters(status: str, title: str, name: str, line: str) -> None:
    assert ticket_title(status, title, name) == line
    assert len(line) <= TITLE_LIMIT == 255


@pytest.mark.parametrize(
    ("cells", "hub"),
    [
        ({"hub": "h", "resource_type": "device", "resource_id": "d"}, "h"),
        ({"hub": "h", "resource_type": "hub", "resource_id": "d"}, "h"),
        ({"hub": "", "resource_type": "hub", "resource_id": "d"}, "d"),
        ({"hub": "", "resource_type": "device", "resource_id": "d"}, ""),
    ],
)
def test_a_finding_is_about_its_hub_or_is_one(cells: dict[str, Any], hub: str) -> None:
    assert Finding(**made_up.estate()[0])._replace(**cells).about_hub == hub
