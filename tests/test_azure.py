"""Azure: the collectors, through the real SDK, against the lab."""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import trustme
from werkzeug.wrappers import Request, Response

from collectors.azure import session
from collectors.azure.account import FIND, SUBSCRIPTIONS
from collectors.azure.devices import TWINS
from collectors.azure.iothub import HUBS
from collectors.azure.provisioning import SERVICES
from collectors.operation import Memory, Operation, ReadFailed, Undeclared, declared
from collectors.provider import NoTarget
from collectors.rate_limit import RateLimiter
from collectors.registry import COLLECTORS
from collectors.run import collect
from collectors.schema import Table, Tables
from collectors.scope import Scope
from collectors.tables.access import Grant
from collectors.tables.data import Route, Store
from collectors.tables.device import Certificate, Device
from collectors.tables.hub import Hub, Log
from lab.azure import Azure, fault, json_response
from lab.azure_estate import water_company
from lab.azure_example import LABORATORY, PRODUCTION, Body
from lab.server import CANARY, Fault, Kind

OPERATIONS = declared("azure", COLLECTORS)
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A throw-away CA's server context and certificate."""
    authority = trustme.CA()
    pem = tmp_path_factory.mktemp("azure") / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    return tls, pem


def served(cloud: Azure) -> Iterator[Azure]:
    """A started cloud whose credentials are the only ones in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            patch.delenv(name)
        for name, value in cloud.env().items():
            patch.setenv(name, value)
        cloud.start()
        yield cloud
        cloud.stop()


@pytest.fixture(scope="module")
def running(trust: tuple[ssl.SSLContext, Path]) -> Iterator[Azure]:
    """The lab's Azure."""
    yield from served(Azure(*trust))


@pytest.fixture
def azure(running: Azure) -> Azure:
    """The lab's Azure with no calls seen and no faults."""
    running.switchboard.clear()
    return running


def connected(cloud: Azure, account: str = PRODUCTION, **settings: Any) -> session.Azure:
    """A session that may ask everything that is declared."""
    return session.connect(account, cloud.settings() | settings, (*OPERATIONS, *FIND), RateLimiter(500))


def scan(cloud: Azure, account: str = PRODUCTION) -> Tables:
    """Everything about one subscription."""
    return collect(Scope("azure", account, "global"), connected(cloud, account), Memory(), NOW)


@pytest.fixture(scope="module")
def scanned(running: Azure) -> dict[str, Tables]:
    """Both subscriptions, read without a fault."""
    running.switchboard.clear()
    return {account: scan(running, account) for account in (PRODUCTION, LABORATORY)}


def row(tables: Tables, table: type[Table], name: str, subject: str = "") -> dict[str, Any]:
    """The one row with a name."""
    frame = tables.frames[table]
    found = frame[(frame["name"] == name) & (frame["subject"] == subject)]
    assert len(found) == 1, f"{len(found)} rows of {table.__name__} are called {name}"
    return {str(column): None if value is pd.NA else value for column, value in found.iloc[0].items()}


HUB_CELLS: dict[str, dict[str, Any]] = {
    "hub-meters": {
        "kind": "iot hub", "region": "westeurope", "enabled": True, "min_tls": "1.2", "public_network": True,
        "filtered": True, "allows_by_default": False, "widest_range_bits": 24, "events_endpoint_filtered": True,
        "private_endpoints": 1, "egress_restricted": True, "routes": 2, "shared_access_keys": False,
        "device_keys_allowed": False, "devices_using_keys": 0, "key_holders": 3,
    },
    "hub-pumps": {
        "min_tls": "1.0", "public_network": True, "filtered": False, "allows_by_default": False,
        "events_endpoint_filtered": None, "private_endpoints": 0, "egress_restricted": False, "routes": 5,
        "shared_access_keys": True, "device_keys_allowed": True, "devices_using_keys": 15, "key_holders": 9,
    },
    "hub-valves": {
        "min_tls": None, "filtered": False, "allows_by_default": True, "events_endpoint_filtered": False,
        "devices_using_keys": 0, "device_keys_allowed": True, "key_holders": 8,
    },
    "hub-sensors": {
        "filtered": True, "widest_range_bits": 5, "events_endpoint_filtered": False, "devices_using_keys": None,
    },
    "dps-meters": {
        "kind": "provisioning service", "region": "northeurope", "public_network": True, "filtered": True,
        "shared_access_keys": False, "key_linked_hubs": 0, "key_holders": 3, "min_tls": None,
    },
    "dps-field": {"public_network": True, "filtered": False, "shared_access_keys": True, "key_linked_hubs": 2},
    "hub-bench": {"public_network": False, "filtered": True, "widest_range_bits": 32, "events_endpoint_filtered": True},
    "hub-trial": {"min_tls": "1.1", "filtered": True, "widest_range_bits": 32, "events_endpoint_filtered": False},
    "dps-old": {"shared_access_keys": None, "key_linked_hubs": None},
}  # fmt: skip


