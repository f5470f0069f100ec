"""Collectors for ClearBlade IoT Core. `session.py` is the only module here that imports the SDK."""
