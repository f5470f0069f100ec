"""Google Cloud and ClearBlade: the real SDKs against the lab."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from werkzeug.wrappers import Response

from collectors.clearblade import account as clearblade_account
from collectors.clearblade import session as clearblade_session
from collectors.gcp import account as gcp_account
from collectors.gcp import session as gcp_session
from collectors.gcp.policy import principal_kind
from collectors.gcp.registry import moment
from collectors.operation import Memory, Operation, ReadFailed, Session, Undeclared, declared
from collectors.provider import NoTarget
from collectors.rate_limit import RateLimiter
from collectors.registry import COLLECTORS
from collectors.run import collect
from collectors.schema import Table, Tables
from collectors.scope import Scope
from collectors.tables.access import Grant, ServiceIdentity
from collectors.tables.data import Key, Route, Store, Topic
from collectors.tables.device import Certificate, Device
from collectors.tables.hub import Detection, Hub, Log
from lab.discovery import Misfit, methods
from lab.estate_gcp import EDGE, PROJECT
from lab.gcp import DOCUMENTS, ClearBlade, Gcp
from lab.server import CANARY, Fault, Server

GCP = declared("gcp", COLLECTORS)
CLEARBLADE = declared("clearblade", COLLECTORS)
SESSIONS: dict[str, Any] = {"gcp": gcp_session, "clearblade": clearblade_session}
OPERATIONS = {"gcp": GCP, "clearblade": CLEARBLADE}
TOPICS = next(op for op in GCP if op.name == "pubsub.projects.topics.list")
DEVICES = next(op for op in GCP if op.name == "cloudiot.projects.locations.registries.devices.list")
REGISTRY = f"projects/{PROJECT}/locations/us-central1/registries/pumps-prod"

Cloud = Gcp | ClearBlade


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Cloud]]:
    """Both clouds, started once."""
    folder = tmp_path_factory.mktemp("google")
    started: dict[str, Cloud] = {"gcp": Gcp(folder), "clearblade": ClearBlade(folder)}
    for cloud in started.values():
        cloud.start()
    yield started
    for cloud in started.values():
        cloud.stop()


@pytest.fixture(autouse=True)
def quiet(clouds: dict[str, Cloud], monkeypatch: pytest.MonkeyPatch) -> None:
    """No faults, no calls, and the lab's credentials in the environment."""
    for cloud in clouds.values():
        cloud.switchboard.clear()
        cloud.spare_first_page = False
        for name, value in cloud.env().items():
            monkeypatch.setenv(name, value)


@pytest.fixture
def gcp(clouds: dict[str, Cloud]) -> Gcp:
    """Google Cloud."""
    assert isinstance(clouds["gcp"], Gcp)
    clouds["gcp"].disabled.clear()
    return clouds["gcp"]


@pytest.fixture
def clearblade(clouds: dict[str, Cloud]) -> ClearBlade:
    """ClearBlade."""
    assert isinstance(clouds["clearblade"], ClearBlade)
    return clouds["clearblade"]


def session(cloud: Cloud, settings: dict[str, Any] | None = None, *more: Operation) -> Session:
    """A session for the lab's project."""
    connected: Session = SESSIONS[cloud.name].connect(
        PROJECT, settings or cloud.settings(), (*OPERATIONS[cloud.name], *more), RateLimiter(1000)
    )
    return connected


def scan(cloud: Cloud, region: str, account: str = PROJECT, **changes: Any) -> Tables:
    """One scope of the lab, collected."""
    settings = cloud.settings() | changes
    connected = SESSIONS[cloud.name].connect(account, settings, OPERATIONS[cloud.name], RateLimiter(1000))
    return collect(Scope(cloud.name, account, region), connected, Memory(), datetime.now(UTC))


