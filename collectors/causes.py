"""Why something could not be read: the causes that replies, cells and lists go by, each with its words and its mend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """One reason why something is not known.

    ``words`` follow ``not read:`` in a sentence, ``mend`` is a sentence of its own. ``refused``: the fault lies with the
    read and not with the resource, so another scan may succeed. ``nothing_there``: what was asked for cannot exist, so
    there is nothing to judge and nothing is unknown. ``lead`` says what the scanner did not do.
    """

    words: str
    mend: str
    refused: bool = False
    nothing_there: bool = False
    lead: str = "not read"

    @property
    def title(self) -> str:
        """The words as they begin a sentence or a cell."""
        return self.words[:1].upper() + self.words[1:]


CAUSES: Mapping[str, Cause] = {
    "denied": Cause("the scanner lacks a permission", "Grant the permission to the identity that scans.", refused=True),
    "network_refused": Cause(
        "the resource refuses the scanner's address or network",
        "Let the scanner's address in, or scan from a network that is let in.",
        refused=True,
    ),
    "api_off": Cause(
        "the service's API is switched off",
        "Nothing to do if the service is not used; else enable its API: gcloud services enable SERVICE --project PROJECT.",
        nothing_there=True,
    ),
    "billing_off": Cause("billing is switched off", "Link the project to a billing account.", refused=True),
    "other_tenant": Cause(
        "the resource belongs to another tenant or organisation", "Scan with an identity of that tenant.", refused=True
    ),
    "credentials_ended": Cause(
        "the scanner's credentials have ended", "Renew the credentials, and scan again.", refused=True
    ),
    "quota": Cause("the quota is used up", "Raise the quota, or scan again later.", refused=True),
    "gone": Cause("it was deleted while it was read", "Scan again.", refused=True),
    "message_decides": Cause("the device's message decides", "Name the target in the rule, or judge by hand."),
    "out_of_scope_account": Cause("it belongs to an account that is not scanned", "Scan that account."),
    "unavailable": Cause(
        "the service is not offered there", "Nothing to do if the service is not used there.", nothing_there=True
    ),
    "partial": Cause(
        "the read was stopped before its end", "Raise the call budget, or scan again to read on.", refused=True
    ),
    "failed": Cause(
        "the service gave no usable answer",
        "Scan again; if it stays, look at the error code in coverage.csv.",
        refused=True,
    ),
    "absent_field": Cause("the reply does not hold it", "Judge by hand."),
    "not_parseable": Cause("the scanner does not know how to read it", "Judge by hand.", lead="not understood"),
    "no_data_source": Cause("no API tells it", "Judge by hand."),
}
"""Every cause by name. An error of a provider that says nothing finer goes by its outcome."""
NOTHING_THERE = frozenset(name for name, cause in CAUSES.items() if cause.nothing_there)
"""Causes of a list or cell that is no gap."""


def cause_of(name: str) -> Cause:
    """A cause by name; one that this version does not know, as from a newer run, is its own words."""
    return CAUSES.get(name) or Cause(name, "")


def known_cause(name: str) -> str:
    """The name, if it is a cause's. Raises ``ValueError``."""
    if name not in CAUSES:
        raise ValueError(f"no cause {name!r}; causes are {', '.join(CAUSES)}")
    return name
