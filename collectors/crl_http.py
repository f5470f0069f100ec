"""The transport to revocation lists: GET requests to hosts that certificates name, and to public addresses only.

A certificate says which URL is fetched, so the URL is hostile: a name is looked up first, every address must be
public, and the connection goes to that very address, whatever the name says a moment later. No redirect is followed,
no proxy used, no credential sent, and size and time are limited.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from collectors.operation import ReadFailed

LARGEST = 10 * 2**20
"""Bytes. Lists of public CAs stay below 10 MB, the size up to which browsers and Apple's systems take them."""
SECONDS = 20.0
"""For one list from the first byte asked to the last one read; looking up the name comes on top."""
TRIES = 2
"""Addresses of one host, such as the IPv6 and the IPv4 one."""
PORTS = {"http": 80, "https": 443}
TRANSLATED = IPv6Network("64:ff9b::/96")
"""Addresses that a NAT64 gateway turns into IPv4 ones (RFC 6052)."""


class Outside:
    """Fetches lists. ``allowed`` names hosts that may be private and may listen on any port, such as an internal CA."""

    def __init__(self, allowed: Iterable[str] = (), ca_bundle: str = "") -> None:
        self._allowed = frozenset(host.lower() for host in allowed)
        self._ca_bundle = ca_bundle

    def fetch(self, url: str) -> bytes:
        """The bytes behind a URL. Raises ReadFailed with a code that says what was wrong."""
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise ReadFailed("failed", "BadUrl") from None
        host, port = target.host.lower(), target.port or PORTS.get(target.scheme, 0)
        if target.scheme not in PORTS or not host or target.userinfo:
            raise ReadFailed("failed", "BadUrl")
        if host not in self._allowed and port != PORTS[target.scheme]:
            raise ReadFailed("failed", "PortNotAllowed", host)
        failure = ReadFailed("failed", "NoSuchHost", host)
        for address in self.addresses(host, port):
            try:
                return b"".join(self._parts(target, host, address))
            except httpx.ConnectError:
                failure = ReadFailed("failed", "ConnectError", host)
            except httpx.TimeoutException:
                raise ReadFailed("failed", "Timeout", host) from None
            except (httpx.HTTPError, OSError, ValueError) as error:
                raise ReadFailed("failed", type(error).__name__, host) from None
        raise failure

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses to try. One address of a host that is not public spoils them all."""
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError):
            raise ReadFailed("failed", "NoSuchHost", host) from None
        if host not in self._allowed and not all(public(address) for address in found):
            raise ReadFailed("failed", "PrivateAddress", host)
        return list(dict.fromkeys(found))[:TRIES]

    def _parts(self, target: httpx.URL, host: str, address: str) -> Iterator[bytes]:
        ends, size = time.monotonic() + SECONDS, 0
        name = f"[{host}]" if ":" in host else host
        headers = {"Host": f"{name}:{target.port}" if target.port else name, "Accept-Encoding": "identity"}
        request = httpx.Request(
            "GET", target.copy_with(host=address), headers=headers, extensions={
                "sni_hostname": host, "timeout": httpx.Timeout(SECONDS / 2).as_dict(),
            },
        )  # fmt: skip
        verify = ssl.create_default_context(cafile=self._ca_bundle or None)
        with httpx.Client(trust_env=False, follow_redirects=False, verify=verify) as client:
            reply = client.send(request, stream=True)
            try:
                refuse(reply, host)
                for part in reply.iter_raw():
                    size += len(part)
                    if size > LARGEST:
                        raise ReadFailed("failed", "TooLarge", host)
                    if time.monotonic() > ends:
                        raise ReadFailed("failed", "Timeout", host)
                    yield part
            finally:
                reply.close()


def refuse(reply: httpx.Response, host: str) -> None:
    """Raises ReadFailed for an answer that is no list: only 200 is one, and only as it is."""
    if reply.is_redirect:
        raise ReadFailed("failed", "Redirect", host)
    if reply.status_code != 200:
        denied = reply.status_code in (401, 403)
        raise ReadFailed("denied" if denied else "failed", f"HTTP{reply.status_code}", host)
    if reply.headers.get("Content-Encoding", "identity") != "identity":
        raise ReadFailed("failed", "Compressed", host)
    if int(reply.headers.get("Content-Length") or 0) > LARGEST:
        raise ReadFailed("failed", "TooLarge", host)


def public(text: str) -> bool:
    """Whether an address is one of the public internet, also the IPv4 address that an IPv6 one stands for."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return public(str(inner))
    return address.is_global and not address.is_multicast and not address.is_reserved
