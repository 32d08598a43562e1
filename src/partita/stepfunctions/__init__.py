"""AWS Step Functions: its API over the embedded engine (`front`), and what its executions are.

`execution` knows how an execution runs and what its history is, `front` the operations. The
language of state machines is `partita.asl`.

Source: AWS Step Functions API Reference (2016-11-23).
"""
