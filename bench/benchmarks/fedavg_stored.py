"""A round of ten updates from its freeze to a new model version that is durable and visible: against Flower's FedAvg in RAM, which stores nothing."""

import time

from lib import flower, machine
from lib.cluster import Cluster
from lib.federation import Federation, random_file
from lib.timing import REPEATS, in_turns

UPDATES = 10

ROUND = "SELECT state, timings ->> 'closing', timings::text, frozen_at FROM federated.rounds WHERE session_id = %s AND round_no = %s"


def seconds_to_close(fed, session, number):
    """From the freeze, as the server says it, until another connection sees the round closed; and the round's timings.

    The look is repeated every two milliseconds, which is what the result may be too long by.
    """
    while True:
        row = fed.admin.execute(ROUND + " AND state = 'closed'", [session, number]).fetchone()
        if row:
            return fed.value("SELECT extract(epoch FROM clock_timestamp() - %s::timestamptz)::float8", row[3]), row[2]
        time.sleep(0.002)


class Rounds:
    """One session; each of its rounds is one repeat. Its uploads are not timed."""

    def __init__(self, fed, session, path):
        self.fed, self.session, self.path = fed, session, path
        self.number = 0
        self.timings = ""

    def play(self):
        self.number += 1
        round_id = self.wait_for_round()
        self.fed.prewarm_base(round_id)
        for island in range(1, UPDATES):
            self.fed.upload(island, round_id, self.path)
        self.fed.prewarm(round_id)
        self.fed.upload(UPDATES, round_id, self.path)
        seconds, self.timings = seconds_to_close(self.fed, self.session, self.number)
        return seconds

    def wait_for_round(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            row = self.fed.admin.execute(ROUND.replace("SELECT state", "SELECT id, state") + " AND state = 'open'",
                                         [self.session, self.number]).fetchone()
            if row:
                return row[0]
            time.sleep(0.01)
        raise RuntimeError(f"round {self.number} does not open")


def run(bench, report):
    values = bench.size(25_000_000, 1_000_000)
    gigabytes = UPDATES * 4 * values / 1e9
    with Cluster(bench.work / "stored", shared_buffers=bench.size("3GB", "192MB"), max_wal_size="16GB",
                 federated__aggregator_workers=machine.cores()) as cluster:
        fed = Federation(cluster, bench.work, UPDATES)
        cluster.touch_buffers(fed.admin)
        session = fed.start(fed.workload(values), UPDATES, REPEATS + 1, keep_versions="last")
        rounds = Rounds(fed, session, random_file(bench.work / "update.f32", values))
        updates = flower.Updates(UPDATES, values)
        taken = in_turns({"freeze to closed": rounds.play} | updates.contestants())
        ours = report.figure("freeze to closed", taken["freeze to closed"], gigabytes)
        report.ratio("stored over Flower", flower.best(report, taken, gigabytes) / ours, 1.2)
        report.note(cluster.shown_settings(fed.admin))
        report.note(f"The last round's timings: {rounds.timings}")
