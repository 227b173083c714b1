"""A division: a comparison in shards, and what an executor is.

An executor is a function that runs the shards of a `Division` somewhere. It is found by name, as an entry
point of the group ``sparseattack.executors``; its settings are its keyword-only parameters, given as in
``--executor 'mine(shards=16)'``::

    def mine(division: Division, *, shards: int = 8) -> bool:
        for shard, file in division.start(shards):
            run_shard(division.experiment, shard, file, division.advance)  # wherever that may be
            division.collect([file])
        return True

A shard may be run twice, also at the same time: its runs come out the same, and none is counted twice. So an
executor that is not sure whether a shard has ended may start it again. It need not wait: one that only
submits the shards returns False, and `sparseattack merge` unites the files later.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from sparseattack.errors import ChangedError
from sparseattack.experiment.prepare import split_by_size
from sparseattack.experiment.settings import Experiment
from sparseattack.study.executors.shard import Shard, keys_to_make, shards_of
from sparseattack.study.merge import Merged, merge
from sparseattack.study.progress import Advance
from sparseattack.study.run import Plan, plan, problem_for
from sparseattack.study.store import Study


class ShardFile(NamedTuple):
    """A shard and the file that its runs are stored in."""

    shard: Shard
    file: Path


@dataclass(frozen=True)
class Division:
    """A comparison whose missing runs are to be made in shards."""

    planned: Plan  # all that the study lacks
    advance: Callable[[Advance], object]  # to be called with the steps of the shards, where they are known
    write: Callable[[str], object]  # prints a sentence, or a command that can be copied

    @property
    def experiment(self) -> Experiment:
        """What is compared."""
        return self.planned.setup.experiment

    @property
    def study(self) -> Path:
        """The file in which all runs are to end."""
        return self.planned.study.path

    def lacking(self, count: int) -> list[Shard]:
        """Those of ``count`` shards whose runs are not all in the study, as it is now."""
        return shards_of(plan(self.planned.setup, self.planned.study), count)

    def start(self, count: int) -> list[ShardFile]:
        """Make the files of those of ``count`` shards that lack runs, or go on with those that are there.

        Each has the runs of its share that the study holds already, and how edits are evaluated: that is
        decided here, once, so that all shards give the same scores to the last bit.
        """
        self.decide()
        parts = [ShardFile(shard, shard.file(self.study)) for shard in self.lacking(count)]
        for part in parts:
            with Study.create(part.file) as study:
                merge(study, [self.study], wanted=part.shard.holds)
        return parts

    def decide(self) -> None:
        """Store in the study how edits are evaluated, for every number of pixels, before anything is run."""
        for task in self.planned.tasks:
            for cases in split_by_size(self.planned.setup, task.todo)[:1]:
                problem_for(self.planned, task, cases)

    @contextmanager
    def taking_back(self) -> Iterator[None]:
        """Within it, the runs that the shards were to make are removed at a ChangedError.

        Each process has an oracle of its own: that of another shard may have changed unseen. Of a server, it
        is known which runs have its new answers.
        """
        with self.planned.study.taking_back():
            try:
                yield
            except ChangedError as error:
                if not self.planned.setup.clean.oracle.remote:
                    error.runs |= keys_to_make(self.planned)
                raise

    def collect(self, files: Sequence[Path]) -> Merged:
        """Add the runs in files of shards to the study; the files stay as they are."""
        return merge(self.planned.study, files)

    def collect_sound(self, files: Sequence[Path]) -> list[Path]:
        """The same, but a file that is damaged is put aside, and its runs are made again; the sound ones."""
        damaged = self.collect(files).damaged
        for file, reason in damaged.items():
            aside = file.replace(f"{file}.damaged")
            self.write(f"{reason}; it is put aside as {aside}, and its runs are made again")
        return [file for file in files if file not in damaged]


class Executor(Protocol):
    """Runs the shards of a comparison; its settings are bound already."""

    def __call__(self, division: Division, /) -> bool:
        """Whether all shards have ended and their runs are in the study; False where they run elsewhere.

        Raises SparseattackError where a shard failed; what was finished is in the study, or in its shards'
        files, from where the same command goes on.
        """
