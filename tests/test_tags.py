"""Tags: what is kept of them, how a finding comes by them, and whose they make it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from estate import CORK, look, order, scan
from hypothesis import given
from hypothesis import strategies as st
from made_up import HOSTILE, SCOPES, estate, report
from worlds import World, history, hubs

from checks.finding import Finding
from checks.judge import judge
from checks.owner import OwnerRule, Owners
from checks.registry import CHECKS
from collectors.aws.tags import RESOURCES
from collectors.schema import Table, Tables
from collectors.scope import Scope
from collectors.tables.data import Route
from collectors.tables.device import Device
from collectors.tables.hub import Hub
from collectors.tables.tagged import TaggedResource
from collectors.tags import LENGTH, MOST, read, tags
from lab.cloud import Lab
from lab.server import CANARY
from reports.history import History
from reports.report import Report
from reports.store import LATEST, address, engine, reading, version, writing
from reports.summary import summarise


@pytest.mark.parametrize(
    ("found", "cell"),
    [
        (None, None),
        ({}, {}),
        ({"b": "2", "a": "1"}, {"a": "1", "b": "2"}),
        ({"site": {"town": "Cork", "floor": 3}, "spare": False}, {"site.floor": "3", "site.town": "Cork", "spare": "false"}),
        ({"list": ["a"], "none": None, "deep": {"none": None}}, {}),
        ({"password": "x", "apiKey": "x", "site": {"secret": "x"}}, {"password": "***", "apiKey": "***", "site.secret": "***"}),
        ({"link": "https://user:word@a.example", "note": "SharedAccessKey=abc="}, {"link": "***", "note": "***"}),
        ({"dbPwd": "x", "primaryKey": "x", "site": "x"}, {"dbPwd": "***", "primaryKey": "***", "site": "x"}),
        ({"a": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x", "b": f"ghp_{'x' * 36}", "c": "SharedAccessSignature sr=x&sig=x"}, dict.fromkeys("abc", "***")),
        ({f"AccountKey={'x' * 20}": "y", "keyring": "z"}, {"***": "***", "keyring": "z"}),
        ({"long": "x" * 300}, {"long": "x" * LENGTH}),
        ({f"key-{n:03}": "" for n in range(100)}, {f"key-{n:03}": "" for n in range(MOST)}),
    ],
    ids=["not told", "none", "in order", "tags within tags", "no texts", "secret keys", "secret texts", "more secret keys", "more secret texts", "a secret for a key", "long", "many"],
)  # fmt: skip
def test_tags_are_texts_by_key(found: Any, cell: Any) -> None:
    made = tags(found)
    assert made is None if cell is None else made is not None and list(json.loads(made).items()) == sorted(cell.items())


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        ("sk_live_", "51H8xyzABCDEF"), ("rk_live_", "51H8xyzABCDEF"), ("sk_test_", "4eC39Hq"), ("whsec_", "8fa31bcd"),
        ("Bearer ", "abc123"), ("bearer ", "abcdefghij"), ("Authorization: Bearer ", "a1b2c3"), ("Basic ", "dXNlcjp3b3JkMQ=="),
        ("npm_", "x1" * 18), ("pypi-", "AgEIcHlwaS5vcmcCJ"), ("glrt-", "x" * 20), ("xapp-", "1-A02ABC-123-abcd"),
        ("hvs.", "x" * 24), ("dop_v1_", "ab" * 32), ("shpat_", "ab" * 16), ("SG.", f"{'x' * 22}.{'y' * 43}"),
        ("GOCSPX-", "x" * 28), ("ya29.", "a0Af" * 8), ("sk-", "proj-1" + "x" * 30), ("ATATT3", "xF" * 20), ("hf_", "x" * 34),
        ("LTAI", "x1" * 10), ("https://hooks.slack.com/services/", "T0/B0/x"), ("abc8Q~", "x" * 34), ("ASIA", "X" * 16),
        ("dapi", "0a" * 16), ("AGE-SECRET-KEY-1", "QPZ"), ("github_pat_", "x" * 22), ("tskey-", "auth-k123CNTRL-x"),
    ],
)  # fmt: skip
def test_a_text_that_begins_as_an_issuers_token_does_is_masked_wherever_it_stands(start: str, rest: str) -> None:
    for text in (start + rest, f"old: {start}{rest}", f"({start}{rest})"):
        assert read(tags({"note": text}) or "") == {"note": "***"}, text
    assert rest not in (tags({f"x {start}{rest}": "y"}) or "")


@pytest.mark.parametrize(
    "text",
    [
        "bearer of news", "Basic", "Basic subscription", "basic infrastructure", "sk-telecom", "sk_line_4", "task_live_stage_one",
        "SG.eu-west", "npm_mirror", "pul-4", "hf_low", "key-007", "gl-team", "eyJonathan", "arn:aws:iam::111122223333:role/x",
        "a@b.example", "https://example.com/x?y=1", "pypi-mirror", "disk-controller-of-the-southern-plant",
    ],
)  # fmt: skip
def test_a_text_that_only_resembles_a_token_stays(text: str) -> None:
    assert read(tags({"note": text}) or "") == {"note": text}


def test_of_a_device_only_the_tags_that_are_named_are_kept() -> None:
    assert tags({"Site": {"Town": "Cork"}, "contact": "a@b.example"}, {"site.town"}) == '{"Site.Town": "Cork"}'


@given(
    st.dictionaries(
        st.text(), st.recursive(st.text() | st.booleans() | st.none(), lambda v: st.dictionaries(st.text(), v))
    )
)
def test_whatever_tags_hold_they_read_back_as_texts(found: Mapping[str, Any]) -> None:
    assert all(isinstance(key, str) and isinstance(text, str) for key, text in read(tags(found) or "").items())


AZURE = Scope("azure", "sub", "global")
HUB = "/subscriptions/sub/resourceGroups/g/providers/Microsoft.Devices/IotHubs/plant"
PLACE = {"provider": "azure", "account": "sub", "region": "westeurope", "subject": ""}


@pytest.mark.parametrize(
    ("of_hub", "of_device", "expected"),
    [
        ('{"team": "plant", "Site": "cork"}', '{"site": "galway"}', {"team": "plant", "site": "galway"}),
        ('{"team": "plant"}', None, {"team": "plant"}),
        (None, '{"site": "galway"}', {"site": "galway"}),
        ("{}", None, None),
        (None, None, None),
    ],
    ids=["its own go first", "its hub's", "its own", "its hub has none", "none"],
)
def test_a_finding_has_the_tags_of_its_resource_and_of_its_hub(
    of_hub: str | None, of_device: str | None, expected: Any
) -> None:
    hub = {**PLACE, "resource": HUB.upper(), "name": "plant", "tags": of_hub}
    device = {
        **PLACE,
        "resource": f"{HUB}/devices/d",
        "name": "d",
        "hub": HUB,
        "enabled": True,
        "sharers": 2,
        "tags": of_device,
    }
    route = {**PLACE, "resource": HUB, "name": "r", "subject": "r", "kind": "eventHubs", "keyed": True, "enabled": True}
    frames: dict[type[Table], pd.DataFrame] = {
        Hub: Hub.frame([hub]),
        Device: Device.frame([device]),
        Route: Route.frame([route]),
    }
    chosen = [check for check in CHECKS if check.table in (Device, Route)]
    found = judge(AZURE, Tables(frames), chosen).findings
    for kind, cell in (("device", expected), ("route", read(of_hub or ""))):
        told = set(found.loc[found["resource_type"].eq(kind), "tags"])
        assert told == {json.dumps(cell, sort_keys=True) if cell else ""}, kind


def test_a_scan_of_the_lab_reads_the_tags_of_every_cloud(lab: Lab, tmp_path: Path) -> None:
    found = scan(lab, tmp_path, owners=[CORK]).findings
    told = {
        (row.provider, row.resource_type, key, text)
        for row in map(Finding._make, found.itertuples(index=False))
        for key, text in read(row.tags).items()
    }
    assert {
        ("aws", "policy", "team", "valves"), ("aws", "route", "Team", "integration"), ("aws", "key", "cost-centre", "4711"),
        ("aws", "store", "team", "web"), ("aws", "device", "site", "galway"), ("aws", "policy", "Stage", "test"),
        ("azure", "hub", "Unit", "pumps"), ("azure", "device", "Unit", "pumps"), ("azure", "device", "site.town", "Cork"),
        ("gcp", "topic", "team", "stations"), ("gcp", "key", "use", "firmware-signing"), ("gcp", "store", "purpose", "ota"),
    } <= told  # fmt: skip
    assert CANARY not in found.to_csv()
    assert "contact" not in {key for _, _, key, _ in told}, "nobody asked for it"


def test_a_region_whose_api_refuses_one_of_the_services_is_asked_for_all(lab: Lab, tmp_path: Path) -> None:
    found = look(lab, tmp_path, "aws", RESOURCES.name)
    assert found.outcomes(RESOURCES.name) == {"read"}
    assert lab.aws.switchboard.calls[RESOURCES.name] == 2 + 1 + 1  # two pages at home; refused, and then all


def test_tags_of_devices_are_neither_kept_nor_asked_for_unless_a_rule_names_one(lab: Lab, tmp_path: Path) -> None:
    for cloud in ("aws", "azure"):
        for tables in look(lab, tmp_path, cloud, owners=[]).tables.values():
            if Device in tables.frames:
                assert tables.frames[Device]["tags"].isna().all()


def whose(rules: list[OwnerRule], cell: str) -> str:
    return Owners(rules, "nobody").of(Finding(**estate()[0])._replace(tags=cell))


@pytest.mark.parametrize(
    ("cell", "owner"),
    [
        ('{"team": "pumps"}', "pumps"),
        ('{"TEAM": "pumps-south", "x": "y"}', "pumps"),
        ('{"team": "Pumps"}', "nobody"),
        ('{"team": "valves"}', "nobody"),
        ('{"team": "valves", "site": "cork"}', "cork valves"),
        ('{"site": "cork"}', "nobody"),
        ("", "nobody"),
        ("{}", "nobody"),
    ],
    ids=["a glob", "keys without case", "texts with case", "one of two keys", "both keys", "the other key", "none", "no tags"],
)  # fmt: skip
def test_a_rule_over_tags_says_whose_a_finding_is(cell: str, owner: str) -> None:
    rules = [
        OwnerRule(owner="pumps", tags={"Team": ("pumps", "pumps-*")}),
        OwnerRule(owner="cork valves", tags={"team": ("valves",), "site": ("*",)}),
    ]
    assert whose(rules, cell) == owner


@pytest.mark.parametrize(
    ("cell", "owner"),
    [
        ({"Team": "pumps", "owner": "ann@a.example"}, "ann@a.example"),
        ({"Team": "pumps", "owner": "***"}, "pumps"),
        ({"team": "valves"}, "ruled"),
        ({"team": "pumps\u202e"}, "nobody"),
        ({"team": " pumps"}, "nobody"),
        ({"team": "x" * 101}, "nobody"),
        ({"team": ""}, "nobody"),
        ({}, "nobody"),
    ],
    ids=["the first tag", "a masked one", "a rule goes first", "hidden characters", "blanks", "too long", "empty", "none"],
)  # fmt: skip
def test_a_tag_may_itself_name_the_owner(cell: dict[str, str], owner: str) -> None:
    owners = Owners([OwnerRule(owner="ruled", tags={"team": ("valves",)})], "nobody", ["Owner", "team"])
    assert owners.of(Finding(**estate()[0])._replace(tags=json.dumps(cell))) == owner


def test_tags_and_other_keys_hold_together() -> None:
    rule = OwnerRule(owner="pumps", provider=("azure",), tags={"team": ("pumps",)})
    assert whose([rule], '{"team": "pumps"}') == "nobody", "the finding is of AWS"
    assert (
        whose([OwnerRule(owner="pumps", provider=("aws",), tags={"team": ("pumps",)})], '{"team": "pumps"}') == "pumps"
    )


def test_a_rule_names_a_key_once_however_it_is_written() -> None:
    with pytest.raises(ValueError, match="team: stands there twice; keys are compared without case"):
        OwnerRule(owner="pumps", tags={"Team": ("pumps",), "team": ("valves",)})


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_tag_is_compared_as_it_is(text: str) -> None:
    plain = text.replace("*", "?").replace("\0", "?")
    cell = json.dumps({"team": text})
    if plain and not any(ord(character) < 32 or ord(character) == 127 for character in plain):
        assert whose([OwnerRule(owner="x", tags={"team": (plain[:512],)})], cell) == "x"
    assert whose([OwnerRule(owner="x", tags={"team": ("pumps",)})], cell) == "nobody"


def test_the_history_keeps_tags_so_that_owners_are_told_from_it(place: str) -> None:
    rules = Owners([OwnerRule(owner="pumps", tags={"team": ("pumps",)})], "nobody")
    with history(place, [report()]) as opened:
        owners = {case.finding.tags: case.owner for case in opened.case_report(owner=rules.of).cases}
        shares = opened.trend(owner=rules.of)
    assert owners == {"": "nobody", '{"site": "south", "team": "pumps"}': "pumps"}
    assert shares is not None
    assert {share.name: share.open for share in shares.by["owner"]}["pumps"] == 1


def tagged(day: int, tags: str, outcome: str, account: int = 0) -> Report:
    """A scan of one hub with tags, which AWS lists apart: so they may be there to read, or not."""
    whole = World(hubs({"a": "fail"})).report(day)
    asked = dict.fromkeys(whole.coverage.columns, "") | dict(
        zip(("provider", "account", "region"), SCOPES[account], strict=True),
        operation="resourcegroupstaggingapi.get_resources", outcome=outcome, tables=TaggedResource.id(),
    )  # fmt: skip
    coverage = pd.concat([whole.coverage, pd.DataFrame([asked], dtype="string")], ignore_index=True)
    return replace(whole, findings=whole.findings.assign(tags=tags).astype("string"), coverage=coverage)


@pytest.mark.parametrize(
    ("outcome", "account", "kept"),
    [("denied", 0, True), ("failed", 0, True), ("partial", 0, True), ("unavailable", 0, True), ("read", 0, False), ("denied", 2, False)],
)  # fmt: skip
def test_a_scan_that_may_not_read_tags_gives_no_finding_to_another_owner(
    place: str, outcome: str, account: int, kept: bool
) -> None:
    scans = [tagged(0, '{"team": "pumps"}', "read"), tagged(1, "", outcome, account)]
    with history(place, scans) as opened:
        (case,) = opened.case_report(owner=Owners([], "nobody", ["team"]).of).cases
        assert case.owner == ("pumps" if kept else "nobody")
        assert not case.changed
        opened.ingest(tagged(2, "", "read"))
        assert [case.finding.tags for case in opened.case_report().cases] == [""], "they were read, and there are none"


def test_a_history_of_the_first_version_learns_tags_and_loses_nothing(place: str) -> None:
    world = World(hubs({"a": "fail", "b": "fail"}))
    with history(place, [world.report(0)]) as opened:
        before = opened.case_report()
    made, _ = engine(address(place))
    with writing(made) as connection:
        for table, column in (("detail", "tags"), ("detail", "unread"), ("coverage", "cause"), ("coverage", "tables")):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.execute(sa.text("UPDATE iotposture_version SET number = 1"))
    made.dispose()
    with History.open(place) as opened:
        assert opened.case_report() == before
        opened.ingest(World(hubs({"a": "fail", "b": "pass"})).report(1))
        assert {case.lifecycle for case in opened.case_report().cases} == {"open", "resolved"}
        assert opened.check() == []
    made, _ = engine(address(place))
    with reading(made) as connection:
        assert version(connection) == LATEST
    made.dispose()


def test_a_run_of_before_there_were_tags_is_reported_again(lab: Lab, tmp_path: Path) -> None:
    from flows.scan import gather

    whole = scan(lab, tmp_path, "gcp")
    run = order(lab, tmp_path, "gcp").run
    for scope in run.scopes():
        run.write_frame(scope, "findings", run.read_frame(scope, "findings").drop(columns="tags"))
    again = gather(run, order(lab, tmp_path, "gcp").clock).findings
    assert set(again["tags"]) == {""}
    assert again.drop(columns="tags").equals(whole.findings.drop(columns="tags"))


def test_a_run_of_before_reasons_were_data_is_reported_again(lab: Lab, tmp_path: Path) -> None:
    from flows.scan import gather

    whole = scan(lab, tmp_path, "gcp")
    asked = order(lab, tmp_path, "gcp")
    for scope in asked.run.scopes():
        for name, later in (("findings", ["unread"]), ("coverage", ["cause", "tables"])):
            asked.run.write_frame(scope, name, asked.run.read_frame(scope, name).drop(columns=later))
    again = gather(asked.run, asked.clock)
    assert set(again.findings["unread"]) == {""}
    assert again.findings.drop(columns="unread").equals(whole.findings.drop(columns="unread"))
    assert again.coverage.drop(columns=["cause", "tables"]).equals(whole.coverage.drop(columns=["cause", "tables"]))
    for now, then in zip(whole.coverage["tables"], again.coverage["tables"], strict=True):
        assert now and set(now.split("|")) <= set(then.split("|")), "today's collectors say what their operations fill"
    one, other = (
        {(gap.provider, gap.cause, gap.findings) for gap in summarise(told).not_read} for told in (whole, again)
    )
    assert one == other
