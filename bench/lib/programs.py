"""Programs that run beside us, and waiting for them."""

import contextlib
import socket
import subprocess
import time

PATIENCE = 300  # seconds for all rounds of a run


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


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.02)
