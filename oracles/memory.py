"""How a network's weights lie in memory."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)

ROUNDING = 1e-4  # of all scores, by which a layout may change them
RANK = 4  # of the weights of a convolution


def unfilled(make: Callable[[], Network]) -> Network:
    """What ``make`` makes, in evaluation mode, its weights not yet set; no random number is drawn."""
    with torch.device("meta"):
        network = make()
    return network.to_empty(device="cpu").eval()


def channels_last(network: Network) -> Network:
    """The same network, the channels of a pixel side by side, which makes convolutions faster."""
    return _laid(network, torch.channels_last)


def lay_out(network: nn.Module, images: Tensor) -> None:
    """Bring the weights into channels last, where the scores of ``images (n, C, H, W)`` stay the same.

    They do not where a network views a map as rows, which then lie otherwise: it is left as it was.
    """
    kernels = [weight for weight in network.parameters() if weight.ndim == RANK]
    if all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels):
        return
    usual = network(images)
    try:
        if (channels_last(network)(images) - usual).norm() <= ROUNDING * usual.norm():
            return
    except Exception:  # whatever a network raises: as it was, it answers
        pass
    _laid(network, torch.contiguous_format)


@torch.inference_mode(False)  # or the weights could be used in no other mode
def _laid(network: Network, layout: torch.memory_format) -> Network:
    return network.to(memory_format=layout)  # type: ignore[call-overload,no-any-return]
