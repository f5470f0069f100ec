"""Reports: the same findings in every output, in order, and nothing that a cloud names can harm who reads them."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TextIO

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import AREAS, AZURE_HUB, CHECKS, HOSTILE, SCOPES, estate, finding, hostile, report
from rich.console import Console

from checks.finding import COLUMNS
from checks.unread import Unread, dump
from reports.csv_files import coverage_csv, findings_csv
from reports.escape import ci, markdown, spreadsheet, terminal, unguard, visible
from reports.findings_json import findings_json
from reports.page.page import report_html
from reports.report import ABOUT, Report, records
from reports.report_files import FILES, PAGE, write
from reports.summary import ALIKE, number, summarise
from reports.terminal import render

GOLDEN = Path(__file__).parent / "golden"


def written(writer: Callable[[Report, TextIO], None], what: Report) -> str:
    out = io.StringIO(newline="")
    writer(what, out)
    return out.getvalue()


@cache
def page() -> str:
    return written(report_html, report())


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def on_terminal(what: Report, width: int = 80, **more: Any) -> str:
    out = io.StringIO()
    render(what, Console(file=out, width=width, **more))
    return out.getvalue()


class Page(HTMLParser):
    """What a browser would see: elements with attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.blocks: dict[str, list[str]] = {"style": [], "script": []}
        self._block = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._block = tag if tag in self.blocks else ""

    def handle_endtag(self, tag: str) -> None:
        self._block = ""

    def handle_data(self, data: str) -> None:
        (self.blocks[self._block] if self._block else self.texts).append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


anything = st.text(st.characters(), max_size=40)
tricky = st.text(st.sampled_from("=+-@'\t\r\n%:#[ `|\\/<>&\"\x1b\x9b\u202e\u2028＝＠0.a\ud800"), max_size=20)


# Text


@given(anything | tricky)
def test_guarding_a_cell_can_be_undone(text: str) -> None:
    assert unguard(spreadsheet(text)) == text


@given(anything | tricky)
def test_no_cell_starts_like_a_formula(text: str) -> None:
    cell = spreadsheet(text)
    assert not re.match(r"[=+@\t\r\n＝＋－＠]", cell)
    assert not cell.startswith("-") or re.fullmatch(r"-[0-9.]+", cell)


@pytest.mark.parametrize("number", ["-3", "0", "-12.5", "97.5"])
def test_a_number_is_never_guarded(number: str) -> None:
    assert spreadsheet(number) == number


@given(anything | tricky)
def test_a_terminal_gets_only_what_prints(text: str) -> None:
    shown = terminal(text)
    assert shown.isprintable()
    assert all(c in shown for c in text if c.isprintable())


def test_every_character_that_controls_is_written_out() -> None:
    for code in range(sys.maxunicode + 1):
        c = chr(code)
        if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            assert visible(c).startswith("\\") and visible(c).isascii(), hex(code)


def test_a_bidirectional_override_is_shown_as_its_escape() -> None:
    assert terminal("a\u202eb\x1b[2J\n") == "a\\u202eb\\x1b[2J\\n"


@given(anything | tricky, st.booleans())
def test_markdown_is_one_code_span(text: str, in_table: bool) -> None:
    span = markdown(text, in_table=in_table)
    if not text:
        assert span == ""
        return
    fence = re.match("`+", span)
    assert fence and span.endswith(fence[0]) and "\n" not in span
    assert fence[0] not in re.findall("`+", span[len(fence[0]) : -len(fence[0])])
    assert not in_table or "|" not in span


@given(anything | tricky)
def test_no_line_of_a_ci_log_is_a_command(text: str) -> None:
    line = ci(text)
    assert len(line.splitlines()) <= 1 and "\r" not in line
    assert not line.lstrip().startswith("::")
    assert "##[" not in line and "##vso[" not in line


def test_ci_encodes_what_a_runner_would_decode() -> None:
    assert ci("100%\r\n::stop-commands::x") == "100%25%0D%0A%3A:stop-commands::x"
    assert ci("::error::x") == "%3A:error::x"
    assert ci("##vso[task.complete]") == "%23#vso[task.complete]"
    assert ci("arn:aws:iam::1:role/x") == "arn:aws:iam::1:role/x"


