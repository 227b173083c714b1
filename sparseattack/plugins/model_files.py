"""Files and addresses of models that are named as an oracle but need more: the command that works."""

from collections.abc import Sequence
from pathlib import Path
from pickletools import genops
from zipfile import BadZipFile, ZipFile, is_zipfile

from sparseattack.errors import InputError

TORCH = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")
PICKLES = (".pkl", ".pickle", ".joblib")
OF_WEIGHTS = ("torch", "torch._utils", "torch._tensor", "torch.serialization", "collections")  # in a pickle
OTHERS = (".h5", ".pb", ".caffemodel", ".mlmodel")


def refuse_model_file(name: str) -> None:
    """InputError with the command that works if ``name`` is a file of a model or of Python."""
    path = Path(name).expanduser()
    suffix = path.suffix.lower()
    if suffix not in (*TORCH, *PICKLES, *OTHERS, ".py"):
        return
    if not path.exists():
        raise InputError(f"there is no file {path}")
    if suffix == ".py":
        raise InputError(
            f"{name} names no function: use {name}:FUNCTION for a function that returns an oracle, or"
            f" 'torch(module={name}:FUNCTION)' for one that returns a torch network"
        )
    raise InputError(f"{name} {_advice(path, name)}")


def refuse_address(name: str) -> None:
    """InputError with the form that works if ``name`` is the address of a server."""
    if not name.lower().startswith(("http://", "https://")):
        return
    server, protocol, rest = name.partition("/v2/models/")
    model = rest.partition("/")[0] if protocol else "NAME"
    raise InputError(
        f"{name} is an address, and what is asked there is not known: for the Open Inference Protocol"
        f" (KServe, Triton, MLServer) give 'oip(url={server.rstrip('/')},model={model})', for any other API"
        f" 'http(url={name},send=png,image=image,scores=scores)', where image and scores are the fields of"
        " request and answer"
    )


def _advice(path: Path, name: str) -> str:
    """What a file holds, and how it becomes an oracle."""
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        by_function = _by_function("sklearn", "estimator", f"joblib.load({name!r})")
        return f"is a pickle, which can run any code: if you trust it, {by_function}"
    if suffix in OTHERS:
        return "is read by no oracle: convert it to ONNX and use FILE.onnx"
    parts = _names_inside(path)
    if any(part.endswith("/constants.pkl") for part in parts):
        return f"is TorchScript: {_by_function('torch', 'module', f'torch.jit.load({name!r})')}"
    if any(part.endswith(("archive_format", "models/model.json")) for part in parts):
        return f"is a torch.export file: use 'torch-export(path={name})'"
    if _holds_objects(path, parts):
        by_function = _by_function("torch", "module", f"torch.load({str(path)!r}, weights_only=False)")
        return (
            "is a pickle of more than weights, which can run any code: if you trust it and it holds a whole"
            f" network, {by_function}"
        )
    return (
        f"holds weights without their network: use 'torch(module=FILE.py:FUNCTION,checkpoint={name})', where"
        " FUNCTION in FILE.py takes no arguments and returns the network"
    )


def _holds_objects(path: Path, parts: Sequence[str]) -> bool:
    """Whether a file that torch.save wrote names classes that a state dict has none of; runs no code."""
    pickles = [part for part in parts if part.endswith("/data.pkl")]
    if not pickles:
        return False
    try:
        with ZipFile(path) as archive:
            operations = list(genops(archive.read(pickles[0])))
    except (ValueError, BadZipFile):  # torch says what is wrong with it
        return False
    used = (str(text).partition(" ")[0] for operation, text, _ in operations if operation.name == "GLOBAL")
    return any(module not in OF_WEIGHTS for module in used)


def _by_function(oracle: str, setting: str, call: str) -> str:
    module = call.partition(".")[0]
    return (
        f"write `import {module}` and `def make(): return {call}` to load.py and use"
        f" '{oracle}({setting}=load.py:make)'"
    )


def _names_inside(path: Path) -> list[str]:
    """The names in a zip archive; none for any other file."""
    if not path.is_file() or not is_zipfile(path):
        return []
    with ZipFile(path) as archive:
        return archive.namelist()
