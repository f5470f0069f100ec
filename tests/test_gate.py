"""What a CI job is told of findings that hit the gate."""

from __future__ import annotations

import re

import made_up
import pytest

from flows.gate import ANNOTATED, Gate, ci_lines, judge
from flows.history import Past

GITHUB, AZURE = {"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}


def lines(environment: dict[str, str], hostile: bool = False) -> list[str]:
    report = made_up.hostile() if hostile else made_up.report()
    verdict = judge(Gate(fail_on="info"), report, Past())
    assert len(verdict.hits) > ANNOTATED
    return ci_lines(verdict.hits, environment)


def test_github_shows_ten_findings_the_gravest_first() -> None:
    told = lines(GITHUB)
    assert len(told) == ANNOTATED
    assert all(re.fullmatch(r"::error title=[^:,]+::(critical|high): .+, .+", line) for line in told)
    assert told[0].startswith("::error title=") and "::critical: Not met: " in told[0]


def test_azure_pipelines_logs_issues() -> None:
    assert all(re.fullmatch(r"##vso\[task\.logissue type=error\](critical|high): .+", line) for line in lines(AZURE))


def test_elsewhere_nothing_is_annotated() -> None:
    assert lines({}) == []


@pytest.mark.parametrize("environment", [GITHUB, AZURE])
def test_a_hostile_name_ends_no_command_and_begins_none(environment: dict[str, str]) -> None:
    for line in lines(environment, hostile=True):
        assert len(line.splitlines()) == 1 and line.isprintable()
        head = re.match(r"::error title=([^:,]*)::|##vso\[task\.logissue type=error\]", line)
        assert head
        assert not line[head.end() :].lstrip().startswith("::") and "##vso[" not in line[head.end() :]
