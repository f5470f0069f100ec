"""Every target of an export, by name. A new one is a module with a Profile, and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from reports.tickets import azure_boards, defectdojo, github, gitlab, jira, linear, servicenow, spreadsheet
from reports.tickets.profile import Profile

TARGETS: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        jira.PROFILE,
        servicenow.PROFILE,
        azure_boards.PROFILE,
        gitlab.PROFILE,
        github.PROFILE,
        linear.PROFILE,
        defectdojo.PROFILE,
        spreadsheet.SPREADSHEET,
        spreadsheet.CSV,
    )
}
