"""Pub/Sub: topics that take device data in, and subscriptions that lead it out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.gcp.account import PROJECT, full_name, is_marked, project
from collectors.gcp.iot import REGISTRIES, telemetry_topics
from collectors.gcp.policy import RETIRED, grants, members, split
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, any_of
from collectors.tables.access import Grant
from collectors.tables.data import Route, Topic
from collectors.tags import tags

TOPICS = Operation(
    "pubsub.projects.topics.list", "pubsub.topics.list", items="topics", shared=True, fixed=(("pageSize", 1000),)
)
TOPIC_POLICY = Operation("pubsub.projects.topics.getIamPolicy", "pubsub.topics.getIamPolicy", shared=True)
SUBSCRIPTIONS = Operation(
    "pubsub.projects.subscriptions.list",
    "pubsub.subscriptions.list",
    items="subscriptions",
    shared=True,
    fixed=(("pageSize", 1000),),
)
SUBSCRIPTION_POLICY = Operation(
    "pubsub.projects.subscriptions.getIamPolicy", "pubsub.subscriptions.getIamPolicy", shared=True
)
SNAPSHOTS = Operation(
    "pubsub.projects.snapshots.list", "pubsub.snapshots.list", items="snapshots", fixed=(("pageSize", 1000),)
)
SNAPSHOT_POLICY = Operation("pubsub.projects.snapshots.getIamPolicy", "pubsub.snapshots.getIamPolicy")

TELEMETRY = (TOPICS, TOPIC_POLICY, REGISTRIES)
"""What :func:`telemetry` asks; a collector that calls it declares them."""


def telemetry(read: Reader) -> Any:
    """Per topic whether devices publish to it: it is labelled so, a registry names it, or the retired service may.

    Reading who may publish costs a call per topic, so it is asked only of topics that nothing else decides.
    """
    named = telemetry_topics(read)

    def decide(topics: list[dict[str, Any]]) -> dict[str, Any]:
        return {topic["name"]: is_telemetry(read, topic, named) for topic in topics}

    return read(TOPICS, project=project(read)).cell(decide)


def is_telemetry(read: Reader, topic: dict[str, Any], named: Any) -> Any:
    """Whether devices publish to one topic."""
    if is_marked(topic, "telemetry"):
        return True
    listed = named if isinstance(named, Unread) else topic["name"] in named
    if listed is True:
        return True
    legacy = read(TOPIC_POLICY, resource=topic["name"]).cell(has_retired_publisher)
    return any_of((listed, legacy))


def has_retired_publisher(policy: dict[str, Any]) -> bool:
    """Whether the service agent of Cloud IoT Core is bound: a registry published here."""
    return any(RETIRED.match(split(member)[1]) for _, member in members(policy))


def of(known: Any, topic: str) -> Any:
    """Whether a topic is telemetry, by the answer of :func:`telemetry`; one that is gone carries no data."""
    return known if isinstance(known, Unread) else known.get(topic, False)


def short(name: str) -> str:
    """The last part of a resource name."""
    return name.rpartition("/")[2]


@collector(Topic, "gcp", *TELEMETRY, where="global", kind="topic")
def topics(read: Reader) -> Iterator[Row]:
    """Every topic of one project."""
    known = telemetry(read)
    for topic in read(TOPICS, project=project(read)):
        policy = topic.get("messageStoragePolicy") or {}
        yield {
            "resource": full_name("pubsub", topic["name"]),
            "name": short(topic["name"]),
            "tags": tags(topic.get("labels") or {}),
            "telemetry": of(known, topic["name"]),
            "customer_key": bool(topic.get("kmsKeyName")),
            "regions": len(policy.get("allowedPersistenceRegions") or ()),
            "schema_bound": bool((topic.get("schemaSettings") or {}).get("schema")),
        }


@collector(Route, "gcp", SUBSCRIPTIONS, where="global")
def routes(read: Reader) -> Iterator[Row]:
    """Every subscription of one project."""
    for subscription in read(SUBSCRIPTIONS, project=project(read)):
        kind, target = delivery(subscription)
        push = subscription.get("pushConfig") or {}
        yield {
            "resource": full_name("pubsub", subscription["name"]),
            "name": short(subscription["name"]),
            "tags": tags(subscription.get("labels") or {}),
            "kind": kind,
            "target": target,
            "enabled": not subscription.get("detached", False) and subscription.get("state", "ACTIVE") == "ACTIVE",
            "encrypted_at_rest": True,
            "https": target.startswith("https://") if kind == "push" else None,
            "authenticated": bool((push.get("oidcToken") or {}).get("serviceAccountEmail")) if kind == "push" else None,
        }


def delivery(subscription: dict[str, Any]) -> tuple[str, str]:
    """How a subscription delivers and where to; by pull when it names no other way."""
    if endpoint := (subscription.get("pushConfig") or {}).get("pushEndpoint"):
        return "push", str(endpoint)
    for kind, config, field in (
        ("bigquery", "bigqueryConfig", "table"),
        ("bigtable", "bigtableConfig", "table"),
        ("storage", "cloudStorageConfig", "bucket"),
    ):
        if target := (subscription.get(config) or {}).get(field):
            return kind, str(target)
    return "pull", str(subscription["topic"])


@collector(Grant, "gcp", *TELEMETRY, PROJECT, where="global")
def topic_grants(read: Reader) -> Iterator[Row]:
    """Who may do what with every topic, by bindings of its own."""
    known = telemetry(read)
    for topic in read(TOPICS, project=project(read)):
        name = topic["name"]
        for policy in read(TOPIC_POLICY, resource=name):
            yield from grants(read, policy, full_name("pubsub", name), short(name), "topic", of(known, name))


@collector(Grant, "gcp", SUBSCRIPTIONS, SUBSCRIPTION_POLICY, *TELEMETRY, PROJECT, where="global")
def subscription_grants(read: Reader) -> Iterator[Row]:
    """Who may do what with every subscription, by bindings of its own."""
    known = telemetry(read)
    for subscription in read(SUBSCRIPTIONS, project=project(read)):
        name, data = subscription["name"], of(known, subscription["topic"])
        for policy in read(SUBSCRIPTION_POLICY, resource=name):
            yield from grants(read, policy, full_name("pubsub", name), short(name), "subscription", data)


@collector(Grant, "gcp", SNAPSHOTS, SNAPSHOT_POLICY, *TELEMETRY, PROJECT, where="global")
def snapshot_grants(read: Reader) -> Iterator[Row]:
    """Who may do what with every snapshot: it holds the messages of its topic."""
    known = telemetry(read)
    for snapshot in read(SNAPSHOTS, project=project(read)):
        name, data = snapshot["name"], of(known, snapshot.get("topic", ""))
        for policy in read(SNAPSHOT_POLICY, resource=name):
            yield from grants(read, policy, full_name("pubsub", name), short(name), "other", data)
