"""The report page in a real browser: what a reader sees, with and without its script, and that nothing leaves it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from made_up import HOSTILE, SCOPES, case_report, distinct, hostile, report, trend
from made_up_worst import worst
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect, sync_playwright

from checks.finding import Finding
from reports.escape import visible
from reports.page.page import report_html
from reports.report import records

RULES = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
}
COMMAND = "aws iot create-policy-version --policy-name 'fleet default' --set-as-default"
MEGABYTE = 1_000_000
expect.set_options(timeout=20_000)


def html(name: str) -> str:
    """A page: of one scan, of a history, with hostile names, or with many findings."""
    out = io.StringIO()
    if name == "alone":
        report_html(report(), out)
    elif name == "whole":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Finding, "remediation_cli", COMMAND, raising=False)
            report_html(report(), out, trend().with_target(dt.date(2027, 1, 31), 10), case_report(report()))
    elif name == "hostile":
        whole = hostile()
        told = case_report(whole)
        texts = HOSTILE * (len(told.cases) // len(HOSTILE) + 1)
        cases = [
            dataclasses.replace(c, owner=t, waiver=t, waiver_kind=t) for c, t in zip(told.cases, texts, strict=False)
        ]
        moved = trend()
        hubs = tuple(dataclasses.replace(moved.hubs[0], hub=t, account=t, owner=t, reason=t) for t in HOSTILE)
        by = {"owner": tuple(dataclasses.replace(moved.by["owner"][0], name=t) for t in HOSTILE)}
        last = dataclasses.replace(moved.points[-1], checks_added=HOSTILE)
        moved = dataclasses.replace(moved, hubs=hubs, by=by, points=(*moved.points[:-1], last))
        report_html(whole, out, moved, dataclasses.replace(told, cases=tuple(cases)))
    elif name == "worst":
        whole, moved, told = worst(10_000)
        report_html(whole, out, moved, told)
    elif name == "nothing":
        report_html(report([]), out, None, dataclasses.replace(case_report(report([])), cases=()))
    else:
        rows = distinct(10_000)
        report_html(report(rows), out, trend(rows), case_report(report(rows)))
    return out.getvalue()


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Where a page lies, as an address."""
    folder = tmp_path_factory.mktemp("pages")

    @cache
    def written(name: str) -> str:
        path = folder / f"{name}.html"
        path.write_text(html(name), "utf-8")
        return path.as_uri()

    return written


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, started once."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: apt-get install --no-install-recommends chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


