"""Combining the updates of a frozen round without storing anything: federated.combined_norm."""

import time
from concurrent.futures import ThreadPoolExecutor


class Combiner:
    """So many connections, each of which takes its part of the slices."""

    def __init__(self, cluster, processes):
        self.cluster = cluster
        self.connections = [cluster.connect() for _ in range(processes)]
        self.pool = ThreadPoolExecutor(processes)

    def touch_buffers(self):
        """So that the first connection's process has all of shared memory in its page table."""
        self.cluster.touch_buffers(self.connections[0])

    def combine(self, round_id, slices):
        """Every slice of the round once."""
        n = len(self.connections)
        cuts = [slices * i // n for i in range(n + 1)]
        list(self.pool.map(lambda i: self.part(i, round_id, cuts[i], cuts[i + 1] - cuts[i]), range(n)))

    def seconds(self, round_id, slices):
        """How long that takes."""
        began = time.perf_counter()
        self.combine(round_id, slices)
        return time.perf_counter() - began

    def part(self, i, round_id, first, count):
        norm = self.connections[i].execute("SELECT federated.combined_norm(%s, %s, %s)", [round_id, first, count]).fetchone()[0]
        if not norm > 0:
            raise RuntimeError(f"the updates of round {round_id} combine to {norm}")

    def combining(self, round_id, slices):
        """combine as an action for lib.timing."""
        return lambda: self.combine(round_id, slices)
