"""Device certificates, the authorities that sign them, and the things that hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.account import PAGES, RESULTS, registry
from collectors.aws.certificate_issuers import (
    DESCRIBE_AUTHORITY,
    DESCRIBE_CERTIFICATE,
    GET_LIST,
    LIST_AUTHORITIES,
    LIST_CERTIFICATES,
    TRUSTED,
    Issuers,
)
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
from collectors.schema import Row, Unread, is_gone
from collectors.tables.device import Certificate, Device

LIST_BY_AUTHORITY = Operation(
    "iot.list_certificates_by_ca", "iot:ListCertificatesByCA", items="certificates", fixed=PAGES
)
LIST_THINGS = Operation("iot.list_things", "iot:ListThings", items="things", fixed=RESULTS)

REGISTERED = "$aws/events/certificates/registered/"


@collector(
    Certificate, "aws",
    LIST_CERTIFICATES, DESCRIBE_CERTIFICATE, PRINCIPAL_THINGS, LIST_POLICIES, GET_POLICY, LIST_TARGETS,
    LIST_AUTHORITIES, DESCRIBE_AUTHORITY, GET_LIST,
    kind="device",
)  # fmt: skip
def device_certificates(read: Reader) -> Iterator[Row]:
    """Every device certificate of one region. Those that are neither active nor in transfer are only listed."""
    attached, issuers = attachments(read), Issuers(read)
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
            row |= issuers.row(issuers.device(certificate["certificateId"]))
            things = things_of(read, arn)
            count = things if isinstance(things, Unread) else len(things)
            row |= {"things": count, "exclusive": exclusive(things), "claim": attached.is_claim(arn, count)}
        yield row


def exclusive(things: list[dict[str, Any]] | Unread) -> bool | Unread | None:
    """Whether the one attachment shuts out others; nothing is said of a certificate without a thing."""
    if isinstance(things, Unread):
        return things
    return any(thing.get("thingPrincipalType") == "EXCLUSIVE_THING" for thing in things) if things else None


@collector(
    Certificate, "aws", LIST_AUTHORITIES, DESCRIBE_AUTHORITY, LIST_BY_AUTHORITY, LIST_RULES, GET_LIST, kind="authority"
)
def authorities(read: Reader) -> Iterator[Row]:
    """Every registered CA of one region. Devices are counted only below inactive ones."""
    issuers = Issuers(read)
    for listed in read(LIST_AUTHORITIES):
        identifier, active = listed["certificateId"], listed["status"] == "ACTIVE"
        reply = read(DESCRIBE_AUTHORITY, certificateId=identifier)
        whole = reply.cell(dict)
        facts = whole if isinstance(whole, Unread) else issuers.pem_facts(whole)
        row: dict[str, Any] = {
            "resource": listed["certificateArn"],
            "name": identifier,
            "hub": registry(read.scope),
            "active": active,
            "age_days": read.days_since(listed["creationDate"]) if listed.get("creationDate") else None,
            "auto_registers": whole if isinstance(whole, Unread) else registers(whole),
            "registration_vetted": vets_new_devices(read, identifier, whole),
        }
        row |= issuers.row(facts, authority=True)
        if not active:
            row["active_devices"] = read(LIST_BY_AUTHORITY, caCertificateId=identifier).cell(
                lambda below: sum(certificate["status"] == "ACTIVE" for certificate in below)
            )
        yield row


def registers(authority: Mapping[str, Any]) -> bool:
    """Whether unknown devices are registered; off unless set (AWS IoT Core API, RegisterCACertificate)."""
    return bool(authority["certificateDescription"].get("autoRegistrationStatus", "DISABLE") == "ENABLE")


def vets_new_devices(read: Reader, identifier: str, authority: Mapping[str, Any] | Unread) -> bool | Unread | None:
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
        if is_gone(held):
            continue
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
            "tags": read.device_tags(thing.get("attributes")),
            "active_certificates": unread or active[name],
            "sharers": unread or sharers[name],
        }
