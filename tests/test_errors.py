"""What errors say."""

from sparseattack.errors import brief, near


def test_what_looks_like_a_name_is_offered() -> None:
    assert near("exhuastive", ["exhaustive", "random"]) == "; did you mean exhaustive?"
    assert near("de", ["random"]) == near("x", []) == ""
    assert near("part", iter(["parts", "party", "zoo"]), 3) == "; did you mean party, parts?"
    assert near("part", ["parts", "party"]).count("part") == 1


def test_foreign_errors_are_cut_to_their_first_line() -> None:
    assert brief(KeyError("weight")) == "KeyError: 'weight'"
    assert brief(ValueError("one\ntwo")) == "ValueError: one"
    assert brief(ZeroDivisionError()) == "ZeroDivisionError"
