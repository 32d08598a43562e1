"""Give the combinators by the name that Apache's samples import."""

import sys

from partita.openwhisk import composer

sys.modules[__name__] = composer
