"""Device certificates, the authorities that sign them, and the things that hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.account import PAGES, RESULTS, registry
from collectors.aws.policies import (
    GET_POLICY,
    LIST_POLICIES,
    LIST_TARGETS,
    PRINCIPAL_THINGS,
    attachments,
    things_of,
)
from collectors.aws.rules import LIST_RULES
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.device import Certificate, Device
from collectors.x509 import certificate_facts

LIST_CERTIFICATES = Operation(
    "iot.list_certificates", "iot:ListCertificates", items="certificates", shared=True, fixed=PAGES
)
DESCRIBE_CERTIFICATE = Operation("iot.describe_certificate", "iot:DescribeCertificate")
LIST_AUTHORITIES = Operation(
    "iot.list_ca_certificates", "iot:ListCACertificates", items="certificates", shared=True, fixed=PAGES
)
DESCRIBE_AUTHORITY = Operation("iot.describe_ca_certificate", "iot:DescribeCACertificate", shared=True)
LIST_BY_AUTHORITY = Operation(
    "iot.list_certificates_by_ca", "iot:ListCertificatesByCA", items="certificates", fixed=PAGES
)
LIST_THINGS = Operation("iot.list_things", "iot:ListThings", items="things", fixed=RESULTS)

TRUSTED = ("ACTIVE", "PENDING_TRANSFER")
"""Statuses under which a key can still be used against the account, now or after a transfer."""
FACTS = ("parseable", "algorithm", "key_bits", "weak_key", "signature_hash", "self_signed", "expires_in_days")
REGISTERED = "$aws/events/certificates/registered/"


def described(read: Reader, reply: Mapping[str, Any]) -> dict[str, Any]:
    """What the PEM of a described certificate says; its end also from ``validity`` when the PEM says nothing."""
    description = reply["certificateDescription"]
    facts = certificate_facts(description["certificatePem"], read.clock)
    ends = (description.get("validity") or {}).get("notAfter")
    if "expires_in_days" not in facts and ends is not None:
        facts["expires_in_days"] = read.days_until(ends)
    return facts


@collector(
    Certificate, "aws",
    LIST_CERTIFICATES, DESCRIBE_CERTIFICATE, PRINCIPAL_THINGS, LIST_POLICIES, GET_POLICY, LIST_TARGETS,
    kind="device",
)  # fmt: skip
def device_certificates(read: Reader) -> Iterator[Row]:
    """Every device certificate of one region. Those that are neither active nor in transfer are only listed."""
    attached = attachments(read)
    for certificate in read(LIST_CERTIFICATES):
        arn, trusted = certificate["certificateArn"], certificate["status"] in TRUSTED
        row: dict[str, Any] = {
            "resource": arn,
            "name": certificate["certificateId"],
            "hub": registry(read.scope),
            "active": trusted,
            "age_days": read.days_since(certificate["creationDate"]) if certificate.get("creationDate") else None,
            "policies": attached.count(arn),
        }
        if trusted:
            facts = read(DESCRIBE_CERTIFICATE, certificateId=certificate["certificateId"]).cell(
                lambda reply: described(read, reply)
            )
            row |= dict.fromkeys(FACTS, facts) if isinstance(facts, Unread) else facts
            things = things_of(read, arn)
            count = things if isinstance(things, Unread) else len(things)
            row |= {"things": count, "exclusive": exclusive(things), "claim": attached.is_claim(arn, count)}
        yield row


def exclusive(things: list[dict[str, Any]] | Unread) -> bool | Unread | None:
    """Whether the one attachment shuts out others; nothing is said of a certificate without a thing."""
    if isinstance(things, Unread):
        return things
    return any(thing.get("thingPrincipalType") == "EXCLUSIVE_THING" for thing in things) if things else None


@collector(Certificate, "aws", LIST_AUTHORITIES, DESCRIBE_AUTHORITY, LIST_BY_AUTHORITY, LIST_RULES, kind="authority")
def authorities(read: Reader) -> Iterator[Row]:
    """Every registered CA of one region. Devices are counted only below inactive ones."""
    for listed in read(LIST_AUTHORITIES):
        identifier, active = listed["certificateId"], listed["status"] == "ACTIVE"
        reply = read(DESCRIBE_AUTHORITY, certificateId=identifier)
        whole = reply.cell(dict)
        facts = whole if isinstance(whole, Unread) else described(read, whole)
        row: dict[str, Any] = {
            "resource": listed["certificateArn"],
            "name": identifier,
            "hub": registry(read.scope),
            "active": active,
            "age_days": read.days_since(listed["creationDate"]) if listed.get("creationDate") else None,
            "auto_registers": whole if isinstance(whole, Unread) else registers(whole),
            "registration_vetted": vetted(read, identifier, whole),
        }
        row |= dict.fromkeys(FACTS, facts) if isinstance(facts, Unread) else facts
        if not active:
            row["active_devices"] = read(LIST_BY_AUTHORITY, caCertificateId=identifier).cell(
                lambda below: sum(certificate["status"] == "ACTIVE" for certificate in below)
            )
        yield row


def registers(authority: Mapping[str, Any]) -> bool:
    """Whether unknown devices are registered; off unless set (AWS IoT Core API, RegisterCACertificate)."""
    return bool(authority["certificateDescription"].get("autoRegistrationStatus", "DISABLE") == "ENABLE")


def vetted(read: Reader, identifier: str, authority: Mapping[str, Any] | Unread) -> bool | Unread | None:
    """Whether a template or an enabled rule on the registration event vets new devices; only asked where one may come."""
    if isinstance(authority, Unread):
        return authority
    if not registers(authority):
        return None
    config = authority.get("registrationConfig") or {}
    if config.get("templateName") or config.get("templateBody"):
        return True
    rules = read(LIST_RULES).cell(list)
    if isinstance(rules, Unread):
        return rules
    return any(hears(rule, f"{REGISTERED}{identifier}") for rule in rules)


def hears(rule: Mapping[str, Any], topic: str) -> bool:
    """Whether an enabled rule selects from a topic, read as an MQTT filter."""
    levels = str(rule.get("topicPattern") or "").split("/")
    wanted = topic.split("/")
    if rule.get("ruleDisabled") or not levels[0].startswith("$"):
        return False
    if levels[-1] == "#":
        levels, wanted = levels[:-1], wanted[: len(levels) - 1]
    return len(levels) == len(wanted) and all(a in ("+", b) for a, b in zip(levels, wanted, strict=True))


@collector(Device, "aws", LIST_THINGS, LIST_CERTIFICATES, PRINCIPAL_THINGS)
def things(read: Reader) -> Iterator[Row]:
    """Every thing of one region, with the active certificates attached to it."""
    unread: Unread | None = None
    active: Counter[str] = Counter()
    sharers: Counter[str] = Counter()
    arns = read(LIST_CERTIFICATES).cell(lambda found: [c["certificateArn"] for c in found if c["status"] == "ACTIVE"])
    for arn in () if isinstance(arns, Unread) else arns:
        held = things_of(read, arn)
        if isinstance(held, Unread):
            unread = held
            continue
        names = [thing["thingName"] for thing in held]
        active.update(names)
        for name in names:
            sharers[name] = max(sharers[name], len(names) - 1)
    if isinstance(arns, Unread):
        unread = arns
    for thing in read(LIST_THINGS):
        name = thing["thingName"]
        yield {
            "resource": thing["thingArn"],
            "name": name,
            "hub": registry(read.scope),
            "active_certificates": unread or active[name],
            "sharers": unread or sharers[name],
        }
