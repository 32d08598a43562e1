"""Run pyawssfn's tools: `python -m pysfn.tools.compile`, `python -m pysfn.tools.gen_lambda`."""
