"""Collectors for Amazon Web Services. `session.py` is the only module here that imports the SDK."""
