"""Stand in for `partita` on AWS Lambda, where only activities run.

Names that a workflow's module imports are there; what only a workflow may call says so. A bundle
adds `__all__`, which is that of `partita`.
"""

from __future__ import annotations

from .authoring import ActivityInfo as ActivityInfo
from .authoring import activity as activity
from .authoring import activity_info as activity_info
from .authoring import get_logger as get_logger
from .authoring import heartbeat as heartbeat
from .authoring import workflow as workflow
from .names import install

__getattr__ = install()
