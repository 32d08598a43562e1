"""Run workflows as plain Python: activities are called, `submit` uses threads, `sleep` sleeps.

Nothing is stored. All else is as on an engine: futures among arguments are waited for, retry
policies, hooks and middleware apply, children run, signals arrive, runs continue as new.
"""

from partita.authoring.local.execution import active_runtime, run, run_async

__all__ = ["active_runtime", "run", "run_async"]
