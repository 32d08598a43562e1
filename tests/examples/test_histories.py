"""Every example's code fits the histories that it writes."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from partita.authoring.class_options import definition_of
from partita.authoring.schedules import scheduler
from partita.deciders.compatibility import fit
from partita.history.document import load
from partita.ports.state import Status
from partita.replay.compatibility import code_for
from partita.testing.environment import defined_in
from tests.conftest import Rig, until
from tests.examples.programs import EXAMPLES, commands, given
from tests.examples.test_examples import worker


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_fits_its_own_histories(memory_rig: Rig, path: Path) -> None:
    durable, _ = commands(path)
    module = import_module(f"examples.{path.stem}")
    flow = definition_of(getattr(module, durable[2].split(":")[1]))
    args, kwargs = flow.signature.load(memory_rig.client.converter, json.dumps(given(durable)))
    lists = ("default", "small", "large")
    client = memory_rig.client
    with worker(memory_rig, module, lists):
        client.start_with(flow, args, kwargs).result(timeout=60)
        until(lambda: not client.list(status=Status.OPEN).executions)
    found = client.list(limit=1000).executions
    for info in found:
        history = load(client.export_history(info.workflow_id, run_id=info.run_id).dump())
        code = code_for(info.workflow_type, [*defined_in([module])[0], scheduler])
        assert code is not None, info.workflow_type
        assert fit(code, history).error is None
    assert found
    assert memory_rig.failures == []
