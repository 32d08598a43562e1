"""Check state machines as AWS does when they are created or validated.

`definitions` is the entry; `states` checks one state, `transitions` how states follow each
other, `variables` their scopes. The codes, texts and locations are AWS's.

Source: Amazon States Language, states-language.net; AWS Step Functions API Reference,
ValidateStateMachineDefinitionDiagnostic; the texts as recorded from AWS, and as published by
those who measured it.
"""

from partita.asl.check.definitions import check_definition, check_text
from partita.asl.check.diagnostics import Diagnostic

__all__ = ["Diagnostic", "check_definition", "check_text"]
