"""docs/item-ids.md again, in Python: the text that an `_id` gives, and the item_id."""
import decimal
import hashlib
import math
import struct
import urllib.parse

import bson_values as b

_BYTES_MAX = 512
_exact = decimal.Context(prec=20_000, Emin=-30_000, Emax=30_000)


def _plain(digits, exponent, negative):
    """digits × 10^exponent, as short as its value allows."""
    stripped = digits.lstrip("0").rstrip("0")
    if not stripped:
        return "0"
    exponent += len(digits.lstrip("0")) - len(stripped)
    point = len(stripped) + exponent  # digits before the decimal point
    if 0 < point <= 21:
        text = stripped.ljust(point, "0")
        text = text[:point] + ("." + text[point:] if text[point:] else "")
    elif -6 < point <= 0:
        text = "0." + "0" * -point + stripped
    else:
        text = stripped[0] + ("." + stripped[1:] if stripped[1:] else "") + f"e{point - 1}"
    return "-" + text if negative else text


def number_text(value):
    number = value.number
    if value.type == b.DECIMAL:
        exact = number.to_decimal()
    elif value.type == b.DOUBLE and not math.isfinite(number):
        exact = decimal.Decimal(number)
    else:
        exact = _exact.create_decimal(number)
    if exact.is_nan():
        return "nan"
    if exact.is_infinite():
        return "-inf" if exact < 0 else "inf"
    sign, digits, exponent = exact.as_tuple()
    return _plain("".join(map(str, digits)), exponent, sign == 1)


def _escaped(text):
    return urllib.parse.quote(text, safe="-._~", errors="surrogateescape")


def _fields(fields):
    return "(" + ",".join(f"{_escaped(key)}={id_text(one)}" for key, one in fields) + ")"


def _regex(value):
    pattern, options, _ = value.data.decode("utf-8", "surrogateescape").split("\0")
    return f"r~{_escaped(pattern)}/{_escaped(options)}"


def _db_pointer(value):
    namespace = value.data[4:-13].decode("utf-8", "surrogateescape")
    return f"p~{_escaped(namespace)}/{value.data[-12:].hex()}"


def _timestamp(value):
    increment, seconds = struct.unpack("<II", value.data)
    return f"t~{seconds}.{increment}"


def _code_with_scope(value):
    text, scope = b.scope_of(value)
    return f"w~{_escaped(text)}{_fields(scope)}"


_TEXTS = {
    **dict.fromkeys((b.DOUBLE, b.INT32, b.INT64, b.DECIMAL), lambda v: "n~" + number_text(v)),
    **dict.fromkeys((b.STRING, b.SYMBOL), lambda v: "s~" + _escaped(v.text)),
    b.DOCUMENT: lambda v: "o~" + _fields(v.data),
    b.ARRAY: lambda v: "a~(" + ",".join(map(id_text, v.data)) + ")",
    b.BINARY: lambda v: f"b~{v.data[4]:02x}~{v.data[5:].hex()}",
    b.UNDEFINED: lambda v: "u~",
    b.OBJECT_ID: lambda v: v.data.hex(),
    b.BOOL: lambda v: "l~true" if v.data == b"\1" else "l~false",
    b.DATE: lambda v: f"d~{v.number}",
    b.NULL: lambda v: "z~",
    b.REGEX: _regex,
    b.DB_POINTER: _db_pointer,
    b.CODE: lambda v: "c~" + _escaped(v.text),
    b.CODE_WITH_SCOPE: _code_with_scope,
    b.TIMESTAMP: _timestamp,
    b.MIN_KEY: lambda v: "min~",
    b.MAX_KEY: lambda v: "max~",
}


def id_text(value):
    return _TEXTS[value.type](value)


def item_id(pattern, source_id):
    text = id_text(source_id)
    whole = pattern.replace("{_id}", text)
    if len(whole.encode()) <= _BYTES_MAX:
        return whole
    return pattern.replace("{_id}", "h~" + hashlib.sha256(text.encode()).hexdigest())
