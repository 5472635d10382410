"""Example values made from JSON Schema, for the API's pages."""

from typing import Any

_FORMATS = {
    "uuid": "01957c3e-7a4c-7f6e-9b63-0d1c3e5f7a91",
    "date-time": "2026-11-21T09:30:00Z",
    "date": "2026-11-21",
    "email": "mary@example.com",
}
_DEEPEST = 6


def example(schema: dict[str, Any], components: dict[str, Any], depth: int = 0) -> Any:
    """A value that the schema allows; optional fields that default to null are left out."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example(components[name], components, depth + 1) if depth < _DEEPEST else {}
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            chosen = next((s for s in schema[key] if s.get("type") != "null"), schema[key][0])
            return example(chosen, components, depth)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    return _typed(schema, components, depth)


def _typed(schema: dict[str, Any], components: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return _object(schema, components, depth)
    if kind == "array":
        items = schema.get("items", schema.get("prefixItems"))
        if isinstance(items, list):
            return [example(item, components, depth + 1) for item in items]
        return [example(items, components, depth + 1)] if items and depth < _DEEPEST else []
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), "text")
    if kind in ("integer", "number"):
        return schema.get("default") or max(1, schema.get("minimum", 1))
    return {"boolean": True, "null": None}.get(str(kind), {})


def _object(schema: dict[str, Any], components: dict[str, Any], depth: int) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    found = {
        name: example(inner, components, depth + 1)
        for name, inner in schema.get("properties", {}).items()
        if name in required or inner.get("default", ...) is not None
    }
    more = schema.get("additionalProperties")
    if not found and isinstance(more, dict):
        found["name"] = example(more, components, depth + 1)
    return found
