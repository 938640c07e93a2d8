"""$jsonSchema over typed values: the keywords that the plans of these tests use; any other is an error of the test."""
import re

import bson_values as b

_ALIASES = {
    b.DOUBLE: "double", b.STRING: "string", b.DOCUMENT: "object", b.ARRAY: "array", b.BINARY: "binData", b.UNDEFINED: "undefined",
    b.OBJECT_ID: "objectId", b.BOOL: "bool", b.DATE: "date", b.NULL: "null", b.REGEX: "regex", b.DB_POINTER: "dbPointer",
    b.CODE: "javascript", b.SYMBOL: "symbol", b.CODE_WITH_SCOPE: "javascriptWithScope", b.INT32: "int", b.TIMESTAMP: "timestamp",
    b.INT64: "long", b.DECIMAL: "decimal", b.MIN_KEY: "minKey", b.MAX_KEY: "maxKey",
}
_NUMBERS = {"int", "long", "double", "decimal"}


def _is_a(value, wanted):
    names = wanted if isinstance(wanted, list) else [wanted]
    alias = _ALIASES[value.type]
    return alias in names or ("number" in names and alias in _NUMBERS)


def _properties_hold(schema, value):
    properties = schema.get("properties", {})
    present = {key for key, _ in value.data}
    return (present >= set(schema.get("required", []))
            and (schema.get("additionalProperties", True) or present <= set(properties))
            and all(holds(properties[key], one) for key, one in value.data if key in properties))


def _elements_hold(schema, value):
    count = len(value.data)
    return (schema.get("minItems", 0) <= count <= schema.get("maxItems", count)
            and not (schema.get("uniqueItems") and len(set(value.data)) < count)
            and all(holds(schema.get("items", {}), one) for one in value.data))


def _text_holds(schema, value):
    length = len(value.text)
    return (schema.get("minLength", 0) <= length <= schema.get("maxLength", length)
            and re.search(schema.get("pattern", ""), value.text) is not None)


_BY_TYPE = {
    b.DOCUMENT: ({"required", "properties", "additionalProperties"}, _properties_hold),
    b.ARRAY: ({"minItems", "maxItems", "uniqueItems", "items"}, _elements_hold),
    b.STRING: ({"minLength", "maxLength", "pattern"}, _text_holds),
}
_KNOWN = {"bsonType"}.union(*(keywords for keywords, _ in _BY_TYPE.values()))


def holds(schema, value):
    unknown = set(schema) - _KNOWN
    assert not unknown, f"the tests' schema validator does not know {unknown}"
    if "bsonType" in schema and not _is_a(value, schema["bsonType"]):
        return False
    _, judge = _BY_TYPE.get(value.type, (None, None))
    return judge is None or judge(schema, value)