@pytest.mark.parametrize("name", HUB_CELLS)
def test_a_hub_has_the_cells_its_settings_say(scanned: dict[str, Tables], name: str) -> None:
    account = LABORATORY if name in ("hub-bench", "hub-trial", "dps-old") else PRODUCTION
    found = row(scanned[account], Hub, name)
    assert {column: found[column] for column in HUB_CELLS[name]} == HUB_CELLS[name]


ROUTE_CELLS: dict[str, tuple[str, str, bool, bool, int | None]] = {
    "eventHubs/telemetry": ("telemetry", "sb://evh-meters.servicebus.windows.net/meters", True, False, None),
    "storageContainers/lake": ("lake", "https://stmeters.blob.core.windows.net/telemetry", True, False, None),
    "eventHubs/raw": ("raw", "sb://evh-pumps.servicebus.windows.net/raw", True, True, None),
    "serviceBusQueues/alarms": ("alarms", "sb://sb-pumps.servicebus.windows.net/alarms", True, True, None),
    "serviceBusTopics/work-orders": ("work-orders", "sb://sb-pumps.servicebus.windows.net/orders", False, True, None),
    "cosmosDBSqlContainers/twins": ("twins", "https://cosmos-pumps.documents.azure.com/state", True, True, None),
}


@pytest.mark.parametrize("subject", ROUTE_CELLS)
def test_a_routing_endpoint_says_where_it_leads_and_how_it_authenticates(
    scanned: dict[str, Tables], subject: str
) -> None:
    name, target, enabled, keyed, upload = ROUTE_CELLS[subject]
    found = row(scanned[PRODUCTION], Route, name, subject)
    assert (found["target"], found["enabled"], found["keyed"], found["upload_hours"]) == (
        target,
        enabled,
        keyed,
        upload,
    )


def test_file_upload_is_a_route_only_where_storage_is_configured(scanned: dict[str, Tables]) -> None:
    uploads = scanned[PRODUCTION].frames[Route].query("kind == 'fileUpload'").set_index("name")
    assert uploads[["keyed", "upload_hours"]].to_dict("index") == {
        "hub-meters file upload": {"keyed": False, "upload_hours": 1},
        "hub-pumps file upload": {"keyed": True, "upload_hours": 25},
    }


STORE_CELLS: dict[str, dict[str, Any]] = {
    "stmeters": {
        "holds_telemetry": True, "public": False, "refuses_plain_http": True, "expires_objects": True,
        "shared_keys": False,
    },
    "stpumps": {
        "holds_telemetry": True, "public": True, "refuses_plain_http": False, "expires_objects": False,
        "shared_keys": True,
    },
    "stvalves": {"holds_telemetry": True, "public": False, "refuses_plain_http": False, "expires_objects": False},
    "stwebsite": {"holds_telemetry": False, "holds_iot_data": False, "holds_firmware": None, "public": None},
}  # fmt: skip


@pytest.mark.parametrize("name", STORE_CELLS)
def test_a_storage_account_is_judged_by_what_hubs_write_into_it(scanned: dict[str, Tables], name: str) -> None:
    found = row(scanned[PRODUCTION], Store, name)
    assert {column: found[column] for column in STORE_CELLS[name]} == STORE_CELLS[name]


