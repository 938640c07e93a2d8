#include "model/sort_key.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "model/extended_json.h"
#include "tests/support/json.h"

namespace rehome {
namespace {

using testing_support::JsonValue;

std::string KeyOf(std::string_view json) {
  return SortKey(JsonValue(json).view());
}

int Sign(auto comparison) {
  return comparison < 0 ? -1 : comparison > 0 ? 1 : 0;
}

// The order as MongoDB's manual and its BSONElement::woCompare state it, type by type; long double
// holds every int64, double and the decimals that the property below makes.

int RankOf(BsonType type) {
  const std::vector<std::vector<BsonType>> order{
      {BsonType::kMinKey},
      {BsonType::kUndefined},
      {BsonType::kNull},
      {BsonType::kInt32, BsonType::kInt64, BsonType::kDouble, BsonType::kDecimal128},
      {BsonType::kString, BsonType::kSymbol},
      {BsonType::kDocument},
      {BsonType::kArray},
      {BsonType::kBinary},
      {BsonType::kObjectId},
      {BsonType::kBool},
      {BsonType::kDate},
      {BsonType::kTimestamp},
      {BsonType::kRegex},
      {BsonType::kDbPointer},
      {BsonType::kCode},
      {BsonType::kCodeWithScope},
      {BsonType::kMaxKey},
  };
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (const BsonType member : order[i]) {
      if (member == type) {
        return static_cast<int>(i);
      }
    }
  }
  ADD_FAILURE() << "no rank";
  return -1;
}

long double NumberOf(ValueView value) {
  if (value.type() == BsonType::kInt32) {
    return value.AsInt32();
  }
  if (value.type() == BsonType::kInt64) {
    return static_cast<long double>(value.AsInt64());
  }
  if (value.type() == BsonType::kDouble) {
    return value.AsDouble();
  }
  const std::string json = ToExtendedJson(value, JsonMode::kCanonical);
  return std::strtold(json.c_str() + std::strlen(R"({"$numberDecimal":")"), nullptr);
}

int CompareNumbers(ValueView a, ValueView b) {
  const long double x = NumberOf(a);
  const long double y = NumberOf(b);
  if (std::isnan(x) || std::isnan(y)) {
    return Sign(static_cast<int>(std::isnan(y)) - static_cast<int>(std::isnan(x)));
  }
  return Sign(x < y ? -1 : static_cast<int>(x > y));
}

int Compare(ValueView a, ValueView b);

int CompareElements(DocumentView a, DocumentView b, bool with_keys) {
  auto x = a.begin();
  auto y = b.begin();
  for (; x != a.end() && y != b.end(); ++x, ++y) {
    if (const int types = Sign(RankOf(x->value.type()) - RankOf(y->value.type())); types != 0) {
      return types;
    }
    if (const int keys = Sign(x->key.compare(y->key)); with_keys && keys != 0) {
      return keys;
    }
    if (const int values = Compare(x->value, y->value); values != 0) {
      return values;
    }
  }
  return static_cast<int>(x != a.end()) - static_cast<int>(y != b.end());
}

int CompareBinaries(ValueView a, ValueView b) {
  if (a.AsBinary().size() != b.AsBinary().size()) {
    return a.AsBinary().size() < b.AsBinary().size() ? -1 : 1;
  }
  const int subtypes = Sign(a.BinarySubtype() - b.BinarySubtype());
  return subtypes != 0 ? subtypes : Sign(a.AsBinary().compare(b.AsBinary()));
}

int Compare(ValueView a, ValueView b) {
  const int rank = RankOf(a.type());
  if (rank != RankOf(b.type())) {
    return Sign(rank - RankOf(b.type()));
  }
  if (rank == RankOf(BsonType::kInt32)) {
    return CompareNumbers(a, b);
  }
  if (rank == RankOf(BsonType::kString) || a.type() == BsonType::kCode) {
    return Sign(a.AsString().compare(b.AsString()));
  }
  if (a.type() == BsonType::kDocument || a.type() == BsonType::kArray) {
    return CompareElements(a.AsDocument(), b.AsDocument(), a.type() == BsonType::kDocument);
  }
  if (a.type() == BsonType::kBinary) {
    return CompareBinaries(a, b);
  }
  if (a.type() == BsonType::kDate) {
    return a.AsInt64() < b.AsInt64() ? -1 : static_cast<int>(a.AsInt64() > b.AsInt64());
  }
  if (a.type() == BsonType::kTimestamp) {
    const auto x = static_cast<std::uint64_t>(a.AsInt64());
    const auto y = static_cast<std::uint64_t>(b.AsInt64());
    return x < y ? -1 : static_cast<int>(x > y);
  }
  return Sign(
      a.payload().compare(b.payload()));  // ObjectId, bool, regex and the types without payload
}

template <class T>
T Pick(std::vector<T> from) {
  return from[*rc::gen::inRange<std::size_t>(0, from.size())];
}

std::string SomeText() {
  return *rc::gen::container<std::string>(rc::gen::element('\0', '\1', 'a', 'b', '\xFF'));
}

std::int64_t SomeInt64() {
  const auto any = *rc::gen::arbitrary<std::int64_t>();
  return Pick<std::int64_t>({any, 0, 1, -1, 10, 100, -100, INT64_MAX, INT64_MIN, INT64_MAX - 1,
                             1LL << 53, (1LL << 53) + 1});
}

double SomeDouble() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return Pick<double>({*rc::gen::arbitrary<double>(), static_cast<double>(SomeInt64()), 0.5, -0.5,
                       0.1, -0.0, 5e-324, -5e-324, 1e300, -1e300, kInfinity, -kInfinity,
                       std::nan(""), 0x1p63, -0x1p63, 9.5, 99.5});
}

Value SomeWrapped() {
  return JsonValue(Pick<std::string>({R"({"$minKey":1})",
                                      R"({"$maxKey":1})",
                                      R"({"$undefined":true})",
                                      "null",
                                      R"({"$numberDecimal":"NaN"})",
                                      R"({"$numberDecimal":"-Infinity"})",
                                      R"({"$numberDecimal":"100"})",
                                      R"({"$numberDecimal":"1E+2"})",
                                      R"({"$numberDecimal":"-0.00"})",
                                      R"({"$numberDecimal":"10.0"})",
                                      R"({"$numberDecimal":"0.5"})",
                                      R"({"$symbol":"a"})",
                                      R"({"$oid":"56e1fc72e0c917e9c4714161"})",
                                      R"({"$oid":"ffe1fc72e0c917e9c4714161"})",
                                      R"({"$date":{"$numberLong":"-1"}})",
                                      R"({"$date":{"$numberLong":"0"}})",
                                      R"({"$timestamp":{"t":1,"i":2}})",
                                      R"({"$timestamp":{"t":4294967295,"i":2}})",
                                      R"({"$code":"a"})",
                                      R"({"$code":""})",
                                      R"({"$binary":{"base64":"","subType":"80"}})",
                                      R"({"$binary":{"base64":"//8=","subType":"00"}})",
                                      R"({"$binary":{"base64":"//8=","subType":"05"}})",
                                      R"({"$regularExpression":{"pattern":"a","options":""}})",
                                      R"({"$regularExpression":{"pattern":"a","options":"i"}})",
                                      R"({"$regularExpression":{"pattern":"","options":"i"}})",
                                      R"({"$code":"a","$scope":{}})"}));
}

Value SomeValue(int depth) {
  const int kind = *rc::gen::inRange(0, depth > 0 ? 9 : 7);
  if (kind >= 7) {
    const bool is_object = kind == 7;
    DocumentBuilder builder;
    for (int count = *rc::gen::inRange(0, 3), i = 0; i < count; ++i) {
      builder.Append(is_object ? Pick<std::string>({"", "a", "ab", "b"}) : std::to_string(i),
                     SomeValue(depth - 1));
    }
    const Document document = builder.Finish();
    return Value(ValueView(is_object ? BsonType::kDocument : BsonType::kArray, document.bytes()));
  }
  switch (kind) {
    case 0:
      return Value::String(SomeText());
    case 1:
      return Value::Int32(static_cast<std::int32_t>(SomeInt64()));
    case 2:
      return Value::Int64(SomeInt64());
    case 3:
      return Value::Double(SomeDouble());
    case 4:
      return Value::Bool(*rc::gen::arbitrary<bool>());
    default:
      return SomeWrapped();
  }
}

TEST(SortKey, OrdersAnyTwoValuesAsMongoDbDoes) {
  EXPECT_TRUE(rc::check([] {
    std::vector<Value> values;
    for (int i = 0; i < 8; ++i) {
      values.push_back(SomeValue(2));
    }
    for (const Value& a : values) {
      for (const Value& b : values) {
        const int keys = Sign(SortKey(a.view()).compare(SortKey(b.view())));
        if (keys != Compare(a.view(), b.view())) {
          RC_FAIL(ToExtendedJson(a.view(), JsonMode::kCanonical) + " against " +
                  ToExtendedJson(b.view(), JsonMode::kCanonical));
        }
      }
    }
  }));
}

TEST(SortKey, OrdersNumbersOfEveryTypeExactly) {
  const std::vector<std::vector<const char*>> ascending{
      {R"({"$numberDouble":"NaN"})", R"({"$numberDecimal":"NaN"})", R"({"$numberDecimal":"-NaN"})"},
      {R"({"$numberDouble":"-Infinity"})", R"({"$numberDecimal":"-Infinity"})"},
      {R"({"$numberDecimal":"-9.999999999999999999999999999999999E+6144"})"},
      {R"({"$numberDouble":"-1.7976931348623157E+308"})"},
      {R"({"$numberLong":"-9223372036854775808"})", R"({"$numberDouble":"-9223372036854775808"})"},
      {"-10", R"({"$numberDecimal":"-1E+1"})"},
      {"-2"},
      {"-1.5"},
      {R"({"$numberDouble":"-4.9E-324"})"},
      {R"({"$numberDecimal":"-1E-6176"})"},
      {"0", "-0.0", R"({"$numberDecimal":"-0E+10"})", R"({"$numberLong":"0"})"},
      {R"({"$numberDecimal":"1E-6176"})"},
      {R"({"$numberDouble":"4.9E-324"})"},
      {R"({"$numberDecimal":"0.1"})"},
      {R"({"$numberDecimal":"0.1000000000000000055511151231257827"})"},
      {R"({"$numberDouble":"0.1"})"},
      {R"({"$numberDecimal":"0.1000000000000000055511151231257828"})"},
      {"0.5", R"({"$numberDecimal":"0.500"})"},
      {"5", R"({"$numberLong":"5"})", "5.0", R"({"$numberDecimal":"5"})",
       R"({"$numberDecimal":"5.00"})"},
      {R"({"$numberLong":"9007199254740992"})", R"({"$numberDouble":"9007199254740992"})"},
      {R"({"$numberLong":"9007199254740993"})", R"({"$numberDecimal":"9007199254740993"})"},
      {R"({"$numberLong":"9223372036854775807"})"},
      {R"({"$numberDouble":"9223372036854775808"})", R"({"$numberDecimal":"9223372036854775808"})"},
      {R"({"$numberDouble":"1E+300"})"},
      {R"({"$numberDecimal":"1E+400"})"},
      {R"({"$numberDouble":"Infinity"})", R"({"$numberDecimal":"Infinity"})"},
  };
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (const char* equal : ascending[i]) {
      EXPECT_EQ(KeyOf(equal), KeyOf(ascending[i].front())) << equal;
      if (i > 0) {
        EXPECT_LT(KeyOf(ascending[i - 1].front()), KeyOf(equal)) << equal;
      }
    }
  }
}

TEST(SortKey, ComparesDbPointersByLengthFirst) {
  const auto pointer = [](const char* name) {
    return KeyOf(std::string(R"({"$dbPointer":{"$ref":")") + name +
                 R"(","$id":{"$oid":"56e1fc72e0c917e9c4714161"}}})");
  };
  EXPECT_LT(pointer("z"), pointer("aa"));
  EXPECT_LT(pointer("aa"), pointer("ab"));
}

}  // namespace
}  // namespace rehome
