"""How tests read the certificates of the lab's AWS registry, and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from cryptography import x509
from moto.iot.models import iot_backends

from checks.judge import judge
from checks.registry import CHECKS
from collectors.aws import session
from collectors.fact_cache import FactCache
from collectors.operation import Memory, Notes, Reader, declared
from collectors.rate_limit import RateLimiter
from collectors.registry import COLLECTORS
from collectors.schema import Row, Tables, coverage_frame, gaps_frame, unread_frame
from collectors.scope import Scope
from collectors.tables.device import Certificate
from collectors.tables.fleet import AuditCheck
from collectors.weak_keys import WeakKeys
from lab.aws_policies import ACCOUNT
from lab.aws_revocation import AMERICA
from lab.cloud import Lab

SCOPE = Scope("aws", ACCOUNT, AMERICA)
CLOCK = datetime.now(UTC)


@dataclass
class Looked:
    """The certificates and audit checks of one region as a scan sees them."""

    tables: Tables

    @property
    def frame(self) -> pd.DataFrame:
        """The certificates."""
        return self.tables.frames[Certificate]

    def named(self, name: str) -> dict[str, Any]:
        """The certificate of a subject; `?` is the one that has none. None where nothing was read."""
        rows = [row for row in self.frame.to_dict("records") if self.called(row["resource"]) == name]
        assert rows, name
        return {str(column): None if pd.isna(cell) else cell for column, cell in rows[0].items()}

    @staticmethod
    def called(arn: str) -> str:
        """The subject of a certificate that the registry holds."""
        backend = iot_backends[ACCOUNT][AMERICA]
        for held in (*backend.certificates.values(), *backend.ca_certificates.values()):
            if held.arn == arn:
                try:
                    subject = x509.load_pem_x509_certificate(held.certificate_pem.encode()).subject
                except ValueError:
                    return "?"
                return str(next(iter(subject)).value)
        raise AssertionError(arn)

    def why(self, name: str, column: str) -> tuple[str, str]:
        """Cause and detail of a cell that was not read."""
        unread = self.tables.unread
        key = self.named(name)["resource"]
        note = unread[(unread["resource"] == key) & (unread["column"] == column)].iloc[0]
        return str(note["cause"]), str(note["detail"])

    def answered(self) -> dict[str, Any]:
        """Whether lists answer what each of Device Defender's revocation checks asks."""
        rows = self.tables.frames[AuditCheck].dropna(subset="lists_answered")
        return {str(row["check"]): bool(row["lists_answered"]) for _, row in rows.iterrows()}

    def findings(self, check: str, status: str) -> list[dict[str, Any]]:
        """What a check finds."""
        found = judge(SCOPE, self.tables, [c for c in CHECKS if c.id == check]).findings
        return [{str(k): v for k, v in row.items()} for row in found[found["status"] == status].to_dict("records")]


def certificates(
    lab: Lab, kept: FactCache | None = None, weak: WeakKeys | None = None, clock: datetime = CLOCK, **settings: Any
) -> Looked:
    """Reads the certificates of the home region as one scan does."""
    lab.aws.switchboard.clear()
    section = lab.aws.settings() | settings
    transport = session.connect(ACCOUNT, section, declared("aws", COLLECTORS), RateLimiter(5000))
    notes, rows, memory = Notes(), dict[Any, list[Row]](), Memory(kept, weak)
    facts = memory.kept.of(SCOPE)
    for collector in COLLECTORS:
        if collector.provider == "aws" and collector.table in (Certificate, AuditCheck):
            reader = Reader(SCOPE, transport, clock, notes, memory, collector, facts)
            rows.setdefault(collector.table, []).extend(collector.rows(reader))
    memory.kept.write(SCOPE, facts, whole=not notes.gaps)
    assert not notes.gaps, notes.gaps
    frames = {table: table.frame(found) for table, found in rows.items()}
    coverage = coverage_frame(notes.coverage.values())
    return Looked(Tables(frames, unread_frame(notes.unread), gaps_frame(notes.gaps), coverage))
