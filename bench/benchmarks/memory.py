"""Peak private memory of a process that aggregates, against the size of the model."""

from lib import machine
from lib.cluster import Cluster
from lib.federation import Federation, random_file
from lib.memory import Watch
from lib.report import table

UPDATES = 2


def peak(cluster, work, values):
    """Bytes of the process of ours that had most, from the last upload until the round is closed; their number."""
    fed = Federation(cluster, work, UPDATES)
    session = fed.start(fed.workload(values), UPDATES)
    round_id = fed.wait_for_round(session, 1)
    path = random_file(work / "update.f32", values)
    postmaster = int((cluster.directory / "data" / "postmaster.pid").read_text().split()[0])
    for island in range(1, UPDATES):
        fed.upload(island, round_id, path)
    with Watch(postmaster) as watch:
        fed.upload(UPDATES, round_id, path)
        fed.wait_until_closed(session, 1)
    path.unlink()
    return max(watch.peaks.values()), len(watch.peaks)


def run(bench, report):
    sizes = bench.size((1, 10, 100, 1000), (1, 4, 16))
    rows = []
    for megabytes in sizes:
        with Cluster(bench.work / "memory", shared_buffers="128MB", max_wal_size="8GB",
                     federated__aggregator_workers=machine.cores()) as cluster:
            most, processes = peak(cluster, bench.work, megabytes * 250_000)
            rows.append((megabytes, most, processes))
    report.note("Peaks:\n\n" + table(["model MB", "peak MB of a process", "processes"],
                                     [[m, f"{most / 1e6:.2f}", n] for m, most, n in rows]))
    report.ratio("memory at the smallest model over the largest", rows[0][1] / rows[-1][1], 0.9)
    report.note(f"RssAnon of worker, launcher and helpers, looked at every millisecond; {UPDATES} updates, shared_buffers 128MB.")
