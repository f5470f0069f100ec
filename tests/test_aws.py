"""AWS: the collectors, through boto3, against the lab."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pandas as pd
import pytest
from botocore import xform_name
from moto.core.utils import get_service_model
from moto.moto_api._internal.models import moto_api_backend
from moto.s3control.models import s3control_backends

from collectors.aws import s3, session, transport
from collectors.aws.account import FIND
from collectors.aws.policies import LIST_POLICIES
from collectors.aws.session import find
from collectors.aws.transport import AwsSession
from collectors.operation import Memory, Operation, ReadFailed, Undeclared, declared, drain
from collectors.provider import NoTarget
from collectors.rate_limit import RateLimiter
from collectors.registry import COLLECTORS
from collectors.run import collect
from collectors.schema import Table, Tables
from collectors.scope import Scope
from collectors.tables.access import Grant, Policy, RoleAlias, ServiceIdentity
from collectors.tables.data import Key, Route, Store, Update
from collectors.tables.device import Certificate, Device
from collectors.tables.hub import Detection, Hub, Log
from lab import aws_estate
from lab.aws import Aws, serialized
from lab.aws_policies import ACCOUNT, HOME
from lab.server import CANARY, Fault, Kind

OPERATIONS = (*declared("aws", COLLECTORS), *FIND)
OF_AWS = [operation for operation in OPERATIONS if not operation.outside]
GLOBAL, EUROPE, AMERICA = (Scope("aws", ACCOUNT, region) for region in ("global", HOME, "us-east-1"))
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def aws(aws_alone: Aws) -> Aws:
    return aws_alone


@pytest.fixture
def calm(aws: Aws) -> Iterator[Aws]:
    """The lab with no call recorded and no fault switched on, before and after."""
    aws.switchboard.clear()
    yield aws
    aws.switchboard.clear()


PATIENT = {"find_seconds": 30}
"""For a lab that answers late, because the machine is busy."""


def opened(cloud: Aws, budget: int = 0, **more: Any) -> AwsSession:
    return session.connect(ACCOUNT, cloud.settings() | more, OPERATIONS, RateLimiter(5000, budget))


def collected(cloud: Aws, *scopes: Scope, **more: Any) -> dict[Scope, Tables]:
    transport, memory = opened(cloud, **more), Memory()
    return {scope: collect(scope, transport, memory, NOW) for scope in scopes}


@pytest.fixture(scope="module")
def scan(aws: Aws) -> dict[Scope, Tables]:
    """A scan of everything, and the calls it took."""
    aws.switchboard.clear()
    scopes = find(aws.settings() | PATIENT)
    assert scopes == [GLOBAL, EUROPE, AMERICA]
    found = collected(aws, *scopes)
    assert set(aws.switchboard.calls) == {operation.name for operation in OPERATIONS}
    return found


def frame(scan: dict[Scope, Tables], scope: Scope, table: type[Table]) -> pd.DataFrame:
    return scan[scope].frames[table]


def row(found: pd.DataFrame, name: str, subject: str = "") -> Any:
    same = found[(found["name"] == name) & (found["subject"] == subject)]
    assert len(same) == 1, f"{len(same)} rows named {name} {subject}"
    return same.iloc[0]


def certificate_of(scan: dict[Scope, Tables], **cells: Any) -> pd.DataFrame:
    found = frame(scan, EUROPE, Certificate)
    for column, value in cells.items():
        found = found[(found[column] == value).fillna(False)]
    return found


def wrap(operation: Operation, cloud: Aws, **more: Any) -> ReadFailed:
    """The failure of one call to an operation."""
    with pytest.raises(ReadFailed) as caught:
        list(opened(cloud, **more).send(operation, HOME, dict(operation.fixed)))
    return caught.value


def test_every_declared_operation_exists_in_botocore() -> None:
    loader = botocore.session.get_session()
    for operation in OF_AWS:
        service, _, method = operation.name.partition(".")
        model = loader.get_service_model(service)
        known = {xform_name(name): name for name in model.operation_names}
        assert method in known, operation.name
        shape = model.operation_model(known[method])
        if operation.items:
            assert operation.items in shape.output_shape.members, operation.name
        for name, _value in operation.fixed:
            assert name in shape.input_shape.members, operation.name


def test_every_permission_is_an_iam_action_and_every_operation_reads() -> None:
    for operation in OF_AWS:
        service, _, action = operation.permission.partition(":")
        assert service.replace("-", "").isalnum(), operation.permission
        if operation.name in transport.REPORTS:
            continue
        assert action.startswith(("Get", "List", "Describe")), operation.permission
        assert operation.name.partition(".")[2].startswith(transport.READS), operation.name
    assert transport.REPORTS == {"iam.generate_service_last_accessed_details"}
    assert "iot.describe_endpoint" not in {operation.name for operation in OPERATIONS}


def test_no_secret_reaches_a_row(scan: dict[Scope, Tables]) -> None:
    for tables in scan.values():
        for found in (*tables.frames.values(), tables.unread, tables.gaps, tables.coverage):
            assert CANARY not in found.to_csv()


def test_a_scan_reads_everything_and_leaves_no_gap(scan: dict[Scope, Tables]) -> None:
    for tables in scan.values():
        assert set(tables.coverage["outcome"]) == {"read"}
        assert tables.gaps.empty
    assert set(scan[EUROPE].unread["cause"]) == {"absent_field", "no_data_source", "out_of_scope_account"}


def test_domains_tell_their_tls_and_who_may_choose_an_authorizer(scan: dict[Scope, Tables]) -> None:
    hubs = frame(scan, EUROPE, Hub)
    pumps, partners = row(hubs, "pumps"), row(hubs, "partners")
    assert (pumps["min_tls"], pumps["forward_secrecy_only"], pumps["server_certificate_valid"]) == ("1.3", True, True)
    assert (partners["tls_policy"], partners["min_tls"]) == ("IoTSecurityPolicy_TLS12_1_0_2015_01", "1.2")
    assert (partners["server_certificate_valid"], partners["authorizer_override"]) == (False, True)
    assert not row(hubs, "meters")["authorizer_override"]
    assert not partners["authorizer_after_certificate"]
    assert not row(hubs, "trial-2021")["enabled"]
    managed = row(hubs, "iot-Data-ATS")
    assert not managed["customer_managed"]
    assert managed["server_certificate_valid"] is pd.NA


def test_logging_and_audits_are_on_in_one_region_and_off_in_the_other(scan: dict[Scope, Tables]) -> None:
    for scope, on in ((EUROPE, True), (AMERICA, False)):
        assert list(frame(scan, scope, Log)["logs_connections"]) == [on]
        assert list(frame(scan, scope, Detection)["audit_scheduled"]) == [on]
        assert list(frame(scan, scope, Detection)["audit_notifies"]) == [on]


def test_certificates_show_what_their_pem_and_their_attachments_say(scan: dict[Scope, Tables]) -> None:
    devices = frame(scan, EUROPE, Device)
    assert len(devices) > 140
    assert certificate_of(scan, kind="device", things=3)["age_days"].tolist() == [700]
    assert sorted(certificate_of(scan, kind="device", weak_key=True)["key_bits"]) == [256, 1024, 2048]
    assert certificate_of(scan, kind="device", signature_hash="sha1")["weak_key"].tolist() == [True]
    assert len(certificate_of(scan, kind="device", algorithm="RSA", weak_key=False)) == 1
    expired = certificate_of(scan, kind="device", active=True)
    expired = expired[expired["expires_in_days"] < 0]
    assert len(expired) == 1
    assert len(certificate_of(scan, kind="device", active=False)) == 1
    assert certificate_of(scan, kind="device", active=False)["things"].isna().all()
    assert len(certificate_of(scan, exclusive=True)) == 140
    assert sorted(certificate_of(scan, claim=True)["age_days"]) == [200, 600]
    orphans = certificate_of(scan, kind="device", active=True, things=0, claim=False)
    assert sorted(zip(orphans["age_days"], orphans["policies"], strict=True)) == [(3, 0), (40, 0), (400, 1)]


def test_things_count_their_active_certificates_and_who_shares_them(scan: dict[Scope, Tables]) -> None:
    devices = frame(scan, EUROPE, Device)
    assert row(devices, "valve-galway-900")["active_certificates"] == 3
    assert row(devices, "gateway-cork-01")["sharers"] == 2
    assert row(devices, "meter-cork-900")["active_certificates"] == 0
    assert row(devices, "-cmd:calc")["active_certificates"] == 0
    assert row(devices, "pump-cork-000")["sharers"] == 0


def test_authorities_tell_who_vets_their_devices_and_what_a_retired_one_left(scan: dict[Scope, Tables]) -> None:
    authorities = certificate_of(scan, kind="authority")
    assert len(authorities) == 7
    open_to_all = certificate_of(scan, kind="authority", auto_registers=True)
    assert sorted(open_to_all["registration_vetted"]) == [False, True, True]
    retired = certificate_of(scan, kind="authority", active=False)
    assert sorted(retired["active_devices"]) == [0, 1]
    weak = certificate_of(scan, kind="authority", weak_key=True)
    assert sorted(weak["signature_hash"]) == ["sha1", "sha256"]
    assert (weak["expires_in_days"] < 0).sum() == 1


def test_policies_carry_their_document_targets_and_claims(scan: dict[Scope, Tables]) -> None:
    policies = frame(scan, EUROPE, Policy)
    legacy = row(policies, "GatewayLegacy")
    assert json.loads(legacy["document"])["Statement"][0]["Action"] == "iot:*"
    assert (legacy["targets"], legacy["claim"], legacy["aliases"]) == (1, False, 5)
    assert row(policies, "=1+1,cmd@calc")["targets"] == 0
    assert policies[policies["claim"]]["name"].tolist() == ["ProvisioningClaim", "ProvisioningClaimAnyTemplate"]


def test_role_aliases_carry_every_policy_of_their_role(scan: dict[Scope, Tables]) -> None:
    aliases = frame(scan, EUROPE, RoleAlias)
    admin = row(aliases, "GatewayAdmin")
    actions = [s["Action"] for document in json.loads(admin["documents"]) for s in document["Statement"]]
    assert sorted(map(str, actions)) == ["['s3:*', 'iam:PassRole', 'dynamodb:*']", "s3:GetObject"]
    assert admin["session_seconds"] == 43200
    assert row(aliases, "PumpStream")["bounded"]
    assert row(aliases, "=cmd,partner@x")["documents"] is pd.NA


def test_roles_that_aws_iot_assumes_name_their_source_or_not(scan: dict[Scope, Tables]) -> None:
    roles = frame(scan, GLOBAL, ServiceIdentity)
    trusted = {r["name"]: r["source_condition"] for _, r in roles[roles["trusts_iot"]].iterrows()}
    named = {"IotRules": True, "IotRules2019": False, "IotRulesAnySource": False, "IotLogging": True}
    assert trusted == named | {"IotReadings": True}
    assert "WebsiteDeploy" not in set(roles["name"])


def test_grants_fold_administrators_and_skip_who_has_no_iot_right(scan: dict[Scope, Tables]) -> None:
    grants = frame(scan, GLOBAL, Grant)
    admins = {r["name"]: r["iot_admin"] for _, r in grants.iterrows()}
    assert admins == {
        "Administrators of the account": True,
        "AppGuest": False,
        "AppInstaller": False,
        "AppUser": False,
        "FleetOperators": True,
        "FleetProvisioner": False,
        "PilotGuest": False,
        "ReportWriter": False,
        "TunnelOperator": True,
        "field.tablet": False,
    }
    assert row(grants, "Administrators of the account")["principal"].startswith("2: ")


def test_routes_tell_what_is_public_secret_caught_and_encrypted(scan: dict[Scope, Tables]) -> None:
    routes = frame(scan, EUROPE, Route)
    assert set(routes[routes["public_acl"]]["name"]) == {"open_dashboard"}
    assert set(routes[routes["static_secret"]]["name"]) == {"partner_webhook", "erp_stream", "crm_cases"}
    assert set(routes[~routes["caught_errors"]]["name"]) == {"open_dashboard", "alarms_2019"}
    assert set(routes[routes["reserved_from_message"]]["name"]) == {"shadow_mirror"}
    assert not row(routes, "crm_cases", "actions[0].salesforce")["enabled"]
    assert row(routes, "partner_webhook", "actions[0].http")["target"] == "https://hooks.partner.example/brightwater"
    plain = routes[(~routes["encrypted_at_rest"]).fillna(False)]
    assert sorted(plain["target"].str.rsplit(pat="/").str[-1].str.rsplit(pat=":").str[-1]) == [
        "alarms-2019",
        "meter-raw",
        "raw",
        "work-orders-2019",
    ]
    assert row(routes, "alarms", "actions[1].lambda")["encrypted_at_rest"] is pd.NA


def test_buckets_are_read_where_they_hold_iot_data_of_any_region(scan: dict[Scope, Tables]) -> None:
    stores = frame(scan, GLOBAL, Store)
    assert set(stores[stores["holds_telemetry"]]["name"]) == {
        f"brightwater-{name}" for name in ("lake", "archive", "dashboard", "pilot")
    }
    assert set(stores[stores["holds_firmware"]]["name"]) == {
        f"brightwater-{name}" for name in ("firmware", "firmware-2019", "dashboard", "partner-images")
    }
    assert row(stores, "brightwater-partner-images")["public"] is pd.NA, "it is not in this account"
    held = stores[stores["holds_iot_data"] & stores["public"].notna()].set_index("name")
    assert held.index[held["public"]].tolist() == ["brightwater-dashboard"]
    assert held.index[held["refuses_plain_http"]].tolist() == ["brightwater-firmware", "brightwater-lake"]
    assert held.index[held["versioned"]].tolist() == ["brightwater-firmware", "brightwater-lake"]
    assert held.index[held["expires_objects"]].tolist() == ["brightwater-lake"]
    assert row(stores, "brightwater-website")["public"] is pd.NA


def test_updates_count_files_without_a_signature(scan: dict[Scope, Tables]) -> None:
    updates = frame(scan, EUROPE, Update).set_index("name")
    assert updates["unsigned_files"].to_dict() == {
        "meter-7-0-1": 0, "pump-controller-4-2-0": 0, "valve-1-8-0": 1, "valve-1-9-3": 2,
    }  # fmt: skip
    assert updates["active"].to_dict()["valve-1-8-0"] is False


def test_keys_are_those_that_iot_data_is_encrypted_with(scan: dict[Scope, Tables]) -> None:
    keys = frame(scan, EUROPE, Key).set_index("name")
    assert keys["rotates"].to_dict() == {
        "Brightwater alarms": True,
        "Brightwater firmware <script>alert(1)</script>": False,
        "Brightwater registry": True,
        "Brightwater telemetry": False,
    }
    assert keys.loc["Brightwater telemetry", "rotatable"]
    assert keys.loc["Brightwater registry", "rotation_days"] == 365
    assert keys.index[keys["imported"]].tolist() == ["Brightwater firmware <script>alert(1)</script>"]


@pytest.mark.parametrize(
    ("denied", "scope"),
    [
        ("iot.list_targets_for_policy", AMERICA),
        ("iot.get_topic_rule", AMERICA),
        ("iot.list_principal_things_v2", AMERICA),
        ("iot.list_policies", AMERICA),
        ("sns.get_topic_attributes", EUROPE),
        ("iot.list_topic_rules", GLOBAL),
        ("s3.get_public_access_block", GLOBAL),
        ("iam.get_account_authorization_details", GLOBAL),
    ],
    ids=str,
)
def test_a_denied_operation_only_turns_cells_unread(
    calm: Aws, scan: dict[Scope, Tables], denied: str, scope: Scope
) -> None:
    calm.switchboard.faults[denied] = Fault("deny")
    after = collected(calm, scope)[scope]
    covered = after.coverage[after.coverage["operation"] == denied]
    assert set(covered["outcome"]) == {"denied"}
    changed = False
    for table, before in scan[scope].frames.items():
        old = before.set_index(["resource", "subject"])
        new = after.frames[table].set_index(["resource", "subject"])
        assert not len(new.index.difference(old.index)), table
        if len(old.index.difference(new.index)):
            changed = True
            assert table.id() in set(after.gaps["table"])
        for key in new.index:
            for column, cell in new.loc[key].items():
                was = old.loc[key][column]
                changed |= cell is pd.NA and was is not pd.NA
                assert cell is pd.NA or cell == was, f"{table.id()}.{column} of {key} was {was}, is {cell}"
    assert changed


@pytest.mark.parametrize(
    ("name", "fault", "outcome"),
    [
        *((name, "deny", "denied") for name in ("iot.list_policies", "s3.list_buckets", "sts.get_caller_identity")),
        *(
            (name, "malformed", "failed")
            for name in ("iot.list_policies", "s3.list_buckets", "sts.get_caller_identity")
        ),
        ("iot.list_policies", "throttle", "failed"),
        ("s3.list_buckets", "error", "failed"),
        ("sts.get_caller_identity", "error", "failed"),
        ("iot.list_policies", "cut", "failed"),
    ],
)
def test_a_fault_has_its_outcome_in_every_protocol(calm: Aws, name: str, fault: Kind, outcome: str) -> None:
    calm.switchboard.faults[name] = Fault(fault)
    failure = wrap(next(o for o in OPERATIONS if o.name == name), calm)
    assert failure.outcome == outcome
    assert failure.code
    assert "127.0.0.1" not in str(failure)


def test_the_reason_for_a_denial_is_the_services_own_word(calm: Aws) -> None:
    for name, code in (
        ("iot.list_policies", "AccessDeniedException"),
        ("kms.describe_key", "AccessDeniedException"),
        ("sns.get_topic_attributes", "AuthorizationError"),
        ("s3.list_buckets", "AccessDenied"),
    ):
        calm.switchboard.faults[name] = Fault("deny")
        params = {"KeyId": "x"} if name.startswith("kms") else {"TopicArn": "x"} if name.startswith("sns") else {}
        operation = next(o for o in OPERATIONS if o.name == name)
        with pytest.raises(ReadFailed) as caught:
            list(opened(calm).send(operation, HOME, params))
        assert (caught.value.outcome, caught.value.code) == ("denied", code)


def test_a_throttled_call_is_asked_again(calm: Aws) -> None:
    calm.switchboard.faults["iot.list_policies"] = Fault("throttle", times=1)
    assert len(list(opened(calm).send(LIST_POLICIES, HOME, {}))) == 23
    assert calm.switchboard.calls["iot.list_policies"] == 2


def test_a_slow_answer_fails_in_time(calm: Aws) -> None:
    calm.switchboard.faults["iot.list_policies"] = Fault("slow", seconds=1.5)
    start = time.monotonic()
    failure = wrap(LIST_POLICIES, calm, timeout_seconds=0.2)
    assert (failure.outcome, failure.code) == ("failed", "ReadTimeoutError")
    assert time.monotonic() - start < 6


def test_a_list_that_breaks_off_is_a_gap_and_keeps_what_came(calm: Aws) -> None:
    transport = opened(calm, budget=1)
    operation = next(o for o in OPERATIONS if o.name == "iot.list_certificates")
    came, error = drain(transport.send(operation, HOME, {}))
    assert isinstance(error, ReadFailed)
    assert error.outcome == "partial"
    assert len(came) == 100
    assert calm.switchboard.calls["iot.list_certificates"] == 1


def test_the_transport_refuses_writes_and_what_was_not_declared(calm: Aws) -> None:
    write = Operation("iot.create_thing", "iot:CreateThing")
    transport = opened(calm)
    with pytest.raises(Undeclared):
        list(transport.send(write, HOME, {"thingName": "x"}))
    with pytest.raises(Undeclared):
        transport.client("iot", HOME).create_thing(thingName="x")
    endpoint = Operation("iot.describe_endpoint", "iot:DescribeEndpoint")
    rogue = session.connect(ACCOUNT, calm.settings(), (write, endpoint), RateLimiter(100))
    for operation, params in ((write, {"thingName": "x"}), (endpoint, {})):
        with pytest.raises(Undeclared):
            list(rogue.send(operation, HOME, params))
    assert not calm.switchboard.calls


def test_what_moto_alone_does_not_implement_has_failed(calm: Aws) -> None:
    known, calm.answers = calm.answers, {}
    try:
        found = collected(calm, AMERICA)[AMERICA]
    finally:
        calm.answers = known
    outcomes = found.coverage.set_index("operation")["outcome"]
    assert outcomes["iot.get_v2_logging_options"] == "failed"
    assert outcomes["iot.list_ca_certificates"] == "failed"
    assert found.frames[Log]["logs_connections"].isna().all()
    assert found.frames[Detection]["audit_scheduled"].isna().all()
    assert (found.frames[Certificate]["things"] == 1).all()


def test_account_and_bucket_block_public_access_together(calm: Aws, scan: dict[Scope, Tables]) -> None:
    backend = s3control_backends[ACCOUNT]["aws"]
    backend.put_public_access_block(ACCOUNT, dict.fromkeys(s3.FLAGS, "true"))
    try:
        stores = collected(calm, GLOBAL)[GLOBAL].frames[Store]
    finally:
        backend.delete_public_access_block(ACCOUNT)
    assert not row(stores, "brightwater-dashboard")["public"]
    assert row(frame(scan, GLOBAL, Store), "brightwater-dashboard")["public"]


def test_a_role_is_assumed_and_its_account_scanned(calm: Aws) -> None:
    role = "arn:aws:iam::999988887777:role/Audit"
    settings = calm.settings() | {"roles": [role], "external_id": "x" * 8}
    assert find(settings | PATIENT)[0] == Scope("aws", "999988887777", "global")
    transport = session.connect("999988887777", settings, OPERATIONS, RateLimiter(100))
    assert list(transport.send(LIST_POLICIES, HOME, {})) == []
    assert calm.switchboard.calls["sts.assume_role"] == 2


def test_a_role_that_cannot_be_assumed_is_tried_once_and_says_what_is_missing(calm: Aws) -> None:
    calm.switchboard.faults["sts.assume_role"] = Fault("deny")
    role = "arn:aws:iam::999988887777:role/Audit"
    with pytest.raises(ReadFailed) as caught:
        session.connect("999988887777", calm.settings() | {"roles": [role]}, OPERATIONS, RateLimiter(100))
    failure = caught.value
    assert (failure.outcome, failure.permission, failure.detail) == ("denied", "sts:AssumeRole", f"role {role}")
    assert calm.switchboard.calls["sts.assume_role"] == 1


def test_excluded_accounts_are_not_scanned(calm: Aws) -> None:
    with pytest.raises(NoTarget, match="exclude_accounts"):
        find(calm.settings() | {"exclude_accounts": [ACCOUNT]})


def test_without_credentials_finding_says_what_to_set_at_once(calm: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    start = time.monotonic()
    with pytest.raises(NoTarget, match=r"no credentials .* set AWS_PROFILE") as caught:
        find(calm.settings())
    assert time.monotonic() - start < 2
    assert "\n" not in str(caught.value)
    assert not calm.switchboard.calls


def test_an_endpoint_that_never_answers_is_given_up_in_two_seconds(calm: Aws) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(NoTarget, match=url):
            find({"endpoint": url, "regions": [HOME]})
        assert time.monotonic() - start < 2.1


def test_a_profile_on_instance_metadata_is_refused(
    calm: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = tmp_path_factory.mktemp("aws") / "config"
    config.write_text(
        "[profile far]\nrole_arn = arn:aws:iam::999988887777:role/Audit\nsource_profile = near\n"
        "[profile near]\nrole_arn = arn:aws:iam::999988887777:role/Near\ncredential_source = Ec2InstanceMetadata\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(NoTarget, match="instance_metadata = true"):
        find(calm.settings() | {"profiles": ["far"]})
    with pytest.raises(NoTarget, match="nobody"):
        find(calm.settings() | {"profiles": ["nobody"]})


def test_the_lab_refuses_to_answer_what_the_model_does_not_allow(calm: Aws) -> None:
    operation = get_service_model("iot").operation_model("DescribeEncryptionConfiguration")
    assert serialized(operation, {"encryptionType": "AWS_OWNED_KMS_KEY"}).status_code == 200
    for wrong in ({"encryptionType": "NONE"}, {"keyArn": "x"}):
        with pytest.raises(ValueError, match="DescribeEncryptionConfiguration"):
            serialized(operation, wrong)


def test_the_estate_is_the_same_on_every_start(scan: dict[Scope, Tables], calm: Aws) -> None:
    certificates = next(o for o in OPERATIONS if o.name == "iot.list_certificates")
    before = set(frame(scan, EUROPE, Certificate)["resource"])
    moto_api_backend.reset()
    aws_estate.seed()
    after = {found["certificateArn"] for found in opened(calm).send(certificates, HOME, {})}
    assert len(after) > 150
    assert after < before
