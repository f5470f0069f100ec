"""What certificates say, who really signed them, and whether their issuers have revoked them.

A device certificate is described once for ever: what follows from its PEM is kept under its id (see
:mod:`collectors.fact_cache`). Revocation lists are fetched only where the settings allow it, and only for certificates
that a registered CA signed: then the CA, and not just anybody, named the URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509

from collectors.aws.account import PAGES
from collectors.operation import Operation, Reader
from collectors.revocation_list import NoUse, RevocationList, revocation_list
from collectors.schema import Unread, any_of, is_gone
from collectors.x509 import CELLS, cells, certificate, fingerprint, issued_by, pem_facts

LIST_CERTIFICATES = Operation(
    "iot.list_certificates", "iot:ListCertificates", items="certificates", shared=True, fixed=PAGES
)
DESCRIBE_CERTIFICATE = Operation("iot.describe_certificate", "iot:DescribeCertificate")
LIST_AUTHORITIES = Operation(
    "iot.list_ca_certificates", "iot:ListCACertificates", items="certificates", shared=True, fixed=PAGES
)
DESCRIBE_AUTHORITY = Operation("iot.describe_ca_certificate", "iot:DescribeCACertificate", shared=True)
GET_LIST = Operation(
    "crl.get_list", "outbound HTTP to the hosts that certificates name for revocation lists", shared=True, outside=True
)

TRUSTED = ("ACTIVE", "PENDING_TRANSFER")
"""Statuses under which a key can still be used against the account, now or after a transfer."""
FACTS = (*CELLS, "expires_in_days", "issuer", "revocation_list", "revoked")
REVOKED_AUTHORITY = "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK"
REVOKED_DEVICE = "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK"
REVOKED_ABOVE = "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK"
"""Checks of Device Defender that ask what revocation lists answer as well (AWS IoT Device Defender, "Audit checks")."""
KEPT = {
    "parseable": bool, "self_signed": bool, "ends": str, "mark": str, "serial": str, "issuer": str, "subject": str,
    "signer": str, "lists": list, "tried": list,
}  # fmt: skip
"""What is always known of a certificate that parses, and as what."""
LONGEST_CHAIN = 8
MOST_LISTS = 100
"""Revocation lists that one region's certificates may make a scan fetch."""


@dataclass(frozen=True)
class Registered:
    """A CA that is registered in AWS IoT: its id, its certificate and what it says."""

    id: str
    parsed: x509.Certificate
    facts: dict[str, Any]


