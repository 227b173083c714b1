"""An experiment as a file that a person writes, in TOML, or as JSON that ``report --json`` printed.

The keys are the fields of `Experiment`; what is left out has its default. A strategy is a text, or a table of
the fields of `Configuration`, with ``generations`` in place of ``budget`` if you like::

    oracle = "allconv"
    images = "cifar10:test[in:chosen.txt]"  # a number or a name on each line
    pixels = [1, 3, 5]
    study = "paper.study"

    [[strategies]]
    strategy = "de(popsize=100)"
    label = "DE"
    generations = 50  # 5,000 queries

    [[strategies]]
    strategy = "exhaustive"
    pixels = 1
    budget = 100_000
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, Self, get_origin

from sparseattack.errors import InputError, near
from sparseattack.experiment.protocols import named
from sparseattack.experiment.settings import Configuration, Experiment
from sparseattack.plugins.registry import load
from sparseattack.plugins.spec import setting_values, split

FIELDS = {field.name: field.type for field in fields(Experiment)}
OWN_FIELDS = {field.name: field.type for field in fields(Configuration)}
FURTHER = ("protocol", "study")  # keys beside the fields of an Experiment
GENERATIONS = "generations"
OWN_KEYS = (*OWN_FIELDS, GENERATIONS)
POPSIZE = "popsize"  # the setting of a strategy that says how many candidates a generation has
LARGEST_FILE = 2**24  # bytes
SQLITE = b"SQLite format 3"  # at the beginning of a study

Key = str | int
"""A key of a table, or a number in a list of tables."""


class ExperimentFile(NamedTuple):
    """What a file says."""

    experiment: Experiment
    study: Path | None  # the file of the runs, where one is named


def read_experiment(path: str | Path) -> ExperimentFile:
    """Read an experiment from a TOML file, or from a ``.json`` file that ``report --json`` wrote.

    ``experiment, study = read_experiment("paper.toml")``: the second is the file that it names for the runs,
    or None.

    Raises InputError for a key that there is not and for a value that does not fit, with the line in a TOML
    file.
    """
    source = _Source.read(Path(path))
    held = {_field(name): value for name, value in source.held.items()}
    for name in source.held:
        with source.located(name):
            _check_key(_field(name), (*FIELDS, *FURTHER))
            if twice := [other for other in source.held if other != name and _field(other) == _field(name)]:
                raise InputError(f"{name} and {twice[0]} are the same key")
    chosen = {name: _choice(FIELDS[name], value) for name, value in held.items() if name in FIELDS}
    if "strategies" in chosen:
        chosen["strategies"] = _strategies(source, chosen["strategies"])
    for name in source.held:
        with source.located(name):  # each alone, so that what does not fit is known
            _experiment({_field(name): chosen[_field(name)]} if _field(name) in chosen else {})
    with source.located():
        experiment = _experiment(chosen)
    if "protocol" in held:
        with source.located("protocol"):
            experiment = named(_text("protocol", held["protocol"])).under(experiment, set(chosen))
    with source.located("study"):
        study = _text("study", held.get("study", ""))
    return ExperimentFile(experiment, Path(study).expanduser() if study else None)


@dataclass(frozen=True)
class _Source:
    """A file that is read."""

    path: Path
    text: str  # of a TOML file; empty for JSON
    held: dict[str, object]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The file's tables; InputError where it cannot be read, or is neither TOML nor JSON."""
        if path.suffix.lower() in (".yaml", ".yml"):
            raise InputError(f"{path}: an experiment is written in TOML or JSON: name it {path.stem}.toml")
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST_FILE)
            if content.startswith(SQLITE):
                raise InputError(
                    f"{path} is a study: `sparseattack report {path}` shows it, and --study {path} adds to it"
                )
            text = content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise InputError(f"the experiment {path} cannot be read: {reason}") from error
        try:
            if path.suffix.lower() == ".json":
                return cls(path, "", _experiment_in(json.loads(text)))
            return cls(path, text, tomllib.loads(text))
        except (ValueError, RecursionError) as error:  # both decoders' errors are ValueErrors
            raise InputError(f"{path} is no {_format(path)}: {error}") from error

    @contextmanager
    def located(self, *keys: Key) -> Iterator[None]:
        """Put file and line in front of every InputError raised inside: it is about the value at ``keys``."""
        try:
            yield
        except InputError as error:
            line = self._line(keys) if self.text and keys else 0
            raise InputError(f"{self.path}{f', line {line}' if line else ''}: {error}") from error

    def _line(self, keys: Sequence[Key]) -> int:
        """The line, from 1, at which the value at ``keys`` begins; 0 if there is none.

        The value is what the first part of the file has that the part before has not.
        """
        lines, start = self.text.splitlines(), 0
        for end in range(1, len(lines) + 1):
            try:
                held = tomllib.loads("\n".join(lines[:end]))
            except tomllib.TOMLDecodeError:  # in the middle of a value of several lines
                continue
            if _has(held, keys):
                return start + 1
            start = end
        return 0


