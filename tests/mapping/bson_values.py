"""BSON as typed values, and canonical Extended JSON of them: written for these tests alone, so that nothing that is compared
comes from rehome, and no type is lost (PyPI's bson reads a symbol as a string and an int64 as an int).

A document is a tuple of (key, Value), an array a tuple of Value; every other payload is its bytes as BSON has them.
"""
import base64
import datetime
import json
import math
import struct
from typing import NamedTuple

from bson.decimal128 import Decimal128

DOUBLE, STRING, DOCUMENT, ARRAY, BINARY, UNDEFINED, OBJECT_ID, BOOL, DATE, NULL = range(0x01, 0x0B)
REGEX, DB_POINTER, CODE, SYMBOL, CODE_WITH_SCOPE, INT32, TIMESTAMP, INT64, DECIMAL = range(0x0B, 0x14)
MAX_KEY, MIN_KEY = 0x7F, 0xFF

_FIXED_BYTES = {
    DOUBLE: 8, UNDEFINED: 0, OBJECT_ID: 12, BOOL: 1, DATE: 8, NULL: 0, INT32: 4, TIMESTAMP: 8, INT64: 8, DECIMAL: 16,
    MAX_KEY: 0, MIN_KEY: 0,
}


class Value(NamedTuple):
    type: int
    data: object

    @property
    def text(self):
        """Of a string, symbol or code."""
        return self.data[4:-1].decode("utf-8", "surrogateescape")

    @property
    def number(self):
        """int, float or Decimal128."""
        if self.type == DECIMAL:
            return Decimal128.from_bid(self.data)
        return struct.unpack({DOUBLE: "<d", INT32: "<i", INT64: "<q", DATE: "<q"}[self.type], self.data)[0]

    @property
    def binary(self):
        """(subtype, bytes); the inner length of the old subtype 2 left out."""
        subtype, content = self.data[4], self.data[5:]
        return subtype, content[4:] if subtype == 2 else content


# --- makers

def _text(kind, text):
    encoded = text.encode("utf-8", "surrogateescape")
    return Value(kind, struct.pack("<i", len(encoded) + 1) + encoded + b"\0")


def string(text):
    return _text(STRING, text)


def symbol(text):
    return _text(SYMBOL, text)


def code(text):
    return _text(CODE, text)


def double(number):
    return Value(DOUBLE, struct.pack("<d", number))


def int32(number):
    return Value(INT32, struct.pack("<i", number))


def int64(number):
    return Value(INT64, struct.pack("<q", number))


def decimal(text):
    return Value(DECIMAL, Decimal128(text).bid)


def boolean(value):
    return Value(BOOL, b"\1" if value else b"\0")


def date(milliseconds):
    return Value(DATE, struct.pack("<q", milliseconds))


def object_id(content):
    return Value(OBJECT_ID, content)


def timestamp(seconds, increment):
    return Value(TIMESTAMP, struct.pack("<II", increment, seconds))


def binary(content, subtype=0):
    inner = struct.pack("<i", len(content)) + content if subtype == 2 else content
    return Value(BINARY, struct.pack("<i", len(inner)) + bytes([subtype]) + inner)


def regex(pattern, options=""):
    return Value(REGEX, pattern.encode("utf-8", "surrogateescape") + b"\0" + options.encode() + b"\0")


def db_pointer(namespace, content):
    return Value(DB_POINTER, _text(STRING, namespace).data + content)


def code_with_scope(text, scope):
    body = _text(STRING, text).data + encode(scope)
    return Value(CODE_WITH_SCOPE, struct.pack("<i", len(body) + 4) + body)


def document(*fields):
    return Value(DOCUMENT, tuple(fields))


def array(*elements):
    return Value(ARRAY, tuple(elements))


NOTHING = Value(NULL, b"")
ABSENT = Value(UNDEFINED, b"")
LEAST = Value(MIN_KEY, b"")
GREATEST = Value(MAX_KEY, b"")


# --- bytes

def _fields_of(value):
    return value.data if value.type == DOCUMENT else ((str(at), element) for at, element in enumerate(value.data))


def _payload(value):
    return encode(tuple(_fields_of(value))) if value.type in (DOCUMENT, ARRAY) else value.data


def encode(fields):
    """The BSON of a document: `fields` are its (key, Value)."""
    body = b"".join(bytes([value.type]) + key.encode("utf-8", "surrogateescape") + b"\0" + _payload(value) for key, value in fields)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _payload_size(kind, raw, at):
    length = struct.unpack_from("<i", raw, at)[0] if kind not in _FIXED_BYTES and kind != REGEX else 0
    if kind in _FIXED_BYTES:
        return _FIXED_BYTES[kind]
    if kind == REGEX:
        return raw.index(0, raw.index(0, at) + 1) + 1 - at
    if kind in (DOCUMENT, ARRAY, CODE_WITH_SCOPE):
        return length
    return length + {BINARY: 5, DB_POINTER: 16}.get(kind, 4)


def decode(raw):
    """The (key, Value) of a BSON document, in stored order."""
    fields, at = [], 4
    while raw[at]:
        end = raw.index(0, at + 1)
        kind, key, at = raw[at], raw[at + 1:end].decode("utf-8", "surrogateescape"), end + 1
        size = _payload_size(kind, raw, at)
        data = raw[at:at + size]
        if kind == DOCUMENT:
            data = decode(data)
        elif kind == ARRAY:
            data = tuple(element for _, element in decode(data))
        fields.append((key, Value(kind, data)))
        at += size
    return tuple(fields)


