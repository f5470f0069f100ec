"""The Prefect flow. Nothing else imports Prefect, and this module only when a flow is to run.

Platform teams deploy ``flows/posture.py:posture_scan``. Tasks carry the tags ``iotposture``, ``iotposture-<cloud>`` and
``iotposture-<cloud>-<account>`` for concurrency limits; every parameter and result is plain JSON, so that scopes can
run in threads here or on workers elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.task_runners import ThreadPoolTaskRunner

from checks.check import SEVERITIES
from collectors.errors import is_scan_id
from collectors.scope import Scope
from flows.errors import BadSettings
from flows.history import check_history, record_scan
from flows.progress import Progress
from flows.scan import Examine, Order, examiner, new_scan_id, run
from flows.settings import load
from reports.escape import markdown as escape
from reports.report import Report
from reports.report_files import write
from reports.summary import summarise

PROGRESS: ContextVar[Progress | None] = ContextVar("progress", default=None)
"""What tells the terminal that a flow run was started from; a run that nobody watches has none."""


@lru_cache(maxsize=1)
def examiner_of(order: str) -> Examine:
    """One examiner per process and order, so that scopes of an account share its session."""
    return examiner(Order.from_json(order))


@task(
    name="examine",
    task_run_name="{provider} {account} {region}",
    retries=2,
    retry_delay_seconds=[5, 30],
    persist_result=True,
    result_serializer="json",
)
def examine_scope(order: str, provider: str, account: str, region: str) -> dict[str, Any]:
    """Collects and judges one scope.

    What a cloud denies or fails to answer is coverage, and was retried by its SDK; a retry here is for the disk.
    """
    return examiner_of(order)(Scope(provider, account, region))


@flow(
    name="posture_scan",
    task_runner=ThreadPoolTaskRunner(max_workers=8),  # type: ignore[arg-type]  # its futures are invariant
    persist_result=True,
    result_serializer="json",
)
def posture_scan(
    settings_file: str = "",
    only: list[str] | None = None,
    select: list[str] | None = None,
    out: str = "",
    scan_id: str = "",
    clock: str = "",
    home: str = "",
) -> dict[str, Any]:
    """Scans every cloud that the settings and the worker's credentials reach, and writes the reports.

    ``home`` is the folder of the history where that is not ``out``.
    ``clock`` is the run's time in ISO 8601, now if empty. Returns what the scan was and where its files are.
    A scan that the history could not take in fails, after its files are written.
    """
    started = datetime.fromisoformat(clock) if clock else datetime.now(UTC)
    settings = load(settings_file or None)
    if scan_id and not is_scan_id(scan_id):
        raise BadSettings("scan_id: is no name for a folder; without one the scan gets one")
    order = Order(settings, scan_id or new_scan_id(started), started, tuple(only or ()), tuple(select or ()), out, home)

    order.trusted()
    check_history(order)

    def on_prefect(_: Examine, scopes: list[Scope]) -> Iterable[dict[str, Any]]:
        plain = order.to_json()
        futures = [
            examine_scope.with_options(tags=["iotposture", f"iotposture-{s.provider}", f"iotposture-{s.provider}-{s.account}"])
            .submit(plain, s.provider, s.account, s.region)
            for s in scopes
        ]  # fmt: skip
        for future in futures:
            yield future.result()

    report = run(order, on_prefect, PROGRESS.get(), None if clock else lambda: datetime.now(UTC))
    past = record_scan(order, report)
    files = write(report, order.folder, past.trend, past.case_report)
    create_markdown_artifact(key="iotposture-scan", markdown=artifact(report), description="IoT posture of one scan")
    if past.trouble:
        raise OSError(past.trouble)
    return {"about": dict(report.about), "files": [str(file) for file in files]}


def artifact(report: Report) -> str:
    """The scan in a few lines of Markdown, for Prefect's page of artifacts."""
    summary, about = summarise(report), report.about
    lines = [
        f"# IoT posture, scan {escape(about['scan_id'])}",
        f"Coverage {about['coverage_pct']} %, complete: {about['scan_complete']}.",
        "",
        "| Severity | Failing | Unknown |",
        "| --- | ---: | ---: |",
        *(f"| {s} | {summary.total.failed[s]} | {summary.total.unknown[s]} |" for s in SEVERITIES),
        "",
        "| Failing check | Severity | Resources |",
        "| --- | --- | ---: |",
        *(f"| {escape(c.title, in_table=True)} | {c.severity} | {c.failed} |" for c in summary.top[:20]),
    ]
    return "\n".join(lines)
