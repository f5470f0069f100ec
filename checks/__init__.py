"""Checks judge the tables. They are pure functions over dataframes and never talk to a cloud."""
