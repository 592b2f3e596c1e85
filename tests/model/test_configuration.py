"""Values of the configuration that are checked before anything is made."""

from __future__ import annotations

import pytest

from cleanenv.errors import UsageError
from cleanenv.model.configuration import Configuration, check_publish


@pytest.mark.parametrize(
    "text",
    ["80:80", "127.0.0.1:1:65535", "[::1]:8080:80/tcp", "53:53/udp", "8000-8010:9000-9010", "1.2.3.4:8-9:8-9/sctp"],
)
def test_port_mapping_is_taken_as_it_is(text: str) -> None:
    assert check_publish(text, "x") == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "80", "0:80", "80:0", "65536:80", "80:99999", "90-80:90-80", "80-81:80", "80:80-81"),
        *("a:b", "80:80/http", "host:80:80", "80:80:80", "²:80", "80:80\n"),
    ],
)
def test_what_is_no_port_mapping_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no port mapping"):
        check_publish(text, "option --publish")


@pytest.mark.parametrize(
    ("network", "publish", "effective"),
    [(None, (), "host"), (None, ("80:80",), "bridge"), ("lab", (), "lab"), ("lab", ("80:80",), "lab")],
)
def test_publishing_takes_the_container_out_of_the_hosts_network(
    network: str | None, publish: tuple[str, ...], effective: str
) -> None:
    assert Configuration(network=network, publish=publish).effective_network == effective
