"""Where a scan asks, as a URL: in the clear only on this machine, because credentials go there."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit


class InTheClear(ValueError):
    """What would be sent could be read on its way: one line that names the URL and says what is allowed."""


def encrypted(url: str) -> str:
    """A URL that hides what is sent: https, or a host on this machine. Raises InTheClear for another."""
    if not url.lower().startswith("https://") and url and not on_this_machine(url):
        raise InTheClear(f"{without_password(url)} would be asked in the clear; allowed: https, or http to 127.0.0.1")
    return url


def on_this_machine(url: str) -> bool:
    """Whether a URL's host is the loopback. One that two programs might read in two ways is not."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if "@" in parts.netloc or "\\" in url:
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_password(value: str) -> str:
    """A value without the password that a URL may hold."""
    return re.sub(r"(?<=://)([^/@:]*):.*@", r"\1:***@", re.sub(r"(?<=password=)[^&]*", "***", value))
