"""What the importers of trackers make of our files, by readers written after the products' own sources and pages."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import HOSTILE, estate
from made_up_cases import case, case_report, estate_cases, hostile, small, with_

from reports.case import CaseReport
from reports.escape import jira, visible
from reports.history import History
from reports.tickets.delta import Only
from reports.tickets.export import Done, TicketOptions, export
from reports.tickets.keys import Learnt, Unreadable, learn
from reports.tickets.ledger import Ledger
from reports.tickets.profile import TrackerSettings
from reports.tickets.targets import TARGETS
from reports.tickets.verify import verify

NOW = "2026-11-22T07:00:00Z"
ENDINGS = (
    *HOSTILE,
    "\\",
    "ends\\",
    'says \\"so\\"',
    "\\\\host\\share\\",
    "x" * 254 + "\\",
    "<<!clear!>>",
    "h1. big",
    "{noformat}{code}x{code}",
    "![x](http://127.0.0.1/p.png)",
    '<img alt="" src="http://127.0.0.1/p.png">',
    "机" * 300,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with History.open(str(tmp_path / "history.db")) as history:
        yield history.ledger()


def sent(what: CaseReport, target: str, folder: Path, ledger: Ledger, *only: Only, **wish: Any) -> Done:
    done = export(what, TARGETS[target], folder, ledger, NOW, TicketOptions(only, **wish), TrackerSettings())
    assert verify(folder, TARGETS[target]) == []
    return done


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text, strict=True))


def nasty() -> CaseReport:
    """Each of the endings as whatever a cloud names, and as owner."""
    fields = ("account_id", "region", "resource_id", "resource_name", "subject", "hub", "actual", "remediation_cli")
    rows = [
        dict(estate()[0])
        | dict.fromkeys(fields, bad)
        | {"finding_id": f"v1:{'a' * 24}{chr(97 + n // 26)}{chr(97 + n % 26)}", "ticket_title": f"Not met: x ({bad})"}
        for n, bad in enumerate(ENDINGS)
    ]
    return case_report(case(row, owner=row["hub"]) for row in rows)


def keyed(target: str, ledger: Ledger, key: str = "{}") -> None:
    ids = sorted(ledger.entries(target))
    ledger.learn(target, {id_: key.format(number) for number, id_ in enumerate(ids, start=1)})


# Jira


def as_jira_reads(text: str) -> list[list[str]]:
    """The rows as Jira's importer has them: opencsv's reader, to which a backslash is an escape.

    Before a quote or another backslash, inside quotes, it stands for that; anywhere else it is dropped.
    """
    rows: list[list[str]] = []
    cells: list[str] = []
    cell, quoted, inside = "", False, False
    for ended in text.removesuffix("\r\n").split("\n"):
        line, at = ended.removesuffix("\r"), 0
        while at < len(line):
            c, after = line[at], line[at + 1 : at + 2]
            if c in '\\"' and (quoted or inside) and after and after in ('"' if c == '"' else '\\"'):
                cell, at = cell + after, at + 1
            elif c == '"':
                quoted, inside = not quoted, not inside
                if at > 2 and line[at - 1] != "," and after and after != ",":
                    cell += c
            elif c == "," and not quoted:
                cells.append(cell)
                cell, inside = "", False
            elif c != "\\":
                cell, inside = cell + c, True
            at += 1
        if quoted:
            cell += "\n"
            continue
        rows.append([*cells, cell])
        cells, cell = [], ""
    return rows


@pytest.mark.parametrize("what", [small, estate_cases, hostile, nasty])
@pytest.mark.parametrize("by", ["finding", "hub", "owner"])
def test_jiras_own_reader_finds_the_same_cells(what: Callable[[], CaseReport], by: str, tmp_path: Path, ledger: Ledger) -> None:  # fmt: skip
    sent(what(), "jira", tmp_path, ledger, by=by)
    text = (tmp_path / "jira-create.csv").read_bytes().decode()
    plain = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len(plain) > 1
    assert as_jira_reads(text) == [[cell.replace("\\\\", "\\") for cell in row] for row in plain]


@given(st.lists(st.text(st.characters()) | st.text(st.sampled_from('\\\\"",;\n\r<!x ')), min_size=1, max_size=4))
def test_any_cell_comes_out_of_jiras_reader_as_it_went_in(cells: list[str]) -> None:
    made = [jira(cell) for cell in cells]
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([*made, "end"])
    assert as_jira_reads(out.getvalue()) == [[*(visible(cell).replace("<<!", "<< !") for cell in cells), "end"]]


def test_jira_is_left_with_no_markup_but_ours(tmp_path: Path, ledger: Ledger) -> None:
    sent(nasty(), "jira", tmp_path, ledger)
    header, *rows = as_jira_reads((tmp_path / "jira-create.csv").read_bytes().decode())
    for row in rows:
        parts = re.split(r"\{noformat\}", row[header.index("Description")])
        assert len(parts) in (3, 5)
        outside = "".join(parts[::2])
        assert not re.search(r"[{}\[\]!|*]|^(?!h3\. )(h\d|bq)\.|[a-z]_[A-Z]", outside, re.MULTILINE)
        assert not [cell for cell in row if cell.startswith("<<!")]


def test_jira_gets_a_status_for_what_is_back_and_for_nothing_else(tmp_path: Path, ledger: Ledger) -> None:
    a, b = estate()[2:4]
    sent(case_report([case(a), case(b)], scan_id="s1"), "jira", tmp_path, ledger)
    keyed("jira", ledger, "SEC-{}")
    changed = case({**b, "evidence_hash": "x"})
    sent(case_report([case(a), changed], scan_id="s2"), "jira", tmp_path, ledger)
    assert "Status" not in table(tmp_path / "jira-update.csv")[0]
    gone = case(a, lifecycle="resolved", resolved_at="2026-11-22T06:04:31Z")
    sent(case_report([gone, changed], scan_id="s3"), "jira", tmp_path, ledger)
    assert [row["Status"] for row in table(tmp_path / "jira-close.csv")] == ["Done"]
    sent(case_report([case(a, lifecycle="reopened"), case(b)], scan_id="s4"), "jira", tmp_path, ledger)
    told = {row["External Id"]: (row["Status"], row["Resolution"]) for row in table(tmp_path / "jira-update.csv")}
    assert told == {a["finding_id"]: ("To Do", "<<!clear!>>"), b["finding_id"]: ("", "")}
    mapped = json.loads((tmp_path / "jira-update-import-config.json").read_text())["config.field.mappings"]
    assert {"Status", "Resolution"} <= set(mapped)


# ServiceNow


def test_servicenow_skips_no_row_for_its_length(tmp_path: Path, ledger: Ledger) -> None:
    long = {"risk": "机" * 3000, "remediation": "机" * 3000, "actual": "机" * 3000, "resource_id": "机" * 3000}
    what = case_report(case({**row, **long}, owner="机" * 300) for row in estate()[:3])
    for by in ("finding", "hub", "check"):
        sent(what, "servicenow", tmp_path / by, ledger, by=by)
        for row in table(tmp_path / by / "servicenow-upsert.csv"):
            assert sum(len(cell.encode()) for cell in row.values()) <= 8126
            assert row["u_description"].startswith(("The", "A", "Every")) and "Finding: " in row["u_description"]


def test_servicenow_is_told_of_a_person_as_a_person(tmp_path: Path, ledger: Ledger) -> None:
    rows = estate()
    sent(
        case_report([case(rows[0], owner="ana@fleet.example"), case(rows[1], owner="pumps")]),
        "servicenow",
        tmp_path,
        ledger,
    )
    told = {(row["u_assigned_to"], row["u_assignment_group"]) for row in table(tmp_path / "servicenow-upsert.csv")}
    assert told == {("ana@fleet.example", ""), ("", "pumps")}


def test_the_recipe_of_servicenow_names_every_column_and_what_would_cut_or_garble_it(tmp_path: Path, ledger: Ledger) -> None:  # fmt: skip
    sent(small(), "servicenow", tmp_path, ledger)
    recipe = (tmp_path / "servicenow-transform-map.txt").read_text()
    assert not [name for name in table(tmp_path / "servicenow-upsert.csv")[0] if name not in recipe]
    for needed in (
        "glide.import.csv.charset = UTF-8",
        "verify_target_field_size = true",
        "Coalesce: true",
        "close_code",
    ):
        assert needed in recipe


# Azure Boards


def test_azure_boards_gets_no_id_person_or_state_of_a_new_item(tmp_path: Path, ledger: Ledger) -> None:
    what = case_report(case(row, owner="ana@fleet.example") for row in estate()[2:5])
    sent(what, "azure-boards", tmp_path, ledger)
    new = table(tmp_path / "azure-boards-create.csv")
    assert not {"ID", "Assigned To", "State"} & set(new[0])
    assert all("; ana@fleet.example" in row["Tags"] for row in new)
    keyed("azure-boards", ledger)
    sent(with_(what, 0, finding={"evidence_hash": "x"}), "azure-boards", tmp_path, ledger)
    (row,) = table(tmp_path / "azure-boards-update.csv")
    assert row["Assigned To"] == "ana@fleet.example" and "ana" not in row["Tags"] and "State" not in row


def test_azure_boards_opens_again_what_it_closed(tmp_path: Path, ledger: Ledger) -> None:
    row = estate()[2]
    sent(case_report([case(row)], scan_id="s1"), "azure-boards", tmp_path, ledger)
    keyed("azure-boards", ledger)
    gone = case(row, lifecycle="resolved", resolved_at="2026-11-22T06:04:31Z")
    sent(case_report([gone], scan_id="s2"), "azure-boards", tmp_path, ledger)
    sent(case_report([case(row, lifecycle="reopened")], scan_id="s3"), "azure-boards", tmp_path, ledger)
    assert [(r["ID"], r["State"]) for r in table(tmp_path / "azure-boards-reopen.csv")] == [("1", "Active")]
    assert table(tmp_path / "azure-boards-update.csv") == []


@pytest.mark.parametrize(("kind", "name"), [("Bug", "Repro Steps"), ("Issue", "Description")])
def test_azure_boards_shows_what_it_is_about_where_the_type_of_item_shows_it(
    kind: str, name: str, tmp_path: Path, ledger: Ledger
) -> None:
    choices = TrackerSettings(azure_work_item_type=kind)
    export(small(), TARGETS["azure-boards"], tmp_path, ledger, NOW, TicketOptions(), choices)
    assert verify(tmp_path, TARGETS["azure-boards"]) == []
    row, *_ = table(tmp_path / "azure-boards-create.csv")
    assert ("Severity" in row) == (kind == "Bug") and {"Repro Steps", "Description"} & set(row) == {name}
    file = tmp_path / "k.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([["ID", "Title", name], ["7", "x", row[name]]])
    assert list(learn(file, ledger, "azure-boards").keys.values()) == ["7"]


# Linear


@pytest.mark.parametrize("by", ["finding", "hub", "owner"])
def test_linear_finds_no_image_to_fetch(by: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(nasty(), "linear", tmp_path, ledger, by=by)
    for row in table(tmp_path / "linear-create.csv"):
        assert not re.search(r"!\[(.*?)\]\((https?://.*?)\)|<img.*?src=\"(.*?)\".*?>", row["Description"])


# The ledger


def test_tickets_of_another_grouping_are_said_to_be_left_alone(tmp_path: Path, ledger: Ledger) -> None:
    sent(estate_cases(), "servicenow", tmp_path / "a", ledger)
    done = sent(estate_cases(), "servicenow", tmp_path / "b", ledger, by="hub")
    assert done.notes == (
        (
            "neither updated nor closed: 35 tickets exported with another --group-by, or of something that this scan did not look at or that is no "
            "more; look after them in the tracker"
        ),
    )
    assert (
        sent(estate_cases(), "servicenow", tmp_path / "c", ledger).notes[0].startswith("neither updated nor closed: 7 ")
    )


# Keys


def learnt(data: bytes, name: str, folder: Path, ledger: Ledger, target: str = "") -> Learnt:
    (folder / name).write_bytes(data)
    return learn(folder / name, ledger, target)


JIRA = (
    "Summary,Issue key,Issue id,Issue Type,Status,Project key,Project name,Priority,Resolution,Assignee,Labels,Labels,"
    "Due date,Votes,Description,Custom field (External Id),Custom field (Rank),Comment\r\n"
    '"Not met, again",SEC-{0},100{0},Task,To Do,SEC,Security,High,,,iotposture,high,20/Dec/26 12:00 AM,0,"x\r\ny",{1},0|i0000f:,\r\n'
)


@pytest.mark.parametrize(
    "dressed",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace(",", ";").encode(),
        lambda text: b"sep=;\r\n" + text.replace(",", ";").encode(),
        lambda text: text.replace(",", "\t").encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.replace("\r\n", "\n").encode(),
    ],
    ids=["plain", "mark", "semicolons", "sep", "utf-16", "utf-16-be", "lf"],
)
def test_what_jira_exports_is_read_however_a_spreadsheet_saved_it(
    dressed: Callable[[str], bytes], tmp_path: Path, ledger: Ledger
) -> None:
    sent(estate_cases(), "jira", tmp_path, ledger)
    id_ = min(ledger.entries("jira"))
    assert learnt(dressed(JIRA.format(7, id_)), "k.csv", tmp_path, ledger).keys == {id_: "SEC-7"}


@pytest.mark.parametrize(
    ("target", "export_", "key"),
    [
        ("azure-boards", ("\ufeffID,Work Item Type,Title,Assigned To,State,Tags,Description\n"
         '"272","Bug","x",,"New","iotposture; high","<p>The hub.</p><ul><li>Finding:&nbsp;<code style=""margin:0"">{0}</code></li></ul>"\n'), "272"),
        ("servicenow", '"number","short_description","correlation_id"\n"INC0010001","x","{0}"\n', "INC0010001"),
        ("gitlab", "Title,Description,Issue ID,URL,State\nx,\"The hub.\n\n- Finding: `{0}`.\",12,http://127.0.0.1/12,Open\n", "12"),
        ("linear", 'ID,Team,Title,Description\nENG-3,Eng,x,"The hub.\n\n* Finding: `{0}`."\n', "ENG-3"),
        ("github", '[{{"number": 12, "body": "The hub.\\n\\n- Finding: `{0}`."}}, {{"number": 13, "body": null}}]', "12"),
    ],
)  # fmt: skip
def test_keys_are_learnt_from_what_each_tracker_exports(
    target: str, export_: str, key: str, tmp_path: Path, ledger: Ledger
) -> None:
    sent(estate_cases(), target, tmp_path, ledger)
    id_ = min(ledger.entries(target))
    done = learnt(export_.format(id_).encode(), "k", tmp_path, ledger)
    assert (done.target, done.keys, done.refused) == (target, {id_: key}, ())


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"[1, 2]", "no JSON array of objects"),
        (b'[{"number": 1}', "no JSON array of objects"),
        (b"[]", "names no finding of ours"),
        (b"PK\x03\x04\xff", "not UTF-8 at byte 4"),
        (b"\xff\xfea", "not UTF-16"),
    ],
)
def test_what_is_no_export_is_one_clear_line(data: bytes, line: str, tmp_path: Path, ledger: Ledger) -> None:
    sent(small(), "github", tmp_path, ledger)
    with pytest.raises(Unreadable, match=line):
        learnt(data, "k", tmp_path, ledger)


def test_an_id_that_a_cloud_named_is_not_taken_for_the_ticket_s(tmp_path: Path, ledger: Ledger) -> None:
    what = estate_cases()
    foreign = what.cases[1].finding.finding_id
    what = with_(what, 0, finding={"resource_id": f"x Finding: {foreign}", "check_title": f"Finding: `{foreign}`"})
    what = CaseReport(what.about, tuple(dataclasses.replace(c) for c in what.cases[:2]))
    sent(what, "github", tmp_path, ledger)
    rows = [json.loads(line) for line in (tmp_path / "github-create.ndjson").read_text().splitlines()]
    told = [{"number": number, "body": row["body"]} for number, row in enumerate(rows, start=1)]
    done = learnt(json.dumps(told).encode(), "k", tmp_path, ledger)
    assert done.keys == {row["id"]: str(number) for number, row in enumerate(rows, start=1)}
