"""Tags in one AWS account. Replies about resources seldom hold them: they are listed apart, for all services at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from collectors.aws.iam import DETAILS
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row
from collectors.tables.tagged import TaggedResource
from collectors.tags import tags

SERVICES = (
    "acm-pca", "cloudtrail", "cognito-identity", "cognito-idp", "dynamodb", "firehose", "greengrass", "iot", "kinesis",
    "kms", "lambda", "logs", "s3", "secretsmanager", "signer", "sns", "sqs", "timestream",
)  # fmt: skip
"""Services whose resources findings are about, as ARNs name them."""
PAGE = ("ResourcesPerPage", 100)
"""The largest page there is (Resource Groups Tagging API Reference, "GetResources")."""
RESOURCES = Operation(
    "resourcegroupstaggingapi.get_resources",
    "tag:GetResources",
    items="ResourceTagMappingList",
    absent=("InvalidParameterException",),
    shared=True,
    fixed=(("ResourceTypeFilters", SERVICES), PAGE),
)
EVERYTHING = replace(RESOURCES, absent=(), fixed=(PAGE,))
"""Asked where the API does not know one of the services: then it refuses them all ("Unsupported service=…")."""


@collector(TaggedResource, "aws", RESOURCES, EVERYTHING)
def tagged(read: Reader) -> Iterator[Row]:
    """Every tagged resource of one region. Things are not among them: AWS IoT gives them attributes instead."""
    for found in resources(read, read.scope.region):
        if region_of(found["ResourceARN"]):
            yield about(found["ResourceARN"], found["Tags"])


@collector(TaggedResource, "aws", DETAILS, RESOURCES, EVERYTHING, where="global")
def tagged_everywhere(read: Reader) -> Iterator[Row]:
    """What is tagged and has no region in its name: buckets, and the roles and users that the tagging API leaves out."""
    for details in read(DETAILS):
        for holder in (*(details.get("RoleDetailList") or ()), *(details.get("UserDetailList") or ())):
            if holder.get("Tags"):
                yield about(holder["Arn"], holder["Tags"])
    for region in read.options["regions"]:
        for found in resources(read, region):
            if not region_of(found["ResourceARN"]):
                yield about(found["ResourceARN"], found["Tags"])


def resources(read: Reader, region: str) -> Iterator[Mapping[str, Any]]:
    """What is tagged in a region and of these services. What once was is listed too, without tags, and left out."""
    some = read(RESOURCES, region=region)
    refused = some.cell(lambda _: False, absent=True) is True
    for found in read(EVERYTHING, region=region) if refused else some:
        if found.get("Tags") and found["ResourceARN"].split(":", 3)[2] in SERVICES:
            yield found


def region_of(arn: str) -> str:
    """The region in an ARN; empty where it has none."""
    return arn.split(":", 5)[3]


def about(arn: str, found: Iterable[Mapping[str, str]]) -> Row:
    """A resource and its tags."""
    return {
        "resource": arn,
        "name": arn.split(":", 5)[5].rpartition("/")[2],
        "tags": tags({tag["Key"]: tag["Value"] for tag in found}),
    }
