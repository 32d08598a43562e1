"""Keep the services that this process was told to use.

State machines call none without that. Workflows that name AWS in their code call it where AWS's
own variables say.
"""

from __future__ import annotations

import functools
import os

from partita.integrations.services import Services
from partita.integrations.settings import settings_from

_configured: list[Services] = []


def use(services: Services | None) -> None:
    """Set the services of this process; None: it is told of none."""
    _configured[:] = [] if services is None else [services]


def configured() -> Services | None:
    """Return the services that this process was told to use."""
    return _configured[0] if _configured else None


def use_environment() -> None:
    """Use the services where AWS's own variables say, unless the process was told otherwise."""
    if not _configured:
        _configured.append(_of_environment())


def of_workflows() -> Services:
    """Return the services that calls in workflows go to."""
    found = configured()
    return found if found is not None and found.settings.is_aws_used else _of_environment()


def _of_environment() -> Services:
    variables = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL")
    given = tuple((name, os.environ[name]) for name in variables if name in os.environ)
    return _services_of(given)


@functools.lru_cache(maxsize=8)
def _services_of(variables: tuple[tuple[str, str], ...]) -> Services:
    return Services(settings_from(dict(variables)))
