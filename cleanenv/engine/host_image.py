"""Which image is the like of the host: a table from os-release(5) to the images of the distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["HostImage", "matching_image"]


@dataclass(frozen=True, slots=True)
class HostImage:
    """An image; with `family` ("debian", "ubuntu") and `suite` where apt's mirrors have it too."""

    reference: str
    family: str | None = None
    suite: str | None = None


# By ID: the image, and what to take when os-release lacks a field of it (rolling releases have no version).
_IMAGES: Mapping[str, tuple[str, str]] = {
    "almalinux": ("almalinux:{major}", "almalinux:latest"),
    "alpine": ("alpine:{minor}", "alpine:edge"),
    "amzn": ("amazonlinux:{version}", "amazonlinux:latest"),
    "arch": ("archlinux:latest", "archlinux:latest"),
    "centos": ("quay.io/centos/centos:stream{major}", "quay.io/centos/centos:stream9"),
    "debian": ("debian:{codename}", "debian:stable"),
    "fedora": ("fedora:{major}", "fedora:latest"),
    "gentoo": ("gentoo/stage3:latest", "gentoo/stage3:latest"),
    "kali": ("kalilinux/kali-rolling:latest", "kalilinux/kali-rolling:latest"),
    "ol": ("oraclelinux:{major}", "oraclelinux:9"),
    "opensuse-leap": ("opensuse/leap:{minor}", "opensuse/leap:latest"),
    "opensuse-tumbleweed": ("opensuse/tumbleweed:latest", "opensuse/tumbleweed:latest"),
    "photon": ("photon:{minor}", "photon:latest"),
    "raspbian": ("debian:{codename}", "debian:stable"),
    "rhel": ("redhat/ubi{major}:latest", "redhat/ubi9:latest"),
    "rocky": ("rockylinux/rockylinux:{major}", "rockylinux/rockylinux:9"),
    "sles": ("opensuse/leap:{minor}", "opensuse/leap:latest"),
    "ubuntu": ("ubuntu:{version}", "ubuntu:latest"),
    "void": (
        "ghcr.io/void-linux/void-glibc-full:latest",
        "ghcr.io/void-linux/void-glibc-full:latest",
    ),
}

# For a host that the table does not know, nor anything that it says it is like.
_ANY = HostImage("debian:stable")

_APT_FAMILIES = {"debian": "debian", "raspbian": "debian", "ubuntu": "ubuntu"}


def matching_image(os_release: Mapping[str, str]) -> HostImage:
    """The image for a host with that os-release; Debian stable when nothing is known that is nearer."""
    own = os_release.get("ID", "").lower()
    if own in _IMAGES:
        return _image(own, os_release)
    # Mint and others of Ubuntu's kind name Ubuntu's code name beside their own version.
    if codename := os_release.get("UBUNTU_CODENAME"):
        return HostImage(f"ubuntu:{codename}", "ubuntu", codename)
    if codename := os_release.get("DEBIAN_CODENAME"):
        return HostImage(f"debian:{codename}", "debian", codename)
    for like in os_release.get("ID_LIKE", "").lower().split():
        if like in _IMAGES:
            # The version is the derivative's own: it says nothing about its model.
            return HostImage(_IMAGES[like][1])
    return _ANY


def _image(name: str, os_release: Mapping[str, str]) -> HostImage:
    codename, version = os_release.get("VERSION_CODENAME", ""), os_release.get("VERSION_ID", "")
    numbers = version.split(".")
    # Alpine's edge calls itself 3.22.0_alpha20250108.
    stable = version if "_alpha" not in version else ""
    fields = {
        "codename": codename,
        "version": version,
        "major": numbers[0],
        "minor": ".".join(numbers[:2]) if stable else "",
    }
    template, otherwise = _IMAGES[name]
    is_complete = all(value or f"{{{field}}}" not in template for field, value in fields.items())
    reference = template.format_map(fields) if is_complete else otherwise
    family = _APT_FAMILIES.get(name)
    if family is None or not codename:
        return HostImage(reference)
    return HostImage(reference, family, codename)
