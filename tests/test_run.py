"""A run on disk: what was collected is read back as it was, and a scope counts only once it is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from collectors.operation import COLLECTORS, Memory, Operation, Reader, collector
from collectors.run import Run, collect
from collectors.schema import COVERAGE, GAPS, UNREAD, Row, Tables, Unread, coverage_frame, gaps_frame, unread_frame
from collectors.scope import Scope
from collectors.tables.device import Device
from collectors.tables.hub import Hub

SCOPE = Scope("aws", "123456789012", "eu-west-1")
PLACE = {"provider": "aws", "account": "123456789012", "region": "eu-west-1", "subject": ""}
ODD_IDS = [
    "..",
    ".",
    "../../etc",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "example.com:project",
    "ünïcödé-日本",
    "%2E%2E",
    "a%2Fb",
    "*",
    "[a]",
    "~root",
    "a b\n",
    "coverage.parquet",
]


def tables() -> Tables:
    hubs: list[Row] = [
        {**PLACE, "resource": "hub-a", "name": "a", "min_tls": "1.2", "public_network": True, "routes": 3},
        {
            **PLACE,
            "resource": "hub-b",
            "name": "日本",
            "min_tls": None,
            "public_network": Unread("denied"),
            "routes": None,
        },
        {**PLACE, "resource": "hub-c", "name": "", "public_network": False, "routes": 0},
    ]
    note = {"table": "hub", "resource": "hub-b", "column": "public_network", "cause": "denied", "permission": "p"}
    asked = {"provider": "aws", "account": "1", "region": "r", "operation": "o", "permission": "p", "outcome": "denied"}
    return Tables(
        {Hub: Hub.frame(hubs), Device: Device.frame([])},
        unread_frame([note]),
        gaps_frame([{"table": "hub", "cause": "denied"}]),
        coverage_frame([asked]),
    )


def assert_same(read: Tables, written: Tables) -> None:
    assert set(read.frames) == set(written.frames)
    for table, frame in written.frames.items():
        assert_frame_equal(read.frames[table], frame)
    for name in ("unread", "gaps", "coverage"):
        assert_frame_equal(getattr(read, name), getattr(written, name))


@pytest.fixture(params=["path", "file", "memory", "chained"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """A run on each kind of storage; the path itself holds characters that mean something to a search."""
    folder = tmp_path / "runs [2026] *" / "1"
    return {
        "path": Run(str(folder)),
        "file": Run(f"file://{folder}", {"auto_mkdir": True}),
        "memory": Run(f"memory://{tmp_path.name}/1/"),
        "chained": Run(f"dir::memory://{tmp_path.name}-chained", {"dir": {"path": f"/{tmp_path.name}-chained/run"}}),
    }[request.param]


def test_scope_is_read_back_with_its_dtypes_and_unread_cells(run: Run) -> None:
    written = tables()
    run.write(SCOPE, written)
    assert_same(run.read(SCOPE), written)
    hubs = run.read(SCOPE).frames[Hub]
    assert {str(kind) for kind in hubs.dtypes} == {"string", "boolean", "Int64"}
    assert (hubs["public_network"] | False).isna().tolist() == [False, True, False]
    assert (hubs["min_tls"] >= "1.2").isna().tolist() == [False, True, True]


def test_run_tells_what_it_is_and_which_scopes_it_holds(run: Run) -> None:
    assert list(run.scopes()) == []
    assert not run.has(SCOPE)
    about = {
        "scan_id": "ünï", "clock": "2026-11-22T12:00:00Z", "tool_version": "0", "scopes": [["aws", "1", "r"]],
        "select": [], "unreachable": {},
    }  # fmt: skip
    run.write_about(about)
    scopes = [Scope(provider, account, "global") for provider in ("aws", "gcp") for account in ("1", "2")]
    for scope in reversed(scopes):
        run.write(scope, tables())
    assert run.about() == about
    assert list(run.scopes()) == scopes
    assert all(run.has(scope) for scope in scopes)


def test_where_no_run_lies_none_is_told(run: Run) -> None:
    with pytest.raises(FileNotFoundError):
        run.about()
    with pytest.raises(FileNotFoundError):
        run.read(SCOPE)


def test_frame_beside_the_tables_is_read_back_as_it_was(run: Run) -> None:
    frame = pd.DataFrame(
        {
            "check": pd.array(["a", None], dtype="string[python]"),
            "late": pd.array([True, None], dtype="boolean"),
            "devices": pd.array([None, 7], dtype="Int64"),
        }
    )
    run.write_frame(SCOPE, "extra", frame)
    assert_frame_equal(run.read_frame(SCOPE, "extra"), frame)
    assert not run.has(SCOPE)
    with pytest.raises(FileNotFoundError):
        run.read_frame(SCOPE, "waivers")


@pytest.mark.parametrize("account", ODD_IDS)
def test_no_id_leaves_the_run(account: str, tmp_path: Path) -> None:
    run, scope = Run(str(tmp_path / "a" / "run")), Scope(account, account, account)
    run.write(scope, tables())
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["run"]
    assert [len(path.relative_to(tmp_path / "a" / "run").parts) for path in tmp_path.rglob("coverage.parquet")] == [4]
    assert list(run.scopes()) == [scope]
    assert_same(run.read(scope), tables())


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=3, max_size=3, unique=True))
def test_ids_have_folders_of_their_own(ids: list[str]) -> None:
    folders = [Run("r").folder(Scope("gcp", account, "global")) for account in ids]
    assert len(set(folders)) == 3
    assert all(folder.count("/") == 2 and not set(folder) & set(".\\*[]?\0:") for folder in folders)


def test_scope_counts_only_once_its_last_file_is_written(tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    in_the_way = tmp_path / run.folder(SCOPE) / "coverage.parquet"
    in_the_way.mkdir(parents=True)
    with pytest.raises(OSError):
        run.write(SCOPE, tables())
    assert (in_the_way.parent / "hub.parquet").is_file()
    assert not run.has(SCOPE)
    assert list(run.scopes()) == []
    in_the_way.rmdir()
    run.write(SCOPE, tables())
    assert run.has(SCOPE)


def test_scope_written_again_does_not_count_until_it_is_whole_again(tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    run.write(SCOPE, tables())
    (tmp_path / run.folder(SCOPE) / "gaps.parquet").unlink()
    (tmp_path / run.folder(SCOPE) / "gaps.parquet").mkdir()
    with pytest.raises(OSError):
        run.write(SCOPE, tables())
    assert not run.has(SCOPE)


def test_nothing_half_written_is_left_behind(tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    (tmp_path / "run.json").mkdir()
    with pytest.raises(OSError):
        run.write_about({"id": "1"})
    with pytest.raises(TypeError):
        Run(str(tmp_path / "other")).write_about({"id": object()})
    run.write(SCOPE, tables())
    assert [path.name for path in tmp_path.rglob("*.part")] == []


def test_column_that_an_older_run_did_not_have_is_unread(tmp_path: Path) -> None:
    run, older = Run(str(tmp_path)), tables()
    older.frames[Hub] = older.frames[Hub].drop(columns=["min_tls", "public_network", "routes"]).assign(gone="x")
    run.write(SCOPE, older)
    hubs = run.read(SCOPE).frames[Hub]
    assert list(hubs.columns) == list(Hub.columns())
    assert hubs[["min_tls", "public_network", "routes"]].isna().all(axis=None)
    assert {name: str(hubs[name].dtype) for name in ("min_tls", "public_network", "routes")} == {
        "min_tls": "string",
        "public_network": "boolean",
        "routes": "Int64",
    }


def test_notes_of_the_first_version_hold_resource_and_subject_in_one_text(tmp_path: Path) -> None:
    run = Run(str(tmp_path))
    run.write(SCOPE, tables())
    old = {"table": "hub", "column": "min_tls", "cause": "denied", "permission": "p", "detail": "o AccessDenied"}
    for name, key in (("unread", {"resource": "a#b#c"}), ("gaps", {}), ("coverage", {"outcome": "read"})):
        run.write_frame(SCOPE, name, pd.DataFrame([old | key], dtype="string"))
    read = run.read(SCOPE)
    assert [tuple(frame.columns) for frame in (read.unread, read.gaps, read.coverage)] == [UNREAD, GAPS, COVERAGE]
    assert read.unread.iloc[0].to_dict() == {"resource": "a#b", "subject": "c", "operation": "", **old}
    run.write_frame(SCOPE, "unread", pd.DataFrame(columns=["resource", *old]))
    assert read.unread.columns.equals(run.read(SCOPE).unread.columns)


LIST = Operation("things.list", "things:List", items="things")


class Things:
    """A session of a provider that exists here only."""

    options: Mapping[str, Any] = {}

    def __init__(self, things: list[Row]) -> None:
        self.things = things

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        yield from self.things


@pytest.fixture
def things() -> Iterator[None]:
    """A collector of hubs that takes each thing as its row."""

    @collector(Hub, "things", LIST)
    def hubs(read: Reader) -> Iterator[Row]:
        yield from read(LIST)

    yield
    COLLECTORS.pop()


def collected(*things: Row) -> Tables:
    """What the collector makes of the things."""
    return collect(Scope("things", "1", "here"), Things(list(things)), Memory(), datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.usefixtures("things")
def test_value_that_a_column_cannot_hold_costs_its_cell_and_not_the_scope() -> None:
    found = collected(
        {"provider": "aws", "resource": "a", "min_tls": "1.9", "routes": "many"},
        {"provider": "aws", "resource": "b", "min_tls": "1.2", "routes": 2},
    )
    hubs = found.frames[Hub]
    assert hubs["resource"].tolist() == ["a", "b"]
    assert hubs["min_tls"].isna().tolist() == [True, False]
    assert hubs["routes"].isna().tolist() == [True, False]
    assert found.unread[["resource", "subject", "column", "cause"]].to_numpy().tolist() == [
        ["a", "", "min_tls", "not_parseable"],
        ["a", "", "routes", "not_parseable"],
    ]


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize("number", [10**30, 10**400, 2**63, -(2**63) - 1])
def test_a_number_of_more_than_64_bits_costs_its_cell(number: int) -> None:
    found = collected(
        {"provider": "aws", "resource": "a", "routes": number}, {"provider": "aws", "resource": "b", "routes": -(2**63)}
    )
    assert found.frames[Hub]["routes"].isna().tolist() == [True, False]
    assert found.unread[["resource", "column", "cause", "detail"]].to_numpy().tolist() == [
        ["a", "routes", "not_parseable", "Hub.routes holds whole numbers of 64 bits"]
    ]


@pytest.mark.usefixtures("things")
def test_half_a_character_in_a_name_does_not_cost_the_scope(tmp_path: Path) -> None:
    found = collected({"provider": "aws", "resource": json.loads('"a\\ud800b"')})
    run = Run(str(tmp_path))
    run.write(SCOPE, found)
    assert run.read(SCOPE).frames[Hub]["resource"].tolist() == ["a?b"]


@pytest.mark.usefixtures("things")
def test_rows_stand_in_one_order_and_once() -> None:
    rows = [{"provider": "aws", "resource": name} for name in ("b", "a", "b")]
    assert collected(*rows).frames[Hub]["resource"].tolist() == ["a", "b"]
