"""The JSON Schema of scenario files, for editors."""

import json
from typing import Any

from cosim.config.scenario import ScenarioConfig
from cosim.sections import EXTENDS

LONGEST_DEFAULT = 40
"""Characters of a default that is shown."""


KINDS = {"integer": "whole number", "boolean": "true or false", "string": "text"}
"""Types of JSON in words."""


def json_schema() -> str:
    """Return the schema; ``[grid]`` takes the fields of a feeder as defaults, and the list of feeders.

    Of a file that extends another one only the names of its tables are checked, because it gives changes alone.
    """
    schema: dict[str, Any] = ScenarioConfig.model_json_schema()
    feeder = schema["$defs"]["FeederConfig"]
    schema["$defs"]["GridConfig"] |= {
        "properties": {**feeder["properties"], **schema["$defs"]["GridConfig"]["properties"]},
        "required": [],
    }
    extends = {"type": "string", "description": "Scenario file that this one changes, named relative to it."}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": schema.pop("$defs"),
        "if": {"required": [EXTENDS]},
        "then": {
            "properties": {EXTENDS: extends},
            "propertyNames": {"enum": [EXTENDS, *schema["properties"]]},
        },
        "else": schema,
    }
    return json.dumps(whole, indent=2)


def fields_table() -> str:
    """Return the fields of a scenario file as Markdown (docs/fields.md), with what each may be and what it means."""
    schema = json.loads(json_schema())
    whole = {"ScenarioConfig": schema["else"], **schema["$defs"]}
    parts = []
    for section in whole.values():
        rows = [_row(*field) for field in section.get("properties", {}).items()]
        title = section.get("description", "").partition("\n")[0].rstrip(".").replace("``", "`")
        if rows:
            head = f"## {title}\n\n| field | value | default | meaning |\n|---|---|---|---|\n"
            parts.append(head + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _row(name: str, field: dict[str, Any]) -> str:
    default = "" if field.get("default") is None else f"`{json.dumps(field['default'])}`"
    meaning = " ".join(field.get("description", "").split()).replace("|", "\\|").replace("``", "`")
    return (
        f"| `{name}` | {_values(field)} | {default if len(default) < LONGEST_DEFAULT else ''} | {meaning} |"
    )


def _values(field: dict[str, Any]) -> str:
    """Return what a field may be, in a few words."""
    if kinds := field.get("anyOf", field.get("oneOf")):
        return " or ".join(dict.fromkeys(_values(kind) for kind in kinds if kind.get("type") != "null"))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of: {_values(field['items'])}"
    if "$ref" in field:
        return f"table ({field['$ref'].rpartition('/')[2].removesuffix('Config')})"
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    bounds = [
        f"above {above:g}" if above is not None else f"{low:g}" if low is not None else "",
        f"below {below:g}" if below is not None else f"{high:g}" if high is not None else "",
    ]
    kind = {"integer": "whole number", "boolean": "true or false", "string": "text"}.get(
        field.get("type", ""), "number"
    )
    return f"{kind}, {' to '.join(filter(None, bounds))}" if any(bounds) else kind
