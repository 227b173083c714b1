"""Where the image stands in a request, and the scores in an answer, of a service that speaks JSON.

A path names a place in JSON: ``a.b[0].c``; ``[*]`` is each element of a list.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sparseattack import InputError, OracleError
from sparseattack.errors import brief

IMAGE = "{image}"  # in a template: the image
STEP = re.compile(r"([^.\[\]]+)|\[(\*|\d+)\]")
EACH = "*"

Steps = tuple[str | int, ...]
"""Keys, numbers of elements, and EACH."""


def steps_of(path: str, what: str) -> Steps:
    """The steps of a path such as ``predictions[*].scores``; InputError for anything else."""
    if STEP.sub("", path).strip("."):
        raise InputError(f"{what} is a path in JSON, as in predictions[*].scores, not {path!r}")
    found = STEP.finditer(path)
    return tuple(one[1] or (EACH if one[2] == EACH else int(one[2])) for one in found)


def template_at(steps: Steps) -> Any:
    """The smallest request with the image at a path."""
    filled: Any = IMAGE
    for step in reversed(steps):
        filled = [filled] if step == EACH or isinstance(step, int) else {step: filled}
    return filled


def template_in(file: str) -> Any:
    """The request in a JSON file, with ``{image}`` in place of the image; InputError for anything else."""
    try:
        found = json.loads(Path(file).expanduser().read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is no JSON: {brief(error)}") from error
    if (count := sum(text.count(IMAGE) for text in _texts(found))) != 1:
        raise InputError(f"{file} has {IMAGE} {count} times, not once, where the image stands in a request")
    return found


def _texts(template: Any) -> Iterator[str]:
    """All texts in JSON."""
    if isinstance(template, str):
        yield template
    elif isinstance(template, dict | list):
        for part in template.values() if isinstance(template, dict) else template:
            yield from _texts(part)


def _has_image(template: Any) -> bool:
    return any(IMAGE in text for text in _texts(template))


def filled(template: Any, images: Sequence[Any], many: bool) -> Any:
    """The template with images: if ``many``, each in an element of the outermost list that has the image."""
    if many and isinstance(template, list) and _has_image(template):
        return [_placed(template[0], image) for image in images]
    if many and isinstance(template, dict):
        return {key: filled(part, images, many) for key, part in template.items()}
    return _placed(template, images[0])


def _placed(template: Any, image: Any) -> Any:
    """The template with one image."""
    if template == IMAGE:
        return image
    if isinstance(template, str):
        return template.replace(IMAGE, image) if isinstance(image, str) else template
    if isinstance(template, list):
        return [_placed(part, image) for part in template]
    if isinstance(template, dict):
        return {key: _placed(part, image) for key, part in template.items()}
    return template


def items(answer: Any, steps: Steps, count: int) -> list[Any]:
    """What an answer holds about each of ``count`` images: the elements of the first list of a path."""
    *before, _ = steps[: steps.index(EACH) + 1]
    found = at(answer, tuple(before))
    if not isinstance(found, list) or len(found) != count:
        size = f"{len(found)} elements" if isinstance(found, list) else shown(found)
        raise OracleError(f"answered {count} images with {size} at {described(tuple(before))}")
    return found


def at(answer: Any, steps: Steps) -> Any:
    """What stands at a path; for each element of a list, a list. OracleError where there is no such place."""
    for place, step in enumerate(steps):
        if step == EACH:
            if not isinstance(answer, list):
                raise OracleError(f"answered {shown(answer)} where scores= or labels= expect a list")
            return [at(one, steps[place + 1 :]) for one in answer]
        try:
            answer = answer[step]
        except (KeyError, IndexError, TypeError):
            raise OracleError(
                f"answered without {described(steps[: place + 1])}: {shown(answer)}; scores= and labels= say"
                " where they are"
            ) from None
    return answer


def masked_json(answer: Any, mask: Callable[[str], str]) -> Any:
    """JSON with ``mask`` applied to every text in it: before any part is cut off, shown or stored."""
    if isinstance(answer, str):
        return mask(answer)
    if isinstance(answer, list):
        return [masked_json(part, mask) for part in answer]
    if isinstance(answer, dict):
        return {mask(key): masked_json(part, mask) for key, part in answer.items()}
    return answer


def described(steps: Steps) -> str:
    """A path as it is written."""
    text = "".join(f".{step}" if isinstance(step, str) and step != EACH else f"[{step}]" for step in steps)
    return text.removeprefix(".") or "its top"


def shown(answer: Any) -> str:
    """The beginning of JSON, in an error."""
    text = json.dumps(answer)
    return text if len(text) <= 100 else f"{text[:100]}..."  # noqa: PLR2004
