"""Documents that no schema would pass: every BSON type in every place, with words of the plan among them so that its rules
have something to find. Everything comes from the Random that is given."""
import struct

import bson_values as b
import item_ids

_SPACES = ["", "", "", " ", "  ", "\t", "\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "\x1c", "\x85"]
_LETTERS = ["a", "Z", "ß", "É", "é", "İ", "ı", "ς", "Σ", "Ж", "中", "🚀", "\u202e", "e\u0301", "ﬁ", "\u0130", "Ω", "K", "0", "7", "_", "-", "'",
            '"', "\\", "%", "{", "}", "$", ".", "/", "\x01", "\x7f", "&", ",", ";", "#"]
_DECIMALS = ["0", "-0", "5", "5.00", "0.5E+1", "1E+21", "1.5E-7", "NaN", "Infinity", "-Infinity", "1E+6144", "-1E-6176",
             "9999999999999999999999999999999999", "0E+3", "1234.50"]
_DOUBLES = [0.0, -0.0, 0.1, 5.0, -1234.25, 1e20, 1e21, 1e22, 5e-324, 1.7976931348623157e308, float("nan"), float("inf"), float("-inf"),
            2.0**53, 1e15, 1e16, 1e17, 123456789.125, 1e-5, 1e-7, 3.14]
_INTEGERS = [0, 1, -1, 5, 42, 2**31 - 1, -2**31]
_LONGS = [0, 5, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -2**63]
_DATES = [0, -1, 1356351330501, -26395199877, 253402300799999, 253402300800000, -2**63, 2**63 - 1, -62135596800000, -62167219200001]


class RandomDocuments:
    def __init__(self, chance, paths, vocabulary):
        """`paths`: parsed paths that a rule reads; `vocabulary`: words and phrases that an extractor or tenant rule knows."""
        self.chance, self.paths, self.vocabulary = chance, paths, vocabulary

    def documents(self, count):
        """{item_id text: fields}: `_id`s are distinct as MongoDB compares them."""
        found = {}
        while len(found) < count:
            source_id = self.source_id()
            found.setdefault(item_ids.id_text(source_id), self.document(source_id))
        return found

    def document(self, source_id):
        fields = [("_id", source_id)]
        for path in self.paths:
            if self.chance.random() < 0.8 and path[0] not in (key for key, _ in fields):
                fields.append((path[0], self.at(path[1:])))
        fields += [(f"extra {at}", self.value(2)) for at in range(self.chance.randrange(3))]
        if self.chance.random() < 0.3:
            rest = fields[1:]
            self.chance.shuffle(rest)
            fields[1:] = rest
        return tuple(fields)

    def at(self, steps):
        """A value in which those steps may or may not lead somewhere."""
        if not steps or self.chance.random() < 0.1:
            return self.field_value()
        inside = self.at(steps[1:])
        if isinstance(steps[0], int):
            length = self.chance.randrange(steps[0] + 3)
            elements = [self.field_value() for _ in range(length)]
            return b.array(*[inside if at == steps[0] else one for at, one in enumerate(elements)])
        return b.document(("other", self.value(1)), (steps[0], inside))

    def field_value(self):
        kind = self.chance.random()
        if kind < 0.45:
            return b.string(self.phrase())
        if kind < 0.7:
            return b.array(*(self.element() for _ in range(self.chance.choice([0, 1, 2, 5, 14]))))
        return self.value(2)

    def element(self):
        return b.string(self.phrase()) if self.chance.random() < 0.85 else self.value(1)

    # --- text

    def space(self):
        return self.chance.choice(_SPACES)

    def word(self):
        if self.chance.random() < 0.5:
            word = self.chance.choice(self.vocabulary)
            return self.chance.choice([word, word, word.upper(), word.lower(), word.title(), word + "s", "x" + word])
        return "".join(self.chance.choice(_LETTERS) for _ in range(self.chance.randrange(8)))

    def phrase(self):
        if self.chance.random() < 0.0005:
            return "large " * 10_000  # more than a vector's metadata may hold
        joints = [" ", " ", ",", ", ", " - ", " – ", " | ", ";", " & ", " / ", "  ", "-", "/", "\n"]
        text = self.space()
        for _ in range(self.chance.choice([0, 1, 1, 2, 3, 6])):
            text += self.word() + self.chance.choice(joints) + self.space()
        if self.chance.random() < 0.2:
            text += self.chance.choice(["#12", " #3 ", "# 4", "#", " #5 #6", "#7a"])
        return text + self.space()

    # --- values

    def value(self, depth):
        makers = [*self._scalars(), *((self._document, self._array) if depth else ())]
        return self.chance.choice(makers)(depth) if depth else self.chance.choice(makers)(0)

    def source_id(self):
        """No array, regular expression or undefined: MongoDB takes none as `_id`."""
        if self.chance.random() < 0.3:
            return b.object_id(self.chance.randbytes(12))
        while True:
            value = self.value(2)
            if value.type not in (b.ARRAY, b.REGEX, b.UNDEFINED):
                return value

    def _document(self, depth):
        keys = {self.chance.choice(["a", "b", "a.b", "$odd", "", "ключ", "k e y"]) for _ in range(self.chance.randrange(4))}
        return b.document(*((key, self.value(depth - 1)) for key in sorted(keys)))

    def _array(self, depth):
        return b.array(*(self.value(depth - 1) for _ in range(self.chance.randrange(4))))

    def _scalars(self):
        pick, bits = self.chance.choice, self.chance.getrandbits
        return [
            lambda _: b.double(pick([pick(_DOUBLES), self.chance.uniform(-1e6, 1e6), self._finite(bits(64))])),
            lambda _: b.string(self.phrase()),
            lambda _: b.string(self.word()),
            lambda _: b.binary(self.chance.randbytes(pick([0, 1, 16])), pick([0, 2, 4, 5, 128])),
            lambda _: b.ABSENT,
            lambda _: b.object_id(self.chance.randbytes(12)),
            lambda _: b.boolean(bits(1)),
            lambda _: b.date(pick([*_DATES, bits(44)])),
            lambda _: b.NOTHING,
            lambda _: b.regex(self.word().replace("\0", ""), pick(["", "i", "im", "imsx"])),
            lambda _: b.db_pointer(self.word(), self.chance.randbytes(12)),
            lambda _: b.code(self.phrase()),
            lambda _: b.symbol(self.phrase()),
            lambda _: b.code_with_scope(self.word(), (("x", b.int32(pick(_INTEGERS))),)),
            lambda _: b.int32(pick(_INTEGERS)),
            lambda _: b.timestamp(bits(32), bits(32)),
            lambda _: b.int64(pick([*_LONGS, bits(40)])),
            lambda _: b.decimal(pick(_DECIMALS)),
            lambda _: b.GREATEST,
            lambda _: b.LEAST,
        ]

    @staticmethod
    def _finite(bits):
        """A double of any exponent; what would be a NaN with a payload, which Extended JSON does not carry, is 0."""
        number = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
        return number if number == number else 0.0
