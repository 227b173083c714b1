"""Compare strategies in one call: prepare an experiment, run it, and return its results."""

from pathlib import Path

from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.report.results import Results, results
from sparseattack.study.run import plan
from sparseattack.study.store import Study, check_writable


def compare(experiment: Experiment, path: str | Path = ":memory:") -> Results:
    """Attack the same images with several strategies under one query budget, and return the results.

    ``path`` is the file of the study: runs that it holds already are not run again, those that it lacks are
    added, and the results are about this experiment. By default nothing is written. The results have
    ``to_json()`` and ``to_csv()``.
    Raises InputError for what does not exist or fit, and OracleError,
    StrategyError or StoreError for a failed run: what was finished before is in the study.
    """
    path = Path(path).expanduser()
    check_writable(path, "Give compare() another path")
    setup = prepare(experiment)
    with Study.create(path) as study:
        planned = plan(setup, study)
        for _ in planned.run():
            pass
        return results(study, planned.request)
