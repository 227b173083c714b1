"""The show command: one plugin or protocol in full."""

import json
from pathlib import Path

import pytest
from command_line import Run
from plugin_distribution import install

from sparseattack.experiment.protocols import PROTOCOLS
from sparseattack.plugins import registry
from sparseattack.plugins.spec import settings_of


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins of all sorts, installed for one test."""
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


NAMES = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_everything_can_be_shown(kind: registry.Kind, name: str, run: Run) -> None:
    code, out, err = run("show", name)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}, ") and "function" in out and "installed" in out
    told = [each for each in json.loads(run("show", name, "--json").out) if each["entry"]["kind"] == kind]
    if told[0]["entry"]["state"] == "not installed":
        pytest.skip(f"{name} is not installed: {told[0]['entry']['remedy']}")
    assert [each["name"] for each in told[0]["settings"]] == list(settings_of(registry.find(kind, name)))
    assert told[0]["description"] and all(each["meaning"] for each in told[0]["settings"])


def test_types_defaults_and_meanings_are_shown(plugins: None, run: Run) -> None:
    told = json.loads(run("show", "fine", "--json").out)[0]
    step, rule, needed = told["settings"]
    assert step == {"name": "step", "type": "float", "default": "0.25", "meaning": "how far it goes"}
    assert rule == {"name": "rule", "type": "str", "default": "[any]", "meaning": "[what] to do"}
    assert needed == {"name": "needed", "type": "int", "default": None, "meaning": ""}
    assert told["description"] == "Searches well [0, 1], says ``fine``.\n\nMore is said here."
    assert told["module"] == "A file about nothing (Nobody, 1999)."
    assert told["entry"]["source"] == "plugins_of_all_sorts.fine:search"


def test_the_page_has_everything_in_80_columns(plugins: None, run: Run) -> None:
    out = run("show", "fine").out
    for words in (
        "fine, strategy", "Searches well [0, 1], says fine.", "More is said here.", "required",
        "how far it goes", "(Nobody, 1999)", "plugins_of_all_sorts.fine:search", "plugins-of-all-sorts 2.5",
    ):  # fmt: skip
        assert words in out
    assert max(map(len, out.splitlines())) <= 80 and "\x1b" not in out


def test_a_name_of_several_kinds_shows_them_all(plugins: None, run: Run) -> None:
    out = run("show", "fine").out
    assert "fine, strategy" in out and "fine, oracle" in out


def test_further_objectives_are_shown(run: Run) -> None:
    assert json.loads(run("show", "nsga2", "--json").out)[0]["objectives"] == ["l2"]
    assert (
        "further objectives" in run("show", "nsga2").out and "further objectives" not in run("show", "de").out
    )


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_is_shown_with_all_that_it_sets(name: str, run: Run) -> None:
    code, out, err = run("show", name)
    assert (code, err) == (0, "") and out.startswith(f"{name}, protocol\n")
    assert " ".join(PROTOCOLS[name].description.split()) in " ".join(out.split())
    (told,) = json.loads(run("show", name, "--json").out)
    assert told == json.loads(json.dumps(PROTOCOLS[name].to_dict()))
    rows = {words[0]: words[1:] for words in map(str.split, out.splitlines()) if words}
    for part in told["settings"].values():
        for setting, value in part.items():
            assert str(value[0] if isinstance(value, list) else value) in rows[setting]
    assert max(map(len, out.splitlines()[:-3])) <= 80


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wanting", "not installed: pip install imaginary_optimizer"),
        ("raising", "broken: strategy raising is broken: OSError: no licence"),
        ("garbled", "broken: SyntaxError"),
    ],
)
def test_what_cannot_be_imported_is_shown_from_its_source(
    name: str, words: str, plugins: None, run: Run
) -> None:
    code, out, err = run("show", name)
    assert (code, err) == (0, "") and words in " ".join(out.split())


def test_an_unknown_name_is_one_line(run: Run) -> None:
    code, out, err = run("show", "sparse")
    assert code == 2 and out == "" and err.count("\n") == 1
    assert "nothing is called 'sparse'; did you mean sparse-rs; sparseattack list describes all" in err
    code, out, err = run("show", "qqq")
    assert code == 2 and out == "" and err.count("\n") == 1
    assert "There are strategies " in err
    assert "; encodings channels, corners, delta, index, palette, rgb; fitness " in err
