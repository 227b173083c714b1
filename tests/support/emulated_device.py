"""A device that computes as the CPU does, but whose tensors are elsewhere, as a GPU's are.

Tensors on it say that their device is ``emulated:0`` and hold a tensor of the CPU. As on a GPU, tensors of
two devices cannot be computed with each other (an index and a single number on the CPU excepted), ``numpy()``
is refused, and what the CPU has to know of a tensor makes it wait: the waits are counted by the line of the
package that asked.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree
from torch.utils import backend_registration

from sparseattack.search import contract

NAME = "emulated"
INDEXED = ("index.Tensor", "index_put.default", "index_put_.default", "_index_put_impl_.default")
COPIES = ("copy_.default", "_to_copy.default")
NUMBER = "_local_scalar_dense.default"
SIZED = (  # the shape of what they return depends on the values
    "nonzero.default",
    "masked_select.default",
    "_unique2.default",
    "unique_dim.default",
    "unique_consecutive.default",
    "repeat_interleave.Tensor",
    "bincount.default",
    "equal.default",
)
PACKAGES = ("sparseattack", "strategies", "oracles", "cli")

waits: Counter[str] = Counter()  # by file:line of the code that waited


@contextmanager
def emulated() -> Iterator[str]:
    """The device's name; the test is skipped where this torch has no devices that are written in Python.

    Meanwhile a strategy's candidates on it are tensors as good as torch's own.
    """
    if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
        pytest.skip("this version of torch has no devices that are written in Python")
    if not _LIBRARY:
        backend_registration._setup_privateuseone_for_python_backend(NAME)
        library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
        made = {"empty.memory_format": _empty, "empty_strided": _empty_strided, "_copy_from": _copy_from}
        for name, function in made.items():
            library.impl(name, function, "PrivateUse1")  # type: ignore[no-untyped-call]
        _LIBRARY.append(library)
    waits.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract, "Tensor", Emulated)
        yield NAME


class Emulated(torch.Tensor):
    """A tensor on the device; ``held`` is that of the CPU."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "Emulated":
        """One that holds a tensor of the CPU; a view of that shares its memory."""
        made: Emulated = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            device=torch.device(NAME, 0),
        )  # fmt: skip
        made.held = held
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        """As torch writes it."""
        return f"{self.held!r} on {self.device}"

    @classmethod
    def __torch_function__(cls, call: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        """The Python functions that torch has for its own tensors only."""
        if call is torch.Tensor.tolist:
            _waited()
            return given[0].held.tolist()
        if call is torch.Tensor.numpy:
            raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy. Use Tensor.cpu() first")
        with torch._C.DisableTorchFunctionSubclass():
            return call(*given, **(named or {}))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch calls it so
        cls, operation: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        """Compute with the held tensors what torch would compute on the device."""
        return _computed(operation, given, named or {})


_LIBRARY: list[torch.library.Library] = []


def _computed(operation: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    name = str(operation).removeprefix("aten.")
    composite = "CompositeImplicitAutograd"  # in inference mode these come as they are
    if torch._C._dispatch_has_kernel_for_dispatch_key(operation.name(), composite):
        found = operation.decompose(*given, **named)
        if found is not NotImplemented:
            return found
    leaves, shape = pytree.tree_flatten((given, named))
    here = [one for one in leaves if isinstance(one, Emulated)]
    _refuse_mixed(name, given, leaves, bool(here))
    wanted = torch.device(named["device"]).type if named.get("device") is not None else ""
    result_here = wanted == NAME if wanted else bool(here)
    _count(name, given, bool(here), result_here)
    given, named = pytree.tree_unflatten([_held(one) for one in leaves], shape)
    if wanted:
        named["device"] = torch.device("cpu")
    result = operation(*given, **named | ({"pin_memory": None} if "pin_memory" in named else {}))
    if name == NUMBER or not result_here:
        return result
    known = {id(one.held): one for one in here}  # what is written in place is returned as it is
    views = any(part.alias_info and not part.alias_info.is_write for part in operation._schema.returns)
    normal = views and not all(one.is_inference() for one in here)

    def on_device(one: Any) -> Any:
        if not isinstance(one, torch.Tensor):
            return one
        with torch.inference_mode(torch.is_inference_mode_enabled() and not normal):
            return known[id(one)] if id(one) in known else Emulated(one)

    return pytree.tree_map(on_device, result)


def _refuse_mixed(name: str, given: tuple[Any, ...], leaves: list[Any], here: bool) -> None:
    if not here or name in COPIES:
        return
    index = given[1] if name in INDEXED else ()
    for one in leaves:
        on_cpu = isinstance(one, torch.Tensor) and not isinstance(one, Emulated)
        if (
            on_cpu
            and one.dim()
            and not (isinstance(given[0], Emulated) and any(one is part for part in index))
        ):
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but {name} has {NAME}:0 and cpu"
            )


def _count(name: str, given: tuple[Any, ...], here: bool, result_here: bool) -> None:
    masks = name in INDEXED and any(part is not None and part.dtype == torch.bool for part in given[1])
    to_cpu = name == "_to_copy.default" and here and not result_here
    back = name == "copy_.default" and isinstance(given[1], Emulated) and not isinstance(given[0], Emulated)
    if here and (name in SIZED or name == NUMBER or masks or to_cpu or back):
        _waited()


def _waited() -> None:
    frame = sys._getframe(1)
    while frame.f_back and not any(part in PACKAGES for part in frame.f_code.co_filename.split("/")[-4:-1]):
        frame = frame.f_back
    waits["/".join(frame.f_code.co_filename.split("/")[-3:]) + f":{frame.f_lineno}"] += 1


def _held(one: Any) -> Any:
    return one.held if isinstance(one, Emulated) else one


def _empty(shape: Any, *, dtype: Any = None, memory_format: Any = None, **others: object) -> Emulated:
    given = {"memory_format": memory_format} if memory_format else {}
    return Emulated(torch.empty(shape, dtype=dtype, **given))


def _empty_strided(shape: Any, stride: Any, *, dtype: Any = None, **others: object) -> Emulated:
    return Emulated(torch.empty_strided(shape, stride, dtype=dtype))


def _copy_from(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    _held(target).copy_(_held(source))
    return target
