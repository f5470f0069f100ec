"""S3 buckets that devices' data goes into or firmware comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collectors.aws.account import RESULTS, partition
from collectors.aws.jobs import (
    GET_VERSION,
    JOB_DOCUMENT,
    LIST_JOBS,
    LIST_PACKAGES,
    LIST_VERSIONS,
    LIVE,
    linked_buckets,
)
from collectors.aws.rules import GET_RULE, LIST_RULES, actions
from collectors.aws.updates import GET_UPDATE, LIST_UPDATES, firmware_buckets
from collectors.causes import NOTHING_THERE
from collectors.operation import Operation, Reader, ReadFailed, collector
from collectors.schema import Row, Unread, any_of, is_gone
from collectors.tables.data import Store

LIST_BUCKETS = Operation(
    "s3.list_buckets", "s3:ListAllMyBuckets", items="Buckets", shared=True, fixed=(("MaxBuckets", 1000),)
)
LIST_STREAMS = Operation("iot.list_streams", "iot:ListStreams", items="streams", shared=True, fixed=RESULTS)
DESCRIBE_STREAM = Operation("iot.describe_stream", "iot:DescribeStream", shared=True)
ACCOUNT_BLOCK = Operation(
    "s3control.get_public_access_block", "s3:GetAccountPublicAccessBlock",
    absent=("NoSuchPublicAccessBlockConfiguration",), shared=True,
)  # fmt: skip
BLOCK = Operation(
    "s3.get_public_access_block", "s3:GetBucketPublicAccessBlock", absent=("NoSuchPublicAccessBlockConfiguration",)
)
POLICY_STATUS = Operation("s3.get_bucket_policy_status", "s3:GetBucketPolicyStatus", absent=("NoSuchBucketPolicy",))
POLICY = Operation("s3.get_bucket_policy", "s3:GetBucketPolicy", absent=("NoSuchBucketPolicy",))
ACL = Operation("s3.get_bucket_acl", "s3:GetBucketAcl")
VERSIONING = Operation("s3.get_bucket_versioning", "s3:GetBucketVersioning")
LIFECYCLE = Operation(
    "s3.get_bucket_lifecycle_configuration", "s3:GetLifecycleConfiguration", absent=("NoSuchLifecycleConfiguration",)
)

FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
SETTINGS = ("public", "refuses_plain_http", "encrypted", "versioned", "expires_objects")
EVERYBODY = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)


@dataclass
class Buckets:
    """Names of buckets used for one purpose; ``unread`` when there may be more."""

    names: set[str] = field(default_factory=set)
    unread: Unread | None = None

    def hold(self, name: str) -> bool | Unread:
        """Whether a bucket is one of them."""
        return name in self.names or self.unread or False

    def note(self, reply: Any) -> Any:
        """An unread reply as nothing, remembered unless there is nothing to read; any other as it is."""
        if isinstance(reply, Unread):
            if reply.cause not in NOTHING_THERE and not is_gone(reply):
                self.unread = reply
            return []
        return reply


def telemetry(read: Reader, regions: list[str]) -> Buckets:
    """Buckets that topic rules of these regions write into. A name made up per message could be any bucket's."""
    found = Buckets()
    for region in regions:
        names = read(LIST_RULES, region=region).cell(lambda rules: [rule["ruleName"] for rule in rules])
        for name in found.note(names):
            into = read(GET_RULE, region=region, ruleName=name).cell(written_buckets)
            for bucket in found.note(into):
                if "${" in bucket:
                    found.unread = Unread("message_decides", detail=f"rule {name} names its bucket per message")
                else:
                    found.names.add(bucket)
    return found


def written_buckets(reply: Mapping[str, Any]) -> list[str]:
    """Buckets that one topic rule writes into."""
    return [action["bucketName"] for _, kind, action in actions(reply["rule"]) if kind == "s3"]


def firmware(read: Reader, regions: list[str]) -> Buckets:
    """Buckets that OTA updates, streams, jobs and package versions of these regions read from."""
    found = Buckets()
    for region in regions:
        updates = read(LIST_UPDATES, region=region).cell(lambda listed: [u["otaUpdateId"] for u in listed])
        for name in found.note(updates):
            files = read(GET_UPDATE, region=region, otaUpdateId=name).cell(
                lambda reply: list(firmware_buckets(reply["otaUpdateInfo"]))
            )
            found.names.update(found.note(files))
        streams = read(LIST_STREAMS, region=region).cell(lambda listed: [s["streamId"] for s in listed])
        for name in found.note(streams):
            files = read(DESCRIBE_STREAM, region=region, streamId=name).cell(streamed_buckets)
            found.names.update(found.note(files))
        for status in LIVE:
            jobs = read(LIST_JOBS, region=region, status=status).cell(lambda listed: [j["jobId"] for j in listed])
            for name in found.note(jobs):
                links = read(JOB_DOCUMENT, region=region, jobId=name).cell(
                    lambda reply: linked_buckets(reply["document"])
                )
                found.names.update(found.note(links))
        packages = read(LIST_PACKAGES, region=region).cell(lambda listed: [p["packageName"] for p in listed])
        for name in found.note(packages):
            versions = read(LIST_VERSIONS, region=region, packageName=name).cell(
                lambda listed: [v["versionName"] for v in listed]
            )
            for version in found.note(versions):
                artifact = read(GET_VERSION, region=region, packageName=name, versionName=version).cell(
                    lambda reply: [((reply.get("artifact") or {}).get("s3Location") or {}).get("bucket", "")]
                )
                found.names.update(bucket for bucket in found.note(artifact) if bucket)
    return found


def streamed_buckets(reply: Mapping[str, Any]) -> list[str]:
    """Buckets that one stream reads from."""
    return [f["s3Location"]["bucket"] for f in reply["streamInfo"].get("files") or () if "s3Location" in f]


