#!/usr/bin/python3
"""The attack of membership.py on sessions of a real server: one row of its table.

Connects as a superuser by libpq's environment to a server whose sessions nobody drives
(federated.worker = off), makes the extension and the hospitals' roles, and runs --runs sessions: the
server clips, adds its own noise and accounts for it; this script plays the Islands, with updates as
their trainer makes them. The target takes part in every second session, and dp_divisor stays what it is
with everybody. Each session has a workload of its own, so that all start from the same model.

Exits 0 only if the server states the epsilon that membership.py works out, if what the sums have beyond
the updates is noise of the standard deviation that it should be (within five standard errors), and if
"best" is right no more often than the bound allows.
"""

import argparse
import json
import math
import pathlib
import sys
import tempfile

import numpy as np
import psycopg

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import logistic
import membership
import safetensors_io


class Server:
    """A federation of these hospitals on the server that the environment names."""

    def __init__(self, hospitals):
        self.names = [name for name, _, _ in hospitals]
        self.link = psycopg.connect(autocommit=True)
        self.link.execute("SET client_min_messages = error")
        self.link.execute("CREATE EXTENSION federated CASCADE")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model"
            safetensors_io.write(path, logistic.initial(0))
            self.base = path.read_bytes()
        for name in self.names:
            self.link.execute(f'CREATE ROLE "{name}" LOGIN IN ROLE federated_island')
            self.link.execute("SELECT federated_register_island(%s, role_name => %s)", [name, name])

    def value(self, sql, *parameters):
        """Return the only value of a query."""
        return self.link.execute(sql, parameters).fetchone()[0]

    def as_island(self, name, sql, *parameters):
        """Return the only value of a query that an Island sends."""
        self.link.execute(f'SET SESSION AUTHORIZATION "{name}"')
        answer = self.value(sql, *parameters)
        self.link.execute("RESET SESSION AUTHORIZATION")
        return answer

    def start(self, title, names, rounds, config):
        """Start a session of a new workload with exactly these hospitals; return its id."""
        workload = self.value("SELECT federated_create_workload(%s)", title)
        self.value("SELECT federated_import_model(%s, %s)", workload, self.base)
        for name in names:
            self.as_island(name, "SELECT federated_heartbeat()")
            self.as_island(name, "SELECT federated_accept_workload(%s)", workload)
        config = {"min_participants": len(names), "max_participants": len(names), **config}
        return self.value("SELECT federated_start_session(%s, %s, %s, %s)", title, workload, rounds, json.dumps(config))

    def advance(self, session):
        """Do what there is to do until the session waits for Islands or is over."""
        while self.value("SELECT federated.advance(%s)", session) not in ("waiting", "none", None):
            pass

    def model(self, version):
        """Return the 31 parameters of a version as logistic's models have them, the bias last."""
        vector = np.frombuffer(self.value("SELECT federated_model_slice(%s, 0)", version), "<f4")
        return np.roll(vector, -1)  # the vector has its tensors by name: bias, weight

    def train(self, session, names, hospitals, rounds):
        """Play the Islands of a session to its end; return its models (rounds + 1, 31), the first untrained."""
        models = [np.zeros(31, np.float32)]
        for number in range(1, rounds + 1):
            self.advance(session)
            for name, inputs, labels in hospitals:
                if name not in names:
                    continue
                task = self.as_island(name, "SELECT federated_next_task(%s)", session)
                rng = membership.trainer.task_rng({"config": membership.CONFIG, "round": number}, name)
                delta = membership.train_many(models[-1][None], inputs, labels, rng)[0] - models[-1]
                answer = self.as_island(name, "SELECT federated_submit_update(%s, %s, %s)",
                                        task["round_id"], np.roll(delta, 1).astype("<f4").tobytes(), len(labels))
                if answer["status"] != "accepted":
                    raise SystemExit(f"{name}: {answer}")
            self.advance(session)
            models.append(self.model(self.value(
                "SELECT result_version_id FROM federated.rounds WHERE session_id = %s AND round_no = %s AND kind = 'train'",
                session, number)))
        return np.array(models)


def run_sessions(server, hospitals, target, takes_part, rounds, config):
    """Run a session for each of takes_part; return (models (rounds + 1, runs, 31), epsilon that the server states)."""
    models = []
    for run, inside in enumerate(takes_part):
        names = [name for index, name in enumerate(server.names) if inside or index != target]
        session = server.start(f"run {run}", names, rounds, config)
        models.append(server.train(session, names, hospitals, rounds))
        epsilon = server.value("SELECT epsilon FROM federated.privacy_spent WHERE session_id = %s", session)
    return np.array(models).swapaxes(0, 1), epsilon


def look_at(models, hospitals, target, takes_part, clip_norm, noise):
    """Return (what "best" thinks of each run, all that the noise was, in standard deviations)."""
    belief, residue = np.zeros(len(takes_part)), []
    for number in range(1, len(models)):
        before = models[number - 1]
        sent = membership.updates_of(hospitals, before, number, clip_norm)
        others = sent.sum(axis=0) - sent[target]
        beyond = (models[number].astype(np.float64) - before) * len(hospitals) - others
        belief += membership.belief_of(beyond, sent[target], noise)
        residue.append((beyond - sent[target] * takes_part[:, None]) / noise)
    return belief, np.array(residue)


def main():
    """Run the sessions, print the row, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    membership.add_options(parser, runs=200)
    parser.add_argument("--epsilon", type=float, default=4, help="of a session (default 4)")
    options = parser.parse_args()
    hospitals, test = membership.load(options.islands)
    z = membership.noise_multiplier(options.epsilon, options.rounds)
    noise = z * options.clip_norm
    takes_part = np.arange(options.runs) % 2 == 0
    config = {**membership.CONFIG, "dp_sigma": z, "dp_clip_norm": options.clip_norm, "dp_divisor": options.islands,
              "dp_delta": membership.DELTA}
    models, stated = run_sessions(Server(hospitals), hospitals, options.target, takes_part, options.rounds, config)
    belief, residue = look_at(models, hospitals, options.target, takes_part, options.clip_norm, noise)

    # the loss attack rehearses offline
    rehearsed = np.arange(4000) % 2 == 0
    rehearsals, _ = membership.run_sessions(hospitals, options.target, rehearsed, options.rounds, options.clip_norm, z,
                                            np.random.default_rng(options.seed))
    _, inputs, labels = hospitals[options.target]
    says = membership.loss_attack_says(membership.losses(rehearsals, inputs, labels), rehearsed,
                                       membership.losses(models[-1], inputs, labels))
    row = {"z": z, "loss": float((says == takes_part).mean()), "best": float(((belief > 0) == takes_part).mean()),
           "bound": membership.bound_of(options.epsilon), "accuracy": membership.accuracy(models[-1][takes_part], *test)}
    print(membership.row_words(options.epsilon, row))
    print(f"# figure: {options.runs} sessions: the server states epsilon {stated:.4f}; noise of {residue.std():.4f} times "
          f"the standard deviation it should have, mean {residue.mean():.4f}")

    error = math.sqrt(0.25 / options.runs)
    right = (abs(stated - options.epsilon) < 1e-6 * options.epsilon
             and abs((residue**2).mean() - 1) < 5 * math.sqrt(2 / residue.size)
             and abs(residue.mean()) < 5 / math.sqrt(residue.size)
             and row["best"] <= row["bound"] + 5 * error)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
