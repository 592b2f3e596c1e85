from __future__ import annotations

import inspect
import json
from http.client import RemoteDisconnected

import docker.errors
import pytest
import requests
import requests.exceptions
import urllib3.exceptions

from cleanenv.engine.docker_errors import LIBRARY_ERRORS, library_errors, taken_port, tidy, translate
from cleanenv.errors import EngineError, EngineUnavailableError

ADDRESS = "unix:///run/docker.sock"


def refusal(status: int, message: str) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps({"message": message}).encode()  # noqa: SLF001 - there is no other way to one
    return docker.errors.APIError("refused", response=response, explanation=message)


def exception_classes(module: object) -> list[type[BaseException]]:
    """The exceptions that a module defines, without warnings."""
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    exceptions = [each for each in classes if issubclass(each, Exception)]
    return [each for each in exceptions if not issubclass(each, Warning)]


@pytest.mark.parametrize(
    "error",
    [
        *exception_classes(docker.errors),
        *exception_classes(requests.exceptions),
        *exception_classes(urllib3.exceptions),
    ],
)
def test_every_exception_of_the_libraries_is_caught(error: type[Exception]) -> None:
    # urllib3 also names standard exceptions in that module.
    if error.__module__.split(".")[0] in {"docker", "requests", "urllib3"}:
        assert issubclass(error, LIBRARY_ERRORS)


def test_refusal_says_the_engines_own_words() -> None:
    with pytest.raises(EngineError) as caught, library_errors("start container x", ADDRESS):
        raise refusal(500, "driver failed:\n  port is already allocated")
    assert type(caught.value) is EngineError
    assert str(caught.value) == "start container x: driver failed: port is already allocated"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (requests.exceptions.ReadTimeout("slow"), "did not answer in time"),
        (requests.exceptions.ConnectTimeout("slow"), "did not answer in time"),
        (TimeoutError("slow"), "did not answer in time"),
        (requests.exceptions.ConnectionError("gone"), "broke (ConnectionError)"),
        (urllib3.exceptions.ProtocolError("gone"), "broke (ProtocolError)"),
        (requests.exceptions.ChunkedEncodingError("cut"), "broke (ChunkedEncodingError)"),
        (BrokenPipeError(32, "Broken pipe"), "broke (Broken pipe)"),
    ],
)
def test_engine_that_is_gone_is_unavailable(error: Exception, why: str) -> None:
    translated = translate(error, "list the containers", ADDRESS)
    assert isinstance(translated, EngineUnavailableError)
    assert ADDRESS in translated.why
    assert translated.why.endswith(why)


def test_cause_below_the_wrappings_is_named() -> None:
    try:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except OSError as inner:
            raise urllib3.exceptions.ProtocolError("Connection aborted.", inner) from inner
    except urllib3.exceptions.ProtocolError as error:
        translated = translate(error, "x", ADDRESS)
    assert translated.why.endswith("broke (Connection refused)")
    without = translate(urllib3.exceptions.ProtocolError("aborted", RemoteDisconnected("")), "x", ADDRESS)
    assert isinstance(without, EngineUnavailableError)


def test_answer_that_is_no_json_is_an_error() -> None:
    error = requests.exceptions.JSONDecodeError("Expecting value", "", 0)
    assert translate(error, "x", ADDRESS).why == "the engine's answer cannot be understood"


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        (
            (
                "failed to create shim task: OCI runtime create failed: runc create failed: "
                'unable to start container process: exec: "x": permission denied: unknown'
            ),
            'exec: "x": permission denied',
        ),
        ("two\nlines  here", "two lines here"),
        ("", "it gave no reason"),
    ],
)
def test_message_is_one_line_without_those_who_passed_it_on(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


def test_other_errors_are_not_touched() -> None:
    with pytest.raises(KeyError), library_errors("x", ADDRESS):
        raise KeyError


@pytest.mark.parametrize(
    ("why", "port"),
    [
        (
            "driver failed programming external connectivity: Bind for 0.0.0.0:8080 failed: port is already allocated",
            "8080",
        ),
        (
            "Error starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
            "8080",
        ),
        ("failed to bind host port for [::1]:8080:172.17.0.2:80/tcp: address already in use", "8080"),
        ("cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use", "8080"),
        ("network 1234 not found", None),
    ],
)
def test_port_that_somebody_else_has_is_read_from_the_engines_words(why: str, port: str | None) -> None:
    assert taken_port(why) == port
