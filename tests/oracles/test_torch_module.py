"""Torch networks that a function of the user's returns, with weights of the user's."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sparseattack import Classifier, InputError, load
from sparseattack.problem.inference import PAD

NET = """
import torch
from torch import nn

def make():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5),
    )

def function():
    return lambda images: images.flatten(1)[:, :4]

def pair():
    return lambda images: (images, images)

def broken():
    raise ZeroDivisionError("of no use")

def number():
    return 7
"""

IMAGES = torch.randint(256, (33, 3, 6, 5), generator=torch.Generator().manual_seed(0)) / 255
Save = Callable[[dict[str, torch.Tensor], Path], object]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    return tmp_path / "net.py"


def network() -> nn.Sequential:
    """The network of ``make`` with running statistics in its batch-norm."""
    made = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5),
    )  # fmt: skip
    made.train()(torch.rand(8, 3, 6, 5))
    return made.eval()


def oracle(spec: str) -> Classifier:
    made = load("oracles", f"torch({spec})")()
    assert isinstance(made, Classifier)
    return made


SAVERS: dict[str, Save] = {
    "weights.safetensors": save_file,
    "weights.pt": torch.save,
    "weights.pth": torch.save,
}


@pytest.mark.parametrize("name", SAVERS)
def test_scores_are_those_of_the_network(net: Path, tmp_path: Path, name: str) -> None:
    wanted = network()
    SAVERS[name](wanted.state_dict(), tmp_path / name)
    made = oracle(f"module={net}:make,checkpoint={tmp_path / name},classes=[a,b,c,d,e],batch=64")
    with torch.no_grad():
        torch.testing.assert_close(made(IMAGES), wanted(IMAGES))
    assert (made.scale, made.batch, made.classes) == ("auto", 64, ("a", "b", "c", "d", "e"))
    assert made(IMAGES).is_inference()


def test_mean_and_deviation(net: Path, tmp_path: Path) -> None:
    wanted = network()
    save_file(wanted.state_dict(), tmp_path / "w.safetensors")
    spec = f"module={net}:make,checkpoint={tmp_path / 'w.safetensors'}"
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.4])
    prepared = (IMAGES - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    with torch.no_grad():
        both = oracle(f"{spec},mean=[0.5,0.4,0.3],std=[0.2,0.3,0.4]")
        torch.testing.assert_close(both(IMAGES), wanted(prepared))
        torch.testing.assert_close(oracle(f"{spec},mean=0.5")(IMAGES), wanted(IMAGES - 0.5))
    with pytest.raises(InputError, match="mean and std have 3 channels, the images have 1"):
        oracle(f"{spec},mean=[0.5,0.4,0.3],std=[0.2,0.3,0.4]")(IMAGES[:, :1])
    for wrong in ("mean=[0,0,0],std=[1,1]", "std=[1,0,1]"):
        with pytest.raises(InputError, match="do not fit"):
            oracle(f"{spec},{wrong}")


def test_a_function_instead_of_a_module(net: Path) -> None:
    made = oracle(f"module={net}:function,scale=probabilities")
    assert torch.equal(made(IMAGES), IMAGES.flatten(1)[:, :4])
    assert made.scale == "probabilities"


def test_the_digest_depends_on_weights_source_and_settings(net: Path, tmp_path: Path) -> None:
    for name in "ab":
        save_file(network().state_dict(), tmp_path / f"{name}.safetensors")
    spec = f"module={net}:make,checkpoint={tmp_path}"
    changes = (
        "/a.safetensors",
        "/b.safetensors",
        "/a.safetensors,mean=0.5",
        "/a.safetensors,scale=probabilities",
    )
    assert len({oracle(spec + change).digest for change in changes}) == 4
    assert oracle(f"{spec}/a.safetensors").digest == oracle(f"{spec}/a.safetensors,batch=32").digest
    other = tmp_path / "other.py"
    weights = f"checkpoint={tmp_path}/a.safetensors"
    other.write_text(NET + "\n# a comment\n")
    assert oracle(f"module={other}:make,{weights}").digest == oracle(f"{spec}/a.safetensors").digest
    other.write_text(NET + "\nSCALE = 2.0\n")
    assert oracle(f"module={other}:make,{weights}").digest != oracle(f"{spec}/a.safetensors").digest


def test_a_pickle_is_refused_and_not_run(net: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(tmp_path / "harm.txt"), "w")

    for name, write in (
        ("model.pt", torch.save),
        ("plain.pth", lambda it, at: at.write_bytes(pickle.dumps(it))),
    ):
        write({"layer": Evil()}, tmp_path / name)
        with pytest.raises(InputError, match=rf"{name} is a pickle that could run any code"):
            oracle(f"module={net}:make,checkpoint={tmp_path / name}")
    torch.save(network(), tmp_path / "whole.pt")
    with pytest.raises(InputError, match="safetensors"):
        oracle(f"module={net}:make,checkpoint={tmp_path / 'whole.pt'}")
    assert not (tmp_path / "harm.txt").exists()


def test_weights_that_do_not_fit_are_named(net: Path, tmp_path: Path) -> None:
    state = network().state_dict()
    state["7.weight"] = state.pop("6.weight")
    state["0.bias"] = torch.zeros(5)
    save_file(state, tmp_path / "w.safetensors")
    faults = r"they lack 6\.weight; they have in excess 7\.weight; they have in another shape 0\.bias"
    with pytest.raises(InputError, match=faults):
        oracle(f"module={net}:make,checkpoint={tmp_path / 'w.safetensors'}")


CHECKPOINTS = {
    "lacking.safetensors": "there is no file",
    "broken.safetensors": r"holds no weights that can be read: a \.safetensors file or .* needed$",
    "broken.pt": "holds no weights that can be read|is a pickle",
    "list.pt": "holds list, not a state dict",
    "mixed.pt": "holds dict of a, epoch, not a state dict",
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_files_that_are_no_checkpoints_are_refused(net: Path, tmp_path: Path, name: str) -> None:
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    torch.save({"a": torch.zeros(1), "epoch": 3}, tmp_path / "mixed.pt")
    for broken in ("broken.safetensors", "broken.pt"):
        (tmp_path / broken).write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=CHECKPOINTS[name]):
        oracle(f"module={net}:make,checkpoint={tmp_path / name}")


PLACES = {
    "net": "is not of the form",
    "lacking.py:make": r"there is no file .*lacking\.py",
    "net.py:nothing": "has no attribute 'nothing'",
    "net.py:broken": "ZeroDivisionError: of no use",
    "syntax.py:make": "SyntaxError",
    "no_such_module:make": "No module named 'no_such_module'",
    "net.py:number": "makes int, not a torch",
}


@pytest.mark.parametrize("place", PLACES)
def test_places_without_a_network_are_refused(
    net: Path, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "syntax.py").write_text("def make(:")
    with pytest.raises(InputError, match=PLACES[place]):
        oracle(f"module={place}")


def test_weights_for_a_function_are_refused(net: Path, tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"makes function, not a torch\.nn\.Module"):
        oracle(f"module={net}:function,checkpoint={tmp_path / 'w.safetensors'}")


def test_a_missing_device_is_refused(net: Path) -> None:
    for device in ("cuda:77", "mps:5", "nonsense"):
        with pytest.raises(InputError, match=f"no device '{device}' here"):
            oracle(f"module={net}:make,device={device}")


def test_a_network_of_a_package_and_one_that_returns_no_tensor(net: Path) -> None:
    made = oracle("module=torch.nn:Flatten")
    assert torch.equal(made(IMAGES), IMAGES.flatten(1))
    with pytest.raises(InputError, match=r"tuple: 0 \(33, 3, 6, 5\), 1 \(33, 3, 6, 5\); .* output=0"):
        oracle(f"module={net}:pair")(IMAGES)


ANSWERS = """
from collections import namedtuple
from dataclasses import dataclass
import torch
from torch import nn

