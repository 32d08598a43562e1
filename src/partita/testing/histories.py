"""Replay exported histories against today's code, in a test suite.

    from partita.testing.histories import replay_histories

    def test_running_orders_survive_this_release():
        replay_histories("tests/histories")

`partita export --type NAME --into tests/histories` makes the files. Only the workflows' own code
runs: no activity, and no service is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from partita.authoring.class_options import WorkflowClass, definition_of
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter
from partita.deciders.compatibility import fit
from partita.history.document import files_in, read
from partita.replay.compatibility import Fit, code_for

AnyWorkflow = WorkflowDefinition[..., Any] | type[WorkflowClass]


def replay_histories(
    folder: str | PathLike[str],
    workflows: Iterable[AnyWorkflow] | None = None,
    *,
    converter: Converter | None = None,
) -> list[Fit]:
    """Replay every `.json` file below a folder, or one file; return the result for each history.

    With `workflows`, histories of other workflows are skipped; without, each history's workflow
    must have been imported. `converter` is the one that the histories were written with.

    Raises:
        AssertionError: some histories do not fit, one line each; or there is none to replay.
        InvalidInputError: a file is not an exported history, or its payloads need other codecs.
    """
    fits, problems = [], []
    definitions = None if workflows is None else [definition_of(one) for one in workflows]
    for path in files_in(Path(folder)):
        history = read(path)
        candidates = known(WorkflowDefinition) if definitions is None else definitions
        code = code_for(history.workflow_type, candidates)
        if code is not None:
            fits.append(fit(code, history, str(path), converter))
        elif definitions is None:
            key = history.workflow_type.key
            problems.append(f"{path}: workflow {key} is not imported here; import its module")
    problems += [str(one) for one in fits if one.error is not None]
    if not (fits or problems):
        problems.append(f"{folder}: no history of these workflows")
    if problems:
        raise AssertionError("\n".join(problems))
    return fits