def _format(path: Path) -> str:
    return "JSON" if path.suffix.lower() == ".json" else "TOML"


def _has(held: Any, keys: Sequence[Key]) -> bool:
    """Whether there is a value at ``keys``."""
    try:
        for key in keys:
            held = held[key]
    except (LookupError, TypeError):
        return False
    return True


def _experiment_in(held: object) -> dict[str, object]:
    """The experiment of a JSON file: the file itself, or what ``report --json`` says of a study."""
    if isinstance(held, dict) and isinstance(several := held.get("experiments"), list):
        if len(several) != 1:
            raise ValueError(
                f"it holds {len(several)} experiments: leave one of them in its list experiments"
            )
        (held,) = several
    if isinstance(held, dict) and isinstance(inner := held.get("experiment"), dict):
        return inner
    if not isinstance(held, dict):
        raise ValueError("it holds no object of keys and values")
    return held


def _experiment(chosen: Mapping[str, object]) -> Experiment:
    """The experiment of some fields; the others have their defaults."""
    return Experiment.from_json({**Experiment().to_json(), **chosen})


def _field(name: str) -> str:
    """The field of a key, which may be written as the option is: num-images."""
    return name.replace("-", "_")


def _check_key(name: str, known: Sequence[str]) -> None:
    if name not in known:
        own = f"; {name} belongs to a strategy: write it below [[strategies]]" if name in OWN_KEYS else ""
        raise InputError(f"no key {name!r}, only {', '.join(known)}{own or near(name, known)}")


def _choice(kind: object, value: object) -> object:
    """A value as its field has it: a list as an option has it, or one entry, and a class by its number."""
    if get_origin(kind) is tuple:
        if isinstance(value, str):
            return split(value)
        return value if isinstance(value, list | tuple) else [value]
    if kind is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _strategies(source: _Source, entries: object) -> list[object]:
    """Every strategy as `Experiment.from_json` reads it."""
    if not isinstance(entries, list):
        return [entries]
    return [_strategy(source, place, entry) for place, entry in enumerate(entries)]


def _strategy(source: _Source, place: int, entry: object) -> object:
    """A text as it is; a table with every field of a `Configuration`."""
    if not isinstance(entry, dict):
        return entry
    where: tuple[Key, ...] = ("strategies", place)
    for name in entry:
        with source.located(*where, name):
            if _field(name) in FIELDS and _field(name) not in OWN_KEYS:
                raise InputError(f"{name} is the same for all strategies: write it above [[strategies]]")
            _check_key(_field(name), OWN_KEYS)
    chosen = {_field(name): value for name, value in entry.items()}
    with source.located(*where):
        if "strategy" not in chosen:
            raise InputError('a strategy lacks its key strategy, as in strategy = "de(popsize=100)"')
    if GENERATIONS in chosen:
        with source.located(*where, GENERATIONS):
            if chosen.get("budget"):
                raise InputError("a strategy has budget or generations, not both")
            spec = _text("strategy", chosen["strategy"])
            chosen["budget"] = budget_of(spec, chosen.pop(GENERATIONS))
    empty = asdict(Configuration("none"))
    whole = {name: _choice(OWN_FIELDS[name], chosen.get(name, empty[name])) for name in OWN_FIELDS}
    with source.located(*where):
        _experiment({"strategies": [whole]})
    return whole


def budget_of(spec: str, generations: object) -> int:
    """Queries of so many ``generations`` of a strategy, the first population being one of them.

    InputError where a strategy has no setting ``popsize``, or leaves it to itself.
    """
    if not isinstance(generations, int) or isinstance(generations, bool) or generations < 1:
        raise InputError(f"generations is a whole number of at least 1, not {generations!r}")
    settings = setting_values(load("strategies", spec))
    popsize = settings.get(POPSIZE)
    if isinstance(popsize, int) and popsize > 0:
        return generations * popsize
    if POPSIZE in settings:
        raise InputError(
            f"{spec} chooses its popsize itself: set it, as in {spec}(popsize=20), or give budget"
        )
    raise InputError(f"{spec} has no setting popsize, and so no generations: give budget, in queries")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} is a text in quotes, not {value!r}")
    return value
