"""Made-up scans of a large estate: the same hundred thousand findings day after day, and some that come and go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from checks.check import CHECKS
from checks.finding import COLUMNS, COUNTS, finding_id
from checks.registry import AREAS
from collectors.schema import COVERAGE
from reports.check_facts import check_facts
from reports.report import ABOUT, Report

REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-1")
ACCOUNTS = tuple(f"{111111111111 * n}" for n in range(1, 9))
SCOPES = tuple((account, region) for account in ACCOUNTS for region in REGIONS)
JUDGED = tuple(check for check in CHECKS if not check.profile)[:100]
START = datetime(2025, 11, 1, 6, tzinfo=UTC)


class Estate:
    """``findings`` that stay, and ``churn`` that fail one day and are mended the next."""

    def __init__(self, findings: int, churn: int, checks: int = len(JUDGED), scopes: int = len(SCOPES)) -> None:
        self.checks, self.scopes = JUDGED[:checks], SCOPES[:scopes]
        self.lasting = pd.DataFrame([self.row(n, f"lasting-{n:06}") for n in range(findings)], columns=list(COLUMNS))
        self.churn = churn

    def row(self, number: int, name: str) -> dict[str, str]:
        """One failing finding."""
        check = self.checks[number % len(self.checks)]
        account, region = self.scopes[number // len(self.checks) % len(self.scopes)]
        resource = f"arn:aws:iot:{region}:{account}:thing/{name}"
        return {
            **dict.fromkeys(COLUMNS, ""),
            "finding_id": finding_id(check.id, "aws", account, region, resource, ""),
            "check_id": check.id, "check_title": check.title, "area": check.area, "status": "fail",
            "severity": check.severity, "severity_rank": "2", "provider": "aws", "partition": "aws",
            "account_id": account, "region": region, "resource_type": check.table.id(), "resource_id": resource,
            "resource_name": name, "hub": f"arn:aws:iot:{region}:{account}:hub/{number % 7}",
            "actual": "public_network=true; min_tls=1.0; filtered=false", "evidence_hash": f"{number:016x}",
            "risk": check.risk, "remediation": check.remedy_for("aws"), "ticket_title": f"Not met: {check.title} ({name})",
        }  # fmt: skip

    @staticmethod
    def stamp(day: int) -> str:
        """When the scan of a day started."""
        return f"{START + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"

    def report(self, day: int) -> Report:
        """The scan of one day."""
        passing = pd.DataFrame([self.row(n, f"day-{day}-{n}") for n in range(self.churn)], columns=list(COLUMNS))
        findings = pd.concat([self.lasting, passing], ignore_index=True).astype("string")
        failed = findings.groupby(["check_id", "account_id", "region"]).size()
        counts = [
            (c.id, "aws", a, r, 50, int(failed.get((c.id, a, r), 0)), 0, "fail")
            for c in self.checks
            for a, r in self.scopes
        ]
        asked = [
            ("aws", a, r, f"operation_{n}", f"iot:Operation{n}", "read", "", "", "", "hub")
            for a, r in self.scopes
            for n in range(40)
        ]
        stamp = self.stamp(day)
        about = dict(zip(ABOUT, ("2", "1", "1", f"day-{day}", stamp, stamp, "true", "100.0"), strict=True))
        return Report(
            about, findings, pd.DataFrame(counts, columns=list(COUNTS)),
            pd.DataFrame(np.array(asked), columns=list(COVERAGE)).astype("string"), [check_facts(check) for check in self.checks], AREAS,
        )  # fmt: skip
