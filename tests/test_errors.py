"""The messages of errors."""

from pathlib import Path

import pytest

import sparseattack
from sparseattack.errors import brief, failure, near, number_of
from sparseattack.plugins.registry import module_at

INDIRECT = """import json

def fails(text):
    return parse(text)

def parse(text):
    return json.loads(text)
"""


def test_what_looks_like_a_name_is_offered() -> None:
    assert near("exhuastive", ["exhaustive", "random"]) == "; did you mean exhaustive?"
    assert near("de", ["random"]) == near("x", []) == ""
    assert near("part", iter(["parts", "party", "zoo"]), 3) == "; did you mean party, parts?"
    assert near("part", ["parts", "party"]).count("part") == 1


def test_one_thing_is_singular() -> None:
    assert number_of(1, "image") == "1 image" and number_of(0, "image") == "0 images"
    assert (
        number_of(1, "query", "queries") == "1 query"
        and number_of(1000, "query", "queries") == "1,000 queries"
    )


def test_foreign_errors_are_cut_to_their_first_line() -> None:
    assert brief(KeyError("weight")) == "KeyError: 'weight'"
    assert brief(ValueError("one\ntwo")) == "ValueError: one"
    assert brief(ZeroDivisionError()) == "ZeroDivisionError"
    assert brief(RuntimeError("Exception from core.cpp:84:\n\nno model\n")) == "RuntimeError: no model"


def test_a_failure_names_the_innermost_line_of_the_users_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(INDIRECT)
    parse = module_at(str(tmp_path / "mine.py")).fails
    with pytest.raises(ValueError, match="Expecting value") as raised:
        parse("?")
    assert failure(raised.value).endswith(f"char 0) ({tmp_path / 'mine.py'}, line 7)")
    monkeypatch.chdir(tmp_path)
    assert failure(raised.value).endswith("char 0) (mine.py, line 7)")


def test_a_failure_inside_libraries_names_no_line() -> None:
    with pytest.raises(AttributeError) as raised:
        sparseattack.unknown  # noqa: B018
    assert raised.value.__traceback__
    raised.value.__traceback__ = raised.value.__traceback__.tb_next  # without this test
    assert failure(raised.value) == brief(raised.value)


def test_a_syntax_error_has_its_line_once(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = (\n")
    with pytest.raises(SyntaxError) as raised:
        module_at(str(tmp_path / "mine.py"))
    assert failure(raised.value) == "SyntaxError: '(' was never closed (mine.py, line 1)"
