"""A real Ray cluster of two machines, which are processes of this one, in a process group of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

SCRIPT = """
import sys
from ray.cluster_utils import Cluster

memory = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
health = {"health_check_period_ms": 500, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 4}
head = {**memory, "include_dashboard": False, "_system_config": health}
cluster = Cluster(initialize_head=True, head_node_args=head)
second = cluster.add_node(**memory)
print(cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(second, allow_graceful=False)
cluster.shutdown()
"""


class RayCluster:
    """A head and a second machine, with one core each."""

    def __init__(self, address: str, orders: IO[str]) -> None:
        self.address, self.orders = address, orders

    def lose(self) -> None:
        """Kill the second machine."""
        self.orders.write("\n")
        self.orders.flush()


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """The cluster; every process of it is ended with the context."""
    command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-c", SCRIPT]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    process = subprocess.Popen(
        command, env=environment, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin and process.stdout
    try:
        address = process.stdout.readline().strip()
        assert address, "the cluster has not started"
        yield RayCluster(address, process.stdin)
    finally:
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
