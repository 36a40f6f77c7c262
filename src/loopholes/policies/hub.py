"""The Hugging Face hub: whether it can be reached, and whether its cache has a model. Needs no torch."""

from __future__ import annotations

import os


def is_reachable() -> bool:
    """Whether the hub answers one request.

    If it does not, this process and those that it starts use only the hub's cache from now on. Otherwise its client
    would repeat every request for half a minute, and print each failure.
    """
    from huggingface_hub import constants, get_session

    if constants.is_offline_mode():
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except Exception:  # of the HTTP library that the client uses, which depends on its version
        constants.HF_HUB_OFFLINE = True
        os.environ["HF_HUB_OFFLINE"] = "1"
        return False
    return True


def is_cached(name: str) -> bool:
    """Whether the hub's cache has the configuration of this model or adapter."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        files = [try_to_load_from_cache(name, file) for file in ("config.json", "adapter_config.json")]
    except HFValidationError:  # the hub allows no such name
        return False
    return any(isinstance(file, str) for file in files)
