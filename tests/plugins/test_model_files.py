"""Files that are named as an oracle, but are none by themselves, are refused with the command that works."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from sparseattack import InputError, load
from sparseattack.plugins.registry import oracle_plugin
from sparseattack.plugins.spec import bind

SAID = {
    "weights.pt": r"without their network: use 'torch\(module=FILE.py:FUNCTION,checkpoint=.*weights.pt\)'",
    "weights.safetensors": r"use 'torch\(module=FILE.py:FUNCTION,checkpoint=.*weights.safetensors\)'",
    "whole.pt": r"a whole network, .*def make\(\): return torch.load\('.*whole.pt', weights_only=False\)"
    r".*'torch\(module=load.py:make\)'",
    "nested.pt": "without their network",
    "exported.pt": r"is a torch.export file: use 'torch-export\(path=.*exported.pt\)'",
    "forest.joblib": r"if you trust it, .*return joblib.load\(.*'sklearn\(estimator=load.py:make\)'",
    "net.h5": "is read by no oracle: convert it to ONNX",
    "net.py": r"names no function: use .*net.py:FUNCTION .*'torch\(module=.*net.py:FUNCTION\)'",
    "absent.pt": "there is no file",
}


@pytest.mark.parametrize("name", SAID)
def test_the_error_names_the_command_that_works(tmp_path: Path, name: str) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "weights.pt")
    torch.save({"state_dict": nn.Linear(2, 2).state_dict(), "epoch": 3}, tmp_path / "nested.pt")
    torch.save(nn.Flatten(), tmp_path / "whole.pt")
    torch.export.save(torch.export.export(nn.ReLU(), (torch.zeros(2, 3, 4, 4),)), tmp_path / "exported.pt2")
    (tmp_path / "exported.pt2").rename(tmp_path / "exported.pt")
    for other in ("weights.safetensors", "forest.joblib", "net.h5", "net.py"):
        (tmp_path / other).write_bytes(b"")
    with pytest.raises(InputError, match=SAID[name]):
        oracle_plugin(f"{tmp_path}/{name}")
    if name == "exported.pt":
        assert load("oracles", f"torch-export(path={tmp_path}/{name})")()(torch.zeros(2, 3, 4, 4)).ndim == 4


def test_the_command_for_a_whole_network_works(tmp_path: Path) -> None:
    file = tmp_path / "whole.pt"
    torch.save(nn.Flatten(), file)
    with pytest.raises(InputError) as refused:
        oracle_plugin(str(file))
    written = re.findall("`(.*?)`", str(refused.value))
    (tmp_path / "load.py").write_text("\n".join(written))
    assert load("oracles", f"torch(module={tmp_path}/load.py:make)")()(torch.zeros(2, 3, 4, 4)).shape == (
        2,
        48,
    )


def test_positional_parameters_of_an_oracle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("def classify(images):\n    return images.flatten(1)[:, :3]\n")
    said = (
        r"needs the positional parameter images: .*def classify\(\*, images\).*def make\(\): return classify"
    )
    with pytest.raises(InputError, match=said):
        oracle_plugin(f"{tmp_path}/net.py:classify")


def test_a_home_folder_is_expanded_in_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    def plugin(*, path: Path, name: str | None = None, files: tuple[str, ...] = ()) -> object:
        return path, name, files

    monkeypatch.setenv("HOME", "/there")
    bound = bind("mine", plugin, {"path": "~/a", "name": "~/b", "files": "[~/c,d~e]"})
    assert bound() == (Path("/there/a"), "/there/b", ("/there/c", "d~e"))
