"""The guidelines and frameworks are what the catalogue counted, and every citation leads somewhere."""

from __future__ import annotations

import csv
import re
from collections import Counter
from importlib.resources import files

import pytest

from checks.check import SEVERITIES
from checks.guidelines import controls_of, frameworks, guidelines, sources

FILES = sorted(path.name for path in (files("checks") / "frameworks").iterdir())
PROVIDERS = ("aws", "azure", "gcp")
AREAS = {
    "connection": (5, 13, 5),
    "identity": (20, 12, 10),
    "access": (17, 9, 7),
    "data": (7, 7, 7),
    "keys": (4, 3, 4),
    "updates": (6, 6, 3),
    "edge": (8, 5, 3),
    "detection": (8, 5, 3),
}
TIER_1_BY_AREA = {
    "connection": 14,
    "identity": 35,
    "access": 26,
    "data": 11,
    "keys": 6,
    "updates": 10,
    "edge": 10,
    "detection": 9,
}
BY_SEVERITY = {"critical": (16, 6, 6), "high": (23, 16, 11), "medium": (24, 30, 15), "low": (12, 8, 10)}
BY_PEER = {"full": (22, 18, 13), "partial": (13, 5, 2), "none": (40, 37, 27)}
CITED = {
    "OWASP-IOT-2014": {"I1": 2, "I2": 79, "I3": 18, "I4": 18, "I5": 20, "I6": 40, "I7": 2, "I8": 23, "I9": 23, "I10": 2},
    "OWASP-IOT-2018": {"I1": 24, "I2": 18, "I3": 54, "I4": 16, "I5": 11, "I6": 15, "I7": 35, "I8": 50, "I9": 19, "I10": 2},
}  # fmt: skip
WHOLE_LISTS = {"OWASP-IOT-2014", "OWASP-IOT-2018", "NIST-IR-8259A"}


def counted(attribute: str) -> dict[str, tuple[int, ...]]:
    pairs = Counter((getattr(g, attribute), g.provider) for g in guidelines().values())
    return {value: tuple(pairs[value, provider] for provider in PROVIDERS) for value, _ in pairs}


def rows(name: str) -> list[list[str]]:
    text = (files("checks") / "frameworks" / name).read_bytes().decode("utf-8")
    return list(csv.reader(text.splitlines(keepends=True), strict=True))


def test_guidelines_are_as_many_per_area_severity_and_peer_as_the_catalogue_counted() -> None:
    assert len(guidelines()) == 177
    assert counted("area") == AREAS
    assert counted("severity") == BY_SEVERITY
    assert counted("peer") == BY_PEER


def test_guidelines_of_the_first_release_are_as_many_as_the_catalogue_counted() -> None:
    first = [g for g in guidelines().values() if g.tier == 1]
    assert Counter(g.area for g in first) == TIER_1_BY_AREA
    assert Counter(g.provider for g in first) == {"aws": 51, "azure": 40, "gcp": 30}
    assert {g.tier for g in guidelines().values()} == {1, 2}


def test_owasp_items_are_cited_as_often_as_the_catalogue_counted() -> None:
    for framework, expected in CITED.items():
        cited = Counter(c.split(" ")[1] for g in guidelines().values() for c in g.controls if c.startswith(framework))
        assert cited == expected


def test_guideline_ids_are_unique_and_stand_by_provider_area_and_severity() -> None:
    ids = [row[0] for row in rows("guidelines.csv")[1:]]
    assert len(ids) == len(set(ids))
    areas = list(AREAS)
    place = [(g.provider, areas.index(g.area), SEVERITIES.index(g.severity), g.id) for g in guidelines().values()]
    assert place == sorted(place)


def test_every_guideline_is_filled_in_with_known_words() -> None:
    profiles = {"", "private-network", "cmk-required", "cmek-required", "data-residency", "production-stage"}
    for guideline in guidelines().values():
        assert guideline.id.startswith(f"{guideline.provider}-")
        assert guideline.profile in profiles, guideline
        assert guideline.title and guideline.fix and guideline.source and guideline.controls, guideline
        assert guideline.title[0].isupper() and not guideline.title.endswith("."), guideline
        assert len(guideline.controls) == len(set(guideline.controls)), guideline


def test_every_cited_control_stands_in_its_framework_and_nothing_else_does() -> None:
    cited = {control for guideline in guidelines().values() for control in guideline.controls}
    known = {str(requirement) for listed in frameworks().values() for requirement in listed.values()}
    assert cited <= known
    assert {control for control in known - cited if control.split(" ")[0] not in WHOLE_LISTS} == set()
    assert {name: len(frameworks()[name]) for name in WHOLE_LISTS} == dict.fromkeys(WHOLE_LISTS, 10) | {
        "NIST-IR-8259A": 6
    }


def test_every_requirement_has_a_short_title_and_a_public_page() -> None:
    for listed in frameworks().values():
        for requirement in listed.values():
            assert 1 <= len(requirement.title.split()) <= 10, requirement
            assert requirement.url.startswith("https://"), requirement


def test_every_cited_source_is_known_and_nothing_else_is() -> None:
    cited = {
        re.sub(r" \(.*\)$", "", part) for guideline in guidelines().values() for part in guideline.source.split("; ")
    }
    assert cited == set(sources())


def test_controls_of_guidelines_are_a_union_in_their_order() -> None:
    ids = ["azure-iothub-min-tls", "aws-iot-domain-tls-policy-legacy"]
    first, second = (guidelines()[i].controls for i in ids)
    together = controls_of(ids)
    assert together[: len(first)] == first
    assert together[len(first) :] == tuple(control for control in second if control not in first)
    assert controls_of([]) == ()
    with pytest.raises(KeyError):
        controls_of(["aws-iot-no-such-guideline"])


@pytest.mark.parametrize("name", FILES)
def test_data_file_is_plain_csv_that_no_spreadsheet_runs(name: str) -> None:
    data = (files("checks") / "frameworks" / name).read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data and data.endswith(b"\n")
    header, *body = rows(name)
    assert header[0] == "id" and body
    assert {len(row) for row in body} == {len(header)}
    assert len({row[0] for row in body}) == len(body)
    for cell in (cell for row in body for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "\t")), cell
        assert cell == cell.strip() and "\n" not in cell, cell
