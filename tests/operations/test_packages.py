"""What package managers have written down is found, and told as programs find it."""

from __future__ import annotations

import json

from cleanenv.model.package import Package
from cleanenv.operations.lock.present import chosen
from cleanenv.packages import PackageReader

HOME = "/home/ann"


def found(files: dict[str, str]) -> dict[Package, str]:
    reader = PackageReader()
    for path, content in files.items():
        reader.add(path, content.encode())
    return reader.packages


def test_debian_package_of_another_architecture_has_that_in_its_name() -> None:
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: {version}\n\n"
        for name, architecture, version in (
            ("libc6", "amd64", "1"),
            ("libc6", "i386", "2"),
            ("tzdata", "all", "3"),
            ("dpkg", "amd64", "4"),
        )
    )
    removed = "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
    assert found({"var/lib/dpkg/status": status + removed}) == {
        Package("deb", "libc6"): "1",
        Package("deb", "libc6:i386"): "2",
        Package("deb", "tzdata"): "3",
        Package("deb", "dpkg"): "4",
    }


def test_packages_of_npm_are_those_that_were_installed_globally() -> None:
    modules = "usr/local/lib/node_modules"
    assert found(
        {
            f"{modules}/npm/package.json": json.dumps({"name": "npm", "version": "9.2.0"}),
            f"{modules}/@types/node/package.json": json.dumps({"version": "20.1.0"}),
            f"{modules}/npm/node_modules/abbrev/package.json": json.dumps({"version": "1.0.0"}),
            f"{modules}/broken/package.json": "{",
            f"{modules}/list/package.json": "[]",
            f"{modules}/number/package.json": '{"version": 1}',
            "srv/project/node_modules/left/package.json": json.dumps({"version": "1.0.0"}),
        }
    ) == {
        Package("npm", "npm", f"/{modules}"): "9.2.0",
        Package("npm", "@types/node", f"/{modules}"): "20.1.0",
    }


def test_gems_may_have_several_versions_and_a_platform() -> None:
    gems = "var/lib/gems/3.1.0"
    names = ("rake-13.1.0", "rake-13.0.6", "nokogiri-1.15.4-x86_64-linux", "net-http-0.3.2", "a-1.0.0.pre.1")
    files = {f"{gems}/specifications/{name}.gemspec": "" for name in names}
    files[f"{gems}/specifications/default/json-2.6.1.gemspec"] = ""
    assert found(files) == {
        Package("gem", "rake", f"/{gems}"): "13.0.6, 13.1.0",
        Package("gem", "nokogiri", f"/{gems}"): "1.15.4",
        Package("gem", "net-http", f"/{gems}"): "0.3.2",
        Package("gem", "a", f"/{gems}"): "1.0.0.pre.1",
    }


def test_home_comes_before_the_system_and_what_is_elsewhere_is_left_out() -> None:
    python = "lib/python3.11"
    present = chosen(
        {
            Package("pip", "six", f"{HOME}/.local/{python}/site-packages"): "2",
            Package("pip", "six", f"/usr/local/{python}/dist-packages"): "1",
            Package("pip", "idna", f"/usr/local/{python}/dist-packages"): "3",
            Package("pip", "apt", "/usr/lib/python3/dist-packages"): "4",
            Package("pip", "six", "/usr/local/lib/python3.12/site-packages"): "5",
            Package("pip", "six", f"/opt/venv/{python}/site-packages"): "6",
            Package("npm", "npm", "/usr/local/lib/node_modules"): "9.2.0",
            Package("npm", "x", "/home/bob/.local/lib/node_modules"): "1.0.0",
            Package("gem", "rake", "/var/lib/gems/3.1.0"): "1",
            Package("gem", "rake", f"{HOME}/.local/share/gem/ruby/3.1.0"): "2",
            Package("gem", "rbs", "/usr/lib/ruby/gems/3.1.0"): "3",
            Package("gem", "test-unit", "/usr/share/rubygems-integration/all"): "3",
            Package("gem", "json", "/usr/local/lib/ruby/gems/3.2.0"): "4",
            Package("deb", "bash"): "5",
        },
        HOME,
    )
    assert present.packages == {
        Package("pip3.11", "six"): "2",
        Package("pip3.11", "idna"): "3",
        Package("pip3.12", "six"): "5",
        Package("npm", "npm"): "9.2.0",
        Package("gem", "rake"): "1, 2",
        Package("gem", "json"): "4",
        Package("deb", "bash"): "5",
    }
    assert present.left_out == (
        "npm packages in /home/bob/.local/lib/node_modules",
        "pip packages in /opt/venv/lib/python3.11/site-packages",
    )


def test_name_that_no_manager_gives_is_left_out() -> None:
    present = chosen({Package("deb", "-o"): "1", Package("deb", "ok"): "$(reboot)"}, HOME)
    assert (present.packages, present.left_out) == ({}, ("deb package '-o' '1'", "deb package 'ok' '$(reboot)'"))
