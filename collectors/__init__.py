"""Collectors read the clouds and fill the tables. Nothing else in iotposture knows a cloud SDK."""
