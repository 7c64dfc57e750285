"""A federation on a server of ours: Islands, models, and rounds whose updates are there."""

import json
import pathlib
import subprocess
import time

import numpy

from lib.native import BUILD

FED = pathlib.Path(__file__).resolve().parent.parent.parent / "client" / "fed" / "fed"
PATIENCE = 86400  # seconds: nobody is late


def random_file(path, n_values):
    """A file of so many raw float32, about what an update holds."""
    rng = numpy.random.default_rng(3)
    with open(path, "wb") as file:
        for first in range(0, n_values, 1 << 22):
            n = min(1 << 22, n_values - first)
            (rng.standard_normal(n, dtype=numpy.float32) * numpy.float32(0.01)).tofile(file)
    return path


def model_file(path, n_values):
    """A safetensors file of one float32 tensor."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [n_values], "data_offsets": [0, 4 * n_values]}}).encode()
    header += b" " * (-len(header) % 8)
    random_file(path, n_values)
    body = path.read_bytes()
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.write(body)
    return path


class Federation:
    """Directory `work` holds models and updates; the cluster is running."""

    def __init__(self, cluster, work, islands):
        self.cluster = cluster
        self.work = work
        self.islands = islands
        self.workloads = 0
        self.admin = cluster.connect()
        self.admin.execute("SET client_min_messages = warning")
        self.admin.execute("CREATE EXTENSION federated CASCADE")
        self.admin.execute("CREATE EXTENSION pg_prewarm")
        for i in range(1, islands + 1):
            self.admin.execute(f"CREATE ROLE island_{i} LOGIN IN ROLE federated_island")
            self.admin.execute(f"SELECT federated_register_island('island-{i}', role_name => 'island_{i}')")

    def value(self, sql, *parameters):
        return self.admin.execute(sql, parameters).fetchone()[0]

    def workload(self, n_values):
        """A workload with a model of so many values."""
        self.workloads += 1
        name = f"model {self.workloads}"
        path = model_file(self.work / "model.safetensors", n_values)
        subprocess.run([FED, "model", "import", name, path, "--create"], env=self.cluster.environment(),
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        path.unlink()
        return self.value("SELECT id FROM federated.workloads WHERE name = %s", name)

    def accept(self, workload, islands):
        """The first so many Islands agree to train it, which is a sign of life too."""
        for i in range(1, islands + 1):
            self.admin.execute(f"SET SESSION AUTHORIZATION island_{i}")
            self.admin.execute("SELECT federated_heartbeat(), federated_accept_workload(%s, 100)", [workload])
            self.admin.execute("RESET SESSION AUTHORIZATION")

    def start(self, workload, islands, rounds=1, **config):
        """A session with exactly the first so many Islands."""
        self.accept(workload, islands)
        config = {"min_participants": islands, "max_participants": islands, "round_timeout": PATIENCE,
                  "heartbeat_timeout": PATIENCE, "seed": 1, **config}
        return self.value("SELECT federated_start_session('bench', %s, %s, %s)", workload, rounds, json.dumps(config))

    def advance_to(self, session, state):
        """Drives a session by hand until its round is in a state; returns the round's id. The worker is off."""
        find = "SELECT max(id) FROM federated.rounds WHERE session_id = %s AND state = %s"
        for _ in range(10):
            found = self.value(find, session, state)
            if found:
                return found
            self.admin.execute("SELECT federated.advance(%s)", [session])
        raise RuntimeError(f"no round of the session becomes {state}")

    def wait(self, sql, *parameters):
        """The first row that a query has, looked for every two milliseconds."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            row = self.admin.execute(sql, parameters).fetchone()
            if row:
                return row
            time.sleep(0.002)
        raise RuntimeError(f"waited in vain for {sql}: {parameters}")

    def wait_for_round(self, session, number):
        """The id of a round that the worker has opened."""
        return self.wait("SELECT id FROM federated.rounds WHERE session_id = %s AND round_no = %s AND state = 'open'",
                         session, number)[0]

    def wait_until_closed(self, session, number):
        """Seconds from the round's freeze until we see it closed, too long by the two milliseconds at most; its timings."""
        return self.wait("""SELECT extract(epoch FROM clock_timestamp() - frozen_at)::float8, timings::text FROM federated.rounds
                            WHERE session_id = %s AND round_no = %s AND state = 'closed'""", session, number)

    def program(self, island, *arguments, name="island"):
        """What a program of bench/ prints, as a number, run as an Island (or, for 0, as the superuser)."""
        role = f"island_{island}" if island else "postgres"
        done = subprocess.run([BUILD / name, *map(str, arguments)], env=self.cluster.environment(role),
                              check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout)

    def upload(self, island, round_id, path):
        """Seconds of a client's upload."""
        return self.program(island, "upload", round_id, path)

    def frozen_round(self, n_values, islands):
        """A round whose updates, by the first so many Islands, are all there and frozen; its id."""
        session = self.start(self.workload(n_values), islands)
        round_id = self.advance_to(session, "open")
        path = random_file(self.work / "update.f32", n_values)
        for island in range(1, islands + 1):
            self.upload(island, round_id, path)
        path.unlink()
        return self.advance_to(session, "aggregating")

    def discard(self, session):
        """Ends a session and gives back what its updates took."""
        self.admin.execute("SELECT federated_cancel_session(%s)", [session])
        self.admin.execute("SELECT federated.drop_retired_tables()")

    def prewarm(self, round_id):
        """All pages of a round's updates, and what finds them, into shared_buffers."""
        self.prewarm_vectors("SELECT vector_id FROM federated.updates WHERE round_id = %s", round_id)

    def prewarm_base(self, round_id):
        """The same of the model that the round starts from."""
        self.prewarm_vectors("""SELECT v.vector_id FROM federated.rounds r
                                JOIN federated.model_versions v ON v.id = r.base_version_id WHERE r.id = %s""", round_id)

    def prewarm_vectors(self, query, round_id):
        self.admin.execute(
            f"""WITH tables AS (SELECT DISTINCT format('federated.%%I', v.relation)::regclass AS t
                                FROM federated.vectors v WHERE v.id IN ({query}))
                SELECT pg_prewarm(t) FROM tables
                UNION ALL SELECT pg_prewarm(i.indexrelid) FROM tables JOIN pg_index i ON i.indrelid = t""", [round_id])

    def slices(self, round_id):
        """Slices of the round's model."""
        return self.value("""SELECT federated.slice_count(4 * v.parameters) FROM federated.rounds r
                             JOIN federated.model_versions v ON v.id = r.base_version_id WHERE r.id = %s""", round_id)