@pytest.fixture(scope="module")
def whole(clouds: dict[str, Cloud]) -> dict[str, Tables]:
    """Every scope of both clouds by name, scanned once without faults."""
    for cloud in clouds.values():
        cloud.switchboard.clear()
        os.environ.update(cloud.env())
    scanned = {}
    for cloud in clouds.values():
        for scope in SESSIONS[cloud.name].find(cloud.settings()):
            scanned[str(scope)] = scan(cloud, scope.region, scope.account)
    for name, cloud in clouds.items():
        assert set(cloud.switchboard.calls) == {op.name for op in OPERATIONS[name]}
    return scanned


def row(tables: Tables, table: type[Table], name: str) -> dict[str, Any]:
    """The one row of a table with a name; unread cells are None."""
    frame = tables.frames[table]
    found = frame[frame["name"] == name]
    assert len(found) == 1, list(frame["name"])
    return {str(key): None if pd.isna(value) else value for key, value in found.iloc[0].items()}


def part(full: dict[str, Any], **expected: Any) -> None:
    """Holds some cells of a row to what they should be."""
    assert {key: full[key] for key in expected} == expected


GLOBAL, US, EU = f"gcp/{PROJECT}/global", f"gcp/{PROJECT}/us-central1", f"gcp/{PROJECT}/europe-west1"
METERS = f"clearblade/{PROJECT}/us-central1"


def test_a_full_scan_asks_every_declared_operation_and_no_other(whole: dict[str, Tables]) -> None:
    for name, tables in whole.items():
        assert set(tables.coverage["outcome"]) == {"read"}, name
        assert tables.gaps.empty


def test_every_declared_operation_is_a_method_of_a_discovery_document() -> None:
    known = {method.id for method in methods(*DOCUMENTS)}
    assert {op.name for op in (*GCP, *gcp_account.FIND)} <= known


def test_every_scope_is_found_with_one_call_a_project(gcp: Gcp, clearblade: ClearBlade) -> None:
    regions = ["global", *gcp_account.REGIONS]
    assert gcp_session.find(gcp.settings() | {"regions": []}) == [
        Scope("gcp", p, r) for p in (PROJECT, EDGE) for r in regions
    ]
    assert dict(gcp.switchboard.calls) == {op.name: len((PROJECT, EDGE)) for op in gcp_account.FIND}
    assert clearblade_session.find(clearblade.settings()) == [Scope("clearblade", PROJECT, "us-central1")]
    assert dict(clearblade.switchboard.calls) == {op.name: 1 for op in clearblade_account.FIND}


def test_registries_say_what_they_let_in_and_log(whole: dict[str, Tables]) -> None:
    part(row(whole[US], Hub, "pumps-prod"), http_enabled=False, mqtt_enabled=True, authorities=1, kind="registry")
    part(row(whole[US], Hub, "pumps-legacy"), http_enabled=True, authorities=0)
    part(row(whole[EU], Hub, "stations-eu"), http_enabled=True, authorities=3)
    part(row(whole[US], Log, "pumps-prod"), logs_connections=True)
    part(row(whole[US], Log, "pumps-legacy"), logs_connections=False)
    part(row(whole[METERS], Hub, "meters"), http_enabled=False, authorities=1, provider="clearblade")
    part(row(whole[METERS], Log, "field-trials"), logs_connections=False)


def test_devices_tell_how_they_prove_who_they_are(whole: dict[str, Tables]) -> None:
    devices = whole[US]
    part(row(devices, Device, "pump-0001"), auth="authority", sharers=0, weak_key=False, credentials=1, enabled=True)
    part(row(devices, Device, "pump-clone"), auth="public-key", sharers=2)
    part(row(devices, Device, "legacy-bench-1"), sharers=2)
    part(row(devices, Device, "legacy-bench-3"), sharers=3, enabled=False)
    part(row(devices, Device, "pump-rotating"), credentials=2, expiring_credentials=2, expired_credentials=1)
    part(row(devices, Device, "legacy-self-signed"), auth="self-signed")
    part(row(devices, Device, "legacy-weak"), weak_key=True)
    part(row(devices, Device, "legacy-broken"), weak_key=None, sharers=None)
    part(row(devices, Device, "legacy-forever"), expiring_credentials=0, credentials=1)
    part(row(devices, Device, "legacy-expired"), expired_credentials=1, silent_days=91)
    part(row(devices, Device, "legacy-silent"), silent_days=400, ever_connected=True)
    part(row(devices, Device, "legacy-never"), silent_days=None, ever_connected=False)
    part(row(devices, Device, "legacy-muted"), logs_off=True)
    part(row(whole[EU], Device, "station-probe-1"), auth="none", credentials=0, weak_key=False, sharers=0)
    part(row(whole[EU], Device, "station-gateway-1"), gateway_auth="ASSOCIATION_AND_DEVICE_AUTH_TOKEN", edge=True)
    part(row(whole[EU], Device, "station-gateway-3"), gateway_auth="GATEWAY_AUTH_METHOD_UNSPECIFIED", edge=True)


