"""The code blocks of docs/adapters.md and docs/models.md run as they are written."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from adapted import block, given, library, network

PAGE = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n.*?^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
TARGETS = torch.arange(8) % 10


def art_classifier() -> Any:
    estimators = library("art.estimators.classification", 'pip install "sparseattack[art]"')
    loss = torch.nn.CrossEntropyLoss()
    return estimators.PyTorchClassifier(
        network(), loss=loss, input_shape=(3, 32, 32), nb_classes=10, clip_values=(0, 1), device_type="cpu"
    )


def held(section: str) -> dict[str, Any]:
    """What the reader of a section has already."""
    images, labels = given()
    if section == "ART":
        return {"classifier": art_classifier(), "x": images.numpy(), "y": labels.numpy()}
    return {
        "model": network(),
        "network": network(),
        "images": images,
        "labels": labels,
        "targets": TARGETS,
    }


def test_the_page_has_a_block_for_each_library() -> None:
    assert [*SECTIONS] == ["A function", "torchattacks", "ART", "foolbox"]
    assert len(re.findall(r"^```python$", PAGE, re.MULTILINE)) == len(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_block_runs_as_it_is_written(section: str) -> None:
    if section != "A function":
        library(section.lower(), f"pip install --no-deps {section.lower()}")
    code = SECTIONS[section].replace("budget=2000", "budget=60")  # what it finds does not matter here
    names = held(section)
    exec(code, names)
    made = {"A function": "found", "torchattacks": "adversarial", "ART": "x_adv", "foolbox": "success"}
    assert len(getattr(names[made[section]], "success", names[made[section]])) in (3, 8)  # epsilons, images
    if section == "torchattacks":
        assert names["attack"].last.outcomes
    if section == "ART":
        assert names["attack"].pixels == 5


@pytest.mark.parametrize("name", ["timm", "torchvision"])
def test_a_model_of_another_package_is_built_as_the_page_says(name: str, tmp_path: Path) -> None:
    """In a process of its own, with the operators that a torchvision for CUDA lacks beside a CPU's torch."""
    program = f"""
import importlib.util
if importlib.util.find_spec("{name}") is None:
    raise SystemExit(77)
exec({block("operators")!r})
held = {{}}
exec({block(name)!r}, held)
import torch
from safetensors.torch import save_file
made = held["timm"].create_model("resnet18") if "{name}" == "timm" else held["torchvision"].models.resnet18()
save_file(made.state_dict(), "resnet18.safetensors")
torch.save(made.state_dict(), "resnet18.pt")
image = torch.zeros(1, 3, 64, 64)
assert torch.equal(held["make"]().eval()(image), made.eval()(image))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if ended.returncode == 77:
        pytest.skip(f"{name} is not installed: pip install --no-deps torchvision timm")
    assert ended.returncode == 0, ended.stderr
