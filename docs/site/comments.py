"""Fields of dataclasses in the reference are described by the comment at the end of their line."""

import ast
import re
from typing import Any

from griffe import Attribute, Docstring, Extension, ObjectNode


class Comments(Extension):
    """Take a field's comment as its docstring."""

    def on_attribute_instance(self, *, node: ast.AST | ObjectNode, attr: Attribute, **_: Any) -> None:
        """Read the line of a field that has no docstring."""
        comment = re.search(r"  # (?!fmt|noqa|type:)(.+)$", attr.lines[0]) if attr.lines else None
        if comment and not attr.docstring:
            attr.docstring = Docstring(comment[1], parent=attr)