def test_clearblade_devices_share_a_key_across_registries_and_wrappings(whole: dict[str, Tables]) -> None:
    part(row(whole[METERS], Device, "trial-clone"), sharers=1, auth="public-key")
    part(row(whole[METERS], Device, "meter-0003"), sharers=1, auth="authority")
    part(row(whole[METERS], Device, "trial-epoch"), expiring_credentials=0)
    part(row(whole[METERS], Device, "trial-gateway"), gateway_auth="ASSOCIATION_ONLY", edge=True)
    assert len(whole[METERS].frames[Device]) == 42


def test_authorities_of_registries_expire(whole: dict[str, Tables]) -> None:
    part(row(whole[EU], Certificate, "CN==HYPERLINK(0) Station CA"), expires_in_days=11, kind="authority", active=True)
    part(row(whole[EU], Certificate, "CN=Station CA 2019"), expires_in_days=-41, weak_key=False)
    part(row(whole[EU], Certificate, "CN=Station CA 2015"), key_bits=1024, weak_key=True)
    assert row(whole[METERS], Certificate, "CN=Nordwind Meter CA")["expires_in_days"] > 400


def test_topics_and_subscriptions_are_read(whole: dict[str, Tables]) -> None:
    part(row(whole[GLOBAL], Topic, "pump-telemetry"), telemetry=True, customer_key=True, regions=2, schema_bound=True)
    part(row(whole[GLOBAL], Topic, "legacy-events"), telemetry=True, customer_key=False, regions=0, schema_bound=False)
    part(row(whole[GLOBAL], Topic, "old-gateway-feed"), telemetry=True)
    part(row(whole[GLOBAL], Topic, "billing-exports"), telemetry=False)
    part(row(whole[GLOBAL], Route, "analytics-push"), kind="push", https=True, authenticated=True)
    part(row(whole[GLOBAL], Route, "legacy-webhook"), https=False, authenticated=False)
    part(
        row(whole[GLOBAL], Route, "partner-webhook"),
        https=True,
        authenticated=False,
        target="https://partner.example/iot",
    )
    part(row(whole[GLOBAL], Route, "warehouse"), kind="bigquery", target=f"{PROJECT}.telemetry.raw")
    part(row(whole[GLOBAL], Route, "legacy-dump"), kind="storage", target="nordwind-telemetry-public")
    part(row(whole[GLOBAL], Route, "invoices"), kind="pull", enabled=False)


def test_buckets_are_judged_with_what_uses_them(whole: dict[str, Tables]) -> None:
    stores = whole[GLOBAL]
    part(row(stores, Store, "nordwind-telemetry-archive"), holds_telemetry=True, public=False, expires_objects=True)
    part(row(stores, Store, "nordwind-telemetry-public"), public=True, object_acls=True, expires_objects=False)
    part(row(stores, Store, "nordwind-firmware"), holds_firmware=True, public=False, versioned=True, writers=2)
    part(row(stores, Store, "nordwind-ota-legacy"), holds_firmware=True, public=True, versioned=False, writers=8)
    part(row(whole[f"gcp/{EDGE}/global"], Store, "nordwind-edge-firmware"), holds_firmware=True, writers=1)
    part(row(stores, Store, "nordwind-invoices"), holds_iot_data=False, versioned=True, public=False)


