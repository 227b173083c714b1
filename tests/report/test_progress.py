"""The progress display: one bar, one line for what runs, one line for each finished condition."""

import io

import pytest
from records import record
from rich.console import Console
from terminal_screen import Screen, output_in_terminal

from sparseattack import Experiment, compare
from sparseattack.report.console import VisibleConsole
from sparseattack.report.progress import ProgressDisplay, duration, remaining, running
from sparseattack.study import progress
from sparseattack.study.progress import Advance, ComparisonProgress, ConditionProgress


def test_a_step_counts_queries_runs_successes_and_what_is_spared() -> None:
    runs = [record(first_fooled=40), record(image=1)]
    step = Advance.of(3, 5000, runs, 1000)
    assert step == (3, 5000, 2, 1, 960, 0)


def test_the_share_grows_with_queries_and_is_whole_at_the_end() -> None:
    whole = ComparisonProgress([ConditionProgress("a", 100, 2, done=5), ConditionProgress("b", 50, 4)])
    assert whole.share == 0 and whole.left is None and (whole.runs, whole.planned) == (5, 11)
    whole.add(Advance(0, 100, 0, 0, 0))
    assert whole.share == 0.25 and whole.running == [whole.conditions[0]]
    whole.add(Advance(0, 20, 1, 1, 40))
    assert whole.share == 0.4 and whole.runs == 6
    whole.add(Advance(0, 90, 1, 0, 0))  # more queries than the budget of both, spared ones included
    assert whole.share == 0.5 and whole.running == []
    whole.add(Advance(1, 3, 4, 4, 197))
    assert whole.share == 1 and whole.left == 0


def test_nothing_to_do_is_all_done() -> None:
    assert ComparisonProgress([ConditionProgress("a", 100, 0, done=5)]).share == 1


def test_the_time_left_is_that_of_the_speed_until_now(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    whole = ComparisonProgress([ConditionProgress("a", 100, 4)], began=10.0)
    now[0] = 16.0
    whole.add(Advance(0, 100, 0, 0, 0))
    assert whole.left == 18 and remaining(whole.left) == "about 0:00:18 left"
    assert remaining(None) == "time left not known yet"


def test_durations_are_hours_minutes_and_seconds() -> None:
    assert [duration(each) for each in (0.4, 59.6, 3661, 176_400)] == [
        "0:00:00",
        "0:01:00",
        "1:01:01",
        "49:00:00",
    ]


def test_one_running_condition_is_shown_in_full_and_several_in_short() -> None:
    one, two = ConditionProgress("a", 9, 7, runs=1, successes=1, queries=12), ConditionProgress("b", 9, 8)
    assert running([one]) == "a: 1 of 7 runs, 1 success, 12 queries"
    assert running([one, two]) == "a 1 of 7, b 0 of 8" and running([]) == ""


def test_runs_of_another_process_are_not_said_to_have_failed() -> None:
    one = ConditionProgress("a", 9, 7)
    one.add(Advance(0, 0, 3, 0, 27, elsewhere=3))
    assert one.note == "by another process"
    one.add(Advance(0, 12, 2, 1, 6))
    assert one.note == "3 by another process, of the others 1 success, 12 queries" and one.runs == 5


def lines_of(console: Console, end: Exception | None = None) -> list[str]:
    """What is printed of three conditions: one is finished, one half, one had nothing to do."""
    conditions = [
        ConditionProgress("a\x1b[2J", 9, 2),
        ConditionProgress("b", 9, 2),
        ConditionProgress("c", 9, 0, 3),
    ]
    try:
        with ProgressDisplay(conditions, console) as display:
            for step in (
                Advance(0, 18, 1, 1, 0),
                Advance(0, 0, 1, 0, 0),
                Advance(1, 9, 1, 0, 0),
                Advance(0, 0, 0, 0, 0),
            ):
                display.advance(step)
            if end:
                raise end
    except ValueError:
        pass
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def console(**settings: bool) -> Console:
    made = VisibleConsole(**settings)
    made.file = io.StringIO()
    return made


def test_without_a_terminal_there_is_one_line_for_each_condition() -> None:
    finished = r"a\u001b[2J: 2 runs, 1 success, 18 queries"
    assert lines_of(console()) == [finished, "b: 1 run, 0 successes, 9 queries"]
    assert lines_of(console(), ValueError()) == [finished]


def test_a_notebook_without_widgets_gets_lines_and_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = console()
    notebook.is_jupyter = True
    shown: list[str] = []
    monkeypatch.setattr("rich.jupyter.display", lambda segments, text: shown.append(text))
    monkeypatch.setattr("sparseattack.report.progress.find_spec", lambda name: None)
    lines_of(notebook)
    assert [text.partition(":")[0] for text in shown] == [r"a\u001b[2J", "b"]


FORTY_FIVE = """
from time import sleep
from sparseattack.report.progress import ProgressDisplay
from sparseattack.study.progress import Advance, ConditionProgress
name = "de(popsize=20,variant=best1,init=uniform,crossover=0.9)/rgb k=3 seed={}"
conditions = [ConditionProgress(name.format(seed), 1000, 100) for seed in range(45)]
with ProgressDisplay(conditions) as display:
    for each in range(45):
        display.advance(Advance(each, 5000, 10, 3, 5000))
        sleep(0.005)
        if each % 15 == 14:
            sleep(0.3)
    for each in range(45):
        display.advance(Advance(each, 50000, 90, 30, 40000))
print("  sparseattack report a.study")
"""


def test_forty_five_conditions_fit_a_terminal_of_80_by_24() -> None:
    screen, seen = Screen(80), list[list[str]]()
    for piece in output_in_terminal(FORTY_FIVE, 80, 24):
        screen.write(piece)
        seen.append(list(screen.lines))
    bars = [lines for lines in seen if any("of 4,500 runs" in line for line in lines)]
    assert bars and all(sum("of 4,500 runs" in line for line in lines) == 1 for lines in bars)
    assert any("left" in line and len(line) <= 80 for lines in bars for line in lines)
    assert all(len(line) <= 80 for lines in seen for line in lines)
    told = "".join(screen.lines)  # a long line is continued on the next one
    assert told.count("/rgb k=3 seed=") == 45 and told.count("100 runs, 33 successes, 55,000 queries") == 45
    assert "of 4,500 runs" not in told
    assert [line for line in screen.lines if line][-1] == "  sparseattack report a.study"


def test_compare_shows_its_progress_where_that_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = Experiment(
        oracle="linear(classes=10,inputs=64)", images="digits[0:3]", true_class="prediction", budget=9
    )
    compare(chosen, progress=True)
    assert [line.partition(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        "de/rgb k=1: 3 runs",
        "cmaes/rgb k=1: 3 runs",
    ]
    compare(chosen)
    assert capsys.readouterr().err == ""
