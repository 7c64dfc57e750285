"""A Flower server, or one of its clients, as a process of its own: what the benchmark `round` starts.

    python -m lib.flower_round server ADDRESS ROUNDS    prints the seconds from the first round's start to the last one's end
    python -m lib.flower_round client ADDRESS
"""

import sys
import time

import numpy
from flwr.client import NumPyClient
from flwr.common import ndarrays_to_parameters
from flwr.compat.client.app import start_client
from flwr.server import ServerConfig, start_server
from flwr.server.strategy import FedAvg

CLIENTS = 3
PARAMETERS = 1000


class Client(NumPyClient):
    """Trains nothing: gives back what it got."""

    def fit(self, parameters, config):
        return parameters, 100, {}


class TimedFedAvg(FedAvg):
    """Notes when the first round begins and the last has ended."""

    began = ended = None

    def configure_fit(self, server_round, parameters, client_manager):
        instructions = super().configure_fit(server_round, parameters, client_manager)
        if self.began is None:
            self.began = time.perf_counter()
        return instructions

    def aggregate_fit(self, server_round, results, failures):
        aggregated = super().aggregate_fit(server_round, results, failures)
        if failures or len(results) != CLIENTS:
            raise RuntimeError(f"round {server_round}: {len(results)} results, {failures}")
        self.ended = time.perf_counter()
        return aggregated


def serve(address, rounds):
    strategy = TimedFedAvg(fraction_evaluate=0.0, min_fit_clients=CLIENTS, min_available_clients=CLIENTS,
                           initial_parameters=ndarrays_to_parameters([numpy.zeros(PARAMETERS, numpy.float32)]))
    start_server(server_address=address, config=ServerConfig(num_rounds=rounds), strategy=strategy)
    print(f"{strategy.ended - strategy.began:.6f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        start_client(server_address=sys.argv[2], client=Client().to_client())
