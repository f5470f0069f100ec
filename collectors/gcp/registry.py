"""Registries and devices of Cloud IoT v1, as Google's retired service and ClearBlade both speak it.

Both clouds answer with the same JSON, so both fill their tables here. A field that a reply does not hold is unread:
a default is used only where the session put it there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from collectors.gcp.account import value_or_unread
from collectors.operation import Reader, Reply
from collectors.schema import Row, Unread, any_of, is_gone
from collectors.weak_keys import WeakKeys, mark
from collectors.x509 import NO_LIST, certificate, certificate_facts, fingerprint, key_facts, public_key

Name = Callable[[str], str]
"""Turns a relative resource name into the full id that a cloud's rows carry."""

SIGNS_OF_LIFE = ("lastHeartbeatTime", "lastEventTime", "lastStateTime", "lastConfigAckTime")
"""Times at which the service heard from the device. Heartbeats are MQTT's; an HTTP device has event times only."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(said: str | None) -> datetime | None:
    """A time in a reply, or None: unset, empty, and the zero times of protobuf and Go all say *never*."""
    if not said:
        return None
    when = datetime.fromisoformat(said)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when if when > EPOCH else None


def bridge(registry: dict[str, Any], config: str, state: str, on: str) -> Any:
    """Whether devices may use one of the registry's two bridges.

    An unspecified state enables it (Cloud IoT v1 reference, HttpState and MqttState).
    """
    return value_or_unread(
        lambda: registry[config].get(state, "") in (on, "", f"{on.split('_', maxsplit=1)[0]}_STATE_UNSPECIFIED")
    )


def authorities(registry: dict[str, Any]) -> list[dict[str, Any]]:
    """The registry's CA certificates. Raises ``KeyError`` when the reply does not hold them."""
    return [c["publicKeyCertificate"] for c in registry["credentials"] if "publicKeyCertificate" in c]


def hub(registry: dict[str, Any], full: Name) -> Row:
    """A registry as a row of Hub."""
    http = bridge(registry, "httpConfig", "httpEnabledState", "HTTP_ENABLED")
    mqtt = bridge(registry, "mqttConfig", "mqttEnabledState", "MQTT_ENABLED")
    return {
        "resource": full(registry["name"]),
        "name": registry["id"],
        "kind": "registry",
        "enabled": any_of((http, mqtt)),
        "http_enabled": http,
        "mqtt_enabled": mqtt,
        "authorities": value_or_unread(lambda: len(authorities(registry))),
    }


def log(registry: dict[str, Any], full: Name) -> Row:
    """A registry as a row of Log. An unspecified level disables logging (Cloud IoT v1 reference, LogLevel)."""
    return {
        "resource": full(registry["name"]),
        "name": registry["id"],
        "hub": full(registry["name"]),
        "kind": "registry",
        "logs_connections": value_or_unread(lambda: registry["logLevel"] in ("ERROR", "INFO", "DEBUG")),
    }


def name_of(registry: dict[str, Any]) -> str:
    """The relative resource name of a registry."""
    return str(registry["name"])


def named(registry: dict[str, Any], full: Name) -> Row:
    """What a registry is called, whatever else the reply says of it."""
    return {"resource": full(registry["name"]), "name": registry.get("id")}


def certificates(read: Reader, full: Name, registry: dict[str, Any]) -> Iterator[Row]:
    """The registry's CAs as rows of Certificate."""
    place = {"resource": full(registry["name"]), "hub": full(registry["name"]), "kind": "authority"}

    def called(authority: dict[str, Any]) -> Row:
        return {**place, "subject": identity(authority.get("certificate") or "")}

    def row(authority: dict[str, Any]) -> Row:
        encoded = authority.get("certificate") or ""
        facts = certificate_facts(encoded, read.clock, read.memory.weak)
        if not facts["parseable"]:
            facts["expires_in_days"] = expiry(authority, read.clock)
        return {**called(authority), "name": authority_name(authority, encoded), "active": True, **facts}

    yield from read.each(authorities(registry), row, called)