@given(anything | tricky)
def test_no_line_of_a_terminal_is_a_command_however_it_is_wrapped(text: str) -> None:
    shown = terminal(text)
    for start in range(len(shown)):
        assert not re.match(
            r"::(error|warning|notice|stop-commands|set-env|add-mask|group)\b", shown[start:], re.IGNORECASE
        )
    assert "##[" not in shown and "##vso[" not in shown


def test_a_terminal_shows_names_with_colons_as_they_are() -> None:
    for plain in ("arn:aws:iam::123456789012:role/x and a::b", "the resource type AWS::IoT::Policy"):
        assert terminal(plain) == plain
    assert terminal("x ::stop-commands::y") == "x %3A:stop-commands::y"


# The report itself


def test_a_report_without_a_column_is_refused() -> None:
    whole = report()
    with pytest.raises(ValueError, match="findings has no column hub"):
        dataclasses.replace(whole, findings=whole.findings.drop(columns="hub"))
    with pytest.raises(ValueError, match="about has no scan_id"):
        dataclasses.replace(whole, about={name: "" for name in ABOUT if name != "scan_id"})


@pytest.mark.parametrize("name", FILES)
def test_the_order_of_the_input_changes_no_byte(name: str) -> None:
    forth, back = report(), report(estate()[::-1])
    back = dataclasses.replace(
        back, counts=back.counts[::-1], coverage=back.coverage[::-1], checks=list(back.checks)[::-1]
    )
    assert written(FILES[name], forth) == written(FILES[name], back)


def test_findings_stand_gravest_first_then_by_place() -> None:
    rows = report().findings[
        ["severity_rank", "provider", "account_id", "region", "resource_id", "subject", "check_id"]
    ]
    keys = [(-int(rank), *rest) for rank, *rest in rows.itertuples(index=False, name=None)]
    assert keys == sorted(keys)


# Tables


def test_the_table_of_findings_is_as_golden() -> None:
    made = written(findings_csv, report(estate()[:6] + estate()[-5:]))
    golden = GOLDEN / "findings.csv"
    assert made.encode() == golden.read_bytes()


def test_a_table_reads_back_as_it_was() -> None:
    whole = hostile()
    header, *rows = read_csv(written(findings_csv, whole))
    assert header == [*ABOUT, *COLUMNS]
    read = [[unguard(cell) for cell in row] for row in rows]
    assert read == [
        [*(whole.about[n] for n in ABOUT), *map(visible, row)]
        for row in whole.findings.itertuples(index=False, name=None)
    ]
    header, *rows = read_csv(written(coverage_csv, whole))
    told = [[visible(cell) for cell in row] for row in whole.coverage.to_numpy().tolist()]
    assert [[unguard(cell) for cell in row] for row in rows] == told
    assert "\x1b" not in written(findings_csv, whole) + written(coverage_csv, whole)


def test_every_cell_is_quoted_and_every_line_ends_with_crlf() -> None:
    for line in written(findings_csv, report()).removesuffix("\r\n").split("\r\n"):
        assert line.startswith('"') and line.endswith('"')
        assert "\n" not in line


def test_no_finding_still_gives_a_header() -> None:
    empty = report([])
    empty = dataclasses.replace(empty, coverage=empty.coverage.head(0), counts=empty.counts.head(0))
    assert written(findings_csv, empty) == ",".join(f'"{n}"' for n in (*ABOUT, *COLUMNS)) + "\r\n"
    assert read_csv(written(coverage_csv, empty)) == [list(empty.coverage.columns)]
    assert json.loads(written(findings_json, empty))["findings"] == []
    assert "Nothing fails" in Page(written(report_html, empty)).text
    assert "Scan 20261122T0600Z-4f1c" in on_terminal(empty)


@pytest.mark.parametrize("name", FILES)
def test_nothing_missing_is_printed_as_a_word(name: str) -> None:
    rows = estate()
    rows[0] |= {"actual": pd.NA, "hub": None, "remediation": float("nan")}  # type: ignore[dict-item]
    whole = report(rows)
    text = written(FILES[name], whole) + on_terminal(whole)
    assert not re.search(r"<NA>|&lt;NA|\bnan\b|\bNaN\b|\bNone\b", text)


