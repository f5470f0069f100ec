"""Flows wire collectors, checks and reports together: the command line, the settings and the Prefect flow."""
