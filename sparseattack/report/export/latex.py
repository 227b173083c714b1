"""The table of a comparison for LaTeX, with booktabs; of each k and budget, the best rate is bold.

Bold, too, are the rates of conditions that no test shows to be worse than the best one.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from sparseattack.errors import InputError
from sparseattack.report.export.iohprofiler import plain
from sparseattack.report.results import Results
from sparseattack.report.summary import Pair, Summary
from sparseattack.report.tables import LEVEL, changes, headline, marks_of, sees_more
from sparseattack.study.facts import Method

SPECIAL = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}

TEXTS = ("strategy", "encoding", "fitness", "sees")  # columns of words


def write(found: Results, out: Path) -> None:
    """Write ``out``, a table environment to be read with ``\\input``; InputError where no condition is whole.

    The document needs ``\\usepackage{booktabs}``.
    """
    out.write_text(table(found, out.stem), encoding="utf-8")


def table(found: Results, label: str) -> str:
    """The same as text, with a label."""
    if not found.lines:
        raise InputError("no condition has all its runs yet: there is no table for LaTeX")
    return "\n".join(_table(found, label)) + "\n"


def escaped(text: str) -> str:
    r"""Text as LaTeX prints it: ``de(popsize=50)\_`` for an underscore, and no control characters."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return "".join(SPECIAL.get(letter, letter) for letter in shown)


def _table(found: Results, label: str) -> Iterator[str]:
    """The lines of the table environment."""
    varied = ("encoding", "fitness", "k", "budget")
    axes = [name for name in varied if len({getattr(one.method, name) for one in found.lines}) > 1]
    axes += ["sees"] * sees_more(found.methods)
    marks = marks_of(found.lines)
    headings = ["strategy", *axes, r"ASR (\%)", r"95\,\% interval"]
    headings += [f"ASR@{mark:,}" for mark in marks] + ["median", "mean", changes(found.methods)]
    best = _best(found)
    yield r"% needs \usepackage{booktabs}"
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{_caption(found)}}}"
    yield rf"\label{{tab:{plain(label)}}}"
    kinds = "".join("l" if heading in TEXTS else "r" for heading in headings)
    yield rf"\begin{{tabular}}{{{kinds}}}"
    yield r"\toprule"
    yield _row(headings)
    for _, lines in groupby(found.lines, key=lambda line: line.method.k):
        yield r"\midrule"
        for line in lines:
            condition = [line.method.name, *(str(getattr(line.method, name)) for name in axes)]
            yield _row([*map(escaped, condition), *_figures(line, marks, bold=line.method in best)])
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _figures(line: Summary, marks: list[int], *, bold: bool) -> list[str]:
    """The cells of one condition; the budget stands for a median that is not reached."""
    rate = f"{100 * line.success:.1f}"
    budget = line.method.budget
    middle = rf"\textgreater{{}}{budget:,}" if line.median_queries is None else f"{line.median_queries:,.0f}"
    return [
        rf"\textbf{{{rate}}}" if bold else rate,
        f"{100 * line.low:.1f}--{100 * line.high:.1f}",
        *(f"{100 * line.success_at[mark]:.1f}" if mark in line.success_at else "--" for mark in marks),
        middle,
        f"{line.mean_queries:,.0f}",
        "--" if line.mean_pixels is None else f"{line.mean_pixels:.2f}",
    ]


def _best(found: Results) -> set[Method]:
    """Of each k and budget, the method of the highest rate, and those that no test shows to be worse."""
    groups: dict[tuple[int, int, str], list[Summary]] = {}
    for line in found.lines:
        method = line.method
        groups.setdefault((method.k, method.budget, method.counts), []).append(line)
    best: set[Method] = set()
    for group in groups.values():
        first = max(group, key=lambda line: line.success)
        if first.success == 0:  # nobody is the best
            continue
        worse = {
            _worse(pair)
            for pair in found.pairs
            if first.method in (pair.first, pair.second) and pair.p < LEVEL
        }
        best |= {line.method for line in group if line.success == first.success or line.method not in worse}
    return best


def _worse(pair: Pair) -> Method:
    """The one that is better on fewer images."""
    return pair.second if pair.only_first_wins > pair.only_second_wins else pair.first


def _caption(found: Results) -> str:
    """What was compared and what the columns mean."""
    sentences = [escaped(sentence) for sentence in headline(found.subject)]
    labelled = {line.method.name: line.method.strategy for line in found.lines if line.method.label}
    sentences += [
        rf"{escaped(name)}: \texttt{{{escaped(spec)}}}."
        for name, spec in labelled.items()
        if not name.endswith(f" ({spec})")
    ]
    each = "each k" + " and budget" * (len({line.method.budget for line in found.lines}) > 1)
    if lacking := len(found.unfinished):
        sentences.append(f"Conditions that lack runs are left out: {lacking}.")
    sentences.append(
        r"ASR: attack success rate, mean over images, with Wilson's 95\,\% interval, one trial per image;"
        r" ASR@N: within N queries. Median, mean: queries to success of all runs, a failure as the budget."
        rf" {changes(found.methods).capitalize()}: changed by a success."
        rf" Bold: the highest rate for {each}, and those not shown to be lower"
        rf" (exact McNemar test, Holm-adjusted p $\geq$ {LEVEL})."
    )
    return " ".join(sentences)