# JSON


def test_json_holds_what_the_report_holds() -> None:
    whole = hostile()
    text = written(findings_json, whole)
    held = json.loads(text, parse_constant=pytest.fail)
    assert list(held) == ["about", "summary", "findings", "counts", "coverage"]
    assert held["about"] == whole.about
    assert [tuple(row.values()) for row in held["findings"]] == list(whole.findings.itertuples(index=False, name=None))
    assert held["counts"][0]["passed"] == int(whole.counts["passed"][0])
    assert text.endswith("}\n") and text.isascii()


# The summary


def test_the_numbers_of_a_summary_add_up() -> None:
    whole = report()
    summary = summarise(whole)
    for status, of in (("fail", "failed"), ("unknown", "unknown")):
        expected = (whole.findings["status"] == status).sum()
        assert sum(getattr(summary.total, of).values()) == expected
        assert sum(sum(getattr(tally, of).values()) for tally in summary.areas.values()) == expected
        assert sum(line.count for line in summary.lines if line.first.status == status) == expected
        assert sum(getattr(check, of) for check in summary.checks) == expected
    assert sum(tally.passed for tally in summary.areas.values()) == summary.total.passed == whole.counts["passed"].sum()
    assert summary.total.pairs == (whole.counts["status"] != "not_applicable").sum()
    assert summary.total.assessed == summary.total.pairs - (whole.counts["unknown"] > 0).sum()
    assert list(summary.areas) == list(AREAS)


def test_devices_of_one_hub_are_one_line() -> None:
    lines = [line for line in summarise(report()).lines if line.rolled_up]
    assert sorted((line.first.check_id, line.what, len(line.sample)) for line in lines) == [
        ("device-credential-ends", "7 devices", 5),
        ("device-has-its-own-credential", "12 devices", 5),
        ("gateway-checks-devices", "1 device", 1),
    ]


def test_a_device_list_that_was_not_read_is_no_device() -> None:
    gap = next(line for line in summarise(report()).lines if line.first.resource_id == "aws/123456789012/eu-central-1")
    assert not gap.rolled_up and gap.first.status == "unknown"


def test_many_alike_are_one_line_and_few_are_not() -> None:
    def certificates(count: int) -> Report:
        return report([finding("certificate-is-strong", 0, f"cert/{n}", "certificate") for n in range(count)])

    assert len(summarise(certificates(ALIKE)).lines) == ALIKE
    assert [line.what for line in summarise(certificates(ALIKE + 1)).lines] == [f"{ALIKE + 1} certificates"]


def test_what_was_not_read_names_the_permission_and_the_checks_it_leaves_open() -> None:
    gaps = {(gap.cause, gap.permission): gap for gap in summarise(report()).not_read}
    logging = gaps["denied", "iot:GetV2LoggingOptions"]
    assert logging.checks == {"connections-are-logged"} and logging.findings == 1
    assert logging.operations == {"get_v2_logging_options"} and logging.codes == {"AccessDeniedException"}
    assert gaps["failed", "iot:ListThings"].checks == {"device-has-its-own-credential"}
    assert gaps["unavailable", "iot:ListJobs"].checks == set()
    assert gaps["not_parseable", ""].checks == {"certificate-is-strong"}


def test_each_of_several_causes_keeps_its_own_permission() -> None:
    gaps = {(gap.cause, gap.permission) for gap in summarise(report()).not_read if gap.permission.startswith("s3:")}
    assert gaps == {("denied", "s3:GetBucketPolicyStatus"), ("failed", "s3:GetBucketAcl")}