def scope_of(value):
    """(text, fields) of a code with scope."""
    size = struct.unpack_from("<i", value.data, 4)[0]
    return value.data[8:8 + size - 1].decode("utf-8", "surrogateescape"), decode(value.data[8 + size:])


# --- reading relaxed Extended JSON; a number is what its JSON text looks like

def _parse_date(value):
    if isinstance(value, dict):
        return date(int(value["$numberLong"]))
    moment = datetime.datetime.fromisoformat(value)
    return date((moment - datetime.datetime.fromtimestamp(0, datetime.UTC)) // datetime.timedelta(milliseconds=1))


_WRAPPERS = {
    "$oid": lambda v: object_id(bytes.fromhex(v)),
    "$date": _parse_date,
    "$numberDecimal": decimal,
    "$numberDouble": lambda v: double(float(v)),
    "$binary": lambda v: binary(base64.b64decode(v["base64"]), int(v["subType"], 16)),
    "$timestamp": lambda v: timestamp(v["t"], v["i"]),
    "$regularExpression": lambda v: regex(v["pattern"], v["options"]),
    "$dbPointer": lambda v: db_pointer(v["$ref"], bytes.fromhex(v["$id"]["$oid"])),
    "$symbol": symbol,
    "$code": code,
    "$undefined": lambda _: ABSENT,
    "$minKey": lambda _: LEAST,
    "$maxKey": lambda _: GREATEST,
}


def number(value):
    if isinstance(value, float) and not (value.is_integer() and abs(value) < 2**63):
        return double(value)
    whole = int(value)
    return int32(whole) if -2**31 <= whole < 2**31 else int64(whole) if -2**63 <= whole < 2**63 else double(value)


def parse(value):
    """json.loads' result as a Value."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return boolean(value)
    if isinstance(value, str):
        return string(value)
    if isinstance(value, list):
        return array(*map(parse, value))
    if not isinstance(value, dict):
        return number(value)
    if set(value) == {"$code", "$scope"}:
        return code_with_scope(value["$code"], parse(value["$scope"]).data)
    name = next(iter(value), None) if len(value) == 1 else None
    return _WRAPPERS[name](value[name]) if name in _WRAPPERS else document(*((key, parse(one)) for key, one in value.items()))


# --- canonical Extended JSON, as mongoexport writes it

def _json_double(number):
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return repr(number)


def _json_binary(value):
    subtype, content = value.binary
    return {"$binary": {"base64": base64.b64encode(content).decode(), "subType": f"{subtype:02x}"}}


def _json_regex(value):
    pattern, options, _ = value.data.decode("utf-8", "surrogateescape").split("\0")
    return {"$regularExpression": {"pattern": pattern, "options": options}}


def _json_db_pointer(value):
    return {"$dbPointer": {"$ref": value.data[4:-13].decode("utf-8", "surrogateescape"), "$id": {"$oid": value.data[-12:].hex()}}}


def _json_timestamp(value):
    increment, seconds = struct.unpack("<II", value.data)
    return {"$timestamp": {"t": seconds, "i": increment}}


def _json_code_with_scope(value):
    text, scope = scope_of(value)
    return {"$code": text, "$scope": {key: extended(one) for key, one in scope}}


_JSON = {
    DOUBLE: lambda v: {"$numberDouble": _json_double(v.number)},
    STRING: lambda v: v.text,
    DOCUMENT: lambda v: {key: extended(one) for key, one in v.data},
    ARRAY: lambda v: [extended(one) for one in v.data],
    BINARY: _json_binary,
    UNDEFINED: lambda v: {"$undefined": True},
    OBJECT_ID: lambda v: {"$oid": v.data.hex()},
    BOOL: lambda v: v.data == b"\1",
    DATE: lambda v: {"$date": {"$numberLong": str(v.number)}},
    NULL: lambda v: None,
    REGEX: _json_regex,
    DB_POINTER: _json_db_pointer,
    CODE: lambda v: {"$code": v.text},
    SYMBOL: lambda v: {"$symbol": v.text},
    CODE_WITH_SCOPE: _json_code_with_scope,
    INT32: lambda v: {"$numberInt": str(v.number)},
    TIMESTAMP: _json_timestamp,
    INT64: lambda v: {"$numberLong": str(v.number)},
    DECIMAL: lambda v: {"$numberDecimal": str(v.number)},
    MAX_KEY: lambda v: {"$maxKey": 1},
    MIN_KEY: lambda v: {"$minKey": 1},
}


def extended(value):
    return _JSON[value.type](value)


# --- relaxed Extended JSON, where it differs

def _relaxed_double(value):
    return value.number if math.isfinite(value.number) else extended(value)


def _relaxed_date(value):
    """ISO 8601 from 1970 to 9999; milliseconds only where there are some."""
    seconds, milliseconds = divmod(value.number, 1000)
    if not 0 <= seconds < 253402300800:
        return extended(value)
    text = datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {"$date": f"{text}.{milliseconds:03}Z" if milliseconds else f"{text}Z"}


_RELAXED = {
    DOUBLE: _relaxed_double,
    INT32: lambda v: v.number,
    INT64: lambda v: v.number,
    DATE: _relaxed_date,
    DOCUMENT: lambda v: {key: relaxed(one) for key, one in v.data},
    ARRAY: lambda v: [relaxed(one) for one in v.data],
    CODE_WITH_SCOPE: lambda v: {"$code": scope_of(v)[0], "$scope": {key: relaxed(one) for key, one in scope_of(v)[1]}},
}


def relaxed(value):
    return _RELAXED.get(value.type, extended)(value)


def line(fields):
    """One document as a line of mongoexport's."""
    return json.dumps({key: extended(value) for key, value in fields}, ensure_ascii=False)
