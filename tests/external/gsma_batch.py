#!/usr/bin/env python3
"""Checks a mobile-money batch against the OpenAPI of the GSMA Mobile Money API.

    gsma_batch.py FILE OPENAPI_DIR

FILE is the JSON body of POST /batchtransactions. OPENAPI_DIR holds the published specification;
its schema `requestBatchTransaction` is what the file must satisfy.

Exits 0 when it does, 1 with one finding a line when it does not, 2 when it could not be decided.
"""

import json
import sys
from pathlib import Path

import jsonschema
import yaml

SCHEMA = "requestBatchTransaction"
FINDINGS_MAX = 20


def main(arguments):
    if len(arguments) != 2:
        return undecided("usage: gsma_batch.py FILE OPENAPI_DIR")
    file, folder = map(Path, arguments)
    specification = find_specification(folder)
    if specification is None:
        return undecided(f"{folder}: no specification there declares the schema {SCHEMA}")
    try:
        # The standard writes an amount as a string, so an amount that Python reads as a number is
        # a finding of the schema, whatever its digits.
        batch = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        return undecided(f"{file}: {error.strerror}")
    except ValueError as error:
        print(f"{file}: not JSON: {error}")
        return 1

    schema = {"$ref": f"#/components/schemas/{SCHEMA}", "components": specification["components"]}
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    findings = sorted(validator.iter_errors(batch), key=lambda finding: list(map(str, finding.absolute_path)))
    for finding in findings[:FINDINGS_MAX]:
        place = "/" + "/".join(map(str, finding.absolute_path))
        print(f"{file}: {place}: {finding.message}")
    if len(findings) > FINDINGS_MAX:
        print(f"{file}: and {len(findings) - FINDINGS_MAX} more")
    return 1 if findings else 0


def find_specification(folder):
    """The specification in the folder that declares the schema; the shortest, when several do."""
    candidates = []
    for path in sorted(folder.glob("*.y*ml")):
        text = path.read_text(encoding="utf-8")
        # A cheap look before the parser: the long specification takes seconds to read.
        if f"\n    {SCHEMA}:\n" in text:
            candidates.append(text)
    for text in sorted(candidates, key=len):
        specification = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if SCHEMA in specification.get("components", {}).get("schemas", {}):
            return specification
    return None


def undecided(reason):
    print(reason, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
