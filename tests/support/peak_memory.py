"""Peak memory of tensors."""

import weakref
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Peak(TorchDispatchMode):
    """``most`` counts the bytes that tensors made inside held at a time; ``given`` ones do not count."""

    def __init__(self, *given: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.given = {tensor.untyped_storage().data_ptr() for tensor in given}
        self.now = self.most = 0
        self.views: dict[int, set[int]] = {}  # of every storage, by its address

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._hold(tensor)
        self.most = max(self.most, self.now)
        return made

    def _hold(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        where, size = storage.data_ptr(), storage.nbytes()
        if not size or where in self.given:
            return
        if where not in self.views:
            self.now += size
        views = self.views.setdefault(where, set())
        if id(tensor) not in views:
            views.add(id(tensor))
            weakref.finalize(tensor, self._drop, where, size, id(tensor))

    def _drop(self, where: int, size: int, view: int) -> None:
        self.views[where].discard(view)
        if not self.views[where]:
            del self.views[where]
            self.now -= size
