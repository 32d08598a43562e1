"""Compose OpenWhisk actions with combinators, and run or deploy the compositions.

`composer` has the combinators, `portable_json` their JSON, `compositions` makes a workflow of one,
and `conductor` deploys one. `conductor_action` is the code that runs on OpenWhisk itself.

Source: Apache OpenWhisk Composer, COMBINATORS.md and COMPOSITIONS.md; OpenWhisk, conductors.md.
"""
