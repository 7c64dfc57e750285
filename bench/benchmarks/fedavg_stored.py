"""A round of ten updates from its freeze to a new model version that is durable and visible: against Flower's FedAvg in RAM, which stores nothing."""

from lib import flower, machine
from lib.cluster import Cluster
from lib.federation import Federation, random_file
from lib.timing import in_turns

UPDATES = 10


class Rounds:
    """One session; each of its rounds is one repeat. Its uploads are not timed."""

    def __init__(self, fed, session, path):
        self.fed, self.session, self.path = fed, session, path
        self.number = 0
        self.timings = ""

    def play(self):
        self.number += 1
        round_id = self.fed.wait_for_round(self.session, self.number)
        self.fed.prewarm_base(round_id)
        for island in range(1, UPDATES):
            self.fed.upload(island, round_id, self.path)
        self.fed.prewarm(round_id)
        # Files of the WAL go round, as on any server that has run for an hour: a new one is written twice.
        self.fed.admin.execute("CHECKPOINT")
        self.fed.upload(UPDATES, round_id, self.path)
        seconds, self.timings = self.fed.wait_until_closed(self.session, self.number)
        return seconds


def run(bench, report):
    values = bench.size(25_000_000, 1_000_000)
    gigabytes = UPDATES * 4 * values / 1e9
    with Cluster(bench.work / "stored", shared_buffers=bench.size("3GB", "192MB"), max_wal_size="16GB", min_wal_size="8GB",
                 federated__aggregator_workers=machine.cores()) as cluster:
        fed = Federation(cluster, bench.work, UPDATES)
        cluster.touch_buffers(fed.admin)
        session = fed.start(fed.workload(values), UPDATES, bench.repeats + 1, keep_versions="last")
        rounds = Rounds(fed, session, random_file(bench.work / "update.f32", values))
        updates = flower.Updates(UPDATES, values)
        taken = in_turns({"freeze to closed": rounds.play} | updates.contestants(), bench.repeats)
        ours = report.figure("freeze to closed", taken["freeze to closed"], gigabytes)
        report.ratio("stored over Flower", flower.best(report, taken, gigabytes) / ours, 1.2)
        report.note(cluster.shown_settings(fed.admin))
        report.note(f"The last round's timings: {rounds.timings}")