DEVICE_CELLS: dict[str, dict[str, Any]] = {
    "meter-0000": {"enabled": True, "auth": "authority", "sharers": None, "silent_days": 0, "ever_connected": True},
    "pump-cloned-1": {"auth": "self-signed", "sharers": 1},
    "pump-cloned-2": {"auth": "self-signed", "sharers": 1, "credentials": 2},
    "pump-cloned-off": {"enabled": False, "sharers": 2},
    "pump-unique": {"sharers": 0, "credentials": 1},
    "pump-open": {"auth": "none"},
    "pump-behind-gateway": {"auth": None},
    "pump-forgotten": {"silent_days": 400, "ever_connected": True},
    "pump-never": {"silent_days": None, "ever_connected": False},
    "pump-online": {"silent_days": 0},
    "gateway-1": {"edge": True, "auth": "symmetric-key", "sharers": None},
    "=cmd('calc')!A1": {"edge": False, "auth": "symmetric-key"},
}


@pytest.mark.parametrize("name", DEVICE_CELLS)
def test_a_device_has_the_cells_its_twin_says(scanned: dict[str, Tables], name: str) -> None:
    found = row(scanned[PRODUCTION], Device, name)
    assert {column: found[column] for column in DEVICE_CELLS[name]} == DEVICE_CELLS[name]


def test_every_page_of_a_twin_query_is_read(running: Azure, scanned: dict[str, Tables]) -> None:
    devices = scanned[PRODUCTION].frames[Device]
    expected = {host.partition(".")[0]: len(twins) for host, twins in running.estate.twins.items() if twins}
    counted = devices["hub"].str.rsplit("/", n=1).str[-1].value_counts().to_dict()
    assert counted == {hub: n for hub, n in expected.items() if hub not in ("hub-bench", "hub-trial")}


def test_a_basic_hub_leaves_a_gap_instead_of_no_devices(scanned: dict[str, Tables]) -> None:
    gaps = scanned[PRODUCTION].gaps
    assert gaps["table"].tolist() == ["device"]
    assert gaps["cause"].tolist() == ["no_data_source"]
    assert "hub-sensors" in gaps["detail"].iloc[0]


CERTIFICATE_CELLS: dict[str, dict[str, Any]] = {
    "unproven-ca": {"kind": "authority", "possession_verified": False, "active": False, "expires_in_days": 900},
    "ending-ca": {"possession_verified": True, "expires_in_days": 12, "age_days": 200, "algorithm": "EC"},
    "short-key-ca": {"weak_key": True, "key_bits": 1024, "self_signed": True},
    "garbled-ca": {"parseable": False, "expires_in_days": 400},
    "ended-ca": {"expires_in_days": -3},
}


@pytest.mark.parametrize("name", CERTIFICATE_CELLS)
def test_an_authority_has_the_cells_its_certificate_says(scanned: dict[str, Tables], name: str) -> None:
    found = row(scanned[PRODUCTION], Certificate, name)
    assert {column: found[column] for column in CERTIFICATE_CELLS[name]} == CERTIFICATE_CELLS[name]


def test_logs_count_only_with_both_categories_and_a_destination(scanned: dict[str, Tables]) -> None:
    found = {**logs(scanned[PRODUCTION]), **logs(scanned[LABORATORY])}
    assert found == {
        "hub-meters": True, "hub-pumps": False, "hub-valves": False, "hub-sensors": False, "hub-bench": True,
        "hub-trial": False, "dps-meters": True, "dps-field": False, "dps-old": False,
    }  # fmt: skip


def logs(tables: Tables) -> dict[str, bool]:
    """Whether connections are logged, by name."""
    frame = tables.frames[Log]
    return dict(zip(frame["name"], frame["logs_connections"], strict=True))


