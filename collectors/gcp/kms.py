"""Cloud KMS: keys that encrypt device data and sign firmware."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from collectors.gcp.account import PROJECT, PROJECT_POLICY, full_name, is_marked, project, value_or_unread
from collectors.gcp.policy import PUBLIC, ROLES, grants, holders, members, project_members
from collectors.gcp.pubsub import TELEMETRY, TOPICS, of, short, telemetry
from collectors.operation import Operation, Reader, Reply, collector
from collectors.schema import Row, Unread, any_of
from collectors.tables.access import Grant
from collectors.tables.data import Key
from collectors.tags import tags

LOCATIONS = Operation("cloudkms.projects.locations.list", "cloudkms.locations.list", items="locations", shared=True)
RINGS = Operation("cloudkms.projects.locations.keyRings.list", "cloudkms.keyRings.list", items="keyRings", shared=True)
RING_POLICY = Operation(
    "cloudkms.projects.locations.keyRings.getIamPolicy", "cloudkms.keyRings.getIamPolicy", shared=True
)
KEYS = Operation(
    "cloudkms.projects.locations.keyRings.cryptoKeys.list", "cloudkms.cryptoKeys.list", items="cryptoKeys", shared=True
)
KEY_POLICY = Operation(
    "cloudkms.projects.locations.keyRings.cryptoKeys.getIamPolicy", "cloudkms.cryptoKeys.getIamPolicy", shared=True
)
VERSIONS = Operation(
    "cloudkms.projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.list",
    "cloudkms.cryptoKeyVersions.list",
    items="cryptoKeyVersions",
)

PURPOSES = {
    "ENCRYPT_DECRYPT": "encrypt",
    "RAW_ENCRYPT_DECRYPT": "encrypt",
    "ASYMMETRIC_DECRYPT": "encrypt",
    "ASYMMETRIC_SIGN": "sign",
    "MAC": "mac",
}
HARDWARE = frozenset({"HSM", "HSM_SINGLE_TENANT", "EXTERNAL", "EXTERNAL_VPC"})
SIGNING = frozenset(
    {"roles/cloudkms.cryptoOperator", "roles/cloudkms.signer", "roles/cloudkms.signerVerifier", "roles/owner"}
)
"""Predefined roles that hold cloudkms.cryptoKeyVersions.useToSign (Cloud KMS, "Permissions and roles")."""
SIGN = frozenset({"cloudkms.cryptoKeyVersions.useToSign"})
DAY = 86400


def rings(read: Reader) -> Iterator[dict[str, Any]]:
    """Every key ring in every location of Cloud KMS: it has no list across locations."""
    for location in read(LOCATIONS, name=project(read)):
        yield from read(RINGS, parent=location["name"])


def rotation_days(key: dict[str, Any]) -> int:
    """Whole days between rotations. Raises ``KeyError`` when the key has none."""
    return int(float(key["rotationPeriod"].removesuffix("s")) // DAY)


def versions(read: Reader, key: dict[str, Any]) -> tuple[Any, Any]:
    """Whether the key has a version that can be used, and whether one was imported.

    A symmetric key says so by its primary version; of another key the versions are listed.
    """
    if key["purpose"] == "ENCRYPT_DECRYPT" and not key.get("importOnly"):
        primary = key.get("primary") or {}
        return primary.get("state") == "ENABLED", "importTime" in primary
    listed = read(VERSIONS, parent=key["name"])
    enabled = listed.cell(lambda found: any(v["state"] == "ENABLED" for v in found))
    imported = listed.cell(lambda found: any("importTime" in v for v in found))
    return enabled, any_of((key.get("importOnly", False), imported))


def is_public(pairs: Any) -> Any:
    """Whether a policy names everybody."""
    return pairs if isinstance(pairs, Unread) else any(member in PUBLIC for _, member in pairs)


def kms_only(pairs: Any) -> Any:
    """The project's bindings of roles that reach into Cloud KMS."""
    return pairs if isinstance(pairs, Unread) else [p for p in pairs if p[0].startswith("roles/cloudkms.")]


