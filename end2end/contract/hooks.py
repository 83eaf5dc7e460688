"""What the tool must know of this API to reach everything in it, and one check of our own."""

import json
import os

import jsonschema_rs
import schemathesis

# The calls are made under this token: taken away, every call after it would be 401.
OWN = os.environ["UNDERTONE_TOKEN_ID"]


@schemathesis.hook
def filter_case(context, case):
    """Leaves the caller's own token alone."""
    return not (case.method == "DELETE" and OWN in (case.path_parameters or {}).values())


@schemathesis.check
def each_line_of_an_export_fits_its_schema(context, response, case):
    """The tool reads no `application/x-ndjson`: the schema is that of a line."""
    if not response.headers.get("content-type", [""])[0].startswith("application/x-ndjson"):
        return
    document = case.operation.schema.raw_schema
    content = document["paths"][case.operation.path]["get"]["responses"]["200"]["content"]
    schema = {**content["application/x-ndjson"]["schema"], "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    for line in response.text.splitlines():
        problem = next(validator.iter_errors(json.loads(line)), None)
        assert problem is None, f"a line of the export does not fit: {problem}"
