"""Which fields the body of a route may have: asked when one is refused that nobody knows."""

from collections.abc import Callable, Iterable, Sequence
from typing import get_args, get_type_hints

from pydantic import BaseModel


def fields_of_body(endpoint: Callable[..., object], place: Sequence[str]) -> Iterable[str]:
    """List the fields that the object at a place in a route's body may have.

    Shape:   `place` are the names on the way to it, from the body on; nothing is listed where the way is not known.
    """
    model = _model_in(get_type_hints(endpoint).get("body"))
    for name in place:
        model = _model_in(model.model_fields[name].annotation) if model and name in model.model_fields else None
    return model.model_fields if model is not None else ()


def _model_in(annotation: object) -> type[BaseModel] | None:
    found = (annotation, *get_args(annotation))
    return next((one for one in found if isinstance(one, type) and issubclass(one, BaseModel)), None)
