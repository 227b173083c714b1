"""What was asked of a study, and what its first figures mean, in sentences."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sparseattack.errors import listed, number_of, tied
from sparseattack.report.page.fragility import Fragility, Resistance
from sparseattack.report.results import Results
from sparseattack.report.statistics.comparisons import Comparison
from sparseattack.report.summary import condition, limits
from sparseattack.report.tables import LEVEL, changes, percent
from sparseattack.study.facts import Method

MOST_NAMES = 8  # of strategies in a sentence
MOST_VERDICTS = 12  # sentences that are not folded


def numbers(some: Sequence[int]) -> str:
    """``100``, ``100, 300 or 1,000``."""
    return listed([f"{each:,}" for each in some], "or")


def class_of(classes: Sequence[str], number: int) -> str:
    """A class by its name, or by its number where it has none."""
    return (classes[number] if 0 <= number < len(classes) else "") or f"class {number}"


def classes_of(found: Results) -> tuple[str, ...]:
    """The names of the classes, some empty."""
    return max((request.classes for request in found.requests), key=len)


def asked(found: Results) -> str:
    """What was asked, in one sentence."""
    methods, question = found.methods, found.question
    names = list(dict.fromkeys(method.name for method in methods))
    strategies = listed(names) if len(names) <= MOST_NAMES else f"{len(names)} strategies"
    encodings = listed(sorted({method.encoding for method in methods}))
    ks = numbers(sorted({method.k for method in methods}))
    most = f"{ks} {changes(methods, ks != '1')}"
    budgets = sorted({method.budget for method in methods})
    queries = f"{numbers(budgets)} {'query' if budgets == [1] else 'queries'}"
    seeds = found.subject.seeds
    images = listed(list(dict.fromkeys(asked.experiment.images for asked in found.requests)))
    return (
        f"Within {queries} per image and by changing at most {most}, how often can"
        f" {strategies} make {found.requests[-1].oracle} {_aim(found)} ({_stop(question.stop)}; images"
        f" {images}, encoding {encodings}, {'seed' if len(seeds) == 1 else 'seeds'}"
        f" {listed([str(seed) for seed in seeds])})?"
    )


def _aim(found: Results) -> str:
    """What a success is."""
    target = found.question.target
    if target == "none":
        return "give an image another class than its true one"
    if target in ("random", "all"):
        reached = "a class drawn at random" if target == "random" else "each other class in turn"
        return f"give an image {reached}"
    return f"give an image the class {class_of(classes_of(found), int(target))}"


def _stop(stop: str) -> str:
    kind, _, level = stop.partition(":")
    known = {
        "success": "an attack stops at its first success",
        "budget": "an attack spends its whole budget",
        "fewest": "an attack goes on with fewer pixels after each success",
    }
    return known.get(kind, f"an attack stops at a success of confidence {level}")


def kept_heading(fragile: Fragility, found: Results) -> str:
    """What the share is of that changed pixels leave."""
    if fragile.is_accuracy:
        return "Robust accuracy"
    if found.question.target in ("none", "all"):
        return "Attacked images whose class held"
    return "Attacked images that never became the target"


def kept_meaning(fragile: Fragility, found: Results) -> str:
    """How the shares on the first screen were counted."""
    towards = ", towards any class" * (found.question.target == "all")
    base = (
        f"An image counts as fooled where any run succeeded, of any strategy, encoding and seed{towards}: the"
        " worst case of all these attacks together."
    )
    if not fragile.is_accuracy:
        return f"{base} The share is of attacked images."
    every = "the share of all images classified correctly and not fooled"
    if not fragile.sampled:
        return f"{base} Robust accuracy is {every}."
    some = len(fragile.sampled) < len(fragile.resistances)
    return (
        f"{base} {f'With k = {numbers(fragile.sampled)}, not' if some else 'Not'} all correctly classified"
        " images were attacked: robust accuracy is clean accuracy times the share of attacked images that"
        f" were not fooled{f'; else it is {every}' if some else ''}."
    )


def resistance_text(level: Resistance) -> str:
    """How many images were fooled with k pixels, and which strategy fools most by itself."""
    attacked = number_of(level.attacked, "attacked image")
    fooled = f"{level.fooled:,} of {attacked} fooled within {numbers(level.budgets)} queries a run"
    if level.lacking:
        others = number_of(level.lacking, "image")
        fooled += (
            f"; {others} without a success so far still {'lacks' if level.lacking == 1 else 'lack'} runs"
        )
    if level.strongest:
        each = [
            condition(method, level.methods) + f" (budget {method.budget:,})" * (len(level.budgets) > 1)
            for method in level.strongest
        ]
        names = list(dict.fromkeys(each))
        every = ", of those that attack all these images" * (len(level.compared) < len(level.methods))
        known = f": {tied(names)}," if level.is_known else f" so far: {tied(names)}, at least"
        fooled += f". Strongest by itself{every}{known} {percent(level.rate)}{' each' * (len(names) > 1)}"
    return f"{fooled}."


class Verdicts(NamedTuple):
    """Which strategy is better than which, in sentences, and how many pairs are not different."""

    told: list[str]
    more: list[str]  # of very many, those about strategies that are better than the fewest others


def verdicts(compared: Sequence[Comparison]) -> Verdicts:
    """What the tests of all pairs say."""
    better: dict[tuple[str, str], list[str]] = {}
    met = Counter[str]()  # pairs of each condition
    every = {method for one in compared for method in (one.first, one.second)}

    def told(method: Method) -> str:
        comma = "," * (len({each.budget for each in every}) > 1)
        return f"{condition(method, every)}, {limits(method, every)}{comma}"

    for one in compared:
        met.update(map(told, (one.first, one.second)))
        for winner, how, loser in one.findings:
            better.setdefault((told(winner), how), []).append(condition(loser, every))
    sentences = []
    for (name, how), losers in sorted(better.items(), key=lambda item: -len(item[1])):
        others = listed(losers) if len(losers) <= MOST_NAMES else f"{len(losers)} of {met[name]} others"
        sentences.append(f"{name} {how} {others}.")
    none = sum(not one.significant for one in compared)
    last = f"{none} of {number_of(len(compared), 'pair')}: not significant at {100 * LEVEL:.0f} %."
    return Verdicts([*sentences[:MOST_VERDICTS], *[last] * bool(none)], sentences[MOST_VERDICTS:])
