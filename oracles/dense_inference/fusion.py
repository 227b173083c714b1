"""Fusion: a torch network on a CPU with batch-norm folded, and kernels that do not change with the batch.

The network that was given is not touched: its layers are called by a graph of their own, in which some are
replaced. torch computes a small convolution of one image, or one of 1x1 with a single thread, by other
kernels than the same convolution of many images, and so does MKL a product of one to three rows. Here it is
oneDNN's convolution and a product of at least four rows always, so that an image has the same bits in a
small call and in a large one (``blocks`` tries whether it has).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as f
from torch.nn.utils.fusion import fuse_conv_bn_weights

from sparseattack.problem.scale import difference, greatest

from .scores import Chosen

ROUNDING = (
    1e-4  # of the greatest score, by which fusion may change scores; float32 rounding is a tenth of that
)
TRIED = 8  # images of the first call on which that is tried, and as many that are changed
ROWS = 4  # least rows of a product


@dataclass(frozen=True)
class Stamp:
    """What is compared to find out whether a network has other weights than before."""

    known: tuple[tuple[int, ...], ...]  # identities of modules and weights; where each is, and writes to it
    held: tuple[object, ...] = field(compare=False)  # these modules and weights: none else gets an identity


def convolve() -> Callable[..., Tensor]:
    """Convolution by oneDNN, where there is one: images, weight, bias, padding, stride, dilation, groups."""
    if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return torch.mkldnn_convolution

    def by_torch(maps: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Tensor:
        padding, stride, dilation, groups = settings
        return f.conv2d(maps, weight, bias, stride, padding, dilation, groups)

    return by_torch


class Convolution(nn.Module):
    """A convolution by oneDNN, whatever the number of images."""

    def __init__(self, layer: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias
        assert not isinstance(layer.padding, str)
        self.convolve = convolve()
        self.settings = layer.padding, layer.stride, layer.dilation, layer.groups

    def forward(self, maps: Tensor) -> Tensor:
        """``(n, C, H, W) -> (n, C', H', W')``."""
        return self.convolve(maps, self.weight, self.bias, *self.settings)


def product(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A dense layer of ``rows (n, C)``, to which others are added where there are fewer than four."""
    short = ROWS - len(rows)
    if rows.ndim != len("nC") or short <= 0:
        return f.linear(rows, weight, bias)
    return f.linear(f.pad(rows, (0, 0, 0, short)), weight, bias)[: len(rows)]


class Product(nn.Module):
    """A dense layer by ``product``."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, rows: Tensor) -> Tensor:
        """``(n, ..., C) -> (n, ..., C')``."""
        return product(rows, self.weight, self.bias)


class Fusion:
    """A network, and the same one fused where that gives the same scores but for rounding."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.fused: nn.Module | None = None
        self.folded = 0  # batch-norms
        self.stamp: Stamp | None = None  # of the weights that were fused

    def network_for(self, images: Tensor) -> nn.Module:
        """The network that evaluates ``images (n, C, H, W)``; the first call fuses it and tries that.

        Weights that were changed since are fused again, but for what is written by way of ``weight.data``;
        in training mode and under autocast a network is taken as it is.
        """
        if self.network.training or torch.is_autocast_enabled("cpu"):
            return self.network
        now = stamp(self.network)
        if now != self.stamp:
            self.stamp = now
            self.fused, self.folded = fuse(self.network) if now else (None, 0)
            if self.fused and not _agree(self.network, self.fused, images):
                self.fused, self.folded = None, 0
        return self.fused or self.network


def stamp(network: nn.Module) -> Stamp | None:
    """What changes when a weight is written to, or another takes its place; None where weights do not tell.

    What is written by way of ``weight.data`` leaves no trace.
    """
    modules = tuple(network.modules())
    held = chain.from_iterable((*one._parameters.values(), *one._buffers.values()) for one in modules)
    weights = tuple(weight for weight in held if weight is not None)  # in half the time of parameters()
    try:
        if any(weight.is_inference() or weight.layout is not torch.strided for weight in weights):
            return None
        places = tuple(weight.data_ptr() for weight in weights)
    except (RuntimeError, ValueError):  # of weights that are not there yet
        return None
    every = (*modules, *weights)
    return Stamp((tuple(map(id, every)), places, tuple(weight._version for weight in weights)), every)


def fuse(network: nn.Module) -> tuple[nn.Module | None, int]:
    """The network with its layers replaced, and how many batch-norms were folded.

    None where nothing can be replaced, or torch.fx cannot follow the network.
    """
    if isinstance(network, Chosen) and isinstance(network.network, nn.Module):
        inner, folded = fuse(network.network)
        return (Chosen(inner, network.output) if inner else None), folded
    try:
        module = fx.symbolic_trace(network).eval()
    except Exception:  # of torch, or of the network, which gets no image
        return None, 0
    found = [_replace(module, node) for node in list(module.graph.nodes)]
    module.recompile()
    module.delete_all_unused_submodules()
    replaced = [one for one in found if one is not None]
    return (module if replaced else None), sum(replaced)


def _replace(module: fx.GraphModule, node: fx.Node) -> int | None:
    """Replace the layer of a node; 1 if a batch-norm was folded into it, None if nothing is replaced."""
    layer = _layer(module, node)
    name = f"fused_{node.name}"
    if type(layer) is nn.Linear:
        module.add_submodule(name, Product(layer))
    elif type(layer) is nn.Conv2d and layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
        norm = _norm_after(module, node)
        weight, bias = _folded(layer, norm[1]) if norm else (layer.weight.detach(), layer.bias)
        module.add_submodule(name, Convolution(layer, weight, None if bias is None else bias.detach()))
        if norm:
            norm[0].replace_all_uses_with(node)
            module.graph.erase_node(norm[0])
            node.target = name
            return 1
    else:
        return None
    node.target = name
    return 0


def _layer(module: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The layer that a node calls, in float32 and without hooks; None for others."""
    if node.op != "call_module" or len(node.args) != 1 or node.kwargs:
        return None
    layer = module.get_submodule(str(node.target))
    hooked = layer._forward_hooks or layer._forward_pre_hooks
    single = all(weight.dtype is torch.float32 for weight in _weights(layer))
    return layer if single and not hooked else None


def _weights(layer: nn.Module) -> Iterator[Tensor]:
    return chain(layer.parameters(), (each for each in layer.buffers() if each.is_floating_point()))


def _norm_after(module: fx.GraphModule, node: fx.Node) -> tuple[fx.Node, nn.BatchNorm2d] | None:
    """The batch-norm that alone reads what a convolution gives."""
    users = list(node.users)
    norm = _layer(module, users[0]) if len(users) == 1 else None
    if type(norm) is nn.BatchNorm2d and norm.track_running_stats and not norm.training:
        return users[0], norm
    return None


def _folded(layer: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the batch-norm after it."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        weight, bias = fuse_conv_bn_weights(
            layer.weight,
            layer.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        last = layer.weight.is_contiguous(memory_format=torch.channels_last)
        form = torch.channels_last if last else torch.contiguous_format
        return weight.detach().contiguous(memory_format=form), bias.detach()


def _agree(network: nn.Module, fused: nn.Module, images: Tensor) -> bool:
    """Whether both give the same scores but for rounding, of images as they are and changed."""
    tried = images[:TRIED]
    noise = torch.rand(tried.shape, generator=torch.Generator().manual_seed(0)).to(tried)
    changed = torch.where(noise < 1 / 16, tried.flip(0) * (1 - noise), tried)
    both = torch.cat([tried, changed])
    try:
        expected, found = (one(both.clone()) for one in (network, fused))
        return bool(difference(expected, found).max() <= ROUNDING * greatest(expected).max())
    except Exception:  # whatever a traced network raises: it works as it was given
        return False