def identity(encoded: str) -> str:
    """What tells one CA of a registry from another: a hash of issuer and serial number (RFC 5280, 4.1.2.2)."""
    try:
        parsed = certificate(encoded)
        told = parsed.issuer.public_bytes() + str(parsed.serial_number).encode()
    except ValueError:
        told = encoded.encode()
    return f"sha256:{sha256(told).hexdigest()}"


def expiry(authority: dict[str, Any], clock: datetime) -> Any:
    """Days until the end that the service itself read from a certificate that does not parse here."""
    end = value_or_unread(lambda: moment(authority["x509Details"]["expiryTime"]))
    return end if isinstance(end, Unread) else (end - clock).days if end else Unread("not_parseable")


def authority_name(authority: dict[str, Any], encoded: str) -> str:
    """The certificate's subject, as the service or the certificate itself says it."""
    said = (authority.get("x509Details") or {}).get("subject")
    try:
        return str(said or certificate(encoded).subject.rfc4514_string())
    except ValueError:
        return ""


def devices(
    read: Reader, registries: Iterable[tuple[dict[str, Any], Reply]], full: Name, complete: Any
) -> Iterator[Row]:
    """Every device of a scope's registries as rows of Device, each with the others that hold one of its keys.

    ``registries`` pairs a registry with the reply that lists its devices. The same key in another registry is shared
    as well, so all are read before the first row is given. ``complete`` is unread when registries may be missing: then
    nobody can say how many hold a key, nor when a device makes no sense, for it may hold one.
    """
    rows: list[tuple[dict[str, Any], frozenset[str] | None]] = []
    holders: Counter[str] = Counter()
    gap: Unread | None = complete if isinstance(complete, Unread) else None
    for registry, reply in registries:
        told = reply.cell(len)
        if is_gone(told):
            continue
        gap = told if isinstance(told, Unread) else gap
        where, signers = full(registry["name"]), signing(registry)
        for item in reply:
            try:
                row, keys = device(item, where, signers, read.clock, read.memory.weak)
            except Exception as error:  # whatever a device brings about costs its row
                gap = Unread("not_parseable", detail="a device that may hold the same key")
                read.miss(error, partial(device_name, where), item)
                continue
            rows.append((row, keys))
            if row["enabled"] is True and keys:
                holders.update(keys)
    for row, keys in rows:
        yield {**row, "sharers": gap or sharers(row, keys, holders)}


def signing(registry: dict[str, Any]) -> list[x509.Certificate] | Unread:
    """The registry's CAs that parse, or an unread value when the reply does not hold them."""
    found: list[x509.Certificate] = []
    listed = value_or_unread(lambda: authorities(registry))
    if isinstance(listed, Unread):
        return listed
    for authority in listed:
        parsed = value_or_unread(partial(certificate, authority.get("certificate") or ""))
        if not isinstance(parsed, Unread):
            found.append(parsed)
    return found


def sharers(row: dict[str, Any], keys: frozenset[str] | None, holders: Counter[str]) -> Any:
    """How many other enabled devices hold one of these keys, counted for the key that most hold."""
    if keys is None:
        return Unread("not_parseable", detail="a credential's public key")
    own = 1 if row["enabled"] is True else 0
    return max((holders[key] - own for key in keys), default=0)


def device(
    item: dict[str, Any], registry: str, signers: Any, clock: datetime, listed: WeakKeys
) -> tuple[dict[str, Any], frozenset[str] | None]:
    """One device's row without its sharers, and the fingerprints of its keys; None where one cannot be read."""
    held = item.get("credentials")
    keys = [credential_facts(c, signers, clock, listed) for c in held or ()]
    unasked = Unread("absent_field", detail="the reply has no credentials")
    heard = value_or_unread(lambda: last_heard(item))
    gateway = value_or_unread(lambda: item["gatewayConfig"].get("gatewayType", "") == "GATEWAY")
    prints = [key["fingerprint"] for key in keys]
    row = {
        **device_name(registry, item),
        "hub": registry,
        "enabled": value_or_unread(lambda: not item["blocked"]),
        "auth": unasked if held is None else weakest_auth([key["auth"] for key in keys]),
        "weak_key": unasked if held is None else any_of(key["weak"] for key in keys),
        "credentials": unasked if held is None else len(keys),
        "expiring_credentials": unasked if held is None else expiring([key["ends"] for key in keys]),
        "expired_credentials": unasked if held is None else expired([key["ends"] for key in keys], clock),
        "silent_days": heard if isinstance(heard, Unread) else silence(heard, clock),
        "ever_connected": heard if isinstance(heard, Unread) else heard is not None,
        "edge": gateway,
        "gateway_auth": gateway_auth(item) if gateway is True else None,
        "logs_off": value_or_unread(lambda: item["logLevel"] == "NONE"),
    }
    return row, None if held is None or None in prints else frozenset(prints)


