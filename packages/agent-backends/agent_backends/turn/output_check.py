"""A program of its own: reads a JSON Schema and a value, and prints what is wrong with the value, or null.

Its caller ends it when it takes long: how long a schema with patterns takes nobody can say beforehand.
"""

import json
import sys

SENTENCE_CHARACTERS_MAX = 500


def what_is_wrong(schema: object, value: object) -> str | None:
    """Return in one sentence why a value does not fit, None if it does; nothing is fetched from anywhere."""
    from jsonschema.exceptions import best_match  # type: ignore[import-untyped]  # it comes without types
    from jsonschema.validators import Draft202012Validator, validator_for  # type: ignore[import-untyped]
    from referencing import Registry

    kind = validator_for(schema, default=Draft202012Validator)
    error = best_match(kind(schema, registry=Registry()).iter_errors(value))
    if error is None:
        return None
    place = error.json_path
    return f"at {place}: {error.message}"[:SENTENCE_CHARACTERS_MAX]


def main() -> None:
    """Answer the one question on standard input."""
    asked = json.load(sys.stdin)
    try:
        wrong = what_is_wrong(asked["schema"], asked["value"])
    except RecursionError:
        wrong = "it cannot be checked: the schema goes round in circles, or the value is too deep"
    except Exception as error:  # noqa: BLE001 - a schema that cannot be applied is no mistake of the agent's, and is said
        wrong = f"it cannot be checked: {type(error).__name__}: {error}"[:SENTENCE_CHARACTERS_MAX]
    json.dump(wrong, sys.stdout)


if __name__ == "__main__":
    main()
