"""Check a strategy or an oracle against its contract and print a line per clause."""

import inspect

from rich.text import Text

from sparseattack import Classifier, load
from sparseattack.conformance import clauses
from sparseattack.conformance.clauses import Finding
from sparseattack.conformance.oracles import check_oracle, trial_images
from sparseattack.plugins.registry import find, make, names, oracle_plugin
from sparseattack.plugins.spec import oracle_spec

from .terminal import VisibleConsole, stderr, visible


def check(spec: str, images: str) -> bool:
    """Try every clause on the strategy or oracle ``spec``; whether all hold. InputError if there is none."""
    oracle = is_oracle(spec)
    with stderr().status(Text(f"checking {visible(spec)}")):
        findings = _oracle(spec, images) if oracle else clauses.check(load("strategies", spec))
    _print(spec, findings)
    return all(finding.ok for finding in findings)


def is_oracle(spec: str) -> bool:
    """Whether a spec names an oracle: by its name or file, else by a function that takes no space."""
    name = oracle_spec(spec).name
    if name in names("strategies") or name in names("oracles"):
        return name not in names("strategies")
    parameters = inspect.signature(find("strategies", name)).parameters.values()
    return all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)


def _oracle(spec: str, images: str) -> list[Finding]:
    parsed = oracle_spec(spec)
    plugin = oracle_plugin(parsed)

    def made() -> Classifier:
        return Classifier.of(make(plugin, f"oracle {spec}"), parsed.name)

    return check_oracle(made, trial_images(made(), images))


def _print(spec: str, findings: list[Finding]) -> None:
    console = VisibleConsole(soft_wrap=True)
    for finding in findings:
        verdict = Text("pass  ", "green") if finding.ok else Text("FAIL  ", "bold red")
        console.print(verdict.append(finding.clause, "default not bold"))
        if finding.note:
            console.print(Text(f"      {finding.note}"))
    passed = sum(finding.ok for finding in findings)
    console.print(Text(f"{spec} satisfies {passed} of {len(findings)} clauses of the contract", "bold"))
