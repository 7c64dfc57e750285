"""Flower as its documentation deploys it: a SuperLink, a SuperNode for each client, and an app that `flwr run` submits."""

import os
import pathlib
import signal
import subprocess
import sys

from lib.flower_round import CLIENTS, PARAMETERS
from lib.programs import free_port, listening, wait_for

APP = pathlib.Path(__file__).resolve().parent.parent / "flower_app"
BIN = pathlib.Path(sys.executable).parent


class Deployment:
    """Is there inside a with statement; keeps its state below a directory, as SuperLink does by itself: in memory."""

    def __init__(self, directory):
        self.directory = directory
        self.runs = 0
        self.programs = []
        self.environment = {**os.environ, "FLWR_HOME": str(directory), "FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1",
                            "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        address = f"127.0.0.1:{(port := free_port())}"
        self.directory.mkdir(parents=True)
        (self.directory / "config.toml").write_text(
            f'[superlink]\ndefault = "bench"\n\n[superlink.bench]\naddress = "{address}"\ninsecure = true\n')
        self.launch("flower-superlink", "--insecure", "--host", "127.0.0.1", "--port", port, "--disable-runtime-dependency-installation")
        wait_for(lambda: listening(port), "Flower's SuperLink")
        for _ in range(CLIENTS):
            self.launch("flower-supernode", "--insecure", "--superlink", address, "--host", "127.0.0.1", "--port", free_port())

    def launch(self, program, *arguments):
        """In a session of its own, with what it starts; an executor that leaves it ends by itself when its SuperLink is gone."""
        with open(self.directory / "log", "ab") as log:
            self.programs.append(subprocess.Popen([BIN / program, *map(str, arguments)], env=self.environment, stdout=log,
                                                  stderr=log, start_new_session=True))

    def __exit__(self, *_):
        for program in self.programs:
            try:
                os.killpg(program.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            program.wait()

    def seconds(self, rounds):
        """Seconds of so many rounds, from the first one's start to the last one's end."""
        self.runs += 1
        times = self.directory / f"times.{self.runs}"
        config = f'rounds={rounds} clients={CLIENTS} parameters={PARAMETERS} times="{times}"'
        subprocess.run([BIN / "flwr", "run", APP, "bench", "--run-config", config], env=self.environment, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_for(lambda: times.exists() and len(times.read_text().split()) == rounds + 1, "Flower's rounds")
        noted = list(map(float, times.read_text().split()))
        return noted[-1] - noted[0]
