"""Why something could not be read: the causes that replies, cells and lists go by."""

from __future__ import annotations

from collections.abc import Mapping

CAUSES: Mapping[str, str] = {
    "denied": "the scanner lacks a permission",
    "network_refused": "the resource refuses the scanner's address or network",
    "api_off": "the service's API is switched off",
    "billing_off": "billing is switched off",
    "other_tenant": "the resource belongs to another tenant or organisation",
    "credentials_ended": "the scanner's credentials have ended",
    "quota": "the quota is used up",
    "gone": "it was deleted while it was read",
    "message_decides": "the device's message decides",
    "out_of_scope_account": "it belongs to an account that is not scanned",
    "unavailable": "the service is not offered there",
    "partial": "the list was not read to its end",
    "failed": "the service gave no usable answer",
    "absent_field": "the reply does not hold it",
    "not_parseable": "the reply makes no sense",
    "no_data_source": "no API tells it",
}
"""Every cause, in plain words."""
