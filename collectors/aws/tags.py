"""Tags in one AWS account. Replies about resources seldom hold them: they are listed apart, for all services at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from collectors.aws.iam import DETAILS
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row
from collectors.tables.around import TaggedResource
from collectors.tags import tags

SERVICES = (
    "acm-pca", "cloudtrail", "cognito-identity", "cognito-idp", "dynamodb", "firehose", "greengrass", "iot", "kinesis",
    "kms", "lambda", "logs", "s3", "secretsmanager", "signer", "sns", "sqs", "timestream",
)  # fmt: skip
"""Services whose resources findings are about, as ARNs name them."""
RESOURCES = Operation(
    "resourcegroupstaggingapi.get_resources",
    "tag:GetResources",
    items="ResourceTagMappingList",
    shared=True,
    fixed=(("ResourceTypeFilters", SERVICES), ("ResourcesPerPage", 100)),
)
"""The largest page there is (Resource Groups Tagging API Reference, "GetResources")."""


@collector(TaggedResource, "aws", RESOURCES)
def tagged(read: Reader) -> Iterator[Row]:
    """Every tagged resource of one region. Things are not among them: AWS IoT gives them attributes instead."""
    for found in read(RESOURCES):
        if region_of(found["ResourceARN"]):
            yield about(found["ResourceARN"], found.get("Tags") or ())


@collector(TaggedResource, "aws", DETAILS, RESOURCES, where="global")
def tagged_everywhere(read: Reader) -> Iterator[Row]:
    """What is tagged and has no region in its name: buckets, and the roles and users that the tagging API leaves out."""
    for details in read(DETAILS):
        for holder in (*(details.get("RoleDetailList") or ()), *(details.get("UserDetailList") or ())):
            if holder.get("Tags"):
                yield about(holder["Arn"], holder["Tags"])
    for region in read.options["regions"]:
        for found in read(RESOURCES, region=region):
            if not region_of(found["ResourceARN"]):
                yield about(found["ResourceARN"], found.get("Tags") or ())


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
