"""The command line: one function per verb. Nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from importlib.metadata import version
from typing import Annotated, Literal

from cyclopts import App, Parameter

from flows.console import INTERRUPTED, Format, collect_seldom, exit_code, open_streams, say

Cloud = Literal["aws", "azure", "gcp", "clearblade"]
Dimension = Literal["area", "provider", "account", "hub", "owner"]
SeverityName = Literal["critical", "high", "medium", "low", "info"]
Settings = Annotated[str, Parameter(help="Settings file; without it ./iotposture.toml, if there is one.")]
Only = Annotated[list[Cloud] | None, Parameter(help="Only this cloud; may be repeated.", negative="")]
Select = Annotated[list[str] | None, Parameter(help="Only this check; may be repeated.", negative="")]
Out = Annotated[str, Parameter(help="Folder for the reports; without it ./iotposture-out/SCAN.")]
Resume = Annotated[str, Parameter(help="Folder or id of a scan that was interrupted: goes on with it.")]
Quiet = Annotated[bool, Parameter(help="No progress and no messages.", negative="")]
Files = Annotated[list[str], Parameter(help="JSON file; - reads stdin.", allow_leading_hyphen=True)]
Tracker = Literal["jira", "servicenow", "azure-boards", "gitlab", "github", "linear"]
Target = Literal[
    "jira", "servicenow", "azure-boards", "gitlab", "github", "linear", "defectdojo", "spreadsheet", "csv",
    "ocsf", "asff", "sarif", "json",
]  # fmt: skip
Kind = Literal["new", "changed", "reopened", "resolved", "all"]
At = Annotated[str, Parameter(help="File or database URL of the history; without it the one of the settings.")]
Run = Annotated[str, Parameter(help="Folder or URL of a run, or folder of the scan it belongs to.")]
AtRun = Annotated[str, Parameter(help="Run or scan to look at; without it the last scan.")]
Shape = Annotated[Format, Parameter(help="text for people, json and csv for machines.")]
WHOSE = (
    "AWS: account is what one account lets be read; organization what the identity needs that scans many; trust "
    "the trust policy of the role in each of them."
)

app = App(
    name="iotposture",
    help="Security posture of cloud IoT backends in AWS, Azure, Google Cloud and ClearBlade.",
    version=lambda: version("iotposture"),
    version_flags=["--version"],
    default_parameter=Parameter(show_default=lambda value: str(value) if value else None),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
show = App(
    name="show",
    help="Show checks, tables, permissions, guidelines, frameworks, schemas or settings.",
    result_action="return_value",
)
waivers = App(
    name="waivers",
    help="Accepted risks: list, add, lint, record.",
    result_action="return_value",
)
past = App(name="history", help="List, prune, vacuum or check the history.", result_action="return_value")
app.command(show)
tickets = App(name="tickets", help="What trackers call the tickets that were exported.", result_action="return_value")
app.command(tickets)
app.command(past)
app.command(waivers)
app.register_install_completion_command()


@app.command
def scan(
    *,
    settings: Settings = "",
    only: Only = None,
    select: Select = None,
    out: Out = "",
    runner: Annotated[Literal["threads", "prefect"] | None, Parameter(help="Who runs the scan.")] = None,
    resume: Resume = "",
    fail_on: Annotated[SeverityName | None, Parameter(help="Exit 1 for a finding of this severity or worse.")] = None,
    new_only: Annotated[
        bool, Parameter(help="For --fail-on, count only new and reopened findings.", negative="")
    ] = False,
    min_coverage: Annotated[float, Parameter(help="Exit 3 below this coverage, in percent.")] = 0.0,
    prefer_gate: Annotated[bool, Parameter(help="Exit 1 rather than 3 when both hold.", negative="")] = False,
    format: Shape = "text",
    quiet: Quiet = False,
) -> int:
    """Scan every cloud that settings and credentials reach, and write findings, coverage and the report."""
    from flows.commands import ScanRequest, scan_and_report
    from flows.gate import Gate

    request = ScanRequest(settings, tuple(only or ()), tuple(select or ()), out, runner or "", resume)
    return scan_and_report(request, format, quiet, Gate(fail_on or "", min_coverage, new_only, prefer_gate))


@app.command
def collect(
    *, settings: Settings = "", only: Only = None, out: Out = "", resume: Resume = "", quiet: Quiet = False
) -> int:
    """Collect only: write the tables of a run and print where it lies."""
    from flows.commands import ScanRequest, collect_only

    return collect_only(ScanRequest(settings, tuple(only or ()), (), out, "", resume), quiet)


@app.command
def check(
    run: Run,
    /,
    *,
    settings: Settings = "",
    select: Select = None,
    out: Out = "",
    into_history: Annotated[bool, Parameter(help="Take it into the history, if that has not.", negative="")] = False,
    format: Shape = "text",
) -> int:
    """Judge a collected run again, without a cloud, and write its reports."""
    from flows.commands import check_again

    return check_again(run, settings, tuple(select or ()), out, format, into_history)


@app.command
def report(run: Run, /, *, settings: Settings = "", out: Out = "", format: Shape = "text") -> int:
    """Write the reports of a run that was judged."""
    from flows.commands import report_again

    return report_again(run, settings, out, format)


@app.command
def export(
    *,
    to: Annotated[Target, Parameter(help="Whose files to write.")],
    settings: Settings = "",
    history: At = "",
    out: Annotated[str, Parameter(help="Folder for the files; without it ./iotposture-out/SCAN/TARGET.")] = "",
    only: Annotated[
        list[Kind] | None,
        Parameter(help="Only these, may be repeated; without it all that a tracker does not know yet.", negative=""),
    ] = None,
    group_by: Annotated[
        Literal["finding", "hub", "check", "owner"], Parameter(help="One ticket for each.")
    ] = "finding",
    include_unknown: Annotated[bool, Parameter(help="Tickets also for what could not be judged.", negative="")] = False,
    include_waived: Annotated[bool, Parameter(help="Tickets also for what somebody accepted.", negative="")] = False,
    verify: Annotated[
        bool,
        Parameter(
            help="Read every file back and hold it against the target's rules; exit 5 for a broken one.", negative=""
        ),
    ] = False,
) -> int:
    """Write the last scan's findings for a tracker, which is remembered, or as OCSF, ASFF, SARIF or JSON."""
    from flows.export import ExportRequest, export_to

    return export_to(
        ExportRequest(to, settings, history, out, tuple(only or ()), group_by, include_unknown, include_waived, verify)
    )