class Watched:
    """A page that is open, and everything it must not do."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        context.set_default_timeout(20_000)
        context.set_offline(True)
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", self.dialog)
        self.page.on("request", lambda request: self.asked.append(request.url))
        context.on("page", lambda opened: self.said.append(f"opened {opened.url}"))
        self.page.goto(address)
        self.asked.remove(address.split("#", maxsplit=1)[0])

    def dialog(self, dialog: Dialog) -> None:
        self.said.append(dialog.message)
        dialog.dismiss()


@pytest.fixture
def opened(browser: Browser, page_of: Callable[[str], str]) -> Iterator[Callable[..., Page]]:
    """Opens a page; when the test ends it has asked for nothing, said nothing and opened nothing."""
    contexts: list[BrowserContext] = []
    watched: list[Watched] = []

    def opening(name: str, width: int = 1280, address: str = "", **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        watched.append(Watched(context, page_of(name) + address))
        return watched[-1].page

    yield opening
    for context in contexts:
        context.close()
    assert [one.said + one.asked for one in watched if one.said or one.asked] == []


def rows_of(page: Page) -> list[str]:
    """The text of every row that is shown."""
    return page.locator("table.flat tbody tr").all_inner_texts()


def column(page: Page, name: str) -> list[str]:
    """The first line of every cell of a column."""
    return [text.strip().split("\n")[0] for text in page.locator(f"table.flat td.c-{name}").all_inner_texts()]


def shown(page: Page) -> str:
    """What is said to a reader who does not see the rows change."""
    return page.locator("#shown").inner_text()


# What a reader does


def test_a_filter_shows_what_it_says_and_nothing_else(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    every = len(rows_of(page))
    for field, value, cell, expected in (
        ("severity", "critical", "severity", "critical"),
        ("status", "unknown", "state", "unknown"),
        ("life", "reopened", "state", "reopened"),
        ("life", "dark", "state", "dark"),
        ("life", "waived", "state", "waived"),
        ("due", "overdue", "due", "overdue"),
        ("provider", "clearblade", "where", "ClearBlade"),
        ("owner", "metering@example.com", "owner", "metering@example.com"),
    ):
        page.select_option(f"#filter-{field}", value)
        texts = page.locator(f"table.flat td.c-{cell}").all_inner_texts()
        assert texts and all(expected.lower() in text.lower() for text in texts), field
        assert shown(page) == f"{len(texts)} of {every} rows match" and len(texts) < every
        page.click("#filter-clear")
    page.select_option("#filter-area", "updates")
    assert set(column(page, "title")) == {"Updates are signed."}
    page.click("#filter-clear")
    assert len(rows_of(page)) == every


def test_a_search_finds_ids_evidence_and_checks(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    for text, label in (
        ("policy/fleet-default", "fleet-default, statement 2"),
        ("key_holders=14", "plant-south"),
        ("PUMP-003 sharers", "12 devices of plant-south"),
        ("update-is-signed otaupdate", "2026-10-gateway"),
    ):
        page.fill("#filter-text", text)
        expect(page.locator("table.flat summary")).to_have_text([label], use_inner_text=True)
    page.fill("#filter-text", "no such thing")
    expect(page.locator("#shown")).to_have_text(re.compile("^0 of"))
    assert page.locator("#none").is_visible() and not page.locator("table.flat").is_visible()
    page.click("#filter-clear")
    assert page.locator("table.flat").is_visible() and not page.locator("#none").is_visible()


def test_the_address_keeps_the_filter(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    page.select_option("#filter-severity", "high")
    page.select_option("#filter-owner", "plant-ops@example.com")
    kept = page.url.split("#")[1]
    again = opened("whole", address=f"#{kept}")
    assert rows_of(again) == rows_of(page) and set(column(again, "severity")) == {"High"}


def test_a_card_is_a_filter_that_has_an_address_of_its_own(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    for severity in ("critical", "medium"):
        page.click(f"a[data-severity={severity}]")
        expect(page.locator("#filter-severity")).to_have_value(severity)
        assert page.url.endswith(f"#findings?severity={severity}")
        assert {text.lower() for text in column(page, "severity")} == {severity}
    page.go_back()
    expect(page.locator("#filter-severity")).to_have_value("critical")
    assert {text.lower() for text in column(page, "severity")} == {"critical"}


def test_a_finding_has_an_address_that_opens_it(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    page.locator("table.flat tr:has(dt:text-is('Finding')) summary").first.click()
    link = page.locator("table.flat dd a").first
    id_ = link.inner_text()
    assert link.get_attribute("href") == f"#{id_}" and id_ in set(report().findings["finding_id"])
    again = opened("whole", address=f"#{id_}")
    expect(again.locator("#shown")).to_have_text(re.compile("^1 of"))
    assert again.locator("table.flat details[open]").count() == 1 and id_ in rows_of(again)[0]
    assert shown(opened("whole", address="#v1:nosuchfinding")).startswith("0 of")
    phone = opened("whole", width=390, address=f"#{id_}", reduced_motion="reduce")
    assert 0 <= phone.locator("table.flat tbody tr").first.evaluate("row => row.getBoundingClientRect().top") < 300


def test_a_column_sorts_both_ways_from_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    head = page.locator("th.c-since")
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    dates = column(page, "since")
    assert dates == sorted(dates)
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    dates = column(page, "since")
    assert dates == sorted(dates, reverse=True)
    assert page.locator("th[aria-sort=none]").count() == page.locator("table.flat th").count() - 1


def test_severity_sorts_by_rank_and_what_has_no_date_comes_last(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    ranks = ["critical", "high", "medium", "low", "info"]
    found = [ranks.index(text.lower()) for text in column(page, "severity")]
    assert found == sorted(found)
    page.click("th.c-severity button")
    assert page.locator("th.c-severity").get_attribute("aria-sort") == "ascending"
    found = [ranks.index(text.lower()) for text in column(page, "severity")]
    assert found == sorted(found, reverse=True)
    for _ in range(2):
        page.click("th.c-due button")
        dates = column(page, "due")
        assert "" in dates and not any(dates[dates.index("") :])


def test_everything_can_be_reached_and_opened_from_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#filter-text").focus()
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert seen[0] == "filter-severity" and "filter-clear" in seen
    assert "BUTTON" in seen and "A" in seen and "SUMMARY" in seen
    page.locator("table.flat summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("table.flat details").first.get_attribute("open") is not None


def test_a_command_is_copied_or_selected(opened: Callable[..., Page]) -> None:
    page = opened("whole", permissions=["clipboard-read", "clipboard-write"])
    page.fill("#filter-text", "fleet-default")
    expect(page.locator("#shown")).to_have_text(re.compile("^1 of"))
    page.locator("table.flat summary").click()
    page.get_by_role("button", name="Copy command").click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == COMMAND
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.get_by_role("button", name="Copy command").click()
    expect(page.get_by_text("Selected: copy it with the keyboard")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == COMMAND


def test_an_opened_row_tells_the_remedy_of_its_cloud_once(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    page.select_option("#filter-provider", "gcp")
    page.fill("#filter-text", "ingest@field-telemetry")
    expect(page.locator("#shown")).to_have_text(re.compile("^1 of"))
    for _ in range(3):
        page.locator("table.flat summary").click()
    expect(page.locator("table.flat dd.remedy")).to_have_text(["Grant the role on the topic, not on the project."])


def test_a_link_to_a_check_opens_its_chapter(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    page.locator("table.flat a").first.click()
    expect(page.locator(".check[open] .body")).to_be_visible()


# Ten thousand findings


def test_10000_findings_open_quickly_page_by_page(opened: Callable[..., Page], page_of: Callable[[str], str]) -> None:
    size = Path(page_of("many").removeprefix("file://")).stat().st_size
    assert 3 * MEGABYTE < size < 4.7 * MEGABYTE
    page = opened("many")
    took = page.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
    assert took < 8_000, f"{took} ms; two seconds on a machine with nothing else to do"
    assert shown(page) == "10,001 of 10,001 rows match, rows 1 to 100 shown"
    assert len(rows_of(page)) == 100 and page.locator("#page").inner_text() == "Page 1 of 101"
    first = rows_of(page)[0]
    page.click("#next")
    assert shown(page).endswith("rows 101 to 200 shown") and rows_of(page)[0] != first
    page.click("#back")
    assert rows_of(page)[0] == first and page.locator("#back").get_attribute("aria-disabled") == "true"
    page.click("th.c-resource button")
    assert column(page, "resource") == sorted(column(page, "resource"))
    page.fill("#filter-text", "policy-of-line-09996")
    expect(page.locator("#shown")).to_have_text(re.compile("^1 of 10,001"))
    assert not page.locator(".pager").is_visible()
    page.locator("table.flat summary").click()
    assert "statement=9996" in rows_of(page)[0]


def test_10000_findings_stand_in_the_page_without_its_script(opened: Callable[..., Page]) -> None:
    page = opened("many", java_script_enabled=False)
    assert page.locator("#groups tbody tr:has(td)").count() == 10_001
    assert page.locator("#groups details.group[open]").count() == 0


def test_rows_lose_their_command_before_their_evidence_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = distinct(10_000)
    monkeypatch.setattr(Finding, "remediation_cli", "aws iot " + "x" * 300, raising=False)
    out = io.StringIO()
    report_html(report(rows), out)
    text = out.getvalue()
    assert len(text.encode()) < 4.7 * MEGABYTE
    assert text.count("; statement=") == len(rows)
    assert "of the less grave lack part of their evidence" in text


def test_10000_findings_with_hostile_names_are_text_and_can_be_searched(
    opened: Callable[..., Page], page_of: Callable[[str], str]
) -> None:
    assert Path(page_of("worst").removeprefix("file://")).stat().st_size < 5 * MEGABYTE
    page = opened("worst")
    assert shown(page).startswith("10,001 of 10,001 rows match")
    assert page.evaluate("document.scripts.length") == 1
    assert page.locator("base, img, iframe, object, embed, link, form, math, animate, [style], [onfocus]").count() == 0
    assert page.locator("meta[http-equiv]").count() == 1
    assert page.locator("a[href]:not([href^='#'])").count() == 0
    page.fill("#filter-text", "alert(4)</script>")
    expect(page.locator("#shown")).not_to_have_text(re.compile("^(0|10,001) of"))
    for summary in page.locator("table.flat summary").all()[:5]:
        summary.click()
    page.click("th.c-owner button")
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


# Who cannot see it all, or has no script


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        ("alone", "light", 1280),
        ("whole", "light", 1280),
        ("whole", "dark", 1280),
        ("whole", "light", 320),
        ("hostile", "dark", 1280),
        ("nothing", "light", 320),
    ],
)
def test_axe_finds_no_violation(opened: Callable[..., Page], name: str, scheme: str, width: int) -> None:
    page = opened(name, width, color_scheme=scheme)
    page.evaluate("[...document.querySelectorAll('details')].slice(0, 60).forEach((one) => { one.open = true; })")
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 20


def test_axe_finds_no_violation_where_nothing_matches(opened: Callable[..., Page]) -> None:
    page = opened("whole", address="#findings?text=no-such-thing", forced_colors="active")
    assert page.locator("#none").is_visible()
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_no_violation_without_the_script_having_run(browser: Browser, page_of: Callable[[str], str]) -> None:
    text = re.sub(r"<script>.*?</script>", "", html("whole"), flags=re.DOTALL)
    context = browser.new_context()
    page = context.new_page()
    page.set_content(text)
    found = Axe().run(page, options=RULES)
    context.close()
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("name", ["alone", "whole", "hostile", "nothing"])
def test_nothing_is_wider_than_the_window(opened: Callable[..., Page], name: str, width: int) -> None:
    page = opened(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_without_its_script_the_page_shows_every_row_and_no_dead_control(opened: Callable[..., Page]) -> None:
    page = opened("whole", java_script_enabled=False)
    text = page.locator("main").text_content() or ""
    scopes = {"/".join(scope) for scope in SCOPES}
    for row in records(report().findings):
        assert row.resource_id in text or row.resource_id in scopes
        assert row.status == "unknown" or row.actual in text
    assert not page.locator("#filter").is_visible()
    assert page.locator("button").count() == page.locator("#filter button").count()
    page.locator("#groups table summary").first.click()
    assert page.locator("#groups table dl").first.is_visible()


def test_paper_gets_the_rows_and_no_control(opened: Callable[..., Page]) -> None:
    page = opened("whole")
    page.emulate_media(media="print")
    for hidden in ("nav", "#filter label", "#filter button", "#checks", "#coverage", "figure details"):
        assert not page.locator(hidden).first.is_visible(), hidden
    for visible_ in (
        "h1",
        ".facts",
        "svg.chart >> nth=0",
        "table.flat",
        "#shown",
        "#waivers",
        "#not-assessed",
        "#method",
    ):
        assert page.locator(visible_).first.is_visible(), visible_
    assert len(page.pdf()) > 10_000


def test_paper_gets_more_rows_than_a_page_and_says_how_many_it_does_not_get(opened: Callable[..., Page]) -> None:
    page = opened("many")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("table.flat tbody tr").count() == 500
    assert shown(page) == "10,001 of 10,001 rows match; the first 500 are printed, 9,501 are not"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shown(page) == "10,001 of 10,001 rows match, rows 1 to 100 shown"
    folded = opened("many", java_script_enabled=False)
    assert not folded.locator("p.paper").is_visible()
    folded.emulate_media(media="print")
    assert folded.locator("p.paper").is_visible()


# Hostile names


def test_every_hostile_name_is_text_and_nothing_else(opened: Callable[..., Page]) -> None:
    page = opened("hostile")
    text = page.locator("body").text_content() or ""
    for name in HOSTILE:
        assert visible(name) in text
    assert page.locator("script").count() == 1
    assert page.locator("img, svg[onload], iframe, object, embed, link, form, [onerror], [style]").count() == 0
    for name in HOSTILE:
        page.fill("#filter-text", visible(name))
        expect(page.locator("#shown")).not_to_have_text(re.compile("^0 of"))
        page.locator("table.flat summary").first.click()
    owners = page.locator("#filter-owner option").all_text_contents()
    assert {visible(name) for name in HOSTILE} <= set(owners)
    for owner in owners[1:4]:
        page.fill("#filter-text", "")
        page.select_option("#filter-owner", label=owner)
        assert rows_of(page)


def test_an_address_cannot_put_anything_into_the_page(opened: Callable[..., Page]) -> None:
    page = opened(
        "whole", address="#findings?text=%3Cimg%20src=x%20onerror=alert(1)%3E&severity=%22%3E&owner=__proto__"
    )
    assert page.locator("img").count() == 0
    assert page.input_value("#filter-text") == "<img src=x onerror=alert(1)>"


# The same bytes


def test_equal_input_gives_equal_bytes_in_another_process() -> None:
    code = "import sys, test_page; sys.stdout.buffer.write(test_page.html('whole').encode())"
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    env = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": path, "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=env, timeout=60)
    assert made.stdout.decode() == html("whole") == html("whole")
