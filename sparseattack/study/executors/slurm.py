"""Slurm: the shards of a comparison as tasks of a job array, from a script that a cluster's staff can read.

The script, the log files and what the tasks have finished are in a folder ``STUDY.slurm``, which all nodes
must share. There, tasks only read files, copy whole ones and rename them: what is being written is on the own
disk of a node, because a network's file system cannot be trusted with SQLite.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import which

from sparseattack.errors import InputError, SparseattackError, require
from sparseattack.provenance import digest
from sparseattack.study.executors.division import Division
from sparseattack.study.executors.shard import number_ranges, shard_files

SCRIPT = """\
#!/bin/bash
# A comparison of sparseattack in <COUNT> shards, each a task of this job array. A task begins with what
# earlier tries of its shard have finished: this file may be submitted again at any time, whole or in part,
#   sbatch <FILE>
#   sbatch --array=3,7-9 <FILE>
<OPTIONS>

study=<STUDY>
name=shard-$SLURM_ARRAY_TASK_ID-of-<COUNT>
# A try that Slurm has given up as lost may still run: each has a file of its own.
mine=$study.slurm/$name.job-$SLURM_ARRAY_JOB_ID-${SLURM_RESTART_COUNT:-0}
disk=$(mktemp -d -p "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}" sparseattack.XXXXXX) || exit 1
trap 'rm -rf "$disk"' EXIT
shopt -s nullglob
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
cd <FOLDER> || exit 1