def test_what_is_unknown_is_laid_at_the_read_that_failed() -> None:
    whole = report()
    broken = {
        "provider": "aws", "account": "1", "region": "eu-west-1", "operation": "iot.list_streams",
        "permission": "iot:ListStreams", "outcome": "failed", "code": "500", "detail": "", "cause": "failed", "tables": "",
    }  # fmt: skip
    row = {
        **finding("store-is-private", 4, "arn:aws:s3:::b"), "provider": "aws", "status": "unknown", "cause": "failed",
        "status_reason": "A sentence about denied and iot.list_policies, which nobody reads back.",
        "unread": dump([Unread("holds_firmware", "failed", "iot.list_streams", "iot:ListStreams", "500")]),
    }  # fmt: skip
    whole = dataclasses.replace(
        whole, coverage=pd.DataFrame([broken]), findings=pd.DataFrame([row], columns=list(COLUMNS), dtype="string")
    )
    (gap,) = summarise(whole).not_read
    assert (gap.cause, gap.permission, gap.findings, gap.checks) == (
        "failed",
        "iot:ListStreams",
        1,
        {"store-is-private"},
    )


def test_a_guideline_is_judged_in_its_own_cloud() -> None:
    rows = [finding("hub-refuses-old-tls", 2, f"{AZURE_HUB}plant-south")]
    states = summarise(report(rows)).guidelines
    assert states["azure-iothub-min-tls"][0] == "fail"
    assert states["aws-iot-domain-tls-policy"][0] == "pass"


def test_a_guideline_of_a_cloud_that_was_not_scanned_has_no_state() -> None:
    whole = report()
    whole = dataclasses.replace(whole, counts=whole.counts[whole.counts["provider"] != "azure"])
    assert not [name for name in summarise(whole).guidelines if name.startswith("azure-")]


def test_the_worst_scope_decides_a_check() -> None:
    states = {check.id: check.state for check in summarise(report()).checks}
    assert states["store-is-private"] == "fail"
    assert set(states.values()) <= {"fail", "unknown", "pass", "not_applicable"}


def test_a_full_share_means_that_nothing_is_unknown() -> None:
    summary = summarise(report())
    for tally in summary.areas.values():
        assert (tally.assessed_pct == "100") == (not sum(tally.unknown.values()))


def test_a_noun_goes_with_its_number() -> None:
    assert [number(1, "policy"), number(2, "policy"), number(1204, "role alias"), number(0, "key")] == [
        "1 policy", "2 policies", "1,204 role aliases", "0 keys"
    ]  # fmt: skip


# The terminal


def test_a_terminal_of_80_columns_is_enough_and_gets_no_colour_when_it_is_none() -> None:
    text = on_terminal(report())
    assert max(map(len, text.splitlines())) <= 80
    assert text.replace("…", "").isascii() and "\x1b" not in text


def test_a_terminal_names_the_missing_permission_and_rolls_devices_up() -> None:
    text = on_terminal(report(), width=200)
    _, denied, answer = re.split(r"The scanner lacks a permission\.|The service gave no usable answer\.", text)
    assert denied.startswith(" Grant the permission to the identity that scans.")
    assert re.search(r"aws iot:GetV2LoggingOptions +1 check in 1 scope", denied)
    assert re.search(r"aws iot:ListThings +1 check in 1 scope", answer)
    assert "12 devices of" in text and "pump-003" not in text
    assert "97.5 % coverage" in text


def test_an_incomplete_scan_says_so_first() -> None:
    assert "NOT COMPLETE" in on_terminal(report(scan_complete="false"))
    assert "This scan is not complete." in Page(written(report_html, report(scan_complete="false"))).text
    assert "not complete" not in Page(page()).text


def test_nothing_hostile_reaches_a_terminal() -> None:
    text = on_terminal(hostile(), width=400)
    assert all(line.isprintable() for line in text.splitlines())
    assert "\\u202e" in text and "[bold red]markup[/]" in text
    coloured = on_terminal(hostile(), width=400, force_terminal=True, color_system="standard")
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).replace("\n", "").isprintable()


# The page


