"""Cost of combining updates from shared_buffers, nothing stored, one process, against the size of the model and the number of updates."""

from lib.cluster import Cluster
from lib.combine import Combiner
from lib.federation import Federation
from lib.timing import in_turns


def point(fed, combiner, report, megabytes, updates):
    """GB/s of one size of model and number of updates."""
    values = megabytes * 250_000
    round_id = fed.frozen_round(values, updates)
    slices = fed.slices(round_id)
    fed.prewarm(round_id)
    label = f"{updates} × {megabytes} MB"
    taken = in_turns({label: combiner.combining(round_id, slices)})
    gigabytes = updates * 4 * values / 1e9
    rate = gigabytes / report.figure(label, taken[label], gigabytes)
    fed.discard(fed.value("SELECT session_id FROM federated.rounds WHERE id = %s", round_id))
    return rate


def run(bench, report):
    sizes = bench.size((1, 10, 100, 500, 2000), (1, 4, 16))
    numbers = bench.size((2, 10, 100, 1000), (2, 8, 32))
    with Cluster(bench.work / "growth", shared_buffers=bench.size("6GB", "256MB"), max_wal_size="8GB",
                 federated__worker="off") as cluster:
        fed = Federation(cluster, bench.work, numbers[-1])
        combiner = Combiner(cluster, 1)
        combiner.touch_buffers()
        by_size = [point(fed, combiner, report, size, 2) for size in sizes]
        by_number = [point(fed, combiner, report, 1, n) for n in numbers]
        report.note(cluster.shown_settings(fed.admin))
    report.ratio("GB/s of two updates, largest model over the second smallest", by_size[-1] / by_size[1], 0.9)
    report.ratio("GB/s of small models, most updates over the second fewest", by_number[-1] / by_number[1], 0.9)
    report.note(f"Models of {sizes[1]} and {sizes[-1]} MB; {numbers[1]} and {numbers[-1]} updates of 1 MB. "
                "1 would be a straight line through nothing.")