# Begin with the runs that are finished.
cp "$study.$name" "$disk/shard" || exit 1
tries=("$study.slurm/$name".job-*[0-9])
[ ${#tries[@]} -eq 0 ] || <MERGE> "$disk/shard" "${tries[@]}" || exit 1

# Make the others. Slurm sends TERM when it takes the task off this node, USR1 when its time is nearly over.
<RUN> --shard "$SLURM_ARRAY_TASK_ID/<COUNT>" --study "$disk/shard" &
process=$!
trap 'kill -TERM $process' TERM
trap 'kill -TERM $process; again=yes' USR1
while kill -0 $process 2>/dev/null; do wait $process; code=$?; done

# Copy back what is finished. A process that was killed has left a part of it in a second file.
finished=$disk/shard
[ ! -e "$finished-wal" ] || { <MERGE> "$disk/whole" "$finished" && finished=$disk/whole; } || exit 1
cp "$finished" "$mine.part" && sync "$mine.part" && mv "$mine.part" "$mine" || exit 1
task=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID  # SLURM_JOB_ID may be that of the whole array
[ -z "$again" ] || [ "${SLURM_RESTART_COUNT:-0}" -ge <RESTARTS> ] || scontrol requeue "$task"
exit $code
"""
RESTARTS = 20  # of a task whose time was over; then the same command submits it again
OPTIONS = "--requeue", "--open-mode=append", "--signal=B:USR1@120"  # of every task


def slurm(
    division: Division,
    *,
    shards: int = 64,
    sbatch: str = "",
    device: str = "",
    submit: bool = True,
    wait: bool = False,
) -> bool:
    """Make the runs in the tasks of a Slurm job array; the same command later shows or submits the rest.

    shards: number of tasks; a few times as many as run at once, of an hour or so each
    sbatch: further options of the job, as in "--partition=gpu --gpus=1 --time=8:00:00"
    device: of the oracle in the tasks, as in cuda, if it is not the command's: this machine may have none
    submit: false writes the script, and prints the command that submits it
    wait: whether to wait until all tasks have ended, and show the results then

    Nothing is submitted while tasks are in the queue, and later only the shards that lack runs. Raises
    InputError where sbatch is not there or refuses the script, SparseattackError where, after a wait, shards
    lack runs.
    """
    require(shards >= 1, f"slurm's shards is a number of tasks, at least 1, not {shards}")
    folder = Path(f"{division.study.absolute()}.slurm")
    folder.mkdir(exist_ok=True)
    name = job_name(division.study)
    if submit and (queued := _queued(name)):
        division.write(f"{queued} tasks are in the queue:\n  squeue --name={name}")
        return False
    if not (lacking := _collect(division, folder, shards)):
        return True
    division.start(shards)
    script = folder / "array.sh"
    logs = str(folder).replace("%", "%%") + "/%a.log"
    options = [f"--job-name={name}", f"--array={lacking}", f"--output={logs}", *OPTIONS, *shlex.split(sbatch)]
    chosen = replace(division.experiment, device=device or division.experiment.device)
    experiment = json.dumps(chosen.to_json(), indent=2)
    (folder / "experiment.json").write_text(f"{experiment}\n", encoding="utf-8")
    script.write_text(array_script(division, shards, options), encoding="utf-8")
    if not submit:
        division.write(f"Submit shards {lacking} of {shards} with:\n  {shlex.join(['sbatch', str(script)])}")
        return False
    _submit(division, script, f"shards {lacking} of {shards}", wait=wait)
    if wait and (lacking := _collect(division, folder, shards)):
        raise SparseattackError(
            f"shards {lacking} of {shards} lack runs: the files {folder}/SHARD.log say why, and the same"
            " command submits them again"
        )
    return wait


def job_name(study: Path) -> str:
    """The name of the jobs of a study: no other study's have it."""
    plain = re.sub(r"[^\w.-]", "_", study.stem)
    return f"sparseattack-{plain}-{digest(str(study.absolute()))[:6]}"


def array_script(division: Division, shards: int, options: Sequence[str]) -> str:
    """The text of the script, with the ``options`` of sbatch at its head."""
    if given := [option for option in options if option.startswith(("-a", "--arr"))][1:]:
        raise InputError(f"slurm's sbatch cannot have {given[0]}: the shards are the array")
    study = division.study.absolute()
    command = [sys.executable, "-P", "-m", "sparseattack.cli"]
    values = {
        "COUNT": str(shards),
        "FILE": shlex.quote(f"{study}.slurm/array.sh"),
        "OPTIONS": "\n".join(f"#SBATCH {shlex.quote(option)}" for option in options),
        "STUDY": shlex.quote(str(study)),
        "FOLDER": shlex.quote(os.getcwd()),
        "RUN": shlex.join([*command, "compare", f"{study}.slurm/experiment.json"]),
        "MERGE": shlex.join([*command, "merge"]),
        "RESTARTS": str(RESTARTS),
    }
    return re.sub("<([A-Z]+)>", lambda token: values[token[1]], SCRIPT)


def _queued(name: str) -> int:
    """How many tasks of a name are in the queue; 0 where there is no Slurm."""
    if not which("squeue"):
        return 0
    command = ["squeue", "--noheader", "--array", f"--name={name}", "--format=%A"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SparseattackError(f"squeue does not show the queue: {_last_line(done.stderr)}")
    return len(done.stdout.split())


def _collect(division: Division, folder: Path, shards: int) -> str:
    """Add what all tries have finished to the study; the shards that still lack runs, as sbatch takes them.

    A task that is in a queue somewhere may begin with these files: they are removed when nothing is lacking.
    """
    tries = sorted(folder.glob("shard-*.job-*[0-9]"))
    division.collect_sound(tries)
    lacking = division.lacking(shards)
    if not lacking:
        for file in (*tries, *shard_files(division.study)):
            file.unlink(missing_ok=True)
    return number_ranges([shard.number for shard in lacking])


def _submit(division: Division, script: Path, what: str, *, wait: bool) -> None:
    """Submit the script, and say what comes next; with ``wait``, return when all tasks have ended."""
    if not which("sbatch"):
        raise InputError(f"there is no sbatch here: copy the command to where it is, sbatch {script}")
    command = ["sbatch", "--parsable", *(["--wait"] if wait else []), str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        job = process.stdout.readline().strip().partition(";")[0]
        if not job:
            raise InputError(f"sbatch refuses {script}: {_last_line(process.stderr.read())}")
        division.write(
            f"job {job}: {what}; log files are in {script.parent}. Watch it with:\n  squeue --jobs={job}"
        )
        if not wait:
            division.write(
                "When it has ended, the same command shows the results, or submits what is lacking."
            )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1]
