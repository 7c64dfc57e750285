"""Whole rounds of a model of 1,000 parameters with three Islands that train nothing: against a Flower server and three Flower clients that do the same."""

import contextlib
import socket
import subprocess
import sys
import time

from lib.cluster import Cluster
from lib.federation import Federation
from lib.flower_round import CLIENTS, PARAMETERS
from lib.native import BUILD
from lib.timing import in_turns

PATIENCE = 120  # seconds for all rounds of a run


@contextlib.contextmanager
def running(*commands, **options):
    """Programs that have ended when the block has."""
    programs = []
    try:
        for command in commands:
            programs.append(subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options))
        yield programs
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.02)


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def flower_seconds(rounds):
    """Seconds of so many rounds of Flower's server, from the first one's start to the last one's end."""
    port = free_port()
    command = [sys.executable, "-B", "-m", "lib.flower_round"]
    server = subprocess.Popen([*command, "server", f"127.0.0.1:{port}", str(rounds)], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    try:
        wait_for(lambda: listening(port), "Flower's server")
        with running(*[[*command, "client", f"127.0.0.1:{port}"]] * CLIENTS):
            return float(server.communicate(timeout=PATIENCE)[0])
    finally:
        server.kill()
        server.wait()


class Sessions:
    """Each repeat is a session; its Islands are build/island play."""

    def __init__(self, cluster, rounds):
        self.fed = Federation(cluster, cluster.directory, CLIENTS)
        self.rounds = rounds
        self.workload = self.fed.workload(PARAMETERS)

    def seconds(self):
        """Seconds of all rounds, from the opening of the first to the closing of the last."""
        session = self.fed.start(self.workload, CLIENTS, self.rounds)
        with contextlib.ExitStack() as islands:
            for i in range(1, CLIENTS + 1):
                islands.enter_context(running([BUILD / "island", "play", session], env=self.fed.cluster.environment(f"island_{i}")))
            wait_for(lambda: self.fed.value("SELECT status NOT IN ('recruiting', 'training') FROM federated.sessions WHERE id = %s",
                                            session), "the session's end")
        status, closed, seconds = self.fed.admin.execute(
            """SELECT s.status, count(*), extract(epoch FROM max(r.closed_at) - min(r.opened_at))::float8
               FROM federated.sessions s JOIN federated.rounds r ON r.session_id = s.id AND r.kind = 'train' AND r.state = 'closed'
               WHERE s.id = %s GROUP BY s.status""", [session]).fetchone()
        if status != "completed" or closed != self.rounds:
            raise RuntimeError(f"the session is {status} after {closed} rounds")
        return seconds


def run(bench, report):
    rounds = bench.size(100, 5)
    with Cluster(bench.work / "round", shared_buffers="128MB") as cluster:
        sessions = Sessions(cluster, rounds)
        taken = in_turns({
            f"{rounds} rounds, three Islands": sessions.seconds,
            f"{rounds} rounds, three Flower clients": lambda: flower_seconds(rounds),
        }, bench.size(bench.repeats, 1))
        ours, theirs = (report.figure(label, seconds) for label, seconds in taken.items())
        report.ratio("rounds per second over Flower's server", theirs / ours, 20)
        report.note(f"{rounds / ours:.0f} rounds per second against {rounds / theirs:.0f}. {cluster.shown_settings(sessions.fed.admin)}")
    report.note("Every update and every round of ours is durable; Flower's server keeps all in memory. Islands are C programs "
                "linked with libfederated (bench/island.c play), over a Unix socket; Flower's are NumPyClients over its gRPC server.")