def test_grants_are_those_that_reach_keys_or_devices(scanned: dict[str, Tables]) -> None:
    grants = scanned[PRODUCTION].frames[Grant]
    data = grants[grants["iot_data_role"]]
    assert set(zip(data["right"], data["target_kind"], data["hubs_covered"], strict=True)) == {
        ("IoT Hub Data Contributor", "account", 6),
        ("IoT Hub Data Contributor", "hub", 1),
        ("IoT Hub Twin Contributor", "resource group", 4),
        ("Device Provisioning Service Data Contributor", "hub", 1),
    }
    left_out = {"Reader", "IoT Hub Data Reader", "Storage Blob Data Contributor"}
    assert not left_out & set(grants["right"])
    assert not grants["right"].str.contains("Pump").any()
    assert set(grants["principal_kind"]) == {"person", "group", "service"}
    assert set(grants.loc[grants["right"] == "Owner", "target_kind"]) == {"management group"}


def test_a_scan_asks_every_declared_operation_and_no_other(azure: Azure) -> None:
    for scope in session.find(azure.settings()):
        scan(azure, scope.account)
    assert set(azure.switchboard.calls) == {operation.name for operation in (*OPERATIONS, *FIND)}


def test_no_secret_leaves_the_session(azure: Azure, scanned: dict[str, Tables]) -> None:
    for tables in scanned.values():
        for frame in (*tables.frames.values(), tables.unread, tables.gaps, tables.coverage):
            assert CANARY not in frame.to_csv()
    asked = connected(azure)
    everything = [list(asked.send(operation, "global", {})) for operation in (HUBS, SERVICES)]
    whole = {"host": "hub-pumps.azure-devices.net", "query": "SELECT * FROM devices"}
    everything.append(list(asked.send(TWINS, "global", whole)))
    assert CANARY not in json.dumps(everything)
    assert session.REDACTED in json.dumps(everything)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_denied_operation_only_turns_cells_unknown(
    azure: Azure, scanned: dict[str, Tables], operation: Operation
) -> None:
    before = scanned[PRODUCTION]
    azure.switchboard.faults[operation.name] = Fault("deny")
    after = scan(azure)
    covered = after.coverage.set_index("operation").loc[operation.name]
    assert (covered["outcome"], covered["code"], covered["permission"]) == (
        "denied",
        "AuthorizationFailed",
        operation.permission,
    )
    for table, frame in before.frames.items():
        old = frame.set_index(["resource", "subject"])
        new = after.frames[table].set_index(["resource", "subject"])
        assert set(new.index) <= set(old.index)
        if len(new) < len(old):
            assert table.id() in set(after.gaps["table"])
        kept = old.loc[new.index]
        changed = ~((new == kept).fillna(False) | new.isna())
        assert not changed.any(axis=None), f"{table.__name__}: {changed.any()[lambda some: some].index.tolist()}"


def unanswered(asked: session.Azure, operation: Operation, **params: Any) -> ReadFailed:
    """The failure that an operation ends in."""
    with pytest.raises(ReadFailed) as caught:
        list(asked.send(operation, "global", dict(operation.fixed) | params))
    return caught.value


@pytest.mark.parametrize(
    ("operation", "kind", "outcome", "code"),
    [
        (HUBS, "deny", "denied", "AuthorizationFailed"),
        (HUBS, "throttle", "failed", "TooManyRequests"),
        (HUBS, "error", "failed", "HTTP500"),
        (HUBS, "cut", "failed", "ServiceResponseError"),
        (HUBS, "malformed", "failed", "DecodeError"),
        (TWINS, "deny", "denied", "AuthorizationFailed"),
        (TWINS, "throttle", "failed", "TooManyRequests"),
        (TWINS, "malformed", "failed", "DecodeError"),
    ],
)
def test_a_fault_is_classified(azure: Azure, operation: Operation, kind: Kind, outcome: str, code: str) -> None:
    azure.switchboard.faults[operation.name] = Fault(kind)
    params = {"host": "hub-pumps.azure-devices.net"} if operation is TWINS else {}
    failure = unanswered(connected(azure), operation, **params)
    assert (failure.outcome, failure.code) == (outcome, code)
    retried = kind in ("throttle", "error", "cut")
    assert azure.switchboard.calls[operation.name] == (session.ATTEMPTS if retried else 1)
    assert "127.0.0.1" not in str(failure)


