"""Networks in files of torch.export, for a fixed or any number of images."""

from logging import getLogger
from logging.handlers import BufferingHandler
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from sparseattack import Classifier, InputError
from sparseattack.plugins.registry import oracle_plugin

IMAGES = torch.randint(256, (70, 3, 6, 5), generator=torch.Generator().manual_seed(0)) / 255


def network() -> nn.Sequential:
    layers = (
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )
    return nn.Sequential(*layers).eval()


class Two(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right


def write(file: Path, made: nn.Module, free: bool, count: int = 32) -> Path:
    shapes = ({0: Dim("n", min=1, max=4096)},) if free else None
    torch.export.save(torch.export.export(made, (IMAGES[:count],), dynamic_shapes=shapes), file)
    return file


def oracle(spec: str) -> Classifier:
    made = oracle_plugin(spec)()
    assert isinstance(made, Classifier)
    return made


@pytest.mark.parametrize(("free", "count"), [(True, 32), (False, 32), (False, 48), (False, 64)])
def test_scores_are_those_of_the_network(tmp_path: Path, free: bool, count: int) -> None:
    wanted = network()
    made = oracle(f"{write(tmp_path / 'net.pt2', wanted, free, count)}(classes=[a,b,c,d,e])")
    with torch.no_grad():
        for size in (2, 32, 70):
            torch.testing.assert_close(made(IMAGES[:size]), wanted(IMAGES[:size]))
        torch.testing.assert_close(
            oracle(f"{tmp_path / 'net.pt2'}(mean=0.5,std=0.25)")(IMAGES), wanted((IMAGES - 0.5) / 0.25)
        )
    assert (made.name, made.classes, made.shape) == ("net.pt2", ("a", "b", "c", "d", "e"), (3, 6, 5))
    assert made.digest == oracle(f"{tmp_path / 'net.pt2'}(batch=32)").digest
    assert made.digest != oracle(f"{tmp_path / 'net.pt2'}(mean=0.5)").digest


def test_unfit_images_files_and_devices_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "net.pt2", network(), True)
    with pytest.raises(InputError, match=r"net\.pt2 takes images of 3x6x5, not 1x6x5"):
        oracle(str(file))(IMAGES[:, :1])
    with pytest.raises(InputError, match="there is no file"):
        oracle(f"{tmp_path}/lacking.pt2")
    with pytest.raises(InputError, match="no device 'cuda:77' here"):
        oracle(f"{file}(device=cuda:77)")
    torch.export.save(torch.export.export(Two(), (IMAGES, IMAGES)), tmp_path / "two.pt2")
    with pytest.raises(InputError, match=r"takes \(70, 3, 6, 5\), \(70, 3, 6, 5\), not one batch of images"):
        oracle(f"{tmp_path}/two.pt2")


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.pt2").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"broken\.pt2 is no torch\.export file that can be read"):
        oracle(f"{tmp_path}/broken.pt2")


def test_a_file_of_another_kind_is_refused_without_a_log(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "weights.pt2")
    logger, log = getLogger("torch.export"), BufferingHandler(9)
    logger.addHandler(log)
    with pytest.raises(InputError, match=r"weights\.pt2 is no torch\.export file .* the saved file\.$"):
        oracle(f"{tmp_path}/weights.pt2")
    logger.removeHandler(log)
    assert log.buffer == [] and not logger.disabled
