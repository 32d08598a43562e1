"""Tidy a database and put copies back, with an eye on who works with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from partita.engine import Engine
from partita.engine.leases import living
from partita.errors import InvalidOptionError, StoreCorruptError, StoreInUseError
from partita.ports.service import Service, title_of
from partita.stores.maintenance import Maintenance


def check(maintenance: Maintenance, connect: Callable[[], Service]) -> list[str]:
    """Return what is wrong with a database; of one that cannot be used any more, its damage.

    Raises:
        InvalidOptionError: what is kept is not in a database of Partita's.
        StoreUnavailableError: there is none, or it is out of reach.
        StoreCorruptError: it is another program's.
    """
    try:
        maintenance.survey()  # which makes nothing
        service = connect()
        try:
            return engine_of(service).store.check()
        finally:
            service.close()
    except StoreCorruptError:
        if damage := maintenance.damage():
            return damage
        raise


def engine_of(service: Service) -> Engine:
    """Return the service as the engine that it must be.

    Raises:
        InvalidOptionError: it is none.
    """
    if not isinstance(service, Engine):
        raise InvalidOptionError(
            f"{title_of(service)} keeps its executions elsewhere; there is no database to look at"
        )
    return service


def vacuum(maintenance: Maintenance, *, force: bool) -> list[str]:
    """Give back room: without keeping workers from writing, unless `force`; say what was done."""
    return maintenance.vacuum(whole=force or not living(maintenance.workers()))


def restore(maintenance: Maintenance, copy: Path, *, force: bool) -> None:
    """Put a copy in the place of a database.

    Raises:
        StoreInUseError: workers are alive, or others have it open; not asked with `force`.
        StoreCorruptError: the copy is not sound.
    """
    found = [] if force else living(maintenance.workers())
    if found:
        pids = ", ".join(str(worker.pid) for worker in found)
        raise StoreInUseError(
            f"workers use the database (processes {pids}); stop them first, or say --force if "
            "what they do meanwhile may be lost"
        )
    maintenance.restore(copy, force=force)
