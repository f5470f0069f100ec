"""Which findings a rule means: globs over what a finding is about, for waivers and owners alike.

All rules are matched at once, by one automaton a column, with one step a character whatever is written in a glob.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from checks.finding import Finding, canonical
from checks.policy.pattern import ANY, ONE, Globs, Items
from collectors import tags

GLOB_LIMIT = 512
"""Characters of one glob."""
GLOBS_LIMIT = 1000
"""Globs in one key of a rule."""
COLUMNS = {
    "check": "check_id",
    "area": "area",
    "provider": "provider",
    "account": "account_id",
    "region": "region",
    "hub": "about_hub",
    "resource": "resource_id",
    "subject": "subject",
}
"""What a rule can name, and what of the finding it is compared with. A display name is not among them: whoever may
rename a device could slip it under a rule."""
WITHOUT_CASE = ("hub", "resource", "subject")
"""Compared without case in Azure, as ARM ids are."""
TAG = "tag "
"""Before the key of a tag, in lower case, where a match tells its globs."""


def as_list(value: Any) -> Any:
    """One text as a list of it. What is neither is a mistake in the settings."""
    if not isinstance(value, str | list | tuple):
        raise PydanticCustomError(
            "glob", "{value} is no glob; allowed: a text, or a list of texts", {"value": repr(value)}
        )
    return [value] if isinstance(value, str) else value


Glob = Annotated[str, Field(min_length=1, max_length=GLOB_LIMIT, pattern=r"^[^\x00-\x1f\x7f]+$")]
GlobList = Annotated[tuple[Glob, ...], BeforeValidator(as_list), Field(max_length=GLOBS_LIMIT)]


class Match(BaseModel):
    """Which findings: each key holds one glob or a list of them. A finding must fit one of every key that is there.

    A glob covers the whole text. ``*`` is any run of characters, ``/`` and ``:`` among them, ``?`` is one character,
    everything else stands for itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: GlobList = Field((), description="Ids of checks.")
    area: GlobList = Field((), description="Areas of checks, such as access.")
    provider: GlobList = Field((), description="aws, azure, gcp or clearblade.")
    account: GlobList = Field((), description="Accounts, subscriptions or projects.")
    region: GlobList = Field((), description="Regions.")
    hub: GlobList = Field((), description="The hub itself, its devices and other parts of it, by the hub's id.")
    resource: GlobList = Field((), description="Resource ids: ARNs, ARM ids, full names.")
    subject: GlobList = Field((), description="The part of a resource, such as a policy's statement.")

    @model_validator(mode="after")
    def _not_empty(self) -> Match:
        if not any(self.globs()):
            raise ValueError(f"matches nothing; give at least one of {', '.join(self.keys())}")
        return self

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """What a match may name."""
        return tuple(COLUMNS)

    def globs(self) -> Iterator[tuple[str, str]]:
        """Every key with each of its globs."""
        for key in COLUMNS:
            yield from ((key, glob) for glob in getattr(self, key))


def symbols(glob: str) -> Items:
    """A glob as the automaton reads it: no character but ``*`` and ``?`` is special."""
    return tuple({"*": ANY, "?": ONE}.get(character, character) for character in glob)


class Column:
    """The globs of all rules over one column: which rules fit a text, as bits."""

    def __init__(self, globs: Sequence[tuple[int, str]], free: int) -> None:
        self.exact: defaultdict[str, int] = defaultdict(int)
        wild: defaultdict[tuple[str, ...], int] = defaultdict(int)
        for rule, glob in globs:
            if "*" in glob or "?" in glob:
                wild[symbols(glob)] |= 1 << rule
            else:
                self.exact[glob] |= 1 << rule
        self.free = free
        self.automaton = Globs([[items] for items in wild])
        self.rules = dict(zip(self.automaton.ends, wild.values(), strict=True))
        self.ends = sum(1 << place for place in self.rules)
        self.known: dict[str, int] = {}

    def fits(self, text: str) -> int:
        """The rules that fit a text or do not ask for this column."""
        if (found := self.known.get(text)) is None:
            found = self.free | self.exact.get(text, 0)
            if self.rules:
                state = self.automaton.read(self.automaton.start, text)
                for place in numbers(state & self.ends):
                    found |= self.rules[place]
            self.known[text] = found
        return found


class Matcher:
    """Many matches at once; their order is that of the rules they belong to. None fits nothing."""

    def __init__(self, matches: Sequence[Match | None]) -> None:
        self.all = sum(1 << n for n, match in enumerate(matches) if match)
        globs: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for number, match in enumerate(matches):
            for key, glob in match.globs() if match else ():
                globs[key].append((number, glob))
        self.columns: list[tuple[str, Column, Column]] = []
        for key, asked in globs.items():
            free = self.all
            for number, _ in asked:
                free &= ~(1 << number)
            lowered = [(number, glob.lower()) for number, glob in asked]
            self.columns.append((key, Column(asked, free), Column(lowered, free)))

    def fits(self, finding: Finding) -> int:
        """The rules whose match a finding fits, one bit each."""
        bits = self.all
        azure = finding.provider == "azure"
        for key, as_written, lowered in self.columns:
            if not bits:
                break
            if key.startswith(TAG):
                text = tags_of(finding.tags).get(key.removeprefix(TAG))
                bits &= as_written.free if text is None else as_written.fits(text)
            elif azure and key in WITHOUT_CASE:
                bits &= lowered.fits(canonical(finding.provider, getattr(finding, COLUMNS[key])))
            else:
                bits &= as_written.fits(getattr(finding, COLUMNS[key]))
        return bits


@lru_cache(maxsize=4096)
def tags_of(cell: str) -> Mapping[str, str]:
    """A finding's tags by key in lower case."""
    return {key.lower(): text for key, text in tags.read(cell).items()}


def numbers(bits: int) -> Iterator[int]:
    """The places of the bits that are set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
