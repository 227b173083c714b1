"""Check a strategy against the contract and print a line per clause."""

from rich.text import Text

from sparseattack import load
from sparseattack.conformance import clauses

from .terminal import VisibleConsole, stderr, visible


def check(spec: str) -> bool:
    """Try every clause on the strategy ``spec``; whether all hold. InputError for an unknown strategy."""
    strategy = load("strategies", spec)
    with stderr().status(Text(f"checking {visible(spec)}")):
        findings = clauses.check(strategy)
    console = VisibleConsole(soft_wrap=True)
    for finding in findings:
        verdict = Text("pass  ", "green") if finding.ok else Text("FAIL  ", "bold red")
        console.print(verdict.append(finding.clause, "default not bold"))
        if finding.note:
            console.print(Text(f"      {finding.note}"))
    passed = sum(finding.ok for finding in findings)
    console.print(Text(f"{spec} satisfies {passed} of {len(findings)} clauses of the contract", "bold"))
    return passed == len(findings)
