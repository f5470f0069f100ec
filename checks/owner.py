"""Whose a finding is: rules over what it is about, so that it arrives at a team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from checks.finding import Finding
from checks.match import Match, Matcher, numbers

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S([^\x00-\x1f\x7f]*\S)?$")]


class OwnerRule(Match):
    """One rule: findings that match belong to the owner."""

    owner: Name = Field(description="A team or a person, as the ticket system knows them.")


class Owners:
    """The rules in their order: the first that matches a finding says whose it is."""

    def __init__(self, rules: Sequence[OwnerRule], default: str = "") -> None:
        self.names = [rule.owner for rule in rules]
        self.matcher = Matcher(rules)
        self.default = default

    def of(self, finding: Finding) -> str:
        """The owner, or the default one where no rule matches."""
        return next((self.names[number] for number in numbers(self.matcher.fits(finding))), self.default)
