"""A scan from end to end: plan the scopes, collect and judge each, gather, report.

:func:`run` is the one wiring. It knows no runner: it is given a *mapper*, which applies a function to every scope.
The command line's mapper is a thread pool; :func:`posture_scan` is the same wiring as a Prefect flow.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from checks.check import CHECKS, Check
from checks.judge import Judged, judge
from checks.registry import AREAS
from collectors.operation import OUTCOMES, Memory, Operation, ReadFailed, Scope, Session, declared
from collectors.pace import Pace
from collectors.registry import COLLECTORS, PROVIDERS
from collectors.run import Run, collect
from collectors.schema import coverage_frame
from collectors.target import NoTarget, provider
from flows.mistakes import NothingReachable, UnknownName
from flows.settings import Settings
from flows.shelf import facts
from reports.report import Report

FIND_SECONDS = 15.0
"""When a cloud is given up. A session's own limit is 2 seconds; loading an SDK on a busy machine comes on top."""
SCHEMA_VERSION = "1"
"""Version of the columns of every file a scan writes."""


@dataclass(frozen=True)
class Order:
    """What is asked of a scan; everything in it is plain, so that it can be sent to a worker."""

    settings: Settings
    scan_id: str
    clock: datetime
    only: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    out: str = ""

    @property
    def folder(self) -> Path:
        """Where the reports go."""
        return Path(self.out) if self.out else Path(self.settings.out) / self.scan_id

    @property
    def run(self) -> Run:
        """Where the collected tables go."""
        runs = self.settings.runs.rstrip("/")
        return Run(f"{runs}/{self.scan_id}" if runs else str((self.folder / "run").absolute()))

    def to_json(self) -> str:
        """The order as text, for a worker elsewhere. Where the history lies is not its business."""
        fields = {"scan_id": self.scan_id, "only": self.only, "select": self.select, "out": self.out}
        return json.dumps(
            {**fields, "clock": self.clock.isoformat(), "settings": self.settings.model_dump(exclude={"history"})}
        )

    @staticmethod
    def from_json(order: str) -> Order:
        """The order that :meth:`to_json` wrote."""
        told = json.loads(order)
        return Order(
            Settings(**told["settings"]), told["scan_id"], datetime.fromisoformat(told["clock"]), tuple(told["only"]), tuple(told["select"]), told["out"],
        )  # fmt: skip

    def section(self, name: str) -> dict[str, Any]:
        """One cloud's settings as plain values."""
        return dict(getattr(self.settings, name).model_dump())


@dataclass
class Progress:
    """What a scan tells while it works. The default says nothing."""

    planned: Callable[[list[Scope], Mapping[str, str]], None] = lambda scopes, unreachable: None
    done: Callable[[Scope, int, int], None] = lambda scope, failed, unknown: None


Examine = Callable[[Scope], dict[str, Any]]
Mapper = Callable[[Examine, list[Scope]], Iterable[dict[str, Any]]]


def new_scan_id(clock: datetime) -> str:
    """A scan's id: its start in UTC and the process, sortable and safe as a folder's name."""
    return f"{clock.astimezone(UTC):%Y%m%dT%H%M%SZ}-{os.getpid():x}"


def selected(settings: Settings, select: Iterable[str] = ()) -> list[Check]:
    """The checks that run: those named, else all but the profiles that are off. Raises UnknownName."""
    wanted = list(dict.fromkeys(select))
    if unknown := sorted(set(wanted) - {check.id for check in CHECKS}):
        raise UnknownName(f"no check {', '.join(unknown)}; `iotposture show checks` lists them")
    if wanted:
        return [check for check in CHECKS if check.id in wanted]
    return [check for check in CHECKS if not check.profile or check.profile in settings.profiles]


def find(order: Order) -> tuple[list[Scope], dict[str, str]]:
    """The scopes that can be scanned, and one line per cloud that cannot. All clouds are asked at once."""
    names = [name for name in PROVIDERS if not order.only or name in order.only]
    found: dict[str, list[Scope]] = {}
    unreachable: dict[str, str] = {}

    def ask(name: str) -> None:
        try:
            found[name] = provider(name).find(order.section(name))
        except NoTarget as error:
            unreachable[name] = str(error)
        except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError) as error:
            # What an SDK says of a value it was given may hold that value; its kind is enough.
            unreachable[name] = (
                f"{name}: its SDK refuses the settings or variables ({type(error).__name__}); check them"
            )

    threads = {name: threading.Thread(target=ask, args=(name,), daemon=True, name=f"find {name}") for name in names}
    for thread in threads.values():
        thread.start()
    for name, thread in threads.items():
        thread.join(FIND_SECONDS)
        if name not in found and name not in unreachable:
            unreachable[name] = f"{name}: no answer within {FIND_SECONDS:g} seconds; check the endpoint and the proxy"
    return [scope for name in names for scope in found.get(name, [])], unreachable


class Sessions:
    """One session and memory per account, made when first asked; safe for threads."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str], tuple[Session, Memory]] = {}

    def of(self, scope: Scope) -> tuple[Session, Memory]:
        """The account's session; one that fails every read when the account cannot be connected to."""
        key = (scope.provider, scope.account)
        with self._lock:
            if key not in self._made:
                self._made[key] = (self._connect(scope), Memory())
            return self._made[key]

    def _connect(self, scope: Scope) -> Session:
        section = self._order.section(scope.provider)
        pace = Pace(section["calls_per_second"], section["call_budget"])
        try:
            return provider(scope.provider).connect(scope.account, section, declared(scope.provider, COLLECTORS), pace)
        except (NoTarget, ReadFailed, OSError) as error:
            return Broken(ReadFailed("failed", type(error).__name__, "no session"))