def signers(read: Reader, levels: tuple[Any, ...]) -> Any:
    """How many members can sign, by bindings of the key, its ring or the project."""
    found: frozenset[str] = frozenset()
    for pairs in levels:
        able = holders(read, pairs, SIGNING, SIGN)
        if isinstance(able, Unread):
            return able
        found |= able
    return len(found)


@collector(Key, "gcp", LOCATIONS, RINGS, KEYS, RING_POLICY, KEY_POLICY, VERSIONS, PROJECT_POLICY, ROLES, where="global")
def keys(read: Reader) -> Iterator[Row]:
    """Every key of one project."""
    above = project_members(read)
    for ring in rings(read):
        inherited = read(RING_POLICY, resource=ring["name"]).cell(lambda policy: list(members(policy)))
        for key in read(KEYS, parent=ring["name"]):
            own = read(KEY_POLICY, resource=key["name"]).cell(lambda policy: list(members(policy)))
            purpose = PURPOSES.get(key["purpose"], "other")
            enabled, imported = versions(read, key)
            yield {
                "resource": full_name("cloudkms", key["name"]),
                "name": short(key["name"]),
                "tags": tags(key.get("labels") or {}),
                "purpose": purpose,
                "customer_managed": True,
                "enabled": enabled,
                "rotatable": rotatable(key),
                "rotates": "rotationPeriod" in key,
                "rotation_days": value_or_unread(partial(rotation_days, key)) if "rotationPeriod" in key else None,
                "public": any_of((is_public(own), is_public(inherited), is_public(kms_only(above)))),
                "signs_firmware": purpose == "sign" and is_marked(key, "firmware"),
                "hardware": value_or_unread(partial(in_hardware, key)),
                "imported": imported,
                "signers": signers(read, (own, inherited, above)) if purpose == "sign" else 0,
            }


def in_hardware(key: dict[str, Any]) -> bool:
    """Whether the key never leaves an HSM or an external key manager. Raises ``KeyError`` when the reply is silent."""
    return key["versionTemplate"]["protectionLevel"] in HARDWARE


def rotatable(key: dict[str, Any]) -> bool:
    """Whether Cloud KMS can rotate it: symmetric keys whose material it makes itself ("Key rotation")."""
    level = (key.get("versionTemplate") or {}).get("protectionLevel")
    external = level in ("EXTERNAL", "EXTERNAL_VPC") or key.get("importOnly", False)
    return bool(key["purpose"] == "ENCRYPT_DECRYPT" and not external)


@collector(Grant, "gcp", LOCATIONS, RINGS, KEYS, RING_POLICY, KEY_POLICY, *TELEMETRY, PROJECT, where="global")
def key_grants(read: Reader) -> Iterator[Row]:
    """Who may do what with every key, by bindings of its own and of its ring."""
    protecting = telemetry_keys(read)
    for ring in rings(read):
        listed = read(KEYS, parent=ring["name"])
        found = [(key, protects(key, protecting)) for key in listed]
        for policy in read(RING_POLICY, resource=ring["name"]):
            data = any_of((*(answer for _, answer in found), false_if_whole(listed)))
            yield from grants(read, policy, full_name("cloudkms", ring["name"]), short(ring["name"]), "key", data)
        for key, data in found:
            for policy in read(KEY_POLICY, resource=key["name"]):
                yield from grants(read, policy, full_name("cloudkms", key["name"]), short(key["name"]), "key", data)


def false_if_whole(listed: Reply) -> Any:
    """Unread when the list is not whole, else False: nothing more can be in it."""
    told = listed.cell(len)
    return told if isinstance(told, Unread) else False


def telemetry_keys(read: Reader) -> Any:
    """Per key that topics are encrypted with, whether one of them is telemetry."""
    known = telemetry(read)

    def decide(topics: list[dict[str, Any]]) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for topic in topics:
            if key := topic.get("kmsKeyName"):
                found.setdefault(key, []).append(of(known, topic["name"]))
        return {key: any_of(answers) for key, answers in found.items()}

    return read(TOPICS, project=project(read)).cell(decide)


def protects(key: dict[str, Any], protecting: Any) -> Any:
    """Whether a key protects device data or firmware: a label says so, or a telemetry topic uses it."""
    if is_marked(key, "firmware") or is_marked(key, "telemetry"):
        return True
    return protecting if isinstance(protecting, Unread) else protecting.get(key["name"], False)