def device_name(registry: str, item: dict[str, Any]) -> Row:
    """What a device is called, whatever else the reply says of it."""
    return {"resource": f"{registry}/devices/{item['id']}", "name": item["id"]}


def expired(ends: list[Any], clock: datetime) -> Any:
    """How many of the times are over; unread where one makes no sense."""
    unread = next((end for end in ends if isinstance(end, Unread)), None)
    return unread or sum(bool(end and end <= clock) for end in ends)


def expiring(ends: list[Any]) -> Any:
    """How many of the times are set; unread where one makes no sense."""
    unread = next((end for end in ends if isinstance(end, Unread)), None)
    return unread or sum(end is not None for end in ends)


def last_heard(item: dict[str, Any]) -> datetime | None:
    """When the service last heard from the device. Raises ``KeyError`` when the reply tells nothing about times.

    The services leave out a time that never was, so one field of the mask must be there to prove that it was obeyed.
    """
    times = [when for field in SIGNS_OF_LIFE if (when := moment(item.get(field)))]
    if not times and not item.keys() & {*SIGNS_OF_LIFE, "blocked", "credentials", "logLevel"}:
        raise KeyError("lastEventTime")
    return max(times, default=None)


def silence(heard: datetime | None, clock: datetime) -> Any:
    """Whole days since the device was heard of."""
    if heard is None:
        return Unread("no_data_source", detail="never heard of, and the service does not say since when it exists")
    return (clock - heard).days


def gateway_auth(item: dict[str, Any]) -> str:
    """How a gateway's devices are trusted; an unset method is the unspecified one (Cloud IoT v1, GatewayConfig)."""
    return str(item["gatewayConfig"].get("gatewayAuthMethod") or "GATEWAY_AUTH_METHOD_UNSPECIFIED")


def weakest_auth(kinds: list[Any]) -> Any:
    """The weakest proof of identity among a device's credentials."""
    unread = [kind for kind in kinds if isinstance(kind, Unread)]
    if unread and "public-key" not in kinds:
        return unread[0]
    return next((kind for kind in ("public-key", "self-signed", "authority") if kind in kinds), "none")


def credential_facts(
    credential: dict[str, Any], signers: Any, clock: datetime, listed: WeakKeys = NO_LIST
) -> dict[str, Any]:
    """One credential: how it proves identity, whether its key is weak, the key's fingerprint, and when it ends."""
    key = credential.get("publicKey") or {}
    encoded = key.get("key") or ""
    facts: dict[str, Any] = {"auth": "public-key", "weak": Unread("not_parseable"), "fingerprint": None}
    facts["ends"] = value_or_unread(lambda: moment(credential.get("expirationTime")))
    try:
        parsed = public_key(encoded)
        facts["fingerprint"] = fingerprint(parsed)
        if "CERTIFICATE" in encoded:
            weak = certificate_facts(encoded, clock, listed).get("weak_key")
            facts["auth"] = is_vouched_for(encoded, signers)
        else:
            weak = mark(parsed) in listed or key_facts(parsed)["weak_key"]
        facts["weak"] = Unread("not_parseable") if weak is None else weak
    except ValueError:
        if "CERTIFICATE" in encoded or "X509" in str(key.get("format")):
            facts["auth"] = "self-signed"
    return facts


def is_vouched_for(encoded: str, signers: list[x509.Certificate] | Unread) -> Any:
    """Whether a CA of the registry signed a device's certificate. The service checks that only when it is added."""
    if isinstance(signers, Unread):
        return signers
    leaf = certificate(encoded)
    for signer in signers:
        try:
            leaf.verify_directly_issued_by(signer)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return "authority"
    return "self-signed"
