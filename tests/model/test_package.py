"""What a package may be called is what its manager takes for a package, and nothing else."""

from __future__ import annotations

import pytest

from cleanenv.model.package import Package, is_manager, is_package


@pytest.mark.parametrize(
    ("manager", "name", "version"),
    [
        ("deb", "g++", "4:12.2.0-3"),
        ("deb", "libc6:i386", "2.36-9+deb12u10"),
        ("deb", "0ad", "0.0.26-3~bpo1"),
        ("deb", "x1", "1~"),
        ("pip3.11", "zope.interface", "1!5.0.post1+local.1"),
        ("pip3.9", "a", "2024a"),
        ("npm", "@types/node", "20.1.0-beta.1+build"),
        ("npm", "lodash.merge", "4.6.2"),
        ("gem", "rake", "13.0.6"),
        ("gem", "rake", "13.0.6, 13.1.0.pre.1"),
    ],
)
def test_names_and_versions_of_each_manager(manager: str, name: str, version: str) -> None:
    assert is_package(Package(manager, name), version)


@pytest.mark.parametrize("manager", ["deb", "pip3.11", "npm", "gem"])
@pytest.mark.parametrize(
    "text",
    [
        *("", "-o", "--root=/", "; rm -rf /", "$(reboot)", "`id`", "a b", "a\nb", "a\0b", "a|b", "a&b", "../a", "/etc"),
        *(
            "git+https://x/y",
            "file:///x",
            "a@npm:b",
            "a=1",
            "a==1",
            "x,y",
            "é",
            "a;python_version>'3'",
            "a[b]",
            "a/b/c",
        ),
    ],
)
def test_what_would_be_more_than_a_name_is_none(manager: str, text: str) -> None:
    assert not is_package(Package(manager, text), "1.0.0")
    assert not is_package(Package(manager, "abc"), text)


@pytest.mark.parametrize(
    ("manager", "version"), [("deb", "1-"), ("deb", "1+"), ("pip3.11", "1.*"), ("npm", "latest"), ("npm", "^1.0.0")]
)
def test_version_with_a_meaning_of_its_own_is_none(manager: str, version: str) -> None:
    assert not is_package(Package(manager, "abc"), version)


def test_managers() -> None:
    assert [each for each in ("deb", "npm", "gem", "pip3.11", "pip3.9") if not is_manager(each)] == []
    assert [each for each in ("pip", "pip3", "apk", "", "pip3.11x", "pip3.11\n", "lock") if is_manager(each)] == []