@dataclass
class Broken:
    """A session to an account that cannot be reached: every read fails for the same reason."""

    failure: ReadFailed
    options: Mapping[str, Any] = field(default_factory=dict)

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Any:
        """Raises the failure."""
        raise self.failure


def examiner(order: Order) -> Examine:
    """What is done with one scope: collect it unless the run has it, judge it, keep both. Returns plain numbers."""
    sessions, checks = Sessions(order), selected(order.settings, order.select)

    def examine(scope: Scope) -> dict[str, Any]:
        run = order.run
        if not run.has(scope):
            run.write(scope, collect(scope, *sessions.of(scope), order.clock))
        return judge_scope(run, scope, checks, order.settings.thresholds)

    return examine


def judge_scope(run: Run, scope: Scope, checks: list[Check], thresholds: Mapping[str, Any]) -> dict[str, Any]:
    """Judges one collected scope and keeps the result beside its tables."""
    judged = judge(scope, run.read(scope), checks, thresholds)
    run.write_frame(scope, "findings", judged.findings)
    run.write_frame(scope, "counts", judged.counts)
    failed, unknown = (int(judged.counts[column].sum()) for column in ("failed", "unknown"))
    return {"scope": str(scope), "failed": failed, "unknown": unknown}


def threads(settings: Settings) -> Mapper:
    """A mapper that runs scopes on this machine's threads."""

    def mapper(examine: Examine, scopes: list[Scope]) -> Iterable[dict[str, Any]]:
        pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="scope")
        try:
            yield from pool.map(examine, scopes)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    return mapper


def run(
    order: Order, mapper: Mapper, progress: Progress | None = None, now: Callable[[], datetime] | None = None
) -> Report:
    """Runs a scan and returns its report. Raises NothingReachable, UnknownName or OSError.

    ``now`` gives the time of completion; without it the order's clock stands still.
    """
    progress = progress or Progress()
    scopes, unreachable = find(order)
    if not scopes:
        raise NothingReachable("\n".join(unreachable[name] for name in sorted(unreachable)))
    progress.planned(scopes, unreachable)
    write_about(order, scopes, unreachable)
    by_name = {str(scope): scope for scope in scopes}
    for result in mapper(examiner(order), scopes):
        progress.done(by_name[result["scope"]], result["failed"], result["unknown"])
    return gather(order.run, (now or (lambda: order.clock))())


def write_about(order: Order, scopes: list[Scope], unreachable: Mapping[str, str]) -> None:
    """Writes what the run is. A cloud that somebody named and that cannot be reached is part of it."""
    order.run.write_about(
        {
            "scan_id": order.scan_id,
            "clock": stamp(order.clock),
            "tool_version": version("iotposture"),
            "scopes": [[scope.provider, scope.account, scope.region] for scope in scopes],
            "select": list(order.select),
            "unreachable": {n: line for n, line in unreachable.items() if wanted(order, n)},
        }
    )


def wanted(order: Order, name: str) -> bool:
    """Whether somebody asked for a cloud by name, in the settings or on the command line."""
    return name in order.only or name in order.settings.model_fields_set


def gather(run: Run, completed: datetime) -> Report:
    """The report of a run that was collected and judged, about the checks it was judged by."""
    about = run.about()
    scopes = [Scope(*parts) for parts in about["scopes"]]
    judged = Judged.join(Judged(run.read_frame(scope, "findings"), run.read_frame(scope, "counts")) for scope in scopes)
    rows: list[Mapping[Any, Any]] = [
        row for scope in scopes for row in run.read_frame(scope, "coverage").to_dict("records")
    ]
    rows += [
        {"provider": name, "operation": "find", "outcome": "failed", "code": "NoTarget", "detail": line}
        for name, line in sorted(about["unreachable"].items())
    ]
    coverage = coverage_frame(worst(rows))
    whole = bool(coverage["outcome"].eq("read").all())
    return Report(
        about={
            "schema_version": SCHEMA_VERSION,
            "tool_version": about["tool_version"],
            "catalogue_version": version("iotposture"),
            "scan_id": about["scan_id"],
            "scan_started_at": about["clock"],
            "scan_completed_at": stamp(completed),
            "scan_complete": str(whole or not coverage["outcome"].isin(["denied", "failed", "partial"]).any()).lower(),
            "coverage_pct": f"{coverage_pct(coverage):.1f}",
        },
        findings=judged.findings,
        counts=judged.counts,
        coverage=coverage,
        checks=[facts(check) for check in CHECKS if check.id in set(judged.counts["check_id"])],
        areas=AREAS,
    )


def worst(rows: Iterable[Mapping[Any, Any]]) -> list[Mapping[Any, Any]]:
    """One row per account, region and operation: an account-wide read is asked for by several scopes."""
    kept: dict[tuple[str, ...], Mapping[Any, Any]] = {}
    for row in rows:
        key = tuple(row.get(c, "") for c in ("provider", "account", "region", "operation"))
        if key not in kept or OUTCOMES.index(row["outcome"]) > OUTCOMES.index(kept[key]["outcome"]):
            kept[key] = row
    return [kept[key] for key in sorted(kept)]


def coverage_pct(coverage: Any) -> float:
    """Share of the operations asked that were read to the end, in percent; what a cloud does not offer is left out."""
    asked = coverage[coverage["outcome"] != "unavailable"]
    return 100.0 * float(asked["outcome"].eq("read").mean()) if len(asked) else 100.0


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, whole seconds, with Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
