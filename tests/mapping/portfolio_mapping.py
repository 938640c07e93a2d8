"""The plan's mapping a second time: from the design and docs/mapping.md, sharing nothing with src/mapping.

    Mapping(plan).map(fields) -> Item, or raises Unmappable(reason)

`plan` is the parsed plan file (plan_of reads one), `fields` a document as bson_values.decode gives it.
"""
import csv
import decimal
import hashlib
import json
import math
import re
from typing import NamedTuple

import yaml

import bson_values as b
import item_ids
import json_schema
from item_ids import number_text
from jq_programs import JqPrograms

_NUMBERS = (b.INT32, b.INT64, b.DOUBLE, b.DECIMAL)
METADATA_BYTES_MAX = 40_960
DOCUMENT_BYTES_MAX = 16 * 1024 * 1024

SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"
_FOLDED = re.compile("[A-Z\u00c0-\u017f\u0370-\u03ff\u0400-\u052f]")


BROKEN_UTF8 = re.compile("[\udc80-\udcff]")  # what errors="surrogateescape" makes of it


class Unmappable(Exception):
    def __init__(self, reason, detail=""):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class Item(NamedTuple):
    item_id: str
    org_id: str
    fields: tuple       # as inserted
    namespace: str
    text: str
    metadata: dict      # without the stamps


def plan_of(path, environment):
    """The plan file with its ${NAME:-default} replaced."""
    def value(match):
        return environment.get(match[1], match[3] or "")
    text = path.read_text()
    return yaml.safe_load(re.sub(r"\$\{(\w+)(:-([^}]*))?\}", value, re.sub(r"(?m)^\s*#.*$", "", text)))


# --- paths

def parse_path(text):
    """`client.name`, `urls[0]`, `["a.b"].c` as a list of keys and positions."""
    steps = []
    for quoted, position, key in re.findall(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)', text):
        steps.append(int(position) if position else key or json.loads(f'"{quoted}"'))
    return steps


def find(fields, steps):
    """The value there, or None."""
    value = b.Value(b.DOCUMENT, fields)
    for step in steps:
        if isinstance(step, int):
            inside = value.type == b.ARRAY and step < len(value.data)
            found = value.data[step] if inside else None
        else:
            found = next((one for key, one in value.data if key == step), None) if value.type == b.DOCUMENT else None
        if found is None:
            return None
        value = found
    return value


# --- text

def trim(text):
    return text.strip(SPACE)


def fold(text):
    """Lower case where the alphabet is Latin, Greek or Cyrillic; other letters are compared as they stand."""
    return "".join(one.lower() if _FOLDED.match(one) and len(one.lower()) == 1 else one for one in text)


def collapsed(text):
    return re.sub(f"[{SPACE}]+", " ", trim(text))


def comma_parts(text):
    return [b.string(trim(part)) for part in text.split(",") if trim(part)]


def is_nothing(value):
    return value is None or value.type in (b.NULL, b.UNDEFINED)


def is_string(value):
    return value is not None and value.type == b.STRING


def is_empty(value):
    if is_string(value):
        return not trim(value.text)
    return is_nothing(value) or value.type == b.ARRAY and not value.data


def text_of(value):
    """A value inside a text."""
    if is_nothing(value):
        return ""
    if value.type == b.ARRAY:
        return ", ".join(filter(None, map(text_of, value.data)))
    if value.type in (b.STRING, b.SYMBOL):
        return trim(value.text)
    if value.type in _NUMBERS:
        return number_in_text(value)
    if value.type == b.BOOL:
        return "true" if value.data == b"\1" else "false"
    if value.type == b.OBJECT_ID:
        return value.data.hex()
    return relaxed_json(value)


def all_text(value):
    """Every text in a value, keys too."""
    return json.dumps(b.extended(value), ensure_ascii=False)


def number_in_text(value):
    """Doubles as short as they read back, whole ones without a fraction."""
    number = value.number
    if value.type != b.DOUBLE:
        return str(number)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return repr(number).removesuffix(".0")


def relaxed_json(value):
    return json_text(b.relaxed(value))


