"""A scan from end to end: plan the scopes, collect and judge each, gather, report.

:func:`run` is the one wiring. It knows no runner: it is given a *mapper*, which applies a function to every scope.
The command line's mapper is a thread pool; :func:`posture_scan` is the same wiring as a Prefect flow.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from checks.check import CHECKS, Check
from checks.finding import COLUMNS
from checks.judge import Judged, judge
from checks.owner import tags_named
from checks.registry import AREAS
from collectors.endpoint import InTheClear
from collectors.fact_cache import FactCache
from collectors.operation import Memory, Operation, ReadFailed, Session, Undeclared, declared
from collectors.provider import QUICK, NoTarget, Scopes, provider
from collectors.rate_limit import RateLimiter
from collectors.registry import COLLECTORS, PROVIDERS
from collectors.run import Run, collect, tables_of_lost_scope
from collectors.schema import TEXT, Tables, coverage_frame
from collectors.scope import FIND, Scope
from collectors.weak_keys import weak_keys
from flows.errors import BadSettings, NothingReachable, UnknownName
from flows.progress import Progress
from flows.settings import Settings
from flows.trust import trusted
from reports import permissions
from reports.check_facts import check_facts
from reports.coverage import coverage_pct, percent_text, worst_outcomes
from reports.report import Report

log = logging.getLogger("iotposture")
ASKED = 15.0
"""Seconds for the first answer of a cloud that somebody asked for by name."""
LOADING_SECONDS = 13.0
"""What loading an SDK may take on a busy machine, on top of the wait for its first answer."""
LISTING_SECONDS = 300.0
"""The same for an AWS organization, whose accounts come some twenty to a page and are entered one by one."""
SCHEMA_VERSION = "2"
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
    home: str = ""
    """Folder that holds the history and the kept facts, of a scan that is resumed; see :attr:`shared`."""

    @property
    def shared(self) -> Path:
        """Folder of what scans share, unless the settings say otherwise: one named by ``--out`` has its own."""
        return Path(self.home or self.out or self.settings.out)

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
        fields = {"scan_id": self.scan_id, "only": self.only, "select": self.select, "out": self.out, "home": self.home}
        settings = self.settings.model_dump(mode="json", exclude={"history"})
        return json.dumps({**fields, "clock": self.clock.isoformat(), "settings": settings})

    @staticmethod
    def from_json(order: str) -> Order:
        """The order that :meth:`to_json` wrote."""
        told = json.loads(order)
        return Order(
            Settings(**told["settings"]), told["scan_id"], datetime.fromisoformat(told["clock"]), tuple(told["only"]), tuple(told["select"]), told["out"], told["home"],
        )  # fmt: skip

    @property
    def kept(self) -> FactCache:
        """Where facts are kept between scans: beside the runs, else beside the reports."""
        if not self.settings.keep_facts:
            return FactCache()
        runs = self.settings.runs.rstrip("/")
        return FactCache(f"{runs}/kept" if runs else str((self.shared / "kept").absolute()))

    def section(self, name: str) -> dict[str, Any]:
        """One cloud's settings as plain values."""
        return dict(getattr(self.settings, name).model_dump())

    def trusted(self) -> list[str]:
        """What settings and variables decide about where credentials go, a line each. Raises BadSettings."""
        sections = {name: self.section(name) for name in PROVIDERS if not self.only or name in self.only}
        try:
            return trusted(sections, self.settings.source, os.environ)
        except InTheClear as error:
            raise BadSettings(str(error)) from error


Examine = Callable[[Scope], dict[str, Any]]
Mapper = Callable[[Examine, list[Scope]], Iterable[dict[str, Any]]]


def new_scan_id(clock: datetime) -> str:
    """A scan's id: its start in UTC and chance, sortable and safe as a folder's name.

    A process's number would not do: in a container it is the same for every scan.
    """
    return f"{clock.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def selected_checks(settings: Settings, select: Iterable[str] = ()) -> list[Check]:
    """The checks that run: those named, else all but the profiles that are off. Raises UnknownName."""
    wanted = list(dict.fromkeys(select))
    if unknown := sorted(set(wanted) - {check.id for check in CHECKS}):
        raise UnknownName(f"no check {', '.join(unknown)}; `iotposture show checks` lists them")
    if wanted:
        return [check for check in CHECKS if check.id in wanted]
    return [check for check in CHECKS if not check.profile or check.profile in settings.profiles]


