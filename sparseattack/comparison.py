"""Compare strategies in one call: prepare an experiment, run it, and return its results."""

from contextlib import nullcontext
from pathlib import Path

from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.report.progress import ProgressDisplay, conditions_of
from sparseattack.report.results import Results, results
from sparseattack.study.run import plan
from sparseattack.study.store import Study, check_writable


def compare(experiment: Experiment, path: str | Path = ":memory:", *, progress: bool = False) -> Results:
    """Attack the same images with several strategies under one query budget, and return the results.

    ``path`` is the file of the study: runs that it holds already are not run again, those that it lacks are
    added, and the results are about this experiment. By default nothing is written. The results have
    ``to_json()``, ``to_csv()`` and ``to_pandas()``, and a notebook shows them as tables. With ``progress``, a
    bar in a terminal or a notebook (where ipywidgets is installed), elsewhere a line for each finished
    condition, on the standard error.
    Raises InputError for what does not exist or fit, and OracleError,
    StrategyError or StoreError for a failed run: what was finished before is in the study.
    """
    path = Path(path).expanduser()
    check_writable(path, "Give compare() another path")
    setup = prepare(experiment)
    with Study.create(path) as study:
        planned = plan(setup, study)
        with ProgressDisplay(conditions_of(planned)) if progress else nullcontext() as display:
            for step in planned.advances():
                if display:
                    display.advance(step)
        return results(study, planned.request)
