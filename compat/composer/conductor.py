"""Give what makes conductor actions by the name that Apache's samples import."""

import sys

from partita.openwhisk import conductor

sys.modules[__name__] = conductor
