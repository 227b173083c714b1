"""The function that a library's thread calls, as a network for torchattacks."""

import torch
from torch import Tensor, nn

from sparseattack import Space

from .model_calls import Model

LEAST = 1e-38  # probability whose logarithm is finite in float32


class LibraryNetwork(nn.Module):
    """A network with the scores of ``model`` as logits, of which torchattacks takes the softmax.

    Where the scores are probabilities p, these are log(p).
    """

    def __init__(self, space: Space, model: Model) -> None:
        super().__init__()
        self.model, self.logits = model, space.scale == "logits"
        self.device = nn.Parameter(torch.empty(0), requires_grad=False)  # where torchattacks finds the device

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(n, K)`` of ``images (n, C, H, W)``."""
        scores = self.model(images)
        return scores if self.logits else scores.clamp(min=LEAST).log()