def test_service_accounts_are_known_by_what_they_are_bound_to(whole: dict[str, Tables]) -> None:
    accounts = whole[GLOBAL]
    part(
        row(accounts, ServiceIdentity, "Telemetry bridge"),
        iot=True,
        user_managed_keys=2,
        oldest_key_days=400,
        basic_role=False,
        project_wide_messaging=True,
    )
    part(row(accounts, ServiceIdentity, "Device gateway"), iot=True, basic_role=True, user_managed_keys=0)
    part(row(accounts, ServiceIdentity, "Release pipeline"), iot=False, basic_role=False)
    part(row(accounts, ServiceIdentity, "Warehouse writer"), iot=True)
    part(row(accounts, ServiceIdentity, "<img src=x onerror=alert(1)>"), enabled=False, iot=False)


def grants(tables: Tables) -> list[dict[str, Any]]:
    """The rows of Grant; unread cells are None."""
    records: list[dict[str, Any]] = tables.frames[Grant].astype(object).to_dict("records")  # type: ignore[assignment]
    return [{key: None if pd.isna(value) else value for key, value in record.items()} for record in records]


def test_grants_name_public_retired_deleted_and_foreign_members(whole: dict[str, Tables]) -> None:
    found = grants(whole[GLOBAL])
    public = [g for g in found if g["name"] == "legacy-events" and g["principal"] == "allUsers"]
    part(public[0], principal_kind="public", holds_iot_data=True, target_kind="topic", external=False)
    assert [g["principal_kind"] for g in found if g["deleted"]] == ["retired service"]
    assert {g["right"] for g in found if g["retired_role"]} == {
        "roles/cloudiot.provisioner",
        "roles/cloudiot.serviceAgent",
    }
    assert {g["principal"] for g in found if g["external"] and g["name"] == "station-events"} == {
        "serviceAccount:bridge@hosted-iot-platform.iam.gserviceaccount.com",
        "user:contractor@partner.example",
    }


def test_policies_are_asked_with_their_conditions(whole: dict[str, Tables]) -> None:
    assert [g["right"] for g in grants(whole[GLOBAL]) if g["name"] == "telemetry-archive"] == [
        "roles/pubsub.subscriber"
    ]


def test_a_domain_nobody_named_leaves_people_unknown_and_accounts_judged(gcp: Gcp) -> None:
    found = [g for g in grants(scan(gcp, "global", domains=[])) if g["name"] == "station-events"]
    assert {g["principal"].partition(":")[0]: g["external"] for g in found} == {"serviceAccount": True, "user": None}


def test_keys_say_who_can_use_them_and_how_they_are_kept(whole: dict[str, Tables]) -> None:
    keys = whole[GLOBAL]
    part(row(keys, Key, "telemetry"), purpose="encrypt", rotates=True, rotation_days=30, public=False, rotatable=True)
    part(row(keys, Key, "archive"), rotates=False, rotation_days=None, enabled=True)
    part(row(keys, Key, "partner"), public=True)
    part(row(keys, Key, "retired"), enabled=False)
    part(row(keys, Key, "firmware-signing"), signs_firmware=True, hardware=True, imported=False, signers=3)
    part(row(keys, Key, "legacy-firmware"), signs_firmware=True, hardware=False, imported=True, signers=7)


def test_audit_configuration_is_inherited_and_the_retired_api_is_noticed(whole: dict[str, Tables]) -> None:
    part(
        row(whole[GLOBAL], Detection, PROJECT),
        data_access_logged=False,
        audit_exemptions=1,
        retired_api_enabled=True,
    )
    part(
        row(whole[f"gcp/{EDGE}/global"], Detection, EDGE),
        data_access_logged=True,
        audit_exemptions=0,
        retired_api_enabled=False,
    )


def test_no_secret_reaches_a_row_a_note_or_an_error(whole: dict[str, Tables], gcp: Gcp) -> None:
    for tables in whole.values():
        for frame in (*tables.frames.values(), tables.coverage, tables.unread, tables.gaps):
            assert CANARY not in frame.to_csv()
    keys = next(op for op in GCP if op.name == "iam.projects.serviceAccounts.keys.list")
    name = f"projects/{PROJECT}/serviceAccounts/telemetry-bridge@{PROJECT}.iam.gserviceaccount.com"
    assert {key["privateKeyData"] for key in session(gcp).send(keys, "global", {"name": name})} == {"***"}


