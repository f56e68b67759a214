"""How the reference reads the source: doctests become code blocks, and methods show their hyper-parameters."""

from __future__ import annotations

import re
from typing import Any

import griffe

# A first line at a prompt, and all that follows until a blank line: what doctest itself takes for one example or more.
EXAMPLE = re.compile(r"^([ ]*)>>> .*(?:\n(?![ ]*$).+)*", re.MULTILINE)


class Docstrings(griffe.Extension):
    """What the reference cannot see by itself."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the doctests of every docstring as a session at the Python prompt."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(r"\1```pycon\n\g<0>\n\1```", obj.docstring.value)

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """A class under `@method` is a dataclass: its fields are the parameters of its signature."""
        if any(decorator.callable_path == "accord.methods.traits.method" for decorator in cls.decorators):
            own = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
            fields = [parameter(field) for field in cls.attributes.values() if is_field(field)]
            cls.set_member("__init__", griffe.Function("__init__", parameters=griffe.Parameters(own, *fields)))


def is_field(attribute: griffe.Attribute) -> bool:
    """Whether an attribute is a hyper-parameter, and not a fact of the class."""
    return "property" not in attribute.labels and "ClassVar" not in str(attribute.annotation or "ClassVar")


def parameter(field: griffe.Attribute) -> griffe.Parameter:
    """A field as the parameter that sets it."""
    kind = griffe.ParameterKind.positional_or_keyword
    return griffe.Parameter(field.name, annotation=field.annotation, kind=kind, default=field.value)