def find(order: Order) -> tuple[Scopes, dict[str, str]]:
    """The scopes that can be scanned, and one line per cloud that cannot. All clouds are asked at once."""
    names = [name for name in PROVIDERS if not order.only or name in order.only]
    answers: dict[str, list[Scope] | str] = {}
    seconds = {
        name: order.section(name)["find_seconds"] or (ASKED if is_wanted(order, name) else QUICK) for name in names
    }

    def ask(name: str) -> None:
        try:
            answers[name] = provider(name).find(order.section(name) | {"find_seconds": seconds[name]})
        except NoTarget as error:
            answers[name] = str(error)
        except BaseException as error:  # an SDK may raise anything, and a thread that dies says nothing
            answers[name] = refused(name, error)

    threads = {name: threading.Thread(target=ask, args=(name,), daemon=True, name=f"find {name}") for name in names}
    for thread in threads.values():
        thread.start()
    found: list[list[Scope]] = []
    unreachable: dict[str, str] = {}
    for name, thread in threads.items():
        patience = LISTING_SECONDS if order.section(name).get("organization") else seconds[name] + LOADING_SECONDS
        thread.join(patience)
        answer = answers.get(name, f"{name}: no answer within {patience:g} seconds; check the endpoint and the proxy")
        if isinstance(answer, str):
            unreachable[name] = answer
        else:
            found.append(answer)
    return Scopes(
        (scope for part in found for scope in part),
        (row for part in found if isinstance(part, Scopes) for row in part.coverage),
        (line for part in found if isinstance(part, Scopes) for line in part.lines),
    ), unreachable


def refused(name: str, error: BaseException) -> str:
    """One line about what a cloud's SDK raised. What it says of a value may hold that value; its kind is enough."""
    kind = type(error).__name__
    if isinstance(error, ImportError):
        return f"{name}: its SDK does not load ({kind}: {error.name}); install iotposture and its extras again"
    if isinstance(error, (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError)):
        return f"{name}: its SDK refuses the settings or variables ({kind}); check them"
    return f"{name}: its SDK failed ({kind}); check the settings and variables"


@dataclass
class Account:
    """What is kept of one account."""

    memory: Memory
    session: Session | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """One session and memory per account, made when first asked; safe for threads.

    Scopes come account by account, so only the accounts of the last few are kept: clients of an SDK are big.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], Account] = {}

    def of(self, scope: Scope) -> tuple[Session, Memory]:
        """The account's session; one that fails every read when the account cannot be connected to."""
        key = (scope.provider, scope.account)
        with self._lock:
            account = self._kept[key] = self._kept.pop(key) if key in self._kept else self._account()
            while len(self._kept) > self._order.settings.threads + 1:
                del self._kept[next(iter(self._kept))]
        with account.lock:
            account.session = account.session or self._connect(scope)
            return account.session, account.memory

    def _account(self) -> Account:
        settings = self._order.settings
        return Account(
            Memory(self._order.kept, weak_keys(settings.weak_keys), tags_named(settings.owners, settings.owner_tags))
        )

    def _connect(self, scope: Scope) -> Session:
        section = self._order.section(scope.provider)
        pace = RateLimiter(section["calls_per_second"], section["call_budget"])
        options = {"regions": section.get("regions") or [scope.region]}
        try:
            return provider(scope.provider).connect(scope.account, section, declared(scope.provider, COLLECTORS), pace)
        except ReadFailed as error:
            return Broken(error, options)
        except Exception as error:  # an SDK may raise anything
            return Broken(ReadFailed("failed", type(error).__name__, "no session"), options)


