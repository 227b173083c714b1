"""A comparison in one call."""

from pathlib import Path

from sparseattack.report.results import Results, results
from sparseattack.study.experiment import Experiment
from sparseattack.study.prepare import labelled, prepare
from sparseattack.study.run import open_study, plan, run
from sparseattack.study.store import Study


def compare(experiment: Experiment, path: str | Path = ":memory:") -> Results:
    """Run what the study at ``path`` does not hold yet; its table. By default nothing is kept.

    Raises InputError for what does not exist or fit; OracleError, StrategyError or StoreError for a failure:
    what was finished before is in the study.
    """
    setup = labelled(prepare(experiment))
    with Study.create(Path(path)) as study:
        open_study(setup, study)
        for task in plan(setup, study):
            for _ in run(setup, task, study):
                pass
        return results(study)
