"""A real Slurm on the loopback address: munged, slurmctld and slurmd in a folder of their own."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

PROGRAMS = "munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel", "setpriv"
PATIENCE = 180.0  # seconds to wait for what takes a few on a machine that is not busy
CONF = """\
ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1000
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """The programs of Slurm that this machine lacks, or nothing."""
    found = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return ", ".join(program for program in PROGRAMS if not shutil.which(program, path=found))


def wait_until(what: Callable[[], object], why: str, seconds: float = PATIENCE) -> None:
    """Wait until ``what`` returns something true; fail, saying ``why``, after ``seconds``."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"waited {seconds:.0f} s {why}"
        time.sleep(0.1)


@dataclass(frozen=True)
class Slurm:
    """A running cluster of one node; programs find it by the variables in ``environment``."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str) -> str:
        """What a command prints; it must end with 0."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def tasks(self, job: str) -> dict[int, dict[str, str]]:
        """What Slurm knows of each task of an array job, by the task's number."""
        lines = self.run("scontrol", "-o", "show", "job", job).splitlines()
        found = [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]
        return {int(task["ArrayTaskId"]): task for task in found if task["ArrayTaskId"].isdecimal()}

    def queue(self) -> list[str]:
        """The states of all tasks that are in the queue."""
        return self.run("squeue", "--noheader", "--array", "--format=%T").split()

    def release(self, job: str) -> set[int]:
        """Start what waits for its time to begin again; the tasks of a job that were requeued until now."""
        waiting = [number for number, task in self.tasks(job).items() if task["Reason"] == "BeginTime"]
        if waiting:
            time.sleep(2)  # its credential of the second in which it was requeued is revoked
        for number in waiting:
            self.run("scontrol", "update", f"jobid={job}_{number}", "StartTime=now")
        return {number for number, task in self.tasks(job).items() if task["Restarts"] != "0"}

    def lose(self, job: str, number: int) -> None:
        """Kill Slurm's own process of a task, as where a node is lost: the task itself runs on."""
        name = f"slurmstepd: [{self.tasks(job)[number]['JobId']}.batch]"
        killed = [one for one in _processes(self.folder) if _text(one / "cmdline").startswith(name)]
        assert len(killed) == 1
        os.kill(int(killed[0].name), signal.SIGKILL)

    def logs(self) -> str:
        """The last lines of every daemon."""
        return "\n".join(f"{log}: {log.read_text()[-1500:]}" for log in self.folder.glob("*.log"))


@contextmanager
def slurm_cluster() -> Iterator[Slurm]:
    """A Slurm of one node that runs four tasks at once; every process of it is ended with the context."""
    with TemporaryDirectory(prefix="slurm-") as name:  # not below a long path: a socket's has 107 characters
        folder = Path(name)
        environment = _configured(folder)
        cluster = Slurm(folder, environment)
        daemons: list[subprocess.Popen[bytes]] = []
        try:
            daemons.append(_munge(cluster))
            daemons.append(_daemon(cluster, "slurmctld", "-D", "-i"))
            daemons.append(_daemon(cluster, "slurmd", "-D"))
            state = "sinfo", "--noheader", "--format=%T"
            wait_until(lambda: "idle" in _output(cluster, state), f"for a node:\n{cluster.logs()}")
            yield cluster
        finally:
            _output(cluster, ("scancel", "--signal=KILL", "--full", "--state=RUNNING"))
            for daemon in reversed(daemons):
                daemon.terminate()
                with suppress(subprocess.TimeoutExpired):
                    daemon.wait(5)
                daemon.kill()
                daemon.wait()
            for process in _processes(folder):
                with suppress(ProcessLookupError):
                    os.kill(int(process.name), signal.SIGKILL)


def _configured(folder: Path) -> dict[str, str]:
    """Write the configuration and the key; the variables that programs need."""
    key, conf = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    for part in ("state", "spool"):
        (folder / part).mkdir()
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        conf.write_text(
            CONF.format(
                host=socket.gethostname().partition(".")[0],
                controller=first.getsockname()[1],
                daemon=second.getsockname()[1],
                user=pwd.getpwuid(os.getuid()).pw_name,
                folder=folder,
                cpus=4,
            )
        )
    others = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))}
    path = f"{others.get('PATH', '')}:/usr/sbin:/sbin"
    return {**others, "SLURM_CONF": str(conf), "PATH": path}


def _munge(cluster: Slurm) -> "subprocess.Popen[bytes]":

    options = [f"--{option}-file={cluster.folder}/munge.{option}" for option in ("key", "pid", "log", "seed")]
    options += ["--foreground", "--force", "--num-threads=2", f"--socket={cluster.folder}/munge.socket"]
    started = _daemon(cluster, "munged", *options)
    wait_until((cluster.folder / "munge.socket").exists, f"for munged:\n{cluster.logs()}")
    return started


def _daemon(cluster: Slurm, *command: str) -> "subprocess.Popen[bytes]":
    """Start a program that ends with this process, however that ends."""
    with (cluster.folder / f"{command[0]}.out.log").open("wb") as log:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            env=cluster.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _output(cluster: Slurm, command: Sequence[str]) -> str:
    """What a command prints, though it fails."""
    done = subprocess.run(
        command, env=cluster.environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    return done.stdout


def _processes(folder: Path) -> Iterator[Path]:
    """All that still run with the configuration of a cluster, in /proc: daemons, steps and tasks."""
    mark = f"SLURM_CONF={folder / 'slurm.conf'}"
    return (one for one in Path("/proc").glob("[0-9]*") if mark in _text(one / "environ").split("\0"))


def _text(file: Path) -> str:
    """The text of a file that may vanish."""
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
