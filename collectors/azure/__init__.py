"""Collectors for Microsoft Azure. `session.py` is the only module here that imports the SDK."""