@collector(
    Store, "aws",
    LIST_BUCKETS, LIST_RULES, GET_RULE, LIST_UPDATES, GET_UPDATE, LIST_STREAMS, DESCRIBE_STREAM,
    LIST_JOBS, JOB_DOCUMENT, LIST_PACKAGES, LIST_VERSIONS, GET_VERSION,
    ACCOUNT_BLOCK, BLOCK, POLICY_STATUS, POLICY, ACL, VERSIONING, LIFECYCLE,
    where="global",
)  # fmt: skip
def buckets(read: Reader) -> Iterator[Row]:
    """Every bucket of the account, and those of others that its IoT backend names.

    Settings are read only where a bucket of its own holds IoT data or firmware.
    """
    regions = list(read.options["regions"])
    data, images = telemetry(read, regions), firmware(read, regions)
    for source in (data.unread, images.unread):
        if source and source.permission:  # it may name a bucket of another account, which nothing else lists
            failure = ReadFailed("failed", source.code, source.detail)
            read.gap(failure, Operation(source.operation, source.permission), cause=source.cause)
    own = read(LIST_BUCKETS).cell(lambda listed: {bucket["Name"] for bucket in listed})
    elsewhere = Unread("out_of_scope_account", detail="the bucket is not among those of this account")
    for name in sorted((data.names | images.names) - own) if not isinstance(own, Unread) else ():
        yield {
            "resource": f"arn:{partition(regions[0] if regions else '')}:s3:::{name}",
            "name": name,
            "kind": "s3",
            "holds_telemetry": data.hold(name),
            "holds_firmware": images.hold(name),
            "holds_iot_data": True,
            **dict.fromkeys(SETTINGS, elsewhere),
        }
    for bucket in read(LIST_BUCKETS):
        name = bucket["Name"]
        holds_data, holds_images = data.hold(name), images.hold(name)
        either = any_of((holds_data, holds_images))
        row: dict[str, Any] = {
            "resource": f"arn:{partition(regions[0] if regions else '')}:s3:::{name}",
            "name": name,
            "kind": "s3",
            "holds_telemetry": holds_data,
            "holds_firmware": holds_images,
            "holds_iot_data": either,
        }
        if isinstance(either, Unread):
            yield row | dict.fromkeys(SETTINGS, either)
        else:
            yield row | settings(read, name) if either else row


def settings(read: Reader, name: str) -> dict[str, Any]:
    """What protects one bucket. S3 encrypts every new object since January 2023 (S3 User Guide, "Default encryption")."""
    return {
        "public": public(read, name),
        "refuses_plain_http": read(POLICY, Bucket=name).cell(
            lambda reply: denies_plain_http(json.loads(reply["Policy"]), name), absent=False
        ),
        "encrypted": True,
        "versioned": read(VERSIONING, Bucket=name).cell(lambda reply: reply.get("Status") == "Enabled"),
        "expires_objects": read(LIFECYCLE, Bucket=name).cell(expires, absent=False),
    }


def public(read: Reader, name: str) -> bool | Unread:
    """Whether a policy or an ACL opens the bucket and account and bucket together leave one of the four blocks off."""
    account = read(ACCOUNT_BLOCK, AccountId=read.scope.account).cell(blocks, absent=frozenset())
    own = read(BLOCK, Bucket=name).cell(blocks, absent=frozenset())
    known = frozenset[str]().union(*(found for found in (account, own) if not isinstance(found, Unread)))
    if known >= set(FLAGS):
        return False
    opened = any_of(
        (
            read(POLICY_STATUS, Bucket=name).cell(lambda reply: reply["PolicyStatus"]["IsPublic"], absent=False),
            read(ACL, Bucket=name).cell(open_to_everybody),
        )
    )
    if opened is False:
        return False
    doubt = next((found for found in (account, own, opened) if isinstance(found, Unread)), None)
    return doubt or True


def blocks(reply: Mapping[str, Any]) -> frozenset[str]:
    """The flags of a public access block that are on."""
    configuration = reply["PublicAccessBlockConfiguration"]
    return frozenset(flag for flag in FLAGS if configuration.get(flag))


def open_to_everybody(reply: Mapping[str, Any]) -> bool:
    """Whether an ACL grants anything to everybody or to every AWS account."""
    return any((grant.get("Grantee") or {}).get("URI") in EVERYBODY for grant in reply["Grants"] or ())


def expires(reply: Mapping[str, Any]) -> bool:
    """Whether an enabled lifecycle rule deletes current objects."""
    return any(
        rule.get("Status") == "Enabled" and ("Days" in (found := rule.get("Expiration") or {}) or "Date" in found)
        for rule in reply["Rules"]
    )


def denies_plain_http(policy: Mapping[str, Any], name: str) -> bool:
    """Whether statements for everybody deny every request without TLS, for the bucket and for its objects."""
    covered: set[str] = set()
    for statement in as_list(policy.get("Statement")):
        condition = {k.lower(): v for k, v in ((statement.get("Condition") or {}).get("Bool") or {}).items()}
        if (
            statement.get("Effect") == "Deny"
            and set(statement.get("Condition") or {}) == {"Bool"}
            and {key: [str(v).lower() for v in as_list(value)] for key, value in condition.items()}
            == {"aws:securetransport": ["false"]}
            and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
            and {"*", "s3:*"} & set(as_list(statement.get("Action")))
        ):
            covered.update(as_list(statement.get("Resource")))
    if "*" in covered:
        return True
    whole = {arn.split(":::", 1)[-1] for arn in covered}
    return f"{name}*" in whole or {name, f"{name}/*"} <= whole


def as_list(value: Any) -> list[Any]:
    """A member of a policy that may be one value or a list of them."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
