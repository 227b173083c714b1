"""The contract of a strategy as a list of clauses, each tried on small problems."""

from collections.abc import Callable
from dataclasses import dataclass

from sparseattack.conformance import conformance_asking as asking
from sparseattack.conformance import conformance_attacks as attacks
from sparseattack.conformance import conformance_chance as chance
from sparseattack.conformance.problems import ContractError
from sparseattack.errors import SparseattackError
from sparseattack.problem.space import Strategy

Clause = Callable[[Strategy], str]
"""Raises ContractError, or what the strategy raises; returns a note, empty if there is nothing to say."""

CLAUSES: dict[str, Clause] = {
    "asks about every image, in the cube, until its budget is spent": asking.asks_about_every_image,
    "goes on where all values are equal": asking.bears_flat_values,
    "goes on, or asks nothing more, where there is little to find": asking.bears_little_to_find,
    "asks about an image the same in any company and order": chance.same_in_any_company,
    "asks the same when repeated": chance.same_when_repeated,
    "goes on as before when an image is cut short or finished": chance.leaves_others_alone,
    "leaves the global random states alone": chance.leaves_global_chance_alone,
    "writes to nothing it has asked with": asking.leaves_its_questions_alone,
    "costs no query more than the budget, and each is counted": attacks.keeps_to_the_budget,
    "comes to the same outcomes in any group and order": attacks.same_in_any_group,
    "searches several pixels": attacks.bears_three_pixels,
    "searches grey, narrow and tiny images": attacks.bears_other_images,
}


@dataclass(frozen=True)
class Finding:
    """Whether a strategy keeps a clause, and in words what it did or what is worth knowing."""

    clause: str
    ok: bool
    words: str


def check(strategy: Strategy) -> list[Finding]:
    """Try every clause on a strategy whose settings are bound."""
    return [_finding(sentence, clause, strategy) for sentence, clause in CLAUSES.items()]


def _finding(sentence: str, clause: Clause, strategy: Strategy) -> Finding:
    try:
        return Finding(sentence, True, clause(strategy))
    except (ContractError, SparseattackError) as error:
        return Finding(sentence, False, str(error))
