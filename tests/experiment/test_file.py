"""An experiment as a file: what each key means, and in which line a mistake is."""

import json
from pathlib import Path

import pytest

from sparseattack import Experiment, InputError
from sparseattack.experiment.file import read_experiment
from sparseattack.experiment.settings import Configuration

WHOLE = """\
# which strategy needs fewest queries?
oracle = "allconv"
images = "cifar10:test[in:chosen.txt]"
num-images = 200      # as the option is written
pixels = [1, 3, 5]
target = 3
objectives = "l0"
noisy-oracle = true
study = "paper.study"
strategies = [
    "random",
    {strategy = "sparse-rs", seeds = [0, 1], fitness = "probability"},
    {strategy = "de(popsize=20)", label = "DE", generations = 50},
    {strategy = "exhaustive", pixels = 1, encodings = "corners", budget = 100_000},
]
"""


def test_every_key_is_a_field_of_the_experiment(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(WHOLE, encoding="utf-8")
    held = read_experiment(tmp_path / "a.toml")
    assert held.study == Path("paper.study")
    assert held.experiment == Experiment(
        oracle="allconv",
        images="cifar10:test[in:chosen.txt]",
        num_images=200,
        pixels=(1, 3, 5),
        target="3",
        objectives=("l0",),
        noisy_oracle=True,
        strategies=(
            "random",
            Configuration("sparse-rs", seeds=(0, 1), fitness="probability"),
            Configuration("de(popsize=20)", "DE", budget=1000),
            Configuration("exhaustive", pixels=(1,), encodings=("corners",), budget=100_000),
        ),
    )


def test_tables_below_are_the_same_as_tables_in_a_list(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'budget = 60\n[[strategies]]\nstrategy = "de(popsize=20)"\ngenerations = 3\n'
        '[[strategies]]\nstrategy = "cmaes"\npixels = [1, 3]\n'
    )
    assert read_experiment(tmp_path / "a.toml").experiment == Experiment(
        budget=60,
        strategies=(Configuration("de(popsize=20)", budget=60), Configuration("cmaes", pixels=(1, 3))),
    )


def test_names_may_be_listed_as_in_an_option(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'strategies = "de(f=0.4,cr=0.9),cmaes"\nencodings = "rgb,corners"\npixels = 2'
    )
    chosen = Experiment(strategies=("de(f=0.4,cr=0.9)", "cmaes"), encodings=("rgb", "corners"), pixels=(2,))
    assert read_experiment(tmp_path / "a.toml").experiment == chosen


def test_a_protocol_gives_what_the_file_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('protocol = "original-cifar10"\nbudget = 800\n')
    chosen = read_experiment(tmp_path / "a.toml").experiment
    assert (chosen.budget, chosen.fitness, chosen.num_images) == (800, "probability", 500)
    assert chosen.strategies == ("de(restart=no)",)


@pytest.mark.parametrize("around", [lambda held: held, lambda held: {"experiments": [{"experiment": held}]}])
def test_an_experiment_is_read_back_from_json(around: object, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(WHOLE, encoding="utf-8")
    chosen = read_experiment(tmp_path / "a.toml").experiment
    assert callable(around)
    (tmp_path / "a.json").write_text(json.dumps(around(chosen.to_json())))
    assert read_experiment(tmp_path / "a.json").experiment == chosen


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "# one\n\nbugdet = 3",
            r"line 3: no key 'bugdet', only strategies, .*, study; did you mean budget\?",
        ),
        ('oracle = "x"\nbudget = "100"', "line 2: budget is int, not '100'"),
        (
            "pixels = [\n 1,\n # two\n 0,\n]\nseeds = [0]",
            "line 1: pixels, those that may change, are at least 1",
        ),
        ('oracle = "x"\nseeds = [0]\nseeds = [1]\nbudget = 3', r"is no TOML: .*line 3"),
        ("num-images = 3\nnum_images = 4", "line 1: num-images and num_images are the same key"),
        ("generations = 5", "line 1: .*; generations belongs to a strategy: write it below"),
        (
            '[[strategies]]\nstrategy = "de"\n\nimages = "sample"',
            "line 4: images is the same for all strategies",
        ),
        (
            '[[strategies]]\nstrategy = "de"\n[[strategies]]\nstrategy = "de"\n# n\nbugdet = 1',
            r"line 6: no key 'bugdet', only strategy, label, .*, generations; did you mean budget\?",
        ),
        ('[[strategies]]\nlabel = "fast"', 'line 1: a strategy lacks its key strategy, as in strategy = "de'),
        (
            '[[strategies]]\nstrategy = "de"\nbudget = 9\ngenerations = 3',
            "line 4: .* budget or generations, not",
        ),
        (
            '[[strategies]]\nstrategy = "sparse-rs"\ngenerations = 3',
            "line 3: sparse-rs has no setting popsize",
        ),
        ('[[strategies]]\nstrategy = "cmaes"\ngenerations = 3', "line 3: cmaes chooses its popsize itself"),
        ('[[strategies]]\nstrategy = "dee"\ngenerations = 3', r"line 3: no strategy 'dee', .*mean de\?"),
        (
            '[[strategies]]\nstrategy = "de"\ngenerations = 0',
            "line 3: generations is a whole number of at least",
        ),
        (
            '[[strategies]]\nstrategy = "de"\n[[strategies]]\nstrategy = "de"\npixels = 0',
            "line 3: pixels, those",
        ),
        (
            'strategies = ["a=de", {strategy = "random", label = "a"}]',
            "line 1: two strategies have the label a",
        ),
        ('[[strategies]]\nstrategy = "de"\nlabel = "x=y, z"', "line 1: 'x=y, z' is no label: a label has"),
        ('[[strategies]]\nstrategy = "fast=de"', "line 1: .* give strategy 'de', label 'fast'"),
        ('protocol = "orginal-cifar10"', r"line 1: no protocol .* did you mean original-cifar10\?"),
        ("\nstudy = 3", "line 2: study is a text in quotes, not 3"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(InputError, match=rf"a\.toml(,| )\s?{sentence}"):
        read_experiment(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.yaml", b"budget: 3", r"is written in TOML or JSON: name it a\.toml"),
        ("a.json", b'{"budget": 3,}', "is no JSON: .*line 1 column 14"),
        ("a.json", b"[1]", "is no JSON: it holds no object of keys and values"),
        ("a.json", b'{"experiments": [{}, {}]}', "it holds 2 experiments: leave one of them"),
        ("a.json", b'{"bugdet": 3}', r"a\.json: no key 'bugdet'"),
        ("a.study", b"SQLite format 3\0", r"is a study: `sparseattack report .*a\.study` shows it"),
        ("a.png", bytes([137, 80, 200]), "cannot be read: it is no text"),
        ("none.toml", None, "cannot be read: No such file"),
    ],
)
def test_another_file_is_refused(name: str, content: bytes | None, sentence: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_experiment(tmp_path / name)
