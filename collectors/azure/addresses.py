"""Address rules of IoT hubs and provisioning services: which addresses they let in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from collectors.schema import Unread

Network = IPv4Network | IPv6Network
NOBODY_BITS = 32
"""Width of the widest range when no address is let in."""


@dataclass(frozen=True)
class Addresses:
    """What a list of rules comes to."""

    allowed: tuple[Network, ...]
    by_default: bool
    any_rule: bool

    @property
    def widest_bits(self) -> int:
        """Prefix length of the widest range let in; 0 when every address is, 32 when none is."""
        return 0 if self.by_default else min((one.prefixlen for one in self.allowed), default=NOBODY_BITS)

    @property
    def filtered(self) -> bool:
        """Whether only listed addresses get in. A rule that allows every address turns the list into nothing."""
        return self.widest_bits > 0

    def cells(self, public: bool) -> dict[str, Any]:
        """The cells of a hub. Without a public endpoint no address gets in, whatever the rules say."""
        if not public:
            return {"filtered": True, "allows_by_default": False, "widest_range_bits": NOBODY_BITS}
        return {
            "filtered": self.filtered,
            "allows_by_default": self.by_default and self.any_rule,
            "widest_range_bits": self.widest_bits,
        }


def merged_ranges(networks: Iterable[Network]) -> tuple[Network, ...]:
    """The fewest ranges that cover the same addresses: two halves of the internet are all of it."""
    every = list(networks)
    four = collapse_addresses(one for one in every if isinstance(one, IPv4Network))
    six = collapse_addresses(one for one in every if isinstance(one, IPv6Network))
    return (*four, *six)


def rule_set(rules: Mapping[str, Any]) -> Addresses:
    """``networkRuleSets``: a list of what is allowed, and a default that is Deny unless it says Allow."""
    listed = rules.get("ipRules") or []
    allowed = merged_ranges(ip_network(rule["ipMask"], strict=False) for rule in listed)
    return Addresses(allowed, str(rules.get("defaultAction")).lower() == "allow", bool(listed))


def first_rule_ranges(rules: Iterable[Mapping[str, Any]]) -> Addresses:
    """``ipFilterRules``: the first rule that names an address decides; an address that none names is let in."""
    listed = list(rules)
    allowed: list[Network] = []
    refused: list[Network] = []
    for rule in listed:
        network = ip_network(rule["ipMask"], strict=False)
        accepts = rule["action"].lower() == "accept"
        if network.prefixlen == 0:
            return Addresses(merged_ranges(allowed), accepts, True)
        if accepts and not any(within(network, one) for one in refused):
            allowed.append(network)
        elif not accepts:
            refused.append(network)
    return Addresses(merged_ranges(allowed), True, bool(listed))


def within(inner: Network, outer: Network) -> bool:
    """Whether a range lies inside another."""
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def cells(properties: Mapping[str, Any], targets: tuple[str, ...] = ()) -> dict[str, Any]:
    """The cells that address rules and the public network switch of a hub decide.

    ``publicNetworkAccess`` is Enabled when it is not set ("Managing public network access for your IoT hub"). With
    ``targets``, only rules for these parts of the service count.
    """
    public = str(properties.get("publicNetworkAccess")).lower() != "disabled"
    try:
        if rules := properties.get("networkRuleSets"):
            found = rule_set(rules)
        else:
            legacy = properties.get("ipFilterRules") or []
            found = first_rule_ranges(
                one for one in legacy if not targets or (one.get("target") or "all").lower() in targets
            )
        decided = found.cells(public)
    except Exception as error:  # whatever the rules bring about costs these cells
        unread = Unread("not_parseable", detail=f"address rules: {type(error).__name__}")
        decided = dict.fromkeys(("filtered", "allows_by_default", "widest_range_bits"), unread)
        if not public:
            decided = Addresses((), False, False).cells(public)
    return {"public_network": public, **decided}