def test_an_answer_that_takes_too_long_is_a_failure(azure: Azure) -> None:
    azure.switchboard.faults[HUBS.name] = Fault("slow", seconds=0.8)
    failure = unanswered(connected(azure, timeout_seconds=0.3), HUBS)
    assert (failure.outcome, failure.code) == ("failed", "ServiceResponseTimeoutError")


def test_a_throttle_that_ends_is_waited_out(azure: Azure) -> None:
    azure.switchboard.faults[HUBS.name] = Fault("throttle", times=1, seconds=1)
    begun = time.monotonic()
    assert len(list(connected(azure).send(HUBS, "global", {}))) == len(azure.estate.hubs[PRODUCTION])
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize(("operation", "params"), [(HUBS, {}), (TWINS, {"host": "hub-meters.azure-devices.net"})])
def test_a_list_that_breaks_off_on_its_second_page_fails(
    azure: Azure, operation: Operation, params: dict[str, str]
) -> None:
    items = connected(azure).send(operation, "global", dict(operation.fixed) | params)
    next(items)
    azure.switchboard.faults[operation.name] = Fault("deny")
    with pytest.raises(ReadFailed, match="denied"):
        list(items)


def test_a_budget_ends_in_partial_coverage(azure: Azure) -> None:
    asked = session.connect(PRODUCTION, azure.settings(), OPERATIONS, RateLimiter(500, budget=3))
    tables = collect(Scope("azure", PRODUCTION, "global"), asked, Memory(), NOW)
    assert azure.switchboard.calls.total() == 3
    assert "partial" in set(tables.coverage["outcome"])


def test_a_hub_that_is_no_host_name_is_not_asked(azure: Azure) -> None:
    failure = unanswered(connected(azure), TWINS, host="evil.example/devices/query?")
    assert failure.code == "HostName"
    assert not azure.switchboard.calls


class Elsewhere(Azure):
    """An ARM whose next page lies at another host."""

    def page(self, request: Request, items: list[Body]) -> Response:
        """The first item, and a link that leads away."""
        return json_response({"value": items[:1], "nextLink": "https://localhost:1/subscriptions?api-version=1"})


class Unregistered(Azure):
    """An ARM on which the resource provider is not registered."""

    def page(self, request: Request, items: list[Body]) -> Response:
        """The conflict on which the SDK's default pipeline registers the provider, which is a write."""
        return fault(409, "MissingSubscriptionRegistration")


class Torn(Azure):
    """A cloud whose hubs deny every page of a query but the first."""

    def respond(self, request: Request) -> Response:
        """Denies what continues a list."""
        if "x-ms-continuation" in request.headers:
            return json_response({"Message": "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"}, 401)
        return super().respond(request)


def test_a_torn_fleet_says_nothing_about_sharers(trust: tuple[ssl.SSLContext, Path]) -> None:
    for cloud in served(Torn(*trust)):
        tables = scan(cloud)
        for name in ("hub-meters", "hub-pumps"):
            rows = tables.frames[Device][tables.frames[Device]["hub"].str.endswith(f"/{name}")]
            assert 0 < len(rows) < len(cloud.estate.twins[f"{name}.azure-devices.net"])
            assert rows["sharers"].isna().all()
        assert set(tables.gaps["cause"]) == {"denied", "no_data_source"}
        assert any("IotHubUnauthorizedAccess" in detail for detail in tables.gaps["detail"])


def test_a_role_that_is_not_listed_leaves_its_grants_and_key_holders_unknown(
    trust: tuple[ssl.SSLContext, Path],
) -> None:
    estate = water_company()
    estate.roles = [one for one in estate.roles if one["properties"]["roleName"] != "Owner"]
    for cloud in served(Azure(*trust, estate)):
        tables = scan(cloud)
        grants = tables.frames[Grant]
        unnamed = grants[grants["right"].isna()]
        assert set(unnamed["target_kind"]) == {"management group"}
        assert unnamed["iot_data_role"].isna().all()
        assert tables.frames[Hub]["key_holders"].isna().all()


def test_a_next_page_at_another_host_gets_no_token(trust: tuple[ssl.SSLContext, Path]) -> None:
    for cloud in served(Elsewhere(*trust)):
        assert unanswered(connected(cloud), HUBS).code == "ForeignNextLink"


