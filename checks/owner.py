"""Whose a finding is: rules over what it is about, so that it arrives at a team."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator

from checks.finding import Finding
from checks.glob_rules import TAG, GlobList, Match, Matcher, numbers, tags_of
from collectors.tags import MASK

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

    @field_validator("tags")
    @classmethod
    def _once(cls, tags: dict[str, Any]) -> dict[str, Any]:
        if twice := [key for key, count in Counter(map(str.lower, tags)).items() if count > 1]:
            raise ValueError(f"{', '.join(twice)}: stands there twice; keys are compared without case")
        return tags

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
    """The rules in their order: the first that matches a finding says whose it is.

    Where none does, the first of the tags ``by`` that the finding has names the owner, and where it has none, ``default``.
    """

    def __init__(self, rules: Sequence[OwnerRule], default: str = "", by: Sequence[str] = ()) -> None:
        self.names = [rule.owner for rule in rules]
        self.matcher = Matcher(rules)
        self.default = default
        self.by = [key.lower() for key in by]

    def of(self, finding: Finding) -> str:
        """The owner by the rules, else by a tag, else the default one."""
        ruled = next((self.names[number] for number in numbers(self.matcher.fits(finding))), "")
        return ruled or self.tagged(finding) or self.default

    def tagged(self, finding: Finding) -> str:
        """The owner whom a tag names; empty text where none does, or where the text cannot be a name."""
        found = tags_of(finding.tags)
        return next((found[key] for key in self.by if names_somebody(found.get(key, ""))), "")


def names_somebody(text: str) -> bool:
    """Whether the text of a tag can be an owner's name. One that was masked cannot."""
    return 0 < len(text) <= 100 and text.isprintable() and text == text.strip() and text != MASK


def tags_named(rules: Iterable[OwnerRule], by: Iterable[str] = ()) -> frozenset[str]:
    """The keys of tags, in lower case, that tell whose a finding is."""
    return frozenset(key.lower() for keys in (by, *(rule.tags for rule in rules)) for key in keys)
