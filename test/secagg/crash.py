#!/usr/bin/python3
"""A round of secure aggregation whose server dies in every state, driven by its worker; then one whose sum is cut off.

Run by test/t/090_secagg.pl: PGDATA and the PG* variables name the server, PG_CTL restarts it. Prints TAP."""

import os
import subprocess
import sys
import time

import federation
import numpy
import psycopg

NUMBERS = [1, 2, 3, 4]


def crash(server):
    control = [os.environ["PG_CTL"], "-D", os.environ["PGDATA"], "-s", "-w"]
    subprocess.run(control + ["stop", "-m", "immediate"], check=True)
    subprocess.run(control + ["start", "-l", os.environ["PGDATA"] + "/crash.log"], check=True)
    server.reopen()


def wait_for(what, *states):
    deadline = time.monotonic() + 60
    while what() not in states:
        if time.monotonic() > deadline:
            raise AssertionError(f"{what()} is not one of {states}")
        time.sleep(0.02)


def act(server, session, numbers):
    for number in numbers:
        task = server.players[number].task(session)
        if task is not None and task["secagg"] is not None and task["secagg"]["due"] is not None:
            answer = server.players[number].act(task)
            # three reveals are enough: the worker may be faster than the fourth
            late = task["secagg"]["due"] == "reveal" and answer.get("reason") in ("secagg_stale", "stale_round")
            assert answer["status"] == "accepted" or late, answer


def told(number, text, good):
    print(f"{'ok' if good else 'not ok'} {number} - {text}", flush=True)


def all_states(server):
    """Two Islands have acted in each state when the server dies; what they said is still there."""
    base = (numpy.arange(300000) / 300000).astype(numpy.float32)
    session = server.start(NUMBERS, base, secagg_metrics="none")
    wait_for(lambda: server.attempt(session) and server.state(session), "advertise")
    document, sets = server.players[1].task(session)["secagg"], None
    for count, state in enumerate(("advertise", "share", "mask", "agree", "reveal"), 1):
        wait_for(lambda: server.state(session), state)
        act(server, session, NUMBERS[:2])
        before = server.run("SELECT id, state, ctx, sets FROM federated.secagg_attempts WHERE session_id = %s", session)
        crash(server)
        time.sleep(0.2)
        after = server.run("SELECT id, state, ctx, sets FROM federated.secagg_attempts WHERE session_id = %s", session)
        told(count, f"state {state} outlives the server", before == after and after[0][1] == state)
        if state == "reveal":
            told(6, "the sets are the ones of before", after[0][3] == sets)
        act(server, session, NUMBERS[:2])  # what was acknowledged is not due again
        act(server, session, NUMBERS[2:])
        sets = server.value("SELECT sets FROM federated.secagg_attempts WHERE session_id = %s", session)
    wait_for(lambda: server.status(session)[0], "completed", "failed")
    told(7, "the sum is exact", numpy.array_equal(server.weights(session), server.expected(base, NUMBERS, document, 1)))
    turns = server.value("SELECT count(*) FROM federated.events WHERE session_id = %s AND kind = 'step_failed'", session)
    told(8, "no step has failed", turns == 0)


def cut_sum(server):
    """The second of two slices is missing when the server dies; secrets are put together again."""
    server.run("ALTER SYSTEM SET federated.worker = off")
    server.run("SELECT pg_reload_conf()")
    time.sleep(0.5)
    base = (numpy.arange(300000) / 300000).astype(numpy.float32)
    session = server.start(NUMBERS, base, secagg_metrics="none")
    server.until(session, "reveal", NUMBERS)
    document = server.players[1].task(session)["secagg"]
    act(server, session, NUMBERS[:3])
    steps = [server.step(session)]
    crash(server)
    steps.append(server.step(session))
    crash(server)
    told(9, "the sum has begun when the server dies", steps == ["secagg_opened", "slices_aggregated"])
    server.drive(session)
    told(10, "and is exact", numpy.array_equal(server.weights(session), server.expected(base, NUMBERS, document, 1)))
    told(11, "no reconstructed secret is left in a table", not server.value(
        "SELECT EXISTS (SELECT FROM federated.secagg_reveals r JOIN federated.secagg_attempts a ON a.id = r.attempt_id"
        " WHERE a.session_id = %s)", session))


def main():
    print("1..11", flush=True)
    server = federation.Server(len(NUMBERS))
    all_states(server)
    cut_sum(server)


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, psycopg.Error) as error:
        print(f"Bail out! {error}")
        sys.exit(1)
