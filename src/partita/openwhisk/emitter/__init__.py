"""Compile workflows to compositions of OpenWhisk actions: activities become actions.

`statements` and `expressions` take out what runs elsewhere; what is left becomes steps, which are
functions in Python (`steps`), with the source that they need (`definitions`). `step_values` runs in
each of them. Expressions stay Python, so that they mean what they mean in Python.
"""

from partita.openwhisk.emitter.workflow_composition import composition_of

__all__ = ["composition_of"]