def test_the_policy_of_the_page_names_the_hashes_of_its_blocks() -> None:
    parsed = Page(page())
    policy = next(
        attrs["content"] for tag, attrs in parsed.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        digest = hashlib.sha256("".join(parsed.blocks[tag]).encode()).digest()
        assert directives[directive] == f"'sha256-{base64.b64encode(digest).decode()}'"
        assert [found for found, _ in parsed.tags].count(tag) == 1


@pytest.mark.parametrize("which", [report, hostile])
def test_the_page_loads_nothing_and_runs_nothing_inline(which: Callable[[], Report]) -> None:
    html = written(report_html, which())
    for tag, attrs in Page(html).tags:
        assert tag not in ("img", "link", "iframe", "object", "embed", "base", "form")
        assert not [name for name in attrs if name.startswith("on") or name in ("style", "src", "srcset", "action")]
        assert (attrs.get("href") or "#").startswith("#")
    assert "innerHTML" not in html and not re.search(r"url\((?!#)", html) and "@import" not in html


def test_nothing_hostile_is_markup_and_all_of_it_is_text() -> None:
    html = written(report_html, hostile())
    parsed = Page(html)
    for text in HOSTILE:
        assert visible(text) in parsed.text
    calm = {tag for tag, _ in Page(page()).tags}
    assert {tag for tag, _ in parsed.tags} <= calm
    assert not [c for c in html if not c.isprintable() and c != "\n"]


def test_every_link_of_the_page_leads_somewhere_and_no_id_is_taken_twice() -> None:
    tags = Page(page()).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {(attrs["href"] or "")[1:] for tag, attrs in tags if tag == "a"} <= set(ids)


def test_the_page_holds_everything_without_its_script() -> None:
    whole, text = report(), Page(page()).text
    scopes = {"/".join(scope) for scope in SCOPES}
    for row in records(whole.findings):
        assert row.resource_id in text or row.resource_id in scopes
        assert row.status == "unknown" or row.actual in text
    for check in CHECKS:
        assert check["risk"] in text and check["title"] in text
    for permission in ("iot:GetV2LoggingOptions", "storage.buckets.getIamPolicy", "iot:ListThings"):
        assert permission in text
    for title in AREAS.values():
        assert title in text


def test_the_page_shows_the_command_of_a_finding_as_it_is_typed() -> None:
    commands = [row.remediation_cli for row in records(report().findings) if row.remediation_cli]
    parsed = Page(page())
    assert len(commands) == 2 and all(command in parsed.text for command in commands)


def test_every_table_of_the_page_has_a_caption_and_scoped_heads() -> None:
    tags = Page(page()).tags
    names = [tag for tag, _ in tags]
    assert names.count("caption") == names.count("table") > 5
    assert all("scope" in attrs for tag, attrs in tags if tag == "th")
    assert names.count("main") == names.count("h1") == names.count("header") == 1


def test_resources_of_one_line_show_their_own_evidence_where_it_differs() -> None:
    text = Page(page()).text
    assert text.count("sharers=11") == text.count("sharers=12") == 6
    assert text.count("credentials=1; expiring_credentials=0") == 1


# The files


def test_a_folder_gets_every_file_and_nothing_else(tmp_path: Path) -> None:
    paths = write(report(), tmp_path / "new" / "out")
    assert sorted(path.name for path in paths) == sorted((*FILES, PAGE)) == sorted(os.listdir(tmp_path / "new" / "out"))
    assert (tmp_path / "new" / "out" / "report.html").read_text("utf-8") == page()
    assert (tmp_path / "new" / "out" / "findings.csv").read_bytes()[:3] == b'"sc'


def test_a_write_that_fails_leaves_the_old_files_whole(tmp_path: Path) -> None:
    write(report(), tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in (*FILES, PAGE)}
    broken = report([])
    object.__setattr__(broken, "areas", None)
    with pytest.raises(TypeError):
        write(broken, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError):
        write(report(), tmp_path / "taken")


def test_a_character_that_utf8_does_not_have_is_written_out(tmp_path: Path) -> None:
    whole = report()
    whole = dataclasses.replace(whole, about={**whole.about, "scan_id": "lone\ud800"})
    write(whole, tmp_path)
    assert b"lone\\ud800" in (tmp_path / "findings.csv").read_bytes()
    assert json.loads((tmp_path / "findings.json").read_bytes())["about"]["scan_id"] == "lone\ud800"


def test_a_summary_is_plain_data() -> None:
    held = json.loads(json.dumps(summarise(report()).to_json(), allow_nan=False))
    assert [entry["count"] for entry in held["rolled_up"]] == [12, 1, 7]
    assert held["total"]["failed"]["critical"] == sum(area["failed"]["critical"] for area in held["areas"].values())
