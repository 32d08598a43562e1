"""Read botocore's model of a service once for a process: each session would take 0.1 s for it.

Importing this module is all that is needed.
"""

from __future__ import annotations

import functools

import botocore.loaders
import botocore.session

botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