@tickets.command(name="import")
def keys(
    file: Annotated[str, Parameter(help="What the tracker exported: CSV, or the JSON of `gh issue list`.")],
    /,
    *,
    to: Annotated[Tracker | None, Parameter(help="Which tracker; found out where it can be.")] = None,
    replace: Annotated[bool, Parameter(help="Take keys that differ from those known.", negative="")] = False,
    settings: Settings = "",
    history: At = "",
) -> int:
    """Learn what a tracker calls our tickets, from the file that it exports; then exports can update them."""
    from flows.export import import_keys

    return import_keys(file, settings, history, to or "", replace)


@tickets.command
def forget(
    to: Annotated[Tracker, Parameter(help="Which tracker.")], /, *, settings: Settings = "", history: At = ""
) -> int:
    """Forget what was exported and never got a key, because nobody imported it: the next export has it as new."""
    from flows.export import forget as drop

    return drop(to, settings, history)


@app.command
def trend(
    *,
    settings: Settings = "",
    history: At = "",
    window: Annotated[str, Parameter(help="Days up to the last scan, as in 30d.")] = "90d",
    by: Annotated[Dimension | None, Parameter(help="Only the shares of one dimension.")] = None,
    min_coverage: Annotated[
        float, Parameter(help="Score incomplete scans too that read this much, in percent.")
    ] = 100.0,
    format: Shape = "text",
) -> int:
    """Show how the posture moved: score, new, resolved, reopened and dark findings, days to mend, age."""
    from flows.history import trend as told

    return told(settings, history, window, by or "", min_coverage, format)


@app.command
def policy(file: Files, /, *, format: Shape = "text") -> int:
    """Judge AWS IoT policy documents offline: is one overly permissive, or potentially misconfigured?"""
    from flows.policy_files import judge_files

    return judge_files(file, format)


@app.command
def demo(
    *,
    out: Out = "",
    runner: Annotated[Literal["threads", "prefect"], Parameter(help="Who runs the scan.")] = "prefect",
    nights: Annotated[int, Parameter(help="Replay so many nights of a month instead of one scan; at most 30.")] = 0,
    quiet: Quiet = False,
) -> int:
    """Scan the lab: four clouds on this machine with a company's estate in them. No account is needed."""
    if nights:
        from flows.demo_month import play_month

        try:
            return play_month(nights, out, quiet)
        except KeyboardInterrupt:
            say("interrupted; this month cannot be gone on with: play another one")
            return INTERRUPTED
    from flows.demo import demo as play

    return play(out, runner, quiet)


@app.command
def doctor(*, settings: Settings = "", only: Only = None, format: Shape = "text") -> int:
    """Say what works here: packages, settings, and which clouds the credentials reach."""
    from flows.commands import diagnose

    return diagnose(settings, tuple(only or ()), format)


@past.command
def scans(*, settings: Settings = "", history: At = "", format: Shape = "text") -> int:
    """The scans that the history holds."""
    from flows.history import scans as listed

    return listed(settings, history, format)


@past.command
def prune(
    *,
    keep_days: Annotated[int, Parameter(help="Days before the last scan to keep.")],
    settings: Settings = "",
    history: At = "",
) -> int:
    """Forget old scans, and findings that were resolved by then. What is open stays."""
    from flows.history import prune as forget

    return forget(settings, history, keep_days)


@past.command
def vacuum(*, settings: Settings = "", history: At = "") -> int:
    """Give back the space that pruning left."""
    from flows.history import vacuum as tidy

    return tidy(settings, history)


