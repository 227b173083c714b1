"""A process that runs an experiment into a study and prints how many of the runs it has made itself."""

import json
import sys
import time
from pathlib import Path

from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment
from sparseattack.study.run import plan
from sparseattack.study.store import Study


def main() -> None:
    """Arguments: the experiment as JSON, the file, a file to wait for, how far the clock is set back."""
    experiment, path, start, back = sys.argv[1:]
    setup, made, elsewhere = prepare(Experiment.from_json(json.loads(experiment))), 0, 0
    Path(f"{start}.ready-{time.monotonic_ns()}").touch()
    while not Path(start).exists():
        time.sleep(0.01)
    clock, steps = time.time, iter(range(10**9))
    if float(back):  # every look at the clock is earlier than the one before
        time.time = lambda: clock() - float(back) * next(steps)
    with Study.create(Path(path)) as study:
        planned = plan(setup, study)
        for _, step in planned.run():
            made += len(step.records)
            elsewhere += step.elsewhere
            print(made, flush=True)
        print(json.dumps({"made": made, "elsewhere": elsewhere, "held": planned.done}), flush=True)


if __name__ == "__main__":
    main()
