"""What `fed island run --train` expects of a trainer, for any network of the examples.

Environment in: FED_MODEL (safetensors), FED_TASK (JSON: round, config), FED_HOST_ID.
Files out: FED_UPDATE (safetensors of the trained weights), FED_RESULT (JSON: num_samples, metrics).
The received model is evaluated on the Island's own validation data first, then trained on; a task
of kind "evaluate" stops after the evaluation. The same task gives the same bytes again.
"""

import argparse
import dataclasses
import json
import os
import zlib

import numpy as np

import safetensors_io


@dataclasses.dataclass(frozen=True)
class Hyper:
    """What the session asks of local training."""

    local_epochs: int = 1
    learning_rate: float = 0.1
    batch_size: int = 32
    proximal_mu: float = 0.0
    input_noise: float = 0.0

    @classmethod
    def from_config(cls, config):
        """Take what this trainer knows from a session's config and its free `hyperparameters`."""
        given = {**config, **(config.get("hyperparameters") or {})}
        known = {field.name: field.type for field in dataclasses.fields(cls)}
        return cls(**{name: kind(given[name]) for name, kind in known.items() if given.get(name) is not None})


def task_rng(task, host_id):
    """Return the random generator of this task: by session seed, Island and round."""
    seed = int(task["config"].get("seed") or 0) % 2**64
    return np.random.default_rng([seed, zlib.crc32(host_id.encode()), task["round"]])


def checked(metrics):
    """Return `metrics`, or end the trainer if training has diverged: NaN must not leave the Island."""
    if not all(np.isfinite(value) for value in metrics.values()):
        raise SystemExit(f"training diverged: {metrics}; a smaller learning_rate may help")
    return metrics


def run(network, data_path, environ):
    """Do the task that `environ` describes with the Island's data file; return the result."""
    with open(environ["FED_TASK"], encoding="utf-8") as file:
        task = json.load(file)
    weights = safetensors_io.read(environ["FED_MODEL"])
    data = np.load(data_path)
    held = data["validation_inputs"], data["validation_labels"]
    result = {"num_samples": len(held[1]), "evaluation": checked(network.evaluate(weights, *held))}
    if task["kind"] == "train":
        inputs, labels = data["train_inputs"], data["train_labels"]
        hyper = Hyper.from_config(task["config"])
        rng = task_rng(task, environ["FED_HOST_ID"])
        trained, loss = network.train(weights, inputs, labels, hyper, rng)
        result.update(num_samples=len(labels), update="weights", training=checked({"loss": loss}))
        safetensors_io.write(environ["FED_UPDATE"], trained)
    with open(environ["FED_RESULT"], "w", encoding="utf-8") as file:
        json.dump(result, file)
    return result


def main(network):
    """Command line of a trainer: one option, the Island's own data file."""
    parser = argparse.ArgumentParser(description="Train one round for `fed island run --train`.")
    parser.add_argument("--data", required=True, help="the Island's .npz file, made by data.py of its example")
    options = parser.parse_args()
    print(json.dumps(run(network, options.data, os.environ)))
