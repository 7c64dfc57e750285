"""Whole rounds of a model of 1,000 parameters with three Islands that train nothing: against Flower and three of its clients that do the same."""

import contextlib
import subprocess
import sys

from lib.cluster import Cluster
from lib.federation import Federation
from lib.flower_deployment import Deployment
from lib.flower_round import CLIENTS, PARAMETERS
from lib.native import BUILD
from lib.programs import PATIENCE, free_port, listening, running, wait_for
from lib.timing import in_turns


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
    deployed_rounds = bench.size(5, 1)  # they take seconds each
    with (Cluster(bench.work / "round", shared_buffers="128MB") as cluster, Deployment(bench.work / "flower") as deployment):
        sessions = Sessions(cluster, rounds)
        taken = in_turns({
            "a round of three Islands": lambda: sessions.seconds() / rounds,
            "a round of three SuperNodes": lambda: deployment.seconds(deployed_rounds) / deployed_rounds,
            "a round of three clients of start_server": lambda: flower_seconds(rounds) / rounds,
        }, bench.size(bench.repeats, 1))
        ours, deployed, in_memory = (report.figure(label, seconds) for label, seconds in taken.items())
        report.ratio("rounds over Flower's SuperLink", deployed / ours, 20)
        report.ratio("rounds over Flower's start_server", in_memory / ours, 20)
        report.note(f"Rounds per second: {1 / ours:.1f}, {1 / deployed:.2f}, {1 / in_memory:.0f}; of {rounds}, {deployed_rounds} and {rounds} "
                    f"rounds in a row. {cluster.shown_settings(sessions.fed.admin)}")
    report.note("Every update and every round of ours is durable; Flower keeps all in memory. Islands are C programs "
                "linked with libfederated (bench/island.c play), over a Unix socket; SuperLink, SuperNodes and their app are as installed, "
                "with no setting but addresses and that nothing is installed at run time; start_server's clients are NumPyClients over gRPC.")