@dataclass
class Broken:
    """A session to an account that cannot be reached: every read fails for the same reason."""

    failure: ReadFailed
    options: Mapping[str, Any] = field(default_factory=dict)

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Raises the failure once it is asked for an item, as every session does."""
        why = self.failure
        yield from ()
        raise ReadFailed(why.outcome, why.code, why.detail, why.permission, why.cause)


def examiner(order: Order) -> Examine:
    """What is done with one scope: collect it unless the run has it, judge it, keep both. Returns plain numbers."""
    sessions, checks = Sessions(order), selected_checks(order.settings, order.select)

    def examine(scope: Scope) -> dict[str, Any]:
        tables = scope_tables(order, sessions, scope)
        try:
            return judge_scope(order.run, scope, tables, checks, order.settings.thresholds)
        except OSError:  # the disk's, which every scope shares
            raise
        except Exception as error:  # what no check stumbled over, such as a note that makes no sense
            return judge_scope(order.run, scope, give_up(order.run, scope, error), checks, order.settings.thresholds)

    return examine


def scope_tables(order: Order, sessions: Sessions, scope: Scope) -> Tables:
    """The tables of a scope: as the run has them, else read from the cloud and kept in the run.

    What is raised while they are read costs this scope and not the others. Raises OSError, which the disk shares with
    every scope, and BadRun, which no scan mends.
    """
    if order.run.has(scope):
        return order.run.read(scope)
    try:
        tables = collect(scope, *sessions.of(scope), order.clock)
    except (OSError, Undeclared):
        raise
    except Exception as error:  # an SDK may raise anything
        return give_up(order.run, scope, error)
    order.run.write(scope, tables)
    return tables


def give_up(run: Run, scope: Scope, error: Exception) -> Tables:
    """The tables of a scope that nothing is known of: its coverage says what kind of error it was, and all is unknown."""
    log.debug("%s was given up", scope, exc_info=error)
    tables = tables_of_lost_scope(scope, error)
    run.write(scope, tables)
    return tables


def judge_scope(
    run: Run, scope: Scope, tables: Tables, checks: list[Check], thresholds: Mapping[str, Any]
) -> dict[str, Any]:
    """Judges what was collected of one scope and keeps the result beside its tables."""
    judged = judge(scope, tables, checks, thresholds)
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
    by_name = {str(scope): scope for scope in scopes}
    with order.run.alone():
        write_about(order, scopes, unreachable)
        for result in mapper(examiner(order), scopes):
            progress.done(by_name[result["scope"]], result["failed"], result["unknown"])
        return gather(order.run, (now or (lambda: order.clock))())


def write_about(order: Order, scopes: Scopes, unreachable: Mapping[str, str]) -> None:
    """Writes what the run is, in place of another scan's. A cloud that somebody named and that cannot be reached is part of it."""
    order.run.begin(
        {
            "scan_id": order.scan_id,
            "clock": stamp(order.clock),
            "tool_version": version("iotposture"),
            "scopes": [[scope.provider, scope.account, scope.region] for scope in scopes],
            "only": list(order.only),
            "select": list(order.select),
            "own_folder": order.shared.absolute() == order.folder.absolute(),
            "found": scopes.coverage,
            "unreachable": {n: line for n, line in unreachable.items() if is_wanted(order, n)},
            "would_ask": {n: would_ask(n) for n in unreachable if is_wanted(order, n)},
        }
    )


def would_ask(name: str) -> int:
    """How many operations a scan of one scope of a cloud asks."""
    return len(declared(name, COLLECTORS))


def is_wanted(order: Order, name: str) -> bool:
    """Whether somebody asked for a cloud by name, in the settings or on the command line."""
    return name in order.only or name in order.settings.model_fields_set


def gather(run: Run, completed: datetime) -> Report:
    """The report of a run that was collected and judged, about the checks it was judged by."""
    about = run.about()
    scopes = [Scope(*parts) for parts in about["scopes"]]
    judged = Judged.join(
        Judged(with_all_columns(run.read_frame(scope, "findings")), run.read_frame(scope, "counts")) for scope in scopes
    )
    rows: list[Mapping[Any, Any]] = [
        row for scope in scopes for row in filling(run.read_frame(scope, "coverage")).to_dict("records")
    ]
    rows += about.get("found", [])
    rows += [
        {
            "provider": name,
            "operation": FIND,
            "outcome": "failed",
            "code": "NoTarget",
            "detail": line,
            "cause": "failed",
        }
        for name, line in sorted(about["unreachable"].items())
    ]
    coverage = coverage_frame(worst_outcomes(rows))
    whole = bool(coverage["outcome"].eq("read").all())
    asks = about.get("would_ask", {name: would_ask(name) for name in about["unreachable"]})
    return Report(
        about={
            "schema_version": SCHEMA_VERSION,
            "tool_version": about["tool_version"],
            "catalogue_version": version("iotposture"),
            "scan_id": about["scan_id"],
            "scan_started_at": about["clock"],
            "scan_completed_at": stamp(completed),
            "scan_complete": str(whole or not coverage["outcome"].isin(["denied", "failed", "partial"]).any()).lower(),
            "coverage_pct": percent_text(coverage_pct(coverage, asks)),
        },
        findings=judged.findings,
        counts=judged.counts,
        coverage=coverage,
        checks=[check_facts(check) for check in CHECKS if check.id in set(judged.counts["check_id"])],
        areas=AREAS,
    )


def filling(coverage: pd.DataFrame) -> pd.DataFrame:
    """Coverage with the tables that each operation fills; of a run of schema version 1 today's collectors say it."""
    if "tables" in coverage:
        return coverage
    found = {(row["provider"], row["operation"]): row["tables"] for row in permissions.table()}
    keys = zip(coverage["provider"], coverage["operation"], strict=True)
    return coverage.assign(tables=[found.get(key, "") for key in keys])


def with_all_columns(findings: pd.DataFrame) -> pd.DataFrame:
    """Findings with every column that there is now; one that an older version did not write is empty."""
    return findings.reindex(columns=list(COLUMNS), fill_value="").astype(TEXT)


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, whole seconds, with Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
