"""Ten updates made into pages of a new model by one process, with central differential privacy: against the same without, and the clipping kernel against the weighted sum."""

import numpy

from lib.cluster import Cluster
from lib.federation import Federation, random_file
from lib.native import Streams
from lib.timing import in_turns, median

UPDATES = 10
PRIVATE = {"dp_sigma": 1, "dp_clip_norm": 1}


def kernels(bench, report):
    """The two sums of the same ten vectors in RAM; only the last products are cut."""
    values = bench.size(10_000_000, 1_000_000)
    stacked = numpy.random.default_rng(1).standard_normal((UPDATES, values), dtype=numpy.float32)
    streams, weights, scales = Streams(stacked), numpy.full(UPDATES, 1 / UPDATES), numpy.full(UPDATES, 1e4)
    taken = in_turns({"kernel: weighted sum": lambda: streams.weighted_sum(weights),
                      "kernel: clipped sum": lambda: streams.clipped_sum(scales)}, bench.size(9, 5))
    weighted, clipped = (report.figure(label, seconds, stacked.nbytes / 1e9) for label, seconds in taken.items())
    report.ratio("clipped sum over weighted sum", weighted / clipped, 0.8)


class Round:
    """A frozen round, charged if it is private, whose result is made and thrown away."""

    def __init__(self, fed, workload, path, updates=UPDATES, **config):
        self.fed = fed
        session = fed.start(workload, UPDATES, contribution=False, **config)
        self.id = fed.advance_to(session, "open")
        for island in range(1, UPDATES + 1):
            fed.upload(island, self.id, path)
        fed.advance_to(session, "aggregating")
        if config:
            fed.admin.execute("SELECT federated.advance(%s)", [session])
        if updates == 0:
            fed.admin.execute("UPDATE federated.updates SET position = NULL WHERE round_id = %s", [self.id])
        fed.prewarm(self.id)
        fed.prewarm_base(self.id)
        self.slices = fed.slices(self.id)
        self.computing = []

    def make(self):
        """All slices, as the worker would; how long computing took is kept."""
        connection = self.fed.admin
        connection.execute("BEGIN")
        self.computing.append(connection.execute(
            "SELECT sum(compute_seconds)::float8 FROM federated.aggregate_slices(%s, 0, %s)", [self.id, self.slices]).fetchone()[0])
        connection.execute("ROLLBACK")


def rounds(bench, report):
    values = bench.size(10_000_000, 1_000_000)
    with Cluster(bench.work / "private", shared_buffers=bench.size("3GB", "256MB"), max_wal_size="16GB",
                 federated__worker="off") as cluster:
        fed = Federation(cluster, bench.work, UPDATES)
        cluster.touch_buffers(fed.admin)
        workload = fed.workload(values)
        path = random_file(bench.work / "update.f32", values)
        contestants = {"without": Round(fed, workload, path), "private": Round(fed, workload, path, **PRIVATE),
                       "noise alone": Round(fed, workload, path, updates=0, **PRIVATE)}
        taken = in_turns({label: contestant.make for label, contestant in contestants.items()}, bench.repeats)
        for label in contestants:
            report.figure(f"{label}, pages written", taken[label])
            report.figure(f"{label}, computing", contestants[label].computing[1:])
        computing = {label: median(contestant.computing[1:]) for label, contestant in contestants.items()}
        report.ratio("private over without, computing", computing["without"] / computing["private"], 0.4)
        report.ratio("private over without, pages written", median(taken["without"]) / median(taken["private"]), 0.5)
        report.note(f"Noise alone is {computing['noise alone'] / computing['private']:.0%} of what computing takes with privacy: "
                    f"{computing['noise alone'] / values * 1e9:.0f} ns per parameter, SHA-256 of the page included.")
        report.note(cluster.shown_settings(fed.admin))


def run(bench, report):
    kernels(bench, report)
    rounds(bench, report)
