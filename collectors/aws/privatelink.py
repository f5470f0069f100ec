"""Whether the data plane of AWS IoT is reached over a private endpoint, and policies hold devices to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from collectors.aws.account import registry
from collectors.aws.iam import statements
from collectors.aws.policies import GET_POLICY, LIST_POLICIES, LIST_TARGETS
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, is_gone
from collectors.tables.hub import DataEndpoint

ENDPOINTS = Operation(
    "ec2.describe_vpc_endpoints", "ec2:DescribeVpcEndpoints", items="VpcEndpoints", fixed=(("MaxResults", 1000),)
)

BOUND = frozenset({"aws:sourcevpce", "aws:sourcevpc"})


@collector(DataEndpoint, "aws", ENDPOINTS, LIST_POLICIES, LIST_TARGETS, GET_POLICY)
def data_endpoints(read: Reader) -> Iterator[Row]:
    """The data endpoint of AWS IoT Core in one region."""
    service = f"com.amazonaws.{read.scope.region}.iot.data"
    yield {
        "resource": f"{registry(read.scope)}:dataendpoint",
        "name": f"AWS IoT data endpoint in {read.scope.region}",
        "private_endpoints": read(ENDPOINTS, Filters=[{"Name": "service-name", "Values": [service]}]).cell(
            lambda found: sum(endpoint["State"].lower() == "available" for endpoint in found)
        ),
        "bound_policies": bound_policies(read),
    }


def bound_policies(read: Reader) -> int | Unread:
    """Policies with a target and a condition on where in the network a request comes from."""
    names = read(LIST_POLICIES).cell(lambda found: [policy["policyName"] for policy in found])
    if isinstance(names, Unread):
        return names
    total = 0
    for name in names:
        document = read(GET_POLICY, policyName=name).cell(lambda reply: reply["policyDocument"])
        targets = read(LIST_TARGETS, policyName=name).cell(len)
        if is_gone(document) or is_gone(targets):
            continue
        for unread in (document, targets):
            if isinstance(unread, Unread):
                return unread
        total += bool(targets) and is_bound_to_network(document)
    return total


def is_bound_to_network(document: str) -> bool:
    """Whether an Allow of a policy has a condition on the VPC or VPC endpoint; one that is no JSON has none."""
    try:
        found: list[Any] = statements(json.loads(document))
    except (TypeError, ValueError):
        return False
    return any(
        key.lower() in BOUND
        for statement in found
        for keys in (statement.get("Condition") or {}).values()
        for key in keys
    )
