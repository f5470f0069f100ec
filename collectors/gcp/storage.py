"""Cloud Storage: buckets that take telemetry or hand out firmware, and who may use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.gcp.account import PROJECT, PROJECT_POLICY, full_name, is_marked, project, value_or_unread
from collectors.gcp.policy import PUBLIC, ROLES, grants, holders, members, people, project_members
from collectors.gcp.pubsub import SUBSCRIPTIONS, TELEMETRY, of, telemetry
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, any_of
from collectors.tables.access import Grant
from collectors.tables.data import Store
from collectors.tags import tags

BUCKETS = Operation("storage.buckets.list", "storage.buckets.list", items="items", shared=True)
BUCKET_POLICY = Operation("storage.buckets.getIamPolicy", "storage.buckets.getIamPolicy", shared=True)
OBJECT_ACL = Operation("storage.defaultObjectAccessControls.list", "storage.buckets.getIamPolicy", items="items")

WRITING = frozenset(
    {
        "roles/storage.admin",
        "roles/storage.legacyBucketOwner",
        "roles/storage.legacyBucketWriter",
        "roles/storage.objectAdmin",
        "roles/storage.objectCreator",
        "roles/storage.objectUser",
    }
)
"""Predefined roles that hold storage.objects.create (Cloud Storage, "IAM roles for Cloud Storage")."""
CREATE = frozenset({"storage.objects.create"})


def is_public(read: Reader, bucket: dict[str, Any]) -> Any:
    """Whether anybody can reach the bucket or the objects that will be put into it.

    Enforced public access prevention settles it. An inherited one depends on an organisation policy, and so does not.
    Where uniform bucket-level access is off, the bucket's own ACL shows in its policy as legacy roles (Cloud Storage,
    "IAM: relation to ACLs"), and new objects get the default ACL, which does not.
    """
    if (bucket.get("iamConfiguration") or {}).get("publicAccessPrevention") == "enforced":
        return False
    bound = read(BUCKET_POLICY, bucket=bucket["name"]).cell(lambda p: any(m in PUBLIC for _, m in members(p)))
    acls = object_acls(bucket)
    if acls is False:
        return bound
    if isinstance(acls, Unread):
        return any_of((bound, acls))
    return any_of((bound, read(OBJECT_ACL, bucket=bucket["name"]).cell(open_to_all)))


def open_to_all(entries: list[dict[str, Any]]) -> bool:
    """Whether an ACL names everybody."""
    return any(entry["entity"] in PUBLIC for entry in entries)


def object_acls(bucket: dict[str, Any]) -> Any:
    """Whether single objects may have an ACL of their own: uniform bucket-level access is off."""
    return value_or_unread(lambda: not bucket["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"])


def takes_telemetry(bucket: dict[str, Any], targets: Any) -> Any:
    """Whether a telemetry subscription writes to the bucket, or a label says that it holds telemetry."""
    if is_marked(bucket, "telemetry"):
        return True
    return targets if isinstance(targets, Unread) else targets.get(bucket["name"], False)


def telemetry_buckets(read: Reader) -> Any:
    """Per bucket that subscriptions write to, whether one of their topics is telemetry."""
    known = telemetry(read)

    def decide(subscriptions: list[dict[str, Any]]) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for subscription in subscriptions:
            if bucket := (subscription.get("cloudStorageConfig") or {}).get("bucket"):
                found.setdefault(bucket, []).append(of(known, subscription["topic"]))
        return {bucket: any_of(answers) for bucket, answers in found.items()}

    return read(SUBSCRIPTIONS, project=project(read)).cell(decide)


def writers(read: Reader, bucket: str, project_pairs: Any) -> Any:
    """How many members can put objects into the bucket, by its own bindings or by the project's."""
    own = read(BUCKET_POLICY, bucket=bucket).cell(lambda policy: list(members(policy)))
    direct = people(holders(read, own, WRITING, CREATE), project_pairs)
    inherited = holders(read, project_pairs, WRITING, CREATE)
    for part in (direct, inherited):
        if isinstance(part, Unread):
            return part
    return len(direct | inherited)


@collector(
    Store,
    "gcp",
    BUCKETS,
    BUCKET_POLICY,
    OBJECT_ACL,
    SUBSCRIPTIONS,
    *TELEMETRY,
    PROJECT_POLICY,
    ROLES,
    where="global",
)
def stores(read: Reader) -> Iterator[Row]:
    """Every bucket of one project."""
    targets, project_pairs = telemetry_buckets(read), project_members(read)
    for bucket in read(BUCKETS, project=read.scope.account):
        data, firmware = takes_telemetry(bucket, targets), is_marked(bucket, "firmware")
        rules = (bucket.get("lifecycle") or {}).get("rule") or ()
        yield {
            "resource": full_name("storage", bucket["name"]),
            "name": bucket["name"],
            "tags": tags(bucket.get("labels") or {}),
            "kind": "gcs",
            "holds_telemetry": data,
            "holds_firmware": firmware,
            "holds_iot_data": any_of((data, firmware)),
            "public": is_public(read, bucket),
            "encrypted": True,
            "versioned": bool((bucket.get("versioning") or {}).get("enabled") or bucket.get("retentionPolicy")),
            "expires_objects": any((rule.get("action") or {}).get("type") == "Delete" for rule in rules),
            "object_acls": object_acls(bucket),
            "writers": writers(read, bucket["name"], project_pairs),
        }


@collector(Grant, "gcp", BUCKETS, BUCKET_POLICY, SUBSCRIPTIONS, *TELEMETRY, PROJECT, where="global")
def bucket_grants(read: Reader) -> Iterator[Row]:
    """Who may do what with every bucket, by bindings of its own."""
    targets = telemetry_buckets(read)
    for bucket in read(BUCKETS, project=read.scope.account):
        data = any_of((is_marked(bucket, "firmware"), takes_telemetry(bucket, targets)))
        for policy in read(BUCKET_POLICY, bucket=bucket["name"]):
            full = full_name("storage", bucket["name"])
            yield from grants(read, policy, full, bucket["name"], "bucket", data)