def test_a_push_url_keeps_neither_user_nor_query() -> None:
    assert gcp_session.bare_url("https://u:p@h.example:8443/in?token=x#y") == "https://h.example:8443/in"


def test_an_operation_nobody_declared_is_refused(gcp: Gcp, clearblade: ClearBlade) -> None:
    for cloud, name in ((gcp, "pubsub.projects.topics.delete"), (clearblade, "clearblade.devices.delete")):
        with pytest.raises(Undeclared):
            list(session(cloud).send(Operation(name, ""), "global", {}))
        assert not cloud.switchboard.calls


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("pubsub.projects.topics.delete", {"topic": f"projects/{PROJECT}/topics/pump-telemetry"}),
        ("pubsub.projects.topics.setIamPolicy", {"resource": f"projects/{PROJECT}/topics/pump-telemetry", "body": {}}),
        ("storage.buckets.patch", {"bucket": "nordwind-firmware", "body": {}}),
    ],
)
def test_a_write_is_refused_by_the_transport_even_when_declared(gcp: Gcp, name: str, params: dict[str, Any]) -> None:
    write = Operation(name, "")
    with pytest.raises(Undeclared):
        list(session(gcp, None, write).send(write, "global", params))
    assert not gcp.switchboard.calls


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        (Fault("deny"), "denied", "PERMISSION_DENIED"),
        (Fault("throttle"), "failed", "RESOURCE_EXHAUSTED"),
        (Fault("error"), "failed", "HTTP 500"),
        (Fault("malformed"), "failed", "NotAnObject"),
    ],
)
def test_faults_are_classified(gcp: Gcp, fault: Fault, outcome: str, code: str) -> None:
    gcp.switchboard.faults[TOPICS.name] = fault
    with pytest.raises(ReadFailed) as failure:
        list(session(gcp).send(TOPICS, "global", {"project": f"projects/{PROJECT}"}))
    assert (failure.value.outcome, failure.value.code) == (outcome, code)
    assert gcp.switchboard.calls[TOPICS.name] == (3 if fault.kind in ("throttle", "error") else 1)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault("deny"), "denied"),
        (Fault("throttle"), "failed"),
        (Fault("malformed"), "failed"),
        (Fault("cut"), "failed"),
    ],
)
def test_faults_of_cloud_iot_are_classified(gcp: Gcp, fault: Fault, outcome: str) -> None:
    gcp.switchboard.faults[DEVICES.name] = fault
    with pytest.raises(ReadFailed) as failure:
        list(session(gcp).send(DEVICES, "us-central1", {"parent": REGISTRY}))
    assert failure.value.outcome == outcome
    assert CANARY not in str(failure.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300])
def test_cloud_iot_that_sends_elsewhere_is_failed_and_nobody_else_is_asked(gcp: Gcp, status: int) -> None:
    elsewhere: list[str] = []

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"].startswith("/stolen"):
            elsewhere.append(environ["PATH_INFO"])
            return Response("{}", content_type="application/json")(environ, start_response)
        goal = {} if status == 300 else {"Location": f"{server.url}/stolen"}
        return Response("{}", status=status, headers=goal, content_type="application/json")(environ, start_response)

    server = Server(answer)
    server.start()
    try:
        tables = scan(gcp, "us-central1", iot_endpoint=server.url)
    finally:
        server.stop()
    asked = tables.coverage[tables.coverage["operation"].str.startswith("cloudiot.")]
    assert set(zip(asked["outcome"], asked["code"], strict=True)) == {("failed", "Redirect")}
    assert {"hub", "device", "certificate", "log"} <= set(tables.gaps["table"])
    assert not elsewhere


