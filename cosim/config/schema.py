"""The JSON Schema of scenario files, for editors."""

import json
from typing import Any

from cosim.config.scenario import ScenarioConfig
from cosim.sections import EXTENDS


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