@past.command(name="check")
def history_check(*, settings: Settings = "", history: At = "") -> int:
    """Say whether the history is whole; exit 1 when it is not."""
    from flows.history import check as inspect

    return inspect(settings, history)


@waivers.command(name="list")
def list_(*, run: AtRun = "", settings: Settings = "", format: Shape = "text") -> int:
    """Every waiver, whether it holds today, and how many findings it covers."""
    from flows.waivers import list_waivers

    return list_waivers(settings, run, format)


@waivers.command
def add(
    finding: Annotated[list[str], Parameter(help="Id of a finding, as in findings.csv; may be repeated.")],
    /,
    *,
    kind: Annotated[
        Literal["risk_accepted", "false_positive", "mitigated_elsewhere"], Parameter(help="Why it may stay.")
    ],
    reason: Annotated[str, Parameter(help="Why, in a sentence of at least 10 characters.")],
    owner: Annotated[str, Parameter(help="Who answers for the risk.")],
    approver: Annotated[str, Parameter(help="Who accepted it; somebody else.")],
    expires: Annotated[str, Parameter(help="Last day it holds, YYYY-MM-DD.")],
    ticket: Annotated[str, Parameter(help="Where it was decided.")] = "",
    pin: Annotated[bool, Parameter(help="Only while the evidence stays as it is.", negative="")] = False,
    id: Annotated[str, Parameter(help="Id of the waiver; without it the next of W-0001, W-0002, …")] = "",
    run: AtRun = "",
    settings: Settings = "",
    format: Shape = "text",
) -> int:
    """Accept findings: write a waiver, note it in the audit log, and print what it covers."""
    from flows.waivers import add_waiver

    said = {"kind": kind, "reason": reason, "owner": owner, "approver": approver}
    return add_waiver(settings, finding, run, id, pin, format, expires_on=expires, ticket=ticket, **said)


@waivers.command(name="lint")
def lint_(*, run: AtRun = "", settings: Settings = "", format: Shape = "text") -> int:
    """Report waivers that are expired, orphaned, overlapping, too broad, void or not in the audit log; exit 1 for errors."""
    from flows.waivers import lint_waivers

    return lint_waivers(settings, run, format)


@waivers.command
def record(*, settings: Settings = "", format: Shape = "text") -> int:
    """Take edits of the waivers file by hand up into the audit log."""
    from flows.waivers import record_waivers

    return record_waivers(settings, format)


@show.command
def checks(*, format: Shape = "text") -> None:
    """Every check: id, severity, area, what it requires."""
    from flows.show import show_checks

    show_checks(format)


@show.command(name="check")
def one_check(
    id: Annotated[str, Parameter(help="Id of a check, as in `show checks`.")], /, *, format: Shape = "text"
) -> None:
    """One check: what it requires, why, what it reads, how to mend it."""
    from flows.show import show_check

    show_check(id, format)


@show.command
def tables(*, format: Shape = "text") -> None:
    """Every table and column, and what it means."""
    from flows.show import show_tables

    show_tables(format)


@show.command
def permissions(
    cloud: Annotated[Cloud | None, Parameter(help="Whose; without it the operations of all.")] = None,
    /,
    *,
    whose: Annotated[Literal["account", "organization", "trust"], Parameter(help=WHOSE)] = "account",
    settings: Settings = "",
    format: Shape = "text",
) -> None:
    """What a scan may ask. With a cloud: the least-privilege policy or role to create there."""
    from flows.show import show_permissions

    show_permissions(cloud, whose, settings, format)


@show.command
def guidelines(*, format: Shape = "text") -> None:
    """Every guideline of the catalogue and the checks that serve it."""
    from flows.show import show_guidelines

    show_guidelines(format)


@show.command
def frameworks(name: Annotated[str, Parameter(help="Only this framework.")] = "", /, *, format: Shape = "text") -> None:
    """Every framework requirement and the checks that prove it."""
    from flows.show import show_frameworks

    show_frameworks(name, format)


@show.command
def schema(name: Annotated[Literal["findings", "docket"], Parameter(help="Which file's.")], /) -> None:
    """The JSON Schema of findings.json or docket.json."""
    from flows.show import show_schema

    show_schema(name)


@show.command(name="settings")
def effective(*, settings: Settings = "", format: Shape = "text") -> None:
    """The effective settings, with what each means."""
    from flows.show import show_settings

    show_settings(settings, format)


def main() -> None:
    """Entry point of the command ``iotposture``."""
    logging.getLogger().addHandler(logging.NullHandler())  # what an SDK logs is in the coverage, without its secrets
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # a package's deprecations are ours to read in the tests, not a user's
    open_streams()
    collect_seldom()
    code = exit_code(lambda: app(print_error=False, exit_on_error=False))
    if code == INTERRUPTED:
        sys.stdout.flush()
        os._exit(code)  # threads that wait for a cloud would hold the process; what is on disk is whole
    sys.exit(code)
