"""A model received by the client: against COPY TO of the same bytes as values of 1 MiB; into a file that is durable, and into memory."""

from lib.cluster import Cluster
from lib.federation import Federation
from lib.timing import in_turns

COPY = "SELECT data FROM copied ORDER BY n"


def make_copied(admin, version):
    """The model's slices as plain values, which nothing has compressed."""
    admin.execute("CREATE TABLE copied (n integer, data bytea)")
    admin.execute("ALTER TABLE copied ALTER data SET STORAGE EXTERNAL")
    admin.execute("""INSERT INTO copied SELECT s, federated_model_slice(v.id, s) FROM federated.model_versions v,
                     generate_series(0, federated.slice_count(4 * v.parameters) - 1) s WHERE v.id = %s""", [version])
    admin.execute("VACUUM FREEZE copied")


def run(bench, report):
    values = bench.size(25_000_000, 2_000_000)
    with Cluster(bench.work / "download", shared_buffers=bench.size("1GB", "128MB"), federated__worker="off") as cluster:
        fed = Federation(cluster, bench.work, 0)
        cluster.touch_buffers(fed.admin)
        fed.workload(values)
        version = fed.value("SELECT max(id) FROM federated.model_versions")
        make_copied(fed.admin, version)
        path, copied = bench.work / "received.safetensors", bench.work / "received.copy"

        def download():
            path.unlink(missing_ok=True)  # or it would not be fetched again
            return fed.program(0, "download", version, path)

        taken = in_turns({
            "download into a file": download,
            "COPY TO into a file": lambda: fed.program(0, "out", COPY, copied, name="copy"),
            "receive into memory": lambda: fed.program(0, "receive", version),
            "COPY TO into memory": lambda: fed.program(0, "out", COPY, name="copy"),
        }, 9)
        file, copy_file, memory, copy_memory = (
            report.figure(label, seconds, 4 * values / 1e9) for label, seconds in taken.items())
        report.ratio("download over COPY, into a file", copy_file / file, 0.9)
        report.ratio("download over COPY, into memory", copy_memory / memory, 0.9)
        report.note(cluster.shown_settings(fed.admin))
        report.note("The file is synced by both; the client's is also verified, by SHA-256, and renamed into its place.")
