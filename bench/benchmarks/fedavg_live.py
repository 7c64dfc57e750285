"""Ten updates combined right after their upload, data checksums on, a checkpoint in between, nothing prewarmed, one process: against Flower's FedAvg in RAM."""

from lib import flower
from lib.cluster import Cluster
from lib.combine import Combiner
from lib.federation import Federation, random_file
from lib.timing import in_turns

UPDATES = 10


class LiveRounds:
    """Each repeat is a session of its own whose updates have just been uploaded; they go when it has been timed."""

    def __init__(self, fed, combiner, values, path):
        self.fed, self.combiner, self.path = fed, combiner, path
        self.workload = fed.workload(values)

    def upload(self):
        """A frozen round: half of its updates came before a checkpoint, half after; then one more."""
        session = self.fed.start(self.workload, UPDATES)
        round_id = self.fed.advance_to(session, "open")
        for island in range(1, UPDATES + 1):
            self.fed.upload(island, round_id, self.path)
            if island == UPDATES // 2:
                self.fed.admin.execute("CHECKPOINT")
        self.fed.advance_to(session, "aggregating")
        self.fed.admin.execute("CHECKPOINT")
        return session, round_id

    def combine(self):
        session, round_id = self.upload()
        wal = self.fed.value("SELECT pg_current_wal_insert_lsn()")
        seconds = self.combiner.seconds(round_id, self.fed.slices(round_id))
        self.wal = self.fed.value("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", wal)
        self.fed.discard(session)
        return seconds


def measure(bench, report, updates, buffers, aim):
    """One size of shared_buffers."""
    values = bench.size(25_000_000, 500_000)
    gigabytes = UPDATES * 4 * values / 1e9
    with Cluster(bench.work / "live", checksums=True, shared_buffers=buffers, max_wal_size="16GB",
                 federated__worker="off") as cluster:
        fed = Federation(cluster, bench.work, UPDATES)
        combiner = Combiner(cluster, 1)
        combiner.touch_buffers()
        rounds = LiveRounds(fed, combiner, values, random_file(bench.work / "update.f32", values))
        label = f"just uploaded, shared_buffers {buffers}"
        taken = in_turns({label: rounds.combine} | updates.contestants(), bench.repeats)
        ours = report.figure(label, taken[label], gigabytes)
        report.ratio(f"over Flower, {aim[0]} shared_buffers", flower.best(report, taken, gigabytes) / ours, aim[1])
        report.note(f"{cluster.shown_settings(fed.admin)}; WAL written by combining the last time: {rounds.wal} bytes")


def run(bench, report):
    updates = flower.Updates(UPDATES, bench.size(25_000_000, 500_000))
    measure(bench, report, updates, bench.size("128MB", "16MB"), ("small", 1))
    measure(bench, report, updates, bench.size("6GB", "256MB"), ("large", 2))
    report.note("Small: 128 MB, an eighth of the updates. Large: 6 GB.")