def test_an_assertion_for_a_token_is_not_sent_elsewhere(gcp: Gcp, tmp_path: Path) -> None:
    elsewhere: list[str] = []

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        elsewhere.append(environ["PATH_INFO"])
        return Response(status=307, headers={"Location": f"{server.url}/stolen"})(environ, start_response)

    server = Server(answer)
    server.start()
    told = json.loads(Path(gcp.env()["GOOGLE_APPLICATION_CREDENTIALS"]).read_text()) | {
        "token_uri": f"{server.url}/token"
    }
    key = tmp_path / "key.json"
    key.write_text(json.dumps(told))
    try:
        with pytest.raises(NoTarget):
            gcp_session.find(gcp.settings() | {"credentials": str(key), "projects": [PROJECT]})
    finally:
        server.stop()
    assert set(elsewhere) == {"/token"}


@pytest.mark.parametrize("kind", ["throttle", "error", "cut"])
def test_one_bad_answer_is_tried_again(gcp: Gcp, clearblade: ClearBlade, kind: Any) -> None:
    gcp.switchboard.faults[DEVICES.name] = Fault(kind, times=1)
    clearblade.switchboard.faults["clearblade.devices.list"] = Fault(kind, times=1)
    assert len(list(session(gcp).send(DEVICES, "us-central1", {"parent": REGISTRY}))) == 40
    assert len(scan(clearblade, "us-central1").frames[Device]) == 42


def test_an_api_that_is_off_is_unavailable(gcp: Gcp) -> None:
    gcp.disabled.add("cloudkms")
    tables = scan(gcp, "global")
    off = tables.coverage[tables.coverage["operation"] == "cloudkms.projects.locations.list"]
    assert (list(off["outcome"]), list(off["code"])) == (["unavailable"], ["SERVICE_DISABLED"])
    assert tables.frames[Key].empty and len(tables.frames[Topic]) == 5


def test_a_list_cut_after_its_first_page_keeps_the_page_and_notes_a_gap(gcp: Gcp, clearblade: ClearBlade) -> None:
    for cloud, operation in ((gcp, DEVICES.name), (clearblade, "clearblade.devices.list")):
        cloud.spare_first_page = True
        cloud.switchboard.faults[operation] = Fault("deny")
        tables = scan(cloud, "us-central1")
        devices = tables.frames[Device]
        assert 20 <= len(devices) < 42
        assert devices["sharers"].isna().all()
        assert "device" in set(tables.gaps["table"])
        assert "hub" not in set(tables.gaps["table"])


def test_a_secret_in_the_cloud_does_not_reach_the_log(gcp: Gcp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="iotposture")
    gcp.switchboard.faults["storage.buckets.list"] = Fault("malformed")
    scan(gcp, "global")
    assert CANARY not in caplog.text


def test_a_clearblade_403_is_denied_and_never_no_registries(clearblade: ClearBlade) -> None:
    clearblade.switchboard.faults["clearblade.registries.list"] = Fault("deny")
    tables = scan(clearblade, "us-central1")
    assert set(tables.coverage["outcome"]) == {"denied"}
    assert {"hub", "log", "certificate", "device"} <= set(tables.gaps["table"])


def test_without_an_endpoint_cloud_iot_is_retired_and_nothing_else_fails(gcp: Gcp) -> None:
    settings = gcp.settings() | {"iot_endpoint": "", "projects": [PROJECT]}
    scopes = gcp_session.find(settings)
    assert scopes == [Scope("gcp", PROJECT, "global"), Scope("gcp", PROJECT, "us-central1")]
    region = scan(gcp, "us-central1", iot_endpoint="").coverage
    assert set(region["operation"]) == {op.name for op in GCP if op.name.startswith("cloudiot.")}
    assert set(region["outcome"]) == {"unavailable"} and set(region["detail"]) == {"service retired"}
    tables = scan(gcp, "global", iot_endpoint="")
    others = tables.coverage[~tables.coverage["operation"].str.startswith("cloudiot.")]
    assert set(others["outcome"]) == {"read"} and tables.gaps.empty
    part(row(tables, Topic, "billing-exports"), telemetry=False)
    part(row(tables, Topic, "pump-telemetry"), telemetry=True)
    assert not [name for name in gcp.switchboard.calls if name.startswith("cloudiot.")]


