"""Where webhooks may go: public addresses only, however they are written, resolved or changed on the way."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.webhooks.addresses import (
    ForbiddenAddressError,
    GuardedResolver,
    SystemLookup,
    check_url,
    forbidden,
)
from tests.unit.alerts.webhook_names import ChangingLookup

SECRET = bytes(range(32))
EVENT, BODY = "8f7b3d3e-0000-4000-8000-000000000001", b'{"type":"x"}'
PUBLIC = "93.184.215.14"


PRIVATE = ("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12:3456::1")
LOOPBACK = ("127.0.0.1", "127.255.255.254", "0.0.0.0", "::1", "::", "localhost")  # noqa: S104  # refused, not bound
LINK_LOCAL = ("169.254.169.254", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0")
MULTICAST = ("224.0.0.1", "239.255.255.250", "255.255.255.255", "ff02::1")
MAPPED = (
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a9fe:a9fe", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
    "2002:7f00:1::", "2001:0:1::1",
)  # fmt: skip
ODD = ("0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "127.1", "017700000001", "")
RESERVED = ("240.0.0.1", "192.0.2.1", "198.18.0.1", "192.0.0.8", "192.88.99.1", "2001:db8::1", "3fff::1", "5f00::1")


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", LOOPBACK)
def test_a_loopback_address_is_refused(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", LINK_LOCAL)
def test_a_link_local_address_is_refused(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", MULTICAST)
def test_a_multicast_address_is_refused(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", MAPPED)
def test_an_ipv6_mapped_address_is_refused(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", ODD)
def test_an_octal_hexadecimal_or_decimal_address_is_refused(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", RESERVED)
def test_a_reserved_address_is_refused(address: str) -> None:
    assert forbidden(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "2a01:cb00::1"])
def test_public_address_passes(address: str) -> None:
    assert not forbidden(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
@settings(deadline=None)
def test_a_private_address_stays_refused_in_every_ipv6_dress(address: object) -> None:
    assert isinstance(address, IPv4Address)
    number = int(address)
    nat64, six_to_four = IPv6Address((0x64FF9B << 96) | number), IPv6Address((0x2002 << 112) | (number << 80))
    for dressed in (f"::ffff:{address}", f"::{address}", str(nat64), str(six_to_four)):
        assert forbidden(dressed), dressed


def refused(*urls: str) -> None:
    for url in urls:
        with pytest.raises(ForbiddenAddressError):
            check_url(url)


def test_an_address_in_the_url_is_refused_without_resolving() -> None:
    every = (*PRIVATE, *LINK_LOCAL, *MULTICAST, *MAPPED, *RESERVED)
    refused(*(f"https://[{each.replace('%', '%25')}]/" if ":" in each else f"https://{each}/" for each in every))
    for each in ("127.0.0.1", "[::1]", "0177.0.0.1", "2130706433", "127.1", "127.0.0.1.", "\uff11\uff12\uff17.0.0.1"):
        refused(f"https://{each}/")


def test_userinfo_in_the_url_is_refused() -> None:
    for each in ("user:pass@partner.example", "user@partner.example", ":pass@partner.example", "8.8.8.8@127.0.0.1"):
        refused(f"https://{each}/")


def test_ports_of_other_services_are_refused() -> None:
    refused(*(f"https://partner.example:{port}/" for port in (0, 1, 22, 25, 53, 80, 389, 442, 444, 465, 1_023, 99_999)))


def test_only_https_is_let_in() -> None:
    refused(*(f"{scheme}://partner.example/" for scheme in ("http", "ftp", "file", "gopher", "ws")), "http://8.8.8.8/")


def test_header_injection_in_an_address_is_refused() -> None:
    for end in ("\r\nX-Evil: 1/", "\x00/", " x/", "/a\r\nX-Evil: 1", "/?b=\n", "/\x85", "/\u2028"):
        refused(f"https://partner.example{end}")


def test_what_is_no_url_is_refused() -> None:
    refused("//partner.example/", "partner.example", "https:///path", "https://[::1", "https://x:y/", "https://", "")


@pytest.mark.parametrize(
    "url", ["https://partner.example/", "https://partner.example:8443/x?y=1", "https://[2606:4700:4700::1111]/"]
)
def test_url_passes(url: str) -> None:
    assert str(check_url(url)) == url


def test_allow_list_is_exact() -> None:
    allow = ("127.0.0.1:8055",)
    assert check_url("http://127.0.0.1:8055/x", allow).port == 8055
    for url in ("http://127.0.0.1:8056/", "http://127.0.0.1/", "http://127.0.0.2:8055/"):
        with pytest.raises(ForbiddenAddressError):
            check_url(url, allow)


@pytest.mark.parametrize("host", [*ODD[:-1], "localhost"])
async def test_what_the_system_reads_as_a_loopback_address_is_refused(host: str) -> None:
    with pytest.raises(OSError, match="not public"):
        await GuardedResolver(SystemLookup()).resolve(host, 80)


async def test_a_name_that_can_be_none_has_no_address() -> None:
    with pytest.raises(OSError, match="no such name"):
        await GuardedResolver(SystemLookup()).resolve("a" * 64 + ".example", 443)


async def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    resolver = GuardedResolver(ChangingLookup([PUBLIC, "10.0.0.1"]))
    with pytest.raises(ForbiddenAddressError):
        await resolver.resolve("partner.example", 443)
    fine = await GuardedResolver(ChangingLookup([PUBLIC, "2606:4700:4700::1111"])).resolve("partner.example", 443)
    assert [result["host"] for result in fine] == [PUBLIC, "2606:4700:4700::1111"]
