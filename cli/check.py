"""Check a strategy, an oracle or an encoding against its contract and print a line per clause."""

from collections.abc import Mapping
from inspect import Parameter, isgeneratorfunction, isroutine, signature

from rich.text import Text

from sparseattack import Classifier, InputError, load
from sparseattack.conformance import clauses
from sparseattack.conformance.clauses import Finding
from sparseattack.conformance.encodings import check_encoding
from sparseattack.conformance.oracles import check_oracle, trial_images
from sparseattack.plugins.registry import KINDS, POSITIONAL, find, make, names, oracle_plugin
from sparseattack.plugins.spec import Plugin, function_name, oracle_spec, undecorated
from sparseattack.report.console import VisibleConsole, visible

from .terminal import stderr


def check(spec: str, images: str) -> bool:
    """Try every clause on a strategy, oracle or encoding; whether all hold. InputError if there is none."""
    if is_encoding(spec):
        findings = check_encoding(load("encodings", spec))
    else:
        oracle = is_oracle(spec)
        with stderr().status(Text(f"checking {visible(spec)}")):
            findings = _oracle(spec, images) if oracle else clauses.check(load("strategies", spec))
    _print(spec, findings)
    return all(finding.ok for finding in findings)


def is_encoding(spec: str) -> bool:
    """Whether a spec names an encoding: by its name, else by a function with a setting ``pixels``."""
    name = oracle_spec(spec).name
    if any(name in names(kind) for kind in KINDS):
        return name in names("encodings")
    if ":" not in name:
        return False
    try:
        return "pixels" in _parameters(find("encodings", name))
    except InputError as error:  # nothing says yet that it is one
        raise InputError(str(error).removeprefix("encoding ")) from error


def is_oracle(spec: str) -> bool:
    """Whether a spec names an oracle: by its name or file, else by an object or a function that makes one.

    A generator function, or one with a parameter ``space``, is a strategy. InputError for a function of
    which neither can be said.
    """
    name = oracle_spec(spec).name
    if name in names("strategies") or name in names("oracles"):
        return name not in names("strategies")
    found = find("strategies", name)
    parameters = _parameters(found)
    if "space" in parameters or isgeneratorfunction(undecorated(found)):
        return False
    needed = any(one.kind in POSITIONAL and one.default is one.empty for one in parameters.values())
    if isroutine(found) and needed:
        raise InputError(
            f"{name} may be a strategy or an oracle: a strategy is a generator function with a parameter"
            f" space, def search(space); an oracle is returned by a function without parameters, def make():"
            f" return {function_name(found)}"
        )
    return True


def _parameters(found: Plugin) -> Mapping[str, Parameter]:
    """The parameters of a function or object; none where its signature cannot be read."""
    try:
        return signature(found).parameters
    except (TypeError, ValueError):
        return {}


def _oracle(spec: str, images: str) -> list[Finding]:
    parsed = oracle_spec(spec)
    plugin = oracle_plugin(parsed)

    def made() -> Classifier:
        return Classifier.of(make(plugin, f"oracle {spec}"), parsed.name)

    return check_oracle(made, trial_images(made(), images))


def _print(spec: str, findings: list[Finding]) -> None:
    console, said = VisibleConsole(soft_wrap=True), set[str]()
    for finding in findings:
        verdict = Text("pass  ", "green") if finding.ok else Text("FAIL  ", "bold red")
        console.print(verdict.append(finding.clause, "default not bold"))
        if finding.note:
            console.print(Text(f"      {'as above' if finding.note in said else finding.note}"))
            said.add(finding.note)
    passed = sum(finding.ok for finding in findings)
    console.print(Text(f"{spec} satisfies {passed} of {len(findings)} clauses of the contract", "bold"))