class Sub(torch.Tensor): pass
Two = namedtuple("Two", "logits features")

@dataclass
class Output:
    logits: torch.Tensor
    loss: None = None

class Net(nn.Module):
    def __init__(self, form):
        super().__init__()
        torch.manual_seed(0)
        self.last, self.form = nn.Linear(90, 4), form

    def forward(self, images):
        return self.form(self.last(images.flatten(1)), images)

def net(form): return lambda: Net(form)
plain = net(lambda scores, images: scores)
alone = net(lambda scores, images: {"logits": scores})
more = net(lambda scores, images: (scores, {"maps": images}))
named = net(lambda scores, images: Two(scores, images))
several = net(lambda scores, images: {"features": images, "logits": scores})
holder = net(lambda scores, images: Output(scores))
subclass = net(lambda scores, images: scores.as_subclass(Sub))
sides = net(lambda scores, images: scores[:, :, None, None])
nothing = net(lambda scores, images: {"loss": None})
def function(): return lambda images: (images, images.flatten(1)[:, :4])
labels = net(lambda scores, images: scores.argmax(1))
"""

CHOICES = {
    "alone": "", "more": "", "named": ",output=logits", "several": ",output=logits", "holder": "",
    "subclass": "", "sides": "",
}  # fmt: skip


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    (tmp_path / "answers.py").write_text(ANSWERS)
    return tmp_path / "answers.py"


@pytest.mark.parametrize("name", CHOICES)
def test_the_scores_among_what_a_network_returns(answers: Path, name: str) -> None:
    made = oracle(f"module={answers}:{name}{CHOICES[name]}")
    images = IMAGES[:PAD] if name == "subclass" else IMAGES  # not fused: a rest of one image has other bits
    scores = made(images)
    assert type(scores) is torch.Tensor
    assert torch.equal(scores, oracle(f"module={answers}:plain")(images))


def test_a_function_that_returns_several_tensors(answers: Path) -> None:
    assert torch.equal(oracle(f"module={answers}:function,output=1")(IMAGES), IMAGES.flatten(1)[:, :4])


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            "several",
            r"dict: features \(32, 3, 6, 5\), logits \(32, 4\); choose the scores by output=logits",
        ),
        ("several,output=scores", r"dict without scores: features \(32, 3, 6, 5\), logits \(32, 4\)"),
        ("nothing", "returns dict, in which there is no tensor"),
        ("labels", r"returns labels, torch.int64: .*one_hot\(labels, CLASSES\)"),
        ("labels,scale=binary", "returns labels, torch.int64"),
        ("plain,output=logits", "leave out output=logits"),
    ],
)
def test_several_outputs_are_refused_until_one_is_chosen(answers: Path, chosen: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        oracle(f"module={answers}:{chosen}")(IMAGES)


@pytest.mark.parametrize("wrong", ["mean=123.7", "std=58", "mean=[0.5,0.5,116],std=1", "mean=-0.5"])
def test_a_normalisation_for_images_up_to_255_is_refused(net: Path, wrong: str) -> None:
    with pytest.raises(InputError, match=r"is not for images in \[0, 1\].* divide mean and std by 255"):
        oracle(f"module={net}:make,{wrong}")


def test_a_file_that_was_edited_is_loaded_again(tmp_path: Path) -> None:
    file, made = tmp_path / "edited.py", []
    for factor in (2, 3, 2):
        file.write_text(f"def make():\n    return lambda images: images.flatten(1)[:, :4] * {factor}\n")
        made.append(oracle(f"module={file}:make"))
    assert [torch.equal(one(IMAGES), IMAGES.flatten(1)[:, :4] * 2) for one in made] == [True, False, True]
    assert not any(one.digest for one in made)  # a function is known by its answers


def wrapped(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": value for name, value in state.items()}


SAVED: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"state": {}, "groups": []}},
    "model": lambda state: {"model": state, "args": [1]},
    "parallel": lambda state: wrapped(state, "module."),
    "both": lambda state: {"net": wrapped(state, "module."), "acc": 91.2},
    "compiled": lambda state: wrapped(state, "_orig_mod."),
    "part": lambda state: wrapped(state, "model.backbone."),
}


@pytest.mark.parametrize("name", SAVED)
def test_checkpoints_as_they_are_saved(net: Path, tmp_path: Path, name: str) -> None:
    wanted = network()
    torch.save(SAVED[name](wanted.state_dict()), tmp_path / "c.pt")
    made = oracle(f"module={net}:make,checkpoint={tmp_path}/c.pt")
    with torch.no_grad():
        torch.testing.assert_close(made(IMAGES), wanted(IMAGES))


def test_weights_of_a_network_that_is_wrapped_itself(tmp_path: Path) -> None:
    (tmp_path / "wrapped.py").write_text(NET + "\ndef wrapped(): return nn.DataParallel(make())\n")
    wanted = network()
    save_file(wanted.state_dict(), tmp_path / "w.safetensors")
    made = oracle(f"module={tmp_path}/wrapped.py:wrapped,checkpoint={tmp_path}/w.safetensors")
    with torch.no_grad():
        torch.testing.assert_close(made(IMAGES), wanted(IMAGES))


def test_one_of_several_state_dicts_is_not_guessed(net: Path, tmp_path: Path) -> None:
    state = network().state_dict()
    torch.save({"model": state, "model_ema": state}, tmp_path / "c.pt")
    with pytest.raises(
        InputError, match=r"several state dicts, model, model_ema: .*\)\['model'\], 'weights.pt'\)"
    ):
        oracle(f"module={net}:make,checkpoint={tmp_path}/c.pt")
    half = {f"module.{name}" if name > "2" else name: value for name, value in state.items()}
    save_file(half, tmp_path / "h.safetensors")
    with pytest.raises(InputError, match=r"they lack .*have in excess module\."):
        oracle(f"module={net}:make,checkpoint={tmp_path}/h.safetensors")


MADE = """
import torch
from torch import nn
torch.manual_seed(0)
made = nn.Sequential(nn.Flatten(), nn.Linear(90, 4))
def positional(classes): return nn.Linear(90, classes)
def settings(*, classes): return nn.Linear(90, classes)
def scripted(): return torch.jit.load(__file__.replace("made.py", "script.pt"))
"""


def test_a_network_that_is_made_already(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(MADE)
    torch.manual_seed(0)
    wanted = nn.Sequential(nn.Flatten(), nn.Linear(90, 4))
    here = oracle(f"module={tmp_path}/made.py:made")
    direct = load("oracles", f"{tmp_path}/made.py:made")()
    with torch.no_grad():
        torch.testing.assert_close(here(IMAGES), wanted(IMAGES))
        torch.testing.assert_close(direct(IMAGES), wanted(IMAGES))
    (tmp_path / "again.py").write_text(MADE + "\nmade[1].bias.data += 1\n")
    assert oracle(f"module={tmp_path}/again.py:made").digest != here.digest


@pytest.mark.parametrize("name", ["positional", "settings"])
def test_a_function_that_needs_arguments_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "made.py").write_text(MADE)
    with pytest.raises(
        InputError, match=rf"{name} needs classes: .* def make\(\): return {name}\(classes=\.\.\.\)"
    ):
        oracle(f"module={tmp_path}/made.py:{name}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's, about TorchScript
def test_torch_script_is_read_by_the_function_that_the_sentence_names(net: Path, tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(MADE)
    wanted = network()
    torch.jit.trace(wanted, IMAGES[:1]).save(tmp_path / "script.pt")  # type: ignore[no-untyped-call]
    with pytest.raises(
        InputError, match=r"is TorchScript: .*return torch\.jit\.load\(.*torch\(module=load\.py:make"
    ):
        oracle(f"module={net}:make,checkpoint={tmp_path}/script.pt")
    with pytest.raises(InputError, match="is TorchScript"):
        load("oracles", f"{tmp_path}/script.pt")
    made = oracle(f"module={tmp_path}/made.py:scripted")
    with torch.no_grad():
        torch.testing.assert_close(made(IMAGES), wanted(IMAGES))


def test_a_path_may_begin_with_the_home_folder(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save_file(network().state_dict(), tmp_path / "w.safetensors")
    made = oracle(f"module=~/{net.name}:make,checkpoint=~/w.safetensors")
    assert made.digest == oracle(f"module={net}:make,checkpoint={tmp_path}/w.safetensors").digest
