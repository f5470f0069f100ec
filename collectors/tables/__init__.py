"""The tables: what a collector fills and a check reads. No provider is imported here."""
