"""Tags of resources, where the provider lists them apart."""

from __future__ import annotations

from collectors.schema import Tagged


class TaggedResource(Tagged):
    """One row per resource with tags, where the provider lists tags apart from the resources."""