class Issuers:
    """The CAs registered in one region, what they signed, and their revocation lists."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._fetches = bool(read.options.get("crl_fetch"))
        self._lists: dict[tuple[str, str], RevocationList | Unread] = {}
        self._unread: Unread | None = None
        self._by_name: dict[str, dict[str, Registered]] = {}
        active: list[dict[str, Any]] = []
        for identifier, status in self._ids_and_statuses():
            pem = read(DESCRIBE_AUTHORITY, certificateId=identifier).cell(pem_of)
            if is_gone(pem):
                continue
            if isinstance(pem, Unread):
                self._unread = pem
                continue
            facts = pem_facts(pem)
            if facts["parseable"]:
                parsed = certificate(pem)
                named = self._by_name.setdefault(facts["subject"], {})
                named[self.key_of(parsed)] = Registered(identifier, parsed, facts)
            if status == "ACTIVE":
                active.append(facts)
        self._by_key = {key: ca for named in self._by_name.values() for key, ca in named.items()}
        for ca in self._by_key.values():
            ca.facts.update(self._trial(ca.parsed, ca.facts))
        self._active = active

    def _ids_and_statuses(self) -> list[tuple[str, str]]:
        listed = self._read(LIST_AUTHORITIES).cell(lambda found: [(ca["certificateId"], ca["status"]) for ca in found])
        if isinstance(listed, Unread):
            self._unread = listed
            return []
        return list(listed)

    @staticmethod
    def key_of(parsed: x509.Certificate) -> str:
        """What tells one CA from another of its name: its key, whatever certificate that is in."""
        try:
            return fingerprint(parsed.public_key())
        except ValueError:
            return ""

    def pem_facts(self, reply: Mapping[str, Any]) -> dict[str, Any]:
        """What the PEM of a described certificate says; its end also from ``validity`` when the PEM says nothing."""
        description = reply["certificateDescription"]
        pem = description["certificatePem"]
        facts = pem_facts(pem)
        if facts["parseable"]:
            return facts | self._trial(certificate(pem), facts)
        ends = (description.get("validity") or {}).get("notAfter")
        return facts | ({"ends": ends.isoformat()} if ends is not None else {})

    def _trial(self, parsed: x509.Certificate, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The key of the registered CA that signed a certificate (``signer``), and those that were tried."""
        tried = self._by_name.get(facts["issuer"], {})
        signer = next((key for key, ca in tried.items() if issued_by(parsed, ca.parsed)), "")
        return {"signer": signer, "tried": sorted(tried)}

    def device(self, identifier: str) -> dict[str, Any] | Unread:
        """The facts of a device certificate: those kept, unless a CA that may have signed it was registered since."""
        known = self._read.kept.get(identifier)
        if known is not None and usable(known):
            may_have_signed = self._by_name.get(known.get("issuer", ""), {}).keys()
            if known.get("signer") or may_have_signed <= set(known.get("tried", ())):
                return known
        facts: dict[str, Any] | Unread = self._read(DESCRIBE_CERTIFICATE, certificateId=identifier).cell(self.pem_facts)
        if not isinstance(facts, Unread):
            self._read.kept.put(identifier, facts)
        return facts

    def row(self, facts: dict[str, Any] | Unread, authority: bool = False) -> dict[str, Any]:
        """The cells of a certificate that its PEM, its issuers and their lists decide."""
        if isinstance(facts, Unread):
            return dict.fromkeys(FACTS, facts)
        own, above = self.revoked_by_list(facts, authority), self._revoked_above(facts)
        revoked = any_of((own, above))
        told = revoked if isinstance(revoked, Unread) else own is not None or revoked
        return {
            **cells(facts, self._read.clock, self._read.memory.weak),
            "issuer": self._issuer(facts),
            "revocation_list": told,
            "revoked": revoked if told else None,
        }

    def _issuer(self, facts: Mapping[str, Any]) -> str | Unread | None:
        """Id of the registered CA that signed a certificate; empty when none did."""
        if not facts["parseable"]:
            return None
        signer = self._by_key.get(facts["signer"])
        return signer.id if signer else self._unread or ""

    def revoked_by_list(self, facts: Mapping[str, Any], authority: bool = False) -> bool | Unread | None:
        """Whether the issuer's list names a certificate; None where no list is there to be asked."""
        if not self._fetches or not facts["parseable"] or facts["self_signed"]:
            return None
        signer = self._by_key.get(facts["signer"])
        if signer is None:
            return self._unread
        found: bool | Unread | None = None
        for url in facts["lists"]:
            held = self._list(url, facts["signer"], signer)
            try:
                found = held if isinstance(held, Unread) else held.names(facts["serial"], authority)
            except NoUse as error:
                found = Unread("failed", detail=str(error))
            if isinstance(found, bool):
                break
        return found

    def _list(self, url: str, key: str, signer: Registered) -> RevocationList | Unread:
        if (url, key) not in self._lists and len(self._lists) >= MOST_LISTS:
            return Unread("partial", detail=f"more than {MOST_LISTS} revocation lists")
        if (url, key) not in self._lists:
            try:
                data = self._read(GET_LIST, "global", url=url).cell(bytes)
                held = data if isinstance(data, Unread) else revocation_list(data, url, signer.parsed, self._read.clock)
            except NoUse as error:
                held = Unread("failed", detail=f"revocation list of CA {signer.id}: {error}")
            self._lists[url, key] = held
        return self._lists[url, key]

    def _revoked_above(self, facts: Mapping[str, Any], depth: int = 0) -> bool | Unread:
        """Whether a CA above a certificate is on the list of its own issuer."""
        signer = self._by_key.get(facts.get("signer", ""))
        if signer is None or signer.facts["self_signed"] or depth > LONGEST_CHAIN:
            return False
        found: bool | Unread = any_of(
            (self.revoked_by_list(signer.facts, True), self._revoked_above(signer.facts, depth + 1))
        )
        return found

    def list_answers(self, facts: dict[str, Any] | Unread, authority: bool = False) -> bool | Unread:
        """Whether a list answers for a certificate. A CA that signed itself needs none: nobody else could revoke it."""
        if isinstance(facts, Unread):
            return facts
        if not facts["parseable"] or facts["self_signed"]:
            return bool(facts["parseable"])
        told = self.revoked_by_list(facts, authority)
        return told if isinstance(told, Unread) else told is not None

    def lists_answer_above(self, facts: dict[str, Any] | Unread, depth: int = 0) -> bool | Unread:
        """Whether lists answer for every CA above a certificate."""
        if isinstance(facts, Unread):
            return facts
        signer = self._by_key.get(facts.get("signer", ""))
        if signer is None or depth > LONGEST_CHAIN:
            return self._unread or False
        if signer.facts["self_signed"]:
            return True
        return all_true((self.list_answers(signer.facts, True), self.lists_answer_above(signer.facts, depth + 1)))

    def lists_answer(self, check: str) -> bool | Unread:
        """Whether lists answer what a revocation check of Device Defender asks, for every trusted certificate or CA."""
        if not self._fetches:
            return False
        if check == REVOKED_AUTHORITY:
            return all_true([*(self.list_answers(facts, True) for facts in self._active), self._unread or True])
        listed = self._read(LIST_CERTIFICATES).cell(
            lambda found: [held["certificateId"] for held in found if held["status"] in TRUSTED]
        )
        if isinstance(listed, Unread):
            return listed
        ask = self.list_answers if check == REVOKED_DEVICE else self.lists_answer_above
        return all_true(ask(self.device(identifier)) for identifier in listed)


def usable(facts: Mapping[str, Any]) -> bool:
    """Whether kept facts are whole; others are read anew."""
    try:
        if "ends" in facts and datetime.fromisoformat(facts["ends"]).tzinfo is None:
            return False
    except (TypeError, ValueError):
        return False
    return facts.get("parseable") is False or all(isinstance(facts.get(name), kind) for name, kind in KEPT.items())


def pem_of(reply: Mapping[str, Any]) -> str:
    """The PEM of a described CA."""
    return str(reply["certificateDescription"]["certificatePem"])


def all_true(answers: Iterable[bool | Unread]) -> bool | Unread:
    """Whether every answer is yes: one no decides, and what was not read leaves it open."""
    unread: Unread | None = None
    for answer in answers:
        if isinstance(answer, Unread):
            unread = unread or answer
        elif not answer:
            return False
    return unread or True
