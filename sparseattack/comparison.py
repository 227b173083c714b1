"""Compare strategies in one call: prepare an experiment, run it, and return its results."""

from pathlib import Path

from sparseattack.report.results import Results, results
from sparseattack.study.experiment import Experiment
from sparseattack.study.prepare import prepare
from sparseattack.study.run import plan
from sparseattack.study.store import Study


def compare(experiment: Experiment, path: str | Path = ":memory:") -> Results:
    """Run what the study at ``path`` does not hold yet; the results of all of it.

    By default nothing is written. Raises InputError for what does not exist or fit, and OracleError,
    StrategyError or StoreError for a failed run: what was finished before is in the study.
    """
    setup = prepare(experiment)
    with Study.create(Path(path)) as study:
        for _ in plan(setup, study).run():
            pass
        return results(study)
