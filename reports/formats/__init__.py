"""Findings for other programs: OCSF, the AWS Security Finding Format, SARIF and iotposture's own JSON."""
