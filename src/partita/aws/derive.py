"""Derive the table of a service's requests from the service model that botocore carries.

An endpoint needs a thousandth part of botocore, so the part is kept beside the service's package,
as `model.json`, and botocore is needed only to make it anew:

    python -m partita.aws.derive swf > src/partita/swf/model.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

_KEPT = ("type", "required", "min", "max", "enum")


def derive(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return, of a service model, each operation's input shape and errors, and those shapes."""
    operations = {
        name: {
            "input": operation["input"]["shape"],
            "errors": sorted(error["shape"] for error in operation.get("errors", ())),
        }
        for name, operation in sorted(model["operations"].items())
    }
    shapes: dict[str, Any] = {}
    for operation in operations.values():
        _collect(model["shapes"], operation["input"], shapes)
    return {"operations": operations, "shapes": dict(sorted(shapes.items()))}


def _collect(shapes: Mapping[str, Any], name: str, found: dict[str, Any]) -> None:
    """Add a shape, and those of its members, to `found`."""
    if name in found:
        return
    shape = shapes[name]
    found[name] = kept = {key: shape[key] for key in _KEPT if key in shape}
    inner: list[str] = []
    if "members" in shape:
        kept["members"] = {key: one["shape"] for key, one in shape["members"].items()}
        inner = list(kept["members"].values())
    elif "member" in shape:
        kept["member"] = shape["member"]["shape"]
        inner = [kept["member"]]
    for one in inner:
        _collect(shapes, one, found)


def main() -> None:
    """Write the table of the service that the command line names to stdout."""
    import botocore.session  # an extra, and only for this

    service = sys.argv[1] if len(sys.argv) > 1 else "swf"
    model = botocore.session.get_session().get_service_model(service)._service_description
    json.dump(derive(model), sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