def refused(find: Any, settings: dict[str, Any]) -> str:
    """Why a cloud cannot be scanned, said in one line within two seconds."""
    start = time.monotonic()
    with pytest.raises(NoTarget) as failure:
        find(settings)
    assert time.monotonic() - start < 2
    said = str(failure.value)
    assert "\n" not in said and CANARY not in said
    return said


def test_no_credential_is_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.delenv("CLEARBLADE_CONFIGURATION")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    assert "gcp.credentials" in refused(gcp_session.find, {})
    assert "CLEARBLADE_CONFIGURATION" in refused(clearblade_session.find, {})


def test_a_credential_file_that_is_none_is_said_at_once(tmp_path: Path) -> None:
    for text in ("", "{}", '{"type": "external_account", "credential_source": {"url": "http://169.254.169.254"}}'):
        path = tmp_path / "key.json"
        path.write_text(text)
        assert "cannot be used" in refused(gcp_session.find, {"credentials": str(path)})


def test_a_cloud_that_never_answers_is_given_up_in_two_seconds(gcp: Gcp, clearblade: ClearBlade) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert PROJECT in refused(gcp_session.find, gcp.settings() | {"endpoint": url})
        assert PROJECT in refused(clearblade_session.find, clearblade.settings() | {"endpoint": url})


def test_a_closed_port_is_said_at_once(gcp: Gcp, clearblade: ClearBlade) -> None:
    assert "gcp" in refused(gcp_session.find, gcp.settings() | {"endpoint": "http://127.0.0.1:1"})
    assert "clearblade" in refused(clearblade_session.find, clearblade.settings() | {"endpoint": "http://127.0.0.1:1"})


def test_a_project_that_denies_being_named_is_still_scanned(gcp: Gcp) -> None:
    gcp.switchboard.faults["cloudresourcemanager.projects.get"] = Fault("deny")
    assert Scope("gcp", PROJECT, "global") in gcp_session.find(gcp.settings())


def test_a_spent_budget_is_partial(gcp: Gcp) -> None:
    connected = gcp_session.connect(PROJECT, gcp.settings(), GCP, RateLimiter(1000, budget=1))
    with pytest.raises(ReadFailed) as failure:
        list(connected.send(DEVICES, "us-central1", {"parent": REGISTRY}))
    assert failure.value.outcome == "partial"


@pytest.mark.parametrize(
    ("said", "is_set"),
    [(None, False), ("", False), ("1970-01-01T00:00:00Z", False), ("0001-01-01T00:00:00Z", False),
     ("2026-11-22T10:00:00.123456789Z", True), ("2026-11-22T10:00:00+01:00", True)],
)  # fmt: skip
def test_a_time_that_never_was_is_no_time(said: str | None, is_set: bool) -> None:
    assert (moment(said) is not None) is is_set


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ("allAuthenticatedUsers", "public"),
        ("user:a@b.example", "person"),
        ("group:a@b.example", "group"),
        ("serviceAccount:a@b.iam.gserviceaccount.com", "service"),
        ("deleted:serviceAccount:cloud-iot@system.gserviceaccount.com?uid=1", "retired service"),
        ("projectEditor:p", "convenience"),
        ("something:new", "unknown"),
    ],
)
def test_members_are_told_apart(member: str, kind: str) -> None:
    assert principal_kind(member) == kind


def test_the_lab_holds_its_answers_to_the_schema() -> None:
    topics = next(method for method in methods(*DOCUMENTS) if method.id == TOPICS.name)
    topics.check({"topics": [{"name": "t", "state": "ACTIVE"}]})
    mistakes: tuple[dict[str, Any], ...] = (
        {"topics": [{"nmae": "t"}]},
        {"topics": [{"state": "LIVE"}]},
        {"topics": {}},
    )
    for wrong in mistakes:
        with pytest.raises(Misfit, match="ListTopicsResponse"):
            topics.check(wrong)
