"""Findings as tickets: what goes to a tracker, in the words, files and limits of that tracker, and what went before."""