def json_text(value):
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(key)}:{json_text(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json_double(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def json_double(number):
    """As the specification's examples: 1.0, 1.2345678921232E+18; an exponent below 1e-5 and from 1e17 on."""
    if number == 0 or 1e-5 <= abs(number) < 1e17:
        text = f"{decimal.Decimal(repr(number)):f}"
        return text if "." in text else text + ".0"
    return repr(number).upper()


# --- copies and lists

def split_single(value):
    """The entries of a list; those of its only string where commas stand in it."""
    if len(value.data) == 1 and is_string(value.data[0]) and "," in value.data[0].text:
        return comma_parts(value.data[0].text)
    return list(value.data)


def trimmed(value):
    return b.string(trim(value.text)) if is_string(value) else value


def copied(value):
    if is_nothing(value) or is_string(value) and is_empty(value):
        return None
    if value.type == b.ARRAY:
        return b.array(*map(trimmed, split_single(value)))
    return trimmed(value)


def taken(value, count):
    """Always a list."""
    if is_nothing(value):
        entries = []
    elif value.type == b.ARRAY:
        entries = split_single(value)
    else:
        entries = comma_parts(value.text) if is_string(value) else [value]
    texts = (one if one.type in (b.DOCUMENT, b.ARRAY) else b.string(text_of(one)) for one in entries)
    return b.array(*unique(one for one in texts if not is_empty(one))[:count])


def unique(values):
    kept = {}
    for value in values:
        kept.setdefault(fold(value.text) if is_string(value) else value, value)
    return list(kept.values())


# --- extractors

_WITHOUT_TEXT = (b.DOCUMENT, b.ARRAY, b.BINARY, b.CODE_WITH_SCOPE)


def texts_in(values):
    """What an extractor reads."""
    for value in values:
        entries = value.data if value is not None and value.type == b.ARRAY else [value]
        yield from filter(None, (text_of(one) for one in entries if one is not None and one.type not in _WITHOUT_TEXT))


def without_noise(text, prefixes):
    return without_prefix(re.sub(rf"[{SPACE}]#\d+$", "", trim(text)), prefixes)


def without_prefix(text, prefixes):
    text = trim(text)
    for prefix in sorted(prefixes, key=len, reverse=True):
        rest = text[len(prefix):]
        if text[:len(prefix)].lower() == prefix.lower() and not (rest and is_word(rest[0]) and is_word(prefix[-1])):
            return without_prefix(trim(rest).lstrip(":," + SPACE), prefixes)
    return text


def is_word(character):
    return character.isascii() and (character.isalnum() or character == "_") or not character.isascii() and character not in SPACE


def split_at(separator, text):
    """One made of letters ("and") splits only where it stands alone."""
    parts, start = [], 0
    for at in positions(separator, text):
        if at >= start:
            parts.append(text[start:at])
            start = at + len(separator)
    return [*parts, text[start:]]


def positions(words, text):
    """Where `words` stand by themselves: letters at their ends touch no others."""
    at = text.find(words)
    while at >= 0:
        before, after = text[:at][-1:], text[at + len(words):][:1]
        if not (before and is_word(before) and is_word(words[0])) and not (after and is_word(after) and is_word(words[-1])):
            yield at
        at = text.find(words, at + 1)


def phrases(extractor, texts):
    found = []
    for text in texts:
        parts = [without_noise(text, extractor.get("noise_prefixes", []))]
        for separator in extractor.get("separators", []):
            parts = [piece for part in parts for piece in split_at(separator, part)]
        found += [b.string(collapsed(part)) for part in parts if trim(part)]
    if not found:
        found = [b.string(texts[0] if texts else "Unspecified")]
    return b.array(*unique(found)[:extractor.get("cap", 8)])


def dictionary_entry(extractor, texts):
    for text in map(fold, texts):
        for entry, words in extractor["dictionary"].items():
            if any(True for word in words for _ in positions(fold(word), text)):
                return b.string(entry)
    return b.string(extractor["fallback"])


class Mapping:
    def __init__(self, plan, directory):
        self.plan, self.items, self.index = plan, plan["items"], plan["index"]
        self.organizations = {one["org_id"]: one for one in plan["tenants"]["organizations"]}
        self.profiles = {one["profile_id"]: one for one in plan["tenants"]["profiles"]}
        assign = plan["tenants"]["assign"]
        self.assign = [{"default": assign}] if isinstance(assign, dict) else assign
        self.sent = {*re.findall(r"\{(\w+)\}", self.index["text"]), *self.index.get("metadata", [])}
        self.directory = directory
        self.jq = JqPrograms()

    def map(self, fields):
        source_id = find(fields, ["_id"])
        org_id, profile_id = self.tenant(fields)
        item_id = item_ids.item_id(self.items["id"], source_id)
        item = [("_id", source_id), ("item_id", b.string(item_id)), ("org_id", b.string(org_id)), ("profile_id", b.string(profile_id))]
        for name, rule in self.items["fields"].items():
            value = self.field(rule, fields)
            item.append((name, b.NOTHING if value is None else value))
        item += [("is_embedded", b.boolean(False)), ("embedding_id", b.NOTHING)]
        if len(b.encode(item)) > DOCUMENT_BYTES_MAX:
            raise Unmappable("too_large")
        if "schema" in self.items and not json_schema.holds(self.items["schema"], b.document(*item)):
            raise Unmappable("schema")
        if any(BROKEN_UTF8.search(all_text(value)) for key, value in item if key in self.sent):
            raise Unmappable("mapping_failed", "not UTF-8")
        return self.item(item_id, org_id, item)

    def item(self, item_id, org_id, item):
        values = dict(item)
        metadata = {}
        for key in self.index.get("metadata", []):
            if values[key].type != b.NULL:
                metadata[key] = metadata_value(values[key])
        if metadata_bytes(metadata) > METADATA_BYTES_MAX:
            raise Unmappable("metadata_too_large")
        namespace = self.index["namespace"].replace("{org.slug}", self.organizations[org_id]["slug"]).replace("{org.org_id}", org_id)
        text = re.sub(r"\{(\w+)\}", lambda match: text_of(values[match[1]]), self.index["text"])
        return Item(item_id, org_id, tuple(item), namespace, text, metadata)

    # --- what documents should hold so that every rule has something to do

    def paths(self):
        texts = [rule[kind]["field"] for rule in self.assign for kind in ("match", "lookup") if kind in rule]
        for rule in self.items["fields"].values():
            texts += paths_of(rule)
        return [parse_path(text) for text in dict.fromkeys(texts)]

    def vocabulary(self):
        words = ["Acme", "Need a"]
        for rule in self.assign:
            words += [rule["match"]["equals"]] if "match" in rule else list(self.rows(rule["lookup"])) if "lookup" in rule else []
        for extractor in self.items.get("extractors", {}).values():
            words += extractor.get("noise_prefixes", [])
            words += [word for entry in extractor.get("dictionary", {}).values() for word in entry]
        return [word for word in words if isinstance(word, str) and word]

    # --- tenants

    def tenant(self, fields):
        for rule in self.assign:
            found = self.tenant_by(rule, fields)
            if found:
                return found["org_id"], found["profile_id"]
        raise Unmappable("no_tenant")

    def tenant_by(self, rule, fields):
        if "default" in rule:
            return rule["default"]
        if "lookup" in rule:
            value = find(fields, parse_path(rule["lookup"]["field"]))
            return self.rows(rule["lookup"]).get(text_of(value))
        value = find(fields, parse_path(rule["match"]["field"]))
        return rule if value is not None and equal(value, rule["match"]["equals"]) else None

    def rows(self, lookup):
        if "rows" in lookup:
            return lookup["rows"]
        with open(self.directory / lookup["file"], newline="") as file:
            return {row["key"]: row for row in csv.DictReader(file)}

    # --- fields

    def field(self, rule, fields):
        if isinstance(rule, str):
            return copied(find(fields, parse_path(rule)))
        if "value" in rule:
            return b.parse(rule["value"])
        if "jq" in rule:
            return self.answer(rule["jq"], fields)
        if "first_non_empty" in rule:
            found = (self.field(one, fields) for one in rule["first_non_empty"])
            return next((one for one in found if not is_empty(one)), None)
        if "extract" in rule:
            return self.extracted(rule, fields)
        value = find(fields, parse_path(rule["from"]))
        return taken(value, rule["take"]) if "take" in rule else copied(value)

    def answer(self, program, fields):
        found = self.jq.run(program, fields)
        if found is None:
            raise Unmappable("mapping_failed", program)
        return None if is_nothing(found) else found

    def extracted(self, rule, fields):
        extractor = self.items["extractors"][rule["extract"]]
        paths = rule["from"] if isinstance(rule["from"], list) else [rule["from"]]
        texts = list(texts_in(find(fields, parse_path(path)) for path in paths))
        return dictionary_entry(extractor, texts) if "dictionary" in extractor else phrases(extractor, texts)


def paths_of(rule):
    if isinstance(rule, str):
        return [rule]
    if "first_non_empty" in rule:
        return [path for one in rule["first_non_empty"] for path in paths_of(one)]
    paths = rule.get("from", [])
    return paths if isinstance(paths, list) else [paths]


def equal(value, wanted):
    """As MongoDB's query {field: wanted}: the value or an entry of it; strings trimmed."""
    candidates = [value, *(value.data if value.type == b.ARRAY else ())]
    return comparable(b.parse(wanted)) in map(comparable, candidates)


def comparable(value):
    if value.type in _NUMBERS:
        return "number", number_text(value)
    if value.type in (b.STRING, b.SYMBOL):
        return "string", trim(value.text) if value.type == b.STRING else value.text
    if value.type in (b.DOCUMENT, b.ARRAY):
        return value.type, tuple(map(comparable, value.data) if value.type == b.ARRAY else ((key, comparable(one)) for key, one in value.data))
    return value.type, value.data


# --- metadata

def metadata_bytes(metadata):
    """With the three stamps, MD5 digests in hex."""
    stamps = dict.fromkeys(("rehome_contract", "rehome_text", "rehome_values"), "0" * 32)
    return len(json_text({**metadata, **stamps}).encode())


def metadata_value(value):
    if is_string(value):
        return value.text
    if value.type == b.BOOL:
        return value.data == b"\1"
    if value.type == b.INT32 or value.type == b.INT64 and abs(value.number) <= 2**53 or value.type == b.DOUBLE and math.isfinite(value.number):
        return float(value.number)
    return [text_of(one) for one in value.data if not is_nothing(one)] if value.type == b.ARRAY else relaxed_json(value)
