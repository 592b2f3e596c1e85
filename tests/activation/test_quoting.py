"""What is quoted for a shell is one word to it, with nothing added and nothing lost."""

from __future__ import annotations

import pytest

from cleanenv.activation import quoting
from tests.activation.conftest import Place

TEXTS = [
    "",
    "a",
    " two  words ",
    "".join(chr(code) for code in range(0x20, 0x7F)),
    "".join(chr(code) for code in reversed(range(0x20, 0x7F))),
    "'\"'\\'\\\\''!!$!'#'",
    "-n",
    "~/x",
    "*",
    "tab\tand\x01bell\x07",
    "äö✓🐚\u2018\u2019\u201a\u201b\u201c\u201d",
    "two\nlines\n\nand 'three'!",
]


@pytest.mark.parametrize("text", TEXTS)
def test_quoted_text_is_one_word(place: Place, text: str) -> None:
    dialect = place.dialect
    word = dialect.quote(text)
    if dialect.name == "xonsh":
        word = f"@({word})"
    assert place.sections(f"/usr/bin/printf x%sx {word}") == (f"x{text}x",)


def test_powershell_takes_typographic_quotes_for_quotes() -> None:
    assert (
        quoting.powershell('it\'s \u2018a\u2019 \u201ab\u201b "$c`"')
        == "'it''s \u2018\u2018a\u2019\u2019 \u201a\u201ab\u201b\u201b \"$c`\"'"
    )
