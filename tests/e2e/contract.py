# SPDX-License-Identifier: Apache-2.0
"""What host/api/openapi.json promises about answers, held against the answers that tests get: statuses, media types, schemas, and
no member that it does not name."""
import json

import jsonschema

import servers

DOCUMENT = json.loads((servers.TOP / "host/api/openapi.json").read_text())
# What any request may be answered with, described as `default`.
FRAME = {400, 401, 403, 405, 406, 413, 415, 500, 503, 504}


def closed(schema):
    """The same schema, where an object has no more than what is named."""
    if isinstance(schema, list):
        return [closed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        result.setdefault("additionalProperties", False)
    return result


COMPONENTS = {"schemas": closed(DOCUMENT["components"]["schemas"])}


def resolved(part):
    """What a part of the document stands for, when it is a reference."""
    if "$ref" not in part:
        return part
    found = DOCUMENT
    for name in part["$ref"][2:].split("/"):
        found = found[name]
    return found


def validate(value, schema):
    """Raises what is wrong with a value."""
    jsonschema.Draft202012Validator({**closed(schema), "components": COMPONENTS},
                                    format_checker=jsonschema.FormatChecker()).validate(value)


def fits(template, path):
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(w == g or (w[:1] == "{" and g) for w, g in zip(wanted, given))


def operation(method, path):
    """The operation that a request is for; literal parts before named ones. None: there is none."""
    path = path.split("?")[0].split("#")[0]
    path = path.rstrip("/") or "/"
    found = [t for t, item in DOCUMENT["paths"].items() if fits(t, path) and method.lower() in item]
    return DOCUMENT["paths"][min(found, key=lambda t: t.count("{"))][method.lower()] if found else None


def check(method, path, status, media_type, body):
    """Raises an AssertionError when the answer to a request is not one that the document describes."""
    what = f"{method} {path}: {status} {media_type}: {body[:300]!r}"
    asked = operation("GET" if method == "HEAD" else method, path)
    if asked is None:
        assert status in (400, 403, 404, 405) or method == "OPTIONS", what
        return
    answers = asked["responses"]
    answer = answers.get(str(status)) or answers.get(f"{status // 100}XX")
    if answer is None:
        assert status in FRAME, f"{what}: not in the document"
        answer = answers["default"]
    content = resolved(answer).get("content", {})
    if method == "HEAD" or not content:
        assert not body, f"{what}: a body, and the document has none"
        return
    kind = (media_type or "").split(";")[0]
    assert kind in content, f"{what}: the document has {list(content)}"
    if kind == "application/json":
        try:
            validate(json.loads(body), content[kind]["schema"])
        except jsonschema.ValidationError as wrong:
            raise AssertionError(f"{what}: {wrong.json_path}: {wrong.message}") from wrong
