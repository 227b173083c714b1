"""Specs are parsed, settings are converted to their types and bound; whatever does not fit is refused."""

import functools
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems import uniform

from sparseattack import InputError, load, margin, per_image, several
from sparseattack.plugins.spec import (
    Spec,
    bind,
    convert,
    extra_objectives,
    function_name,
    oracle_spec,
    parse,
    setting_values,
    settings_of,
    split,
)
from sparseattack.problem.space import Search, Space


def plugin(
    space: object,
    *,
    count: int = 3,
    rate: float = 0.5,
    on: bool = False,
    name: str = "x",
    most: int | None = None,
    steps: tuple[int, ...] = (1, 2),
    base: Literal["rand", "best"] = "rand",
    level: Literal[1, 2] = 1,
    either: int | float = 1,
    names: list[str] | None = None,
) -> dict[str, object]:
    chosen = locals()
    del chosen["space"]
    return chosen


def needy(space: object, *, size: int, also: str) -> tuple[int, str]:
    return size, also


def bare(space: object, *, count=3, rate=0.5, name=None) -> tuple[object, ...]:  # type: ignore[no-untyped-def]
    return count, rate, name


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "12", 12), ("count", "-1", -1), ("rate", "1e-3", 0.001), ("rate", "2", 2.0),
        ("on", "true", True), ("on", "Yes", True), ("on", "0", False), ("on", "no", False),
        ("name", "12", "12"), ("name", "", ""), ("most", "none", None), ("most", "None", None),
        ("most", "7", 7), ("steps", "[3,4]", (3, 4)), ("steps", "[]", ()), ("steps", "5", (5,)),
        ("base", "best", "best"), ("level", "2", 2), ("either", "0.5", 0.5), ("either", "5", 5),
        ("names", "[a, b]", ["a", "b"]), ("names", '["a, b",c]', ["a, b", "c"]), ("names", "none", None),
    ],
)  # fmt: skip
def test_text_is_read_as_the_type_of_the_setting(name: str, text: str, value: object) -> None:
    made = bind("it", plugin, {name: text})(None)
    assert made[name] == value and type(made[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("count", "2.5", "it's count must be a whole number, not '2.5'"),
        ("count", "", "it's count must be a whole number, not ''"),
        ("rate", "half", "it's rate must be a number, not 'half'"),
        ("rate", "nan", "it's rate must be a number, not 'nan'"),
        ("rate", "-inf", "it's rate must be a number, not '-inf'"),
        ("on", "maybe", "it's on must be one of true, yes, 1, false, no, 0, not 'maybe'"),
        ("most", "few", "it's most must be a whole number, not 'few'"),
        ("steps", "[1,x]", "it's steps must be a whole number, not 'x'"),
        ("base", "worst", "it's base must be one of rand, best, not 'worst'"),
        ("level", "3", "it's level must be one of 1, 2, not '3'"),
        ("either", "x", "it's either must be a number, not 'x'"),
    ],
)
def test_what_is_no_such_value_is_refused(name: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bind("it", plugin, {name: text})


def test_values_that_are_no_text_are_taken_as_they_are() -> None:
    assert bind("it", plugin, {"count": 5, "steps": (9,)})(None)["steps"] == (9,)


def test_settings_without_a_type_have_that_of_their_default() -> None:
    assert bind("it", bare, {"count": "4", "rate": "2", "name": "5"})(None) == (4, 2.0, "5")
    with pytest.raises(InputError, match="it's count must be a whole number, not 'x'"):
        bind("it", bare, {"count": "x"})


def test_a_missing_required_setting_is_named() -> None:
    with pytest.raises(InputError, match=r"it needs its setting size, also, as in it\(size=\.\.\.\)"):
        bind("it", needy, {})
    with pytest.raises(InputError, match=r"it needs its setting also, as in it\(also=\.\.\.\)"):
        bind("it", needy, {"size": "3"})
    assert bind("it", needy, {"size": "3", "also": "y"})(None) == (3, "y")


def test_unknown_settings_are_refused_with_those_that_exist() -> None:
    with pytest.raises(InputError, match="it has no setting counts, rat: only count, rate, on, name"):
        bind("it", plugin, {"counts": "3", "rat": "1"})


def test_settings_are_complete_after_binding() -> None:
    assert setting_values(bind("it", bare, {"count": "8"})) == {"count": 8, "rate": 0.5, "name": None}
    assert list(settings_of(plugin))[:2] == ["count", "rate"]
    assert setting_values(functools.partial(plugin, None))["base"] == "rand"


def test_settings_that_cannot_be_read_are_refused_with_the_reason() -> None:
    namespace: dict[str, object] = {}
    exec("def odd(space: 'Nowhere', *, count: int = 3): ...", namespace)
    with pytest.raises(InputError, match=r"settings of .*odd.* cannot be read: NameError: name 'Nowhere'"):
        bind("odd", namespace["odd"], {})  # type: ignore[arg-type]


def test_a_users_own_type_converts_the_text() -> None:
    class Even(int):
        def __new__(cls, text: str) -> "Even":
            if int(text) % 2:
                raise ValueError
            return super().__new__(cls, text)

    assert convert("4", Even, "it") == 4
    with pytest.raises(InputError, match="it must be Even, not '3'"):
        convert("3", Even, "it")


@pytest.mark.parametrize(
    ("text", "name", "chosen"),
    [
        ("de", "de", {}),
        (" de ( ) ", "de", {}),
        ("de(popsize=50)", "de", {"popsize": "50"}),
        ("de( popsize = 50 , variant=best1 )", "de", {"popsize": "50", "variant": "best1"}),
        ("x(steps=[1,2],y=f(a,b))", "x", {"steps": "[1,2]", "y": "f(a,b)"}),
        ("my.module:function(a=b=c)", "my.module:function", {"a": "b=c"}),
        ("x(a=)", "x", {"a": ""}),
        ('x(a="b, (c",d="")', "x", {"a": "b, (c", "d": ""}),
        ('x(a=["b,c",d],e="f")', "x", {"a": '["b,c",d]', "e": "f"}),
    ],
)
def test_a_spec_is_a_name_with_settings(text: str, name: str, chosen: dict[str, str]) -> None:
    assert parse(text) == Spec(name, chosen)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not of the form name or name"),
        ("(a=1)", "not of the form name or name"),
        ("de(a=1", "not of the form name or name"),
        ("de(a=1))", "not of the form name or name"),
        ("de(a=[1)]", "not of the form name or name"),
        ("de(a=1)b", "not of the form name or name"),
        ("de(50)", "'50' is not of the form setting=value"),
        ("de(=50)", "'=50' is not of the form setting=value"),
        ("de(a-b=50)", "'a-b=50' is not of the form setting=value"),
        ("de(a=1,a=2)", "a is set twice"),
    ],
)
def test_what_is_no_spec_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse(text)


