"""What cannot change is asked once: facts of certificates are kept between scans, and a list of weak keys is read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from moto.iot.models import iot_backends
from registry import CLOCK, SCOPE, Looked, certificates

from collectors import fact_cache as module
from collectors.fact_cache import FactCache, Facts
from collectors.gcp.registry import credential_facts
from collectors.weak_keys import WeakKeys, mark
from flows.errors import BadSettings
from flows.scan import Order
from flows.settings import Settings, load
from lab.aws_certificates import authority, mint
from lab.aws_estate import enrol
from lab.aws_policies import ACCOUNT
from lab.aws_revocation import AMERICA, DEBIAN_MODULUS
from lab.cloud import Lab

DESCRIBE = "iot.describe_certificate"


@pytest.fixture
def kept(tmp_path: Path) -> FactCache:
    return FactCache(str(tmp_path / "kept"))


def file_of(kept: FactCache) -> Path:
    return Path(kept.url) / module.path(SCOPE)


@pytest.fixture
def newcomer(lab: Lab) -> Iterator[str]:
    """A certificate that is registered while the test runs; its CA is registered a moment later."""
    signer = authority("Brightwater Late CA")
    held = enrol(AMERICA, "logger-late", mint("logger-late", signer))
    yield signer.pem
    backend = iot_backends[ACCOUNT][AMERICA]
    del backend.certificates[held.certificate_id]
    del backend.principal_things[held.arn, "logger-late"]
    for name in [name for name, thing in backend.things.items() if thing.thing_name == "logger-late"]:
        del backend.things[name]


def test_the_second_scan_finds_the_same_and_describes_no_certificate_again(lab: Lab, kept: FactCache) -> None:
    first = certificates(lab, kept)
    described = lab.aws.switchboard.calls[DESCRIBE]
    second = certificates(lab, kept)
    assert described >= 10
    assert lab.aws.switchboard.calls[DESCRIBE] == 0
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert first.answered() == second.answered()


def test_days_left_are_counted_from_the_clock_of_each_scan(lab: Lab, kept: FactCache) -> None:
    before = certificates(lab, kept).named("logger-boston-01")
    later = certificates(lab, kept, clock=CLOCK + timedelta(days=3)).named("logger-boston-01")
    assert lab.aws.switchboard.calls[DESCRIBE] == 0
    assert later["expires_in_days"] == before["expires_in_days"] - 3


def test_only_new_ids_are_described_and_again_once_their_ca_is_registered(
    lab: Lab, kept: FactCache, newcomer: str
) -> None:
    backend = iot_backends[ACCOUNT][AMERICA]
    certificates(lab, kept)
    late = next(c for c in backend.certificates.values() if Looked.called(c.arn) == "logger-late")
    del backend.certificates[late.certificate_id]
    assert late.arn not in set(certificates(lab, kept).frame["resource"])
    backend.certificates[late.certificate_id] = late
    assert certificates(lab, kept).named("logger-late")["issuer"] == ""
    assert lab.aws.switchboard.calls[DESCRIBE] == 1, "what is gone from the list is gone from the store"
    registered = backend.register_ca_certificate(newcomer, True, {})
    try:
        assert certificates(lab, kept).named("logger-late")["issuer"] == registered.certificate_id
        assert lab.aws.switchboard.calls[DESCRIBE] == 1
        assert certificates(lab, kept).named("logger-late")["issuer"] == registered.certificate_id
        assert lab.aws.switchboard.calls[DESCRIBE] == 0
    finally:
        del backend.ca_certificates[registered.certificate_id]


@pytest.mark.parametrize(
    "damage", ["another format", "no parquet", "other columns", "no facts", "half a fact", "no time"]
)
def test_a_store_that_cannot_be_used_is_left_aside_and_written_anew(
    lab: Lab, kept: FactCache, damage: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Facts()
    ids = [held.certificate_id for held in iot_backends[ACCOUNT][AMERICA].certificates.values()]
    texts = {"no facts": "[1]", "half a fact": '{"parseable": true}', "no time": '{"parseable": false, "ends": "soon"}'}
    facts.known = dict.fromkeys(ids, texts.get(damage, '{"parseable": false}'))
    facts.learnt = True
    with monkeypatch.context() as patch:
        patch.setattr(module, "FORMAT", "0" if damage == "another format" else module.FORMAT)
        kept.write(SCOPE, facts, whole=False)
    if damage == "no parquet":
        file_of(kept).write_bytes(b"PAR1 and nothing more")
    if damage == "other columns":
        pd.DataFrame({"id": ids}).to_parquet(file_of(kept))
    with caplog.at_level(logging.WARNING, "iotposture"):
        looked = certificates(lab, kept)
    assert looked.named("logger-boston-01")["parseable"] is True
    assert lab.aws.switchboard.calls[DESCRIBE] >= 10
    said = [record.getMessage() for record in caplog.records]
    assert any("left aside" in line for line in said) is (damage in ("no parquet", "other columns"))
    certificates(lab, kept)
    assert lab.aws.switchboard.calls[DESCRIBE] == 0


def test_neither_pem_nor_private_matter_is_kept(lab: Lab, kept: FactCache) -> None:
    certificates(lab, kept)
    frame = pd.read_parquet(file_of(kept))
    assert set(frame.columns) == {"id", "facts", "format"}
    assert "BEGIN" not in frame.to_csv()
    held = [c.certificate_pem.splitlines()[1] for c in iot_backends[ACCOUNT][AMERICA].certificates.values()]
    assert not [line for line in held if line in frame.to_csv()]


def test_a_scan_that_saw_half_a_list_forgets_nothing(kept: FactCache) -> None:
    first, second = Facts(), Facts()
    first.put("a", {"parseable": False})
    first.put("b", {"parseable": False})
    kept.write(SCOPE, first, whole=True)
    second = kept.of(SCOPE)
    second.put("c", {"parseable": False})
    kept.write(SCOPE, second, whole=False)
    assert set(kept.of(SCOPE).known) == {"a", "b", "c"}
    third = kept.of(SCOPE)
    third.get("b")
    kept.write(SCOPE, third, whole=True)
    assert set(kept.of(SCOPE).known) == {"b"}


def test_scans_that_write_at_once_leave_one_whole_file(kept: FactCache) -> None:
    def write(number: int) -> None:
        facts = Facts()
        for index in range(200):
            facts.put(f"{number}-{index}", {"parseable": False})
        kept.write(SCOPE, facts, whole=True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    found = kept.of(SCOPE).known
    assert len(found) == 200
    assert len({id_.split("-")[0] for id_ in found}) == 1
    assert [path.name for path in file_of(kept).parent.iterdir()] == [module.FILE]


def test_a_store_that_cannot_be_written_costs_no_finding(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "kept").write_text("a file where a folder should be")
    facts, kept = Facts(), FactCache(str(tmp_path / "kept"))
    facts.put("a", {"parseable": False})
    with caplog.at_level(logging.WARNING, "iotposture"):
        kept.write(SCOPE, facts, whole=True)
        assert kept.of(SCOPE).known == {}
    assert any("could not be kept" in record.getMessage() for record in caplog.records)


def test_facts_lie_beside_the_runs_or_the_reports_or_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def place(out: str = "", **more: object) -> str:
        return Order(Settings(**more), "1", CLOCK, out=out).kept.url  # type: ignore[arg-type]

    assert place(runs="memory://posture/runs/") == "memory://posture/runs/kept"
    assert place() == str(tmp_path / "iotposture-out" / "kept")
    assert place("reports") == str(tmp_path / "reports" / "kept")
    assert place(keep_facts=False) == ""


def test_a_key_on_the_list_of_known_keys_is_weak(lab: Lab) -> None:
    assert certificates(lab).named("logger-salem-02")["weak_key"] is False
    looked = certificates(lab, weak=WeakKeys(str(lab.weak_keys)))
    assert looked.named("logger-salem-02")["weak_key"] is True
    assert looked.named("logger-boston-01")["weak_key"] is False
    found = {looked.called(f["resource_id"]) for f in looked.findings("certificate-has-a-strong-key", "fail")}
    assert "logger-salem-02" in found


def test_registry_devices_are_judged_by_the_list_too(lab: Lab) -> None:
    key = rsa.RSAPublicNumbers(65537, DEBIAN_MODULUS).public_key()
    bare = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for encoded in (bare, mint("logger", authority("CA"), key)):
        told = [
            credential_facts({"publicKey": {"key": encoded}}, [], CLOCK, weak)["weak"]
            for weak in (WeakKeys(), WeakKeys(str(lab.weak_keys)))
        ]
        assert told == [False, True]


def test_keys_are_looked_up_by_the_number_that_badkeys_hashes(tmp_path: Path) -> None:
    keys: list[PublicKeyTypes] = [
        rsa.RSAPublicNumbers(65537, DEBIAN_MODULUS).public_key(),
        ec.derive_private_key(1, ec.SECP256R1()).public_key(),
        ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key(),
    ]
    other = ec.derive_private_key(2, ec.SECP256R1()).public_key()
    path = tmp_path / "blocklist.dat"
    path.write_bytes(b"".join(sorted(bytes.fromhex(mark(key)) + b"\x07" for key in keys)))
    held = WeakKeys(str(path))
    assert len(held) == 3
    assert [mark(key) in held for key in (*keys, other)] == [True, True, True, False]
    assert "" not in held
    assert mark(keys[0]) not in WeakKeys()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "no list of weak keys"),
        (b"abc", "no list"),
        (b"\xff" * 16 + b"\0" * 16, "not in order"),
    ],
)
def test_a_file_that_is_no_list_of_weak_keys_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    path = tmp_path / "blocklist.dat"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("IOTPOSTURE_WEAK_KEYS", str(path))
    with pytest.raises(BadSettings) as refused:
        load()
    assert said in str(refused.value)
    assert str(refused.value).startswith("IOTPOSTURE_WEAK_KEYS: weak_keys: ")
    assert "\n" not in str(refused.value)
