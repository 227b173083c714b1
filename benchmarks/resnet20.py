"""ResNet-20 for CIFAR-10 (He et al., 2016), named as in the weights of akamaster/pytorch_resnet_cifar10."""

from torch import Tensor, nn
from torch.nn.functional import pad

WIDTHS = (16, 32, 64)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # that its weights were trained with


class Block(nn.Module):
    """Two convolutions beside a shortcut of option A: every second pixel, and channels of zeros."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride, self.more = outputs // inputs, (outputs - inputs) // 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """``(n, inputs, H, W) -> (n, outputs, H / stride, W / stride)``."""
        inside = self.bn2(self.conv2(self.bn1(self.conv1(maps)).relu()))
        if self.more:
            maps = pad(maps[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, self.more))
        summed: Tensor = inside + maps
        return summed.relu()


class ResNet(nn.Module):
    """Three stages of three blocks: ``(n, 3, 32, 32) -> (n, 10)`` logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        inputs = (WIDTHS[0], *WIDTHS)
        for place, width in enumerate(WIDTHS):
            blocks = (Block(inputs[place], width), Block(width, width), Block(width, width))
            self.add_module(f"layer{place + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(WIDTHS[-1], 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images of mean 0 and deviation 1."""
        maps = self.bn1(self.conv1(images)).relu()
        for place in range(len(WIDTHS)):
            maps = self.get_submodule(f"layer{place + 1}")(maps)
        scores: Tensor = self.linear(maps.mean((2, 3)))
        return scores


def resnet20() -> nn.Module:
    """The network, its weights drawn at random."""
    return ResNet()
