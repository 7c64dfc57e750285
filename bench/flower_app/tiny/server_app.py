"""FedAvg that writes a line into a file when a round begins and when the last has ended: seconds of a monotonic clock."""

import time

import numpy
from flwr.app import ArrayRecord
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

app = ServerApp()


class TimedFedAvg(FedAvg):
    def __init__(self, times, clients):
        super().__init__(fraction_evaluate=0.0, min_train_nodes=clients, min_available_nodes=clients)
        self.times = times
        self.clients = clients

    def note_time(self):
        with open(self.times, "a", encoding="utf-8") as file:
            file.write(f"{time.monotonic():.6f}\n")

    def configure_train(self, server_round, arrays, config, grid):
        """Waits for the nodes first, which is no part of a round."""
        messages = super().configure_train(server_round, arrays, config, grid)
        self.note_time()
        return messages

    def aggregate_train(self, server_round, replies):
        replies = list(replies)
        if len(replies) != self.clients or any(reply.has_error() for reply in replies):
            raise RuntimeError(f"round {server_round}: {len(replies)} replies")
        return super().aggregate_train(server_round, replies)


@app.main()
def main(grid, context):
    config = context.run_config
    strategy = TimedFedAvg(config["times"], config["clients"])
    arrays = ArrayRecord([numpy.zeros(config["parameters"], numpy.float32)])
    strategy.start(grid=grid, initial_arrays=arrays, num_rounds=config["rounds"])
    strategy.note_time()
