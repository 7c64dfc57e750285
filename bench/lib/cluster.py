"""PostgreSQL servers of our own, made and ended by scripts/lib/cluster.sh."""

import os
import pathlib
import subprocess

import psycopg

LIB = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "lib"


def call(function, *arguments):
    """A function of scripts/lib/cluster.sh; what it prints is shown if it fails."""
    script = 'set -euo pipefail; . "$0/common.sh"; . "$0/cluster.sh"; "$@"'
    done = subprocess.run(["bash", "-c", script, str(LIB), function, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{function} {arguments}: {done.stdout}{done.stderr}")


class Cluster:
    """A server that is there inside a with statement. Settings are lines of postgresql.conf; fsync is on."""

    def __init__(self, directory, checksums=False, **settings):
        self.directory = directory
        self.checksums = checksums
        self.settings = {"max_wal_size": "4GB", "checkpoint_timeout": "1h", "max_connections": 50, **settings}

    def __enter__(self):
        lines = [f"{name.replace('__', '.')} = '{value}'" for name, value in self.settings.items()]
        call("cluster_create", self.directory, "trust", *lines)
        self.set_checksums()
        call("cluster_start", self.directory)
        return self

    def __exit__(self, *_):
        call("cluster_stop", self.directory)
        call("unprivileged", "rm", "-rf", self.directory / "data")

    def set_checksums(self):
        """Releases differ in what initdb does by itself."""
        data = self.directory / "data"
        bindir = subprocess.run([os.environ["PG_CONFIG"], "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
        control = subprocess.run([f"{bindir}/pg_controldata", data], capture_output=True, text=True, check=True).stdout
        version = next(line for line in control.splitlines() if line.startswith("Data page checksum version")).split()[-1]
        if (version != "0") != self.checksums:
            call("unprivileged", f"{bindir}/pg_checksums", "--enable" if self.checksums else "--disable", "--no-sync", "-D", data)

    def environment(self, role="postgres"):
        """libpq's, for a program."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**inherited, "PGHOST": str(self.directory / "socket"), "PGUSER": role, "PGDATABASE": "postgres"}

    def connect(self, role="postgres"):
        return psycopg.connect(host=str(self.directory / "socket"), user=role, dbname="postgres", autocommit=True)

    def touch_buffers(self, connection):
        """Has the connection's process write to every shared buffer once, and leaves them empty.

        Fresh memory costs a virtual machine far more than its use later on; a server that has been up for a while
        has paid that.
        """
        pages = connection.execute("SELECT setting::bigint FROM pg_settings WHERE name = 'shared_buffers'").fetchone()[0]
        connection.execute("CREATE UNLOGGED TABLE touched (filler text) WITH (fillfactor = 10)")
        connection.execute("ALTER TABLE touched ALTER filler SET STORAGE PLAIN")
        connection.execute("INSERT INTO touched SELECT repeat('x', 5000) FROM generate_series(1, %s)", [pages])
        connection.execute("DROP TABLE touched")
        connection.execute("CHECKPOINT")

    def shown_settings(self, connection):
        """What was set, as the server has it."""
        names = ["shared_buffers", "fsync", "synchronous_commit", "data_checksums", "federated.aggregator_workers"]
        return ", ".join(f"{name} {connection.execute('SELECT current_setting(%s)', [name]).fetchone()[0]}" for name in names)
