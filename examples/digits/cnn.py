"""A small convolutional network for 8x8 digits in PyTorch (the CPU build is enough).

The same three functions as mlp.py. Weights are {name: float32 array} under the names of the
module's state_dict: conv1.weight (16, 1, 3, 3), conv2.weight (32, 16, 3, 3), output.weight
(10, 512) and their biases.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(1)  # several Islands share this machine, and one thread repeats exactly


class Digits(nn.Module):
    """Two 3x3 convolutions, one 2x2 pooling, one linear layer: 9,930 parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.output = nn.Linear(32 * 4 * 4, 10)

    def forward(self, pixels):
        """Return scores (n, 10) of pixels (n, 1, 8, 8)."""
        hidden = functional.relu(self.conv1(pixels))
        hidden = functional.max_pool2d(functional.relu(self.conv2(hidden)), 2)
        return self.output(hidden.flatten(1))


def to_weights(model):
    """Return {name: float32 array} of a module."""
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def to_model(weights):
    """Return a module with these weights."""
    model = Digits()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return model


def to_pixels(images):
    """Return images (n, 64) as a tensor (n, 1, 8, 8)."""
    return torch.from_numpy(images).reshape(-1, 1, 8, 8)


def initial(seed):
    """Return PyTorch's own random initialisation, the same for the same seed."""
    torch.manual_seed(seed)
    return to_weights(Digits())


def train(weights, images, labels, hyper, rng):
    """Train from `weights` by mini-batch SGD; return the weights and the last epoch's mean loss.

    FedProx adds (mu / 2) ||w - w_global||^2 to the loss; the loss returned is without it. `rng`
    (numpy) draws the order of the images and the noise on their pixels, so that a task repeats.
    """
    model = to_model(weights)
    received = [value.detach().clone() for value in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=hyper.learning_rate)
    losses = []
    for _ in range(hyper.local_epochs):
        order = rng.permutation(len(labels))
        losses = []
        for start in range(0, len(order), hyper.batch_size):
            batch = order[start : start + hyper.batch_size]
            noise = rng.normal(0, 1, images[batch].shape).astype(np.float32)
            pixels = to_pixels(images[batch] + np.float32(hyper.input_noise) * noise)
            loss = functional.cross_entropy(model(pixels), torch.from_numpy(labels[batch]))
            losses.append(loss.item())
            if hyper.proximal_mu > 0:
                pairs = zip(model.parameters(), received)
                loss = loss + hyper.proximal_mu / 2 * sum(((w - g) ** 2).sum() for w, g in pairs)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return to_weights(model), float(np.mean(losses)) if losses else 0.0


def evaluate(weights, images, labels):
    """Return {"loss", "accuracy"} of the weights on images (n, 64) and labels (n,)."""
    with torch.no_grad():
        scores = to_model(weights)(to_pixels(images))
        loss = functional.cross_entropy(scores, torch.from_numpy(labels)).item()
    return {"loss": loss, "accuracy": float((scores.argmax(1).numpy() == labels).mean())}
