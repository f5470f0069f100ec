"""Whose a finding is: rules over what it is about, so that it arrives at a team."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from pydantic import Field

from checks.finding import Finding
from checks.match import TAG, GlobList, Match, Matcher, numbers

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S([^\x00-\x1f\x7f]*\S)?$")]
TagKey = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]


class OwnerRule(Match):
    """One rule: findings that match belong to the owner.

    Tags are for owners only. They are no match of a waiver: whoever may tag a device could slip it under one.
    """

    owner: Name = Field(description="A team or a person, as the ticket system knows them.")
    tags: dict[TagKey, Annotated[GlobList, Field(min_length=1)]] = Field(
        {}, description="Globs over the texts of tags, by key; of the resource, else of its hub."
    )

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """What a rule may name."""
        return (*super().keys(), "tags")

    def globs(self) -> Iterator[tuple[str, str]]:
        """Every key with each of its globs. Keys of tags are compared without case."""
        yield from super().globs()
        for key, globs in self.tags.items():
            yield from ((f"{TAG}{key.lower()}", glob) for glob in globs)


class Owners:
    """The rules in their order: the first that matches a finding says whose it is."""

    def __init__(self, rules: Sequence[OwnerRule], default: str = "") -> None:
        self.names = [rule.owner for rule in rules]
        self.matcher = Matcher(rules)
        self.default = default

    def of(self, finding: Finding) -> str:
        """The owner, or the default one where no rule matches."""
        return next((self.names[number] for number in numbers(self.matcher.fits(finding))), self.default)


def tags_named(rules: Iterable[OwnerRule]) -> frozenset[str]:
    """The keys of tags, in lower case, that rules name."""
    return frozenset(key.lower() for rule in rules for key in rule.tags)
