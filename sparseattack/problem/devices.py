"""Where tensors live."""

import torch

from sparseattack.errors import InputError, brief


def device_of(name: str) -> torch.device:
    """The device called ``name``: cpu, cuda, cuda:1, mps; refused where it is not."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except Exception as error:  # torch says it in a different way for every device
        raise InputError(f"there is no device {name!r} here: {brief(error)}") from error
    return device
