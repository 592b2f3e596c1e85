from __future__ import annotations

import pytest

from cleanenv.engine.host_image import HostImage, matching_image


def release(**fields: str) -> dict[str, str]:
    return fields


@pytest.mark.parametrize(
    ("os_release", "image"),
    [
        (
            release(ID="debian", VERSION_ID="12", VERSION_CODENAME="bookworm"),
            HostImage("debian:bookworm", "debian", "bookworm"),
        ),
        (
            release(ID="debian", VERSION_CODENAME="forky"),
            HostImage("debian:forky", "debian", "forky"),
        ),
        (release(ID="debian"), HostImage("debian:stable")),
        (
            release(ID="ubuntu", VERSION_ID="22.04", VERSION_CODENAME="jammy", UBUNTU_CODENAME="jammy"),
            HostImage("ubuntu:22.04", "ubuntu", "jammy"),
        ),
        (
            release(ID="linuxmint", ID_LIKE="ubuntu debian", VERSION_CODENAME="virginia", UBUNTU_CODENAME="jammy"),
            HostImage("ubuntu:jammy", "ubuntu", "jammy"),
        ),
        (
            release(ID="linuxmint", ID_LIKE="debian", VERSION_CODENAME="faye", DEBIAN_CODENAME="bookworm"),
            HostImage("debian:bookworm", "debian", "bookworm"),
        ),
        (
            release(ID="raspbian", ID_LIKE="debian", VERSION_ID="11", VERSION_CODENAME="bullseye"),
            HostImage("debian:bullseye", "debian", "bullseye"),
        ),
        (release(ID="devuan", ID_LIKE="debian", VERSION_CODENAME="daedalus"), HostImage("debian:stable")),
        (release(ID="fedora", VERSION_ID="39"), HostImage("fedora:39")),
        (release(ID="nobara", ID_LIKE="fedora", VERSION_ID="40"), HostImage("fedora:latest")),
        (release(ID="alpine", VERSION_ID="3.18.4"), HostImage("alpine:3.18")),
        (release(ID="alpine", VERSION_ID="3.22.0_alpha20250108"), HostImage("alpine:edge")),
        (release(ID="rhel", ID_LIKE="fedora", VERSION_ID="9.4"), HostImage("redhat/ubi9:latest")),
        (release(ID="rocky", VERSION_ID="9.3"), HostImage("rockylinux/rockylinux:9")),
        (release(ID="almalinux", VERSION_ID="8.9"), HostImage("almalinux:8")),
        (release(ID="centos", VERSION_ID="9"), HostImage("quay.io/centos/centos:stream9")),
        (release(ID="opensuse-leap", VERSION_ID="15.6"), HostImage("opensuse/leap:15.6")),
        (release(ID="arch"), HostImage("archlinux:latest")),
        (release(ID="manjaro", ID_LIKE="arch"), HostImage("archlinux:latest")),
        (release(ID="nixos", VERSION_ID="24.05"), HostImage("debian:stable")),
        ({}, HostImage("debian:stable")),
    ],
)
def test_image_matches_the_host(os_release: dict[str, str], image: HostImage) -> None:
    assert matching_image(os_release) == image