NAMES = st.from_regex(r"[a-z][a-z0-9_.:-]{0,8}", fullmatch=True)
KEYS = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True)
VALUES = st.from_regex(
    r"[a-z0-9.=]{0,6}|\[[a-z0-9,]{0,8}\]|f\([a-z,=]{0,6}\)|[a-z(][a-z,()]{0,6}", fullmatch=True
)


@given(NAMES, st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_spec_is_read_as_it_is_written(name: str, chosen: dict[str, str]) -> None:
    spec = Spec(name, chosen)
    assert parse(str(spec)) == spec


def test_commas_in_brackets_do_not_part() -> None:
    assert split("a, b(c,d),, e[f,g]") == ["a", "b(c,d)", "e[f,g]"]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("linear(classes=4)", Spec("linear", {"classes": "4"})),
        ("nets/model.onnx", Spec("onnx", {"path": "nets/model.onnx"})),
        ("model.ONNX(scale=probabilities)", Spec("onnx", {"path": "model.ONNX", "scale": "probabilities"})),
        ("a b/model.pt2", Spec("torch-export", {"path": "a b/model.pt2"})),
        ("my_oracles:onnx", Spec("my_oracles:onnx")),
    ],
)
def test_what_is_meant(text: str, spec: Spec) -> None:
    assert oracle_spec(text) == spec


def test_the_name_of_an_existing_file_is_its_path(tmp_path: Path) -> None:
    file = tmp_path / "my (net), v2.onnx"
    file.touch()
    assert oracle_spec(str(file)) == Spec("onnx", {"path": str(file)})
    assert oracle_spec(f'onnx(path="{file}",batch=3)') == Spec("onnx", {"path": str(file), "batch": "3"})


def test_further_objectives_are_found_behind_settings_and_decorators() -> None:
    @several("l0", "l2")
    def many(space: Space, *, popsize: int = 3) -> Search:
        yield from uniform(space, popsize=popsize)

    assert extra_objectives(many) == extra_objectives(partial(many, popsize=4)) == ("l0", "l2")
    assert extra_objectives(several("l2")(partial(uniform, popsize=4))) == ("l2",)
    assert extra_objectives(per_image(many)) == ("l0", "l2")  # type: ignore[arg-type]
    assert extra_objectives(uniform) == ()


def test_nsga2_searches_several() -> None:
    pytest.importorskip("pymoo")
    assert (
        extra_objectives(load("strategies", "nsga2(popsize=5)"))
        == extra_objectives(load("strategies", "nsga2"))
        != ()
    )


class Weighted:
    def __call__(self) -> None: ...


def test_functions_have_names_whatever_is_bound() -> None:
    assert function_name(margin) == "margin" and function_name(partial(partial(margin))) == "margin"
    assert function_name(Weighted()) == "Weighted"


def test_a_parameter_that_is_no_setting_is_told_apart_from_one_that_does_not_exist() -> None:
    def untyped(space: object, popsize: int = 10) -> None: ...

    with pytest.raises(InputError, match=r"no setting popsize: a setting stands behind a \*, .* popsize"):
        bind("it", untyped, {"popsize": "20"})
