"""Give what files of pyawssfn import."""

from partita.stepfunctions.pysfn.definition import *  # noqa: F403 - the names of that language
