"""Ten updates of a round combined from shared_buffers, nothing stored: against Flower's FedAvg of the same arrays in RAM."""

from lib import flower, machine
from lib.cluster import Cluster
from lib.combine import Combiner
from lib.federation import Federation
from lib.timing import in_turns

UPDATES = 10


def run(bench, report):
    values = bench.size(25_000_000, 1_000_000)
    gigabytes = UPDATES * 4 * values / 1e9
    workers = machine.cores()
    with Cluster(bench.work / "fedavg", shared_buffers=bench.size("2GB", "128MB"), federated__worker="off") as cluster:
        fed = Federation(cluster, bench.work, UPDATES)
        one, all_workers = (Combiner(cluster, n) for n in (1, workers))
        one.touch_buffers()
        round_id = fed.frozen_round(values, UPDATES)
        slices = fed.slices(round_id)
        fed.prewarm(round_id)
        updates = flower.Updates(UPDATES, values)
        labels = {"one process": one, f"{workers} processes": all_workers}
        taken = in_turns({label: combiner.combining(round_id, slices) for label, combiner in labels.items()}
                         | updates.contestants())
        ours = {label: report.figure(label, taken[label], gigabytes) for label in labels}
        theirs = flower.best(report, taken, gigabytes)
        report.ratio("one process over Flower", theirs / ours["one process"], 3)
        report.ratio("all processes over Flower", theirs / ours[f"{workers} processes"], 5)
        report.note(cluster.shown_settings(fed.admin))
        report.note(f"Processes of ours: 1, and {workers}, as many as there are cores. Flower: the quickest of its functions.")
