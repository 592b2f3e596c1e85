"""Profiles: the user's over the built-in ones, and what comes with cleanenv."""

from __future__ import annotations

from cleanenv.model.link import Link
from cleanenv.model.profile import Operands, Profile, Text, make_profile, merge, profile_section
from cleanenv.profiles import built_in_profiles, effective_profiles

GREP = Profile(("grep", "*-grep"), operands=Operands.KEEP_FIRST, keep_options=("-e",))


def test_what_the_user_says_wins_key_by_key() -> None:
    own = Profile(("grep", "mine"), text=Text.BOTH)
    assert merge((own,), (GREP,)) == (
        Profile(("grep",), operands=Operands.KEEP_FIRST, keep_options=("-e",), text=Text.BOTH),
        Profile(("mine",), text=Text.BOTH),
        GREP,
    )


def test_a_pattern_of_the_user_has_what_is_built_in_for_that_pattern() -> None:
    own = Profile(("*-grep",), operands=Operands.MAP)
    assert merge((own,), (GREP,))[0] == Profile(("*-grep",), operands=Operands.MAP, keep_options=("-e",))


def test_an_empty_list_of_the_user_is_one() -> None:
    own = make_profile("grep", {"keep-options": ""}, "x")
    assert merge((own,), (GREP,))[0] == Profile(("grep",), operands=Operands.KEEP_FIRST, keep_options=())


def test_a_profile_is_its_section() -> None:
    for profile in built_in_profiles():
        section = {key: list(words) if len(words) > 1 else words[0] for key, words in profile_section(profile).items()}
        assert make_profile(" ".join(profile.programs), section, "x") == profile


def test_every_program_has_one_built_in_profile() -> None:
    names = [program for profile in built_in_profiles() for program in profile.programs]
    assert len(names) == len(set(names))


def test_every_script_option_takes_a_value() -> None:
    """Else what follows it would be taken for an operand; `rg --files` is the one that takes none."""
    for profile in built_in_profiles():
        values = {*(profile.map_options or ()), *(profile.keep_options or ())}
        assert set(profile.script_options or ()) - values <= {"--files"}
        assert not set(profile.map_options or ()) & set(profile.keep_options or ())


def test_a_program_under_another_name_has_the_profile_of_its_file() -> None:
    own = Profile(("mine",), text=Text.OFF)
    profiles = effective_profiles(
        (own,), [Link("mine", "/opt/bin/gcc-13"), Link("x*", "/bin/sed"), Link("y", "/bin/y")]
    )
    assert profiles[0] == Profile(("mine",), response_files=True, text=Text.OFF)
    assert [profile.programs for profile in profiles if profile.covers("x*")] == [("x[*]",)]
    assert not any(profile.covers("y") for profile in profiles)