def test_an_unregistered_provider_is_unavailable_and_stays_unregistered(trust: tuple[ssl.SSLContext, Path]) -> None:
    for cloud in served(Unregistered(*trust)):
        failure = unanswered(connected(cloud), HUBS)
        assert (failure.outcome, failure.code) == ("unavailable", "MissingSubscriptionRegistration")
        assert dict(cloud.switchboard.calls) == {HUBS.name: 1}


@pytest.mark.parametrize(
    "operation", [o for o in (*OPERATIONS, *FIND) if not o.name.startswith("iothubdata.")], ids=str
)
def test_every_declared_operation_is_one_of_the_sdk(azure: Azure, operation: Operation) -> None:
    service, group, method = operation.name.split(".")
    assert callable(getattr(getattr(connected(azure).client(service), group), method))


WRITES: dict[str, Callable[[session.Azure], Any]] = {
    "delete a hub": lambda asked: asked.client("iothub").iot_hub_resource.begin_delete("rg-field", "hub-pumps"),
    "list the keys of a hub": lambda asked: list(asked.client("iothub").iot_hub_resource.list_keys("rg", "hub")),
    "list the keys of an account": lambda asked: asked.client("storage").storage_accounts.list_keys("rg", "stpumps"),
    "assign a role": lambda asked: asked.client("authorization").role_assignments.create("x", "y", {}),
}


@pytest.mark.parametrize("what", WRITES)
def test_the_transport_refuses_to(azure: Azure, what: str) -> None:
    with pytest.raises(Undeclared):
        WRITES[what](connected(azure))
    assert not azure.switchboard.calls


def test_a_session_refuses_what_it_was_not_given(azure: Azure) -> None:
    asked = session.connect(PRODUCTION, azure.settings(), FIND, RateLimiter(500))
    with pytest.raises(Undeclared):
        list(asked.send(HUBS, "global", {}))
    assert not azure.switchboard.calls


def test_find_gives_every_subscription_or_those_that_are_named(azure: Azure) -> None:
    every = session.find(azure.settings())
    assert every == [Scope("azure", PRODUCTION, "global"), Scope("azure", LABORATORY, "global")]
    assert session.find(azure.settings() | {"subscriptions": [LABORATORY]}) == every[1:]


def no_target(settings: dict[str, Any]) -> str:
    """What find says when it finds nothing, in under two seconds."""
    begun = time.monotonic()
    with pytest.raises(NoTarget) as caught:
        session.find(settings)
    assert time.monotonic() - begun < 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_find_without_credentials_says_what_to_set(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in azure.env():
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "AZURE_CLIENT_SECRET" in no_target(azure.settings())
    assert not azure.switchboard.calls


def test_find_takes_the_subscriptions_that_the_azure_cli_is_signed_in_to(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in azure.env():
        monkeypatch.delenv(name)
    program = tmp_path / "az"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    assert "az login" in no_target({})
    profile = json.dumps({"subscriptions": [{"id": LABORATORY, "tenantId": "t", "state": "Enabled"}]})
    (tmp_path / "azureProfile.json").write_text(profile, "utf-8-sig")
    assert session.find({}) == [Scope("azure", LABORATORY, "global")]


def test_find_with_a_wrong_secret_names_the_error_and_not_the_secret(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong-secret")
    said = no_target(azure.settings())
    assert "AADSTS7000215" in said
    assert "wrong-secret" not in said


def test_find_gives_up_on_a_server_that_says_nothing(azure: Azure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        no_target(azure.settings() | {"authority": url, "endpoint": url})


def test_find_gives_up_on_a_closed_port(azure: Azure) -> None:
    assert "127.0.0.1:1" in no_target(
        azure.settings() | {"authority": "https://127.0.0.1:1", "endpoint": "https://127.0.0.1:1"}
    )


def test_a_cloud_that_is_not_there_is_named() -> None:
    assert "moon" in no_target({"cloud": "moon"})


def test_find_asks_only_for_subscriptions(azure: Azure) -> None:
    session.find(azure.settings())
    assert set(azure.switchboard.calls) == {SUBSCRIPTIONS.name}
