"""The JSON Schema of scenario files, for editors."""

import json
from typing import Any

from cosim.config.scenario import ScenarioConfig


def json_schema() -> str:
    """Return the schema; ``[grid]`` takes the fields of a feeder as defaults, and the list of feeders."""
    schema: dict[str, Any] = ScenarioConfig.model_json_schema()
    feeder = schema["$defs"]["FeederConfig"]
    schema["$defs"]["GridConfig"] |= {
        "properties": {**feeder["properties"], **schema["$defs"]["GridConfig"]["properties"]},
        "required": [],
    }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2)
