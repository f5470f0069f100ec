"""Collectors for Google Cloud. `session.py` is the only module here that imports the SDK."""
