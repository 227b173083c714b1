"""ResNet-20 for CIFAR-10 (He et al., 2016), layers named as in the shared weights."""

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as f


class Block(nn.Module):
    """Two convolutions and a shortcut: strided, with further channels of zeros (the paper's option A)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.stride, self.more = (2, (after - before) // 2) if after > before else (1, 0)
        self.conv1 = nn.Conv2d(before, after, 3, self.stride, 1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(f.relu(self.bn1(self.conv1(x)))))
        short = x[:, :, :: self.stride, :: self.stride]
        return f.relu(y + f.pad(short, (0, 0, 0, 0, self.more, self.more)))


class ResNet20(nn.Module):
    """Three stages of three blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16), Block(16, 16), Block(16, 16))
        self.layer2 = nn.Sequential(Block(16, 32), Block(32, 32), Block(32, 32))
        self.layer3 = nn.Sequential(Block(32, 64), Block(64, 64), Block(64, 64))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(f.relu(self.bn1(self.conv1(x))))))
        scores: Tensor = self.linear(f.avg_pool2d(x, x.shape[3]).flatten(1))
        return scores


def resnet20(weights: Path) -> ResNet20:
    """With weights by parameter name."""
    network = ResNet20()
    network.load_state_dict(load_file(weights))
    return network.eval()
