#!/usr/bin/python3
"""Show that FedProx keeps Islands from drifting apart on strongly non-IID digits.

Runs a few rounds of federated averaging offline, each local training by the real trainer as a
program of its own, once with proximal_mu 0 (FedAvg) and once with --mu (FedProx). Drift is the
mean over rounds and Islands of ||w_island - w_global||, the Euclidean distance in weight space
between what an Island sends back and what it received. Exits 0 only if FedProx drifts less.
"""

import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "lib"))

import data
import networks
import safetensors_io


def local_training(trainer, workdir, data_path, round_number, weights, config):
    """Run the trainer on one Island's data file; return its weights and its number of images."""
    files = {
        "FED_MODEL": workdir / "model.safetensors",
        "FED_TASK": workdir / "task.json",
        "FED_UPDATE": workdir / "update.safetensors",
        "FED_RESULT": workdir / "result.json",
    }
    safetensors_io.write(files["FED_MODEL"], weights)
    task = {"kind": "train", "round": round_number, "config": config}
    files["FED_TASK"].write_text(json.dumps(task), encoding="utf-8")
    environ = {**os.environ, **{name: str(path) for name, path in files.items()}}
    environ["FED_HOST_ID"] = data_path.stem
    command = [*trainer, "--data", str(data_path)]
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    result = json.loads(files["FED_RESULT"].read_text(encoding="utf-8"))
    return safetensors_io.read(files["FED_UPDATE"]), result["num_samples"]


def distance(one, other):
    """Return the Euclidean distance between two {name: array}."""
    return float(np.sqrt(sum(((one[name] - other[name]).astype(np.float64) ** 2).sum() for name in one)))


def average(updates):
    """Return the mean of [(weights, number of images)], weighted by images."""
    total = sum(count for _, count in updates)
    names = updates[0][0]
    return {name: sum(w[name] * np.float32(count / total) for w, count in updates) for name in names}


def measure(trainer, workdir, islands, weights, rounds, config):
    """Return the mean drift over `rounds` rounds of federated averaging from `weights`."""
    drifts = []
    for round_number in range(1, rounds + 1):
        updates = [
            local_training(trainer, workdir, path, round_number, weights, config) for path in islands
        ]
        drifts += [distance(trained, weights) for trained, _ in updates]
        weights = average(updates)
    return float(np.mean(drifts))


def main():
    """Measure both and print them; the exit status says whether FedProx drifts less."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    networks.add_option(parser, "mlp")
    parser.add_argument("--trainer", type=shlex.split, help="command (default: train.py)")
    parser.add_argument("--mu", type=float, default=1.0, help="proximal_mu (default 1)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=pathlib.Path, help="folder of data.py's files (default: made)")
    options = parser.parse_args()
    trainer = options.trainer or [sys.executable, str(HERE / "train.py")]
    config = {"local_epochs": 5, "learning_rate": 0.1, "batch_size": 16, "seed": 1}
    with tempfile.TemporaryDirectory(prefix="federated-drift-") as name:
        workdir = pathlib.Path(name)
        if not options.data:
            list(data.write_islands(workdir, n_islands=3, seed=2))
        folder = options.data or workdir
        islands = sorted(folder.glob("island-*.npz"))
        drift = {}
        for mu in (0.0, options.mu):
            weights = networks.load(options.net).initial(1)
            settings = {**config, "proximal_mu": mu}
            drift[mu] = measure(trainer, workdir, islands, weights, options.rounds, settings)
    print(f"drift: mu=0 {drift[0.0]:.3f} mu={options.mu:g} {drift[options.mu]:.3f}")
    sys.exit(0 if drift[options.mu] < drift[0.0] else 1)


if __name__ == "__main__":
    main()
