"""Users as they are asked for, names that fit into passwd(5), and the system users of an image."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanenv.errors import UsageError
from cleanenv.model.system_user import system_user
from cleanenv.model.user import Group, User, parse_user, valid_name

CALLER = User("ann", 1000, "/srv/ann", (Group("ann", 1000), Group("staff", 50)))


@pytest.mark.parametrize(
    ("request_", "name", "uid", "home", "gids"),
    [
        ("build", "build", 1000, "/home/build", [1000, 50]),
        ("1000:build", "build", 1000, "/home/build", [1000, 50]),
        # What cleanenv 0.1.3 wrote into each file; the home need not be what the name says.
        ("1000:ann", "ann", 1000, "/srv/ann", [1000, 50]),
        ("ann", "ann", 1000, "/srv/ann", [1000, 50]),
        ("system:1000:ann", "ann", 1000, "/var/lib/ann", [1000, 50]),
        ("1234:build", "build", 1234, "/home/build", [1234]),
        ("system:999:svc", "svc", 999, "/var/lib/svc", [999]),
        ("0:admin", "admin", 0, "/root", [0]),
    ],
)
def test_a_user_that_was_asked_for(request_: str, name: str, uid: int, home: str, gids: list[int]) -> None:
    parsed = parse_user(request_, "user")
    user = parsed.resolve(CALLER)
    assert (str(parsed), user.name, user.uid, user.home) == (request_, name, uid, home)
    assert [group.gid for group in user.groups] == gids


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("", "'' has no name", "use [system:][ID:]NAME"),
        (":", "':' has no name", "use [system:][ID:]NAME"),
        ("system:", "'system:' has no name", "use [system:][ID:]NAME"),
        ("1234", "'1234' is no name for a user", "1234:NAME for the user of that id"),
        ("5:1234", "'1234' is no name for a user", "use [system:][ID:]NAME"),
        ("a:b:c", "'a:b' is no id of a user", "use [system:][ID:]NAME"),
        ("-1:x", "'-1' is no id of a user", "use [system:][ID:]NAME"),
        ("\u00b2:x", "'\u00b2' is no id of a user", "use [system:][ID:]NAME"),
        ("4294967295:x", "'4294967295' is no id of a user", "use [system:][ID:]NAME"),
    ],
)
def test_a_user_that_cannot_be_is_refused(text: str, why: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_user(text, "option --user")
    assert (caught.value.what, caught.value.why, caught.value.hint) == ("option --user", why, hint)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ann", "ann"),
        ("Ann.B_c-9", "Ann.B_c-9"),
        ("a+b", "a_b"),
        ("CORP\\ann", "CORP_ann"),
        ("ann@corp.example.com", "ann_corp.example.com"),
        ("domain users", "domain_users"),
        ("jürgen", "j_rgen"),
        ("-rf", "_rf"),
        (".", "_"),
        ("machine$", "machine_"),
        ("x" * 40, "x" * 32),
        ("two\nlines", "two_lines"),
    ],
)
def test_names_are_made_valid(text: str, name: str) -> None:
    assert valid_name(text) == name
    assert parse_user(f"7:{text}", "user").name == name


@given(st.text(min_size=1))
def test_any_name_becomes_one_that_fits_into_passwd(text: str) -> None:
    name = valid_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}", name)
    assert valid_name(name) == name


USERS = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
# comment
+::::::
postgres:x:101:106:PostgreSQL,,,:/var/lib/postgresql:/bin/bash
broken:x:abc:1::/:
broken:x:1:abc::/:
stray:x:998:998::relative:/bin/sh
"""
GROUPS = """\
root:x:0:
ssl-cert:x:105:postgres,other
postgres:x:106:
empty:x:107:
svc:x:450:
audit:x:108:svc
taken:x:999:
"""


@pytest.mark.parametrize(
    "expected",
    [
        User("postgres", 101, "/var/lib/postgresql", (Group("postgres", 106), Group("ssl-cert", 105))),
        User("daemon", 1, "/usr/sbin", (Group("daemon", 1),)),
        User("stray", 998, "/", (Group("stray", 998),)),
        # Not in the image: the highest id that neither a user nor a group has, and the image's group of that name.
        User("mysql", 997, "/var/lib/mysql", (Group("mysql", 997),)),
        User("broken", 997, "/var/lib/broken", (Group("broken", 997),)),
        User("svc", 997, "/var/lib/svc", (Group("svc", 450), Group("audit", 108))),
    ],
    ids=lambda user: str(user.name),
)
def test_system_user_is_the_images_or_a_new_one(expected: User) -> None:
    assert system_user(expected.name, USERS, GROUPS) == expected


def test_system_user_without_a_free_id_is_refused() -> None:
    passwd = "".join(f"u{number}:x:{number}:1::/:\n" for number in range(100, 1000))
    with pytest.raises(UsageError, match="has a user for each id of a system user"):
        system_user("mysql", passwd, "")


@given(st.text("ab:,\n0129+\0", max_size=60), st.text("ab:,\n0129+\0", max_size=60))
def test_any_files_of_an_image_give_a_user(passwd: str, group: str) -> None:
    user = system_user("a", passwd, group)
    assert user.home.startswith("/")
    assert all(0 <= each.gid < 2**32 - 1 and "," not in each.name for each in user.groups)
