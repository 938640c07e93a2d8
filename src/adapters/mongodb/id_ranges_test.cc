#include "adapters/mongodb/id_ranges.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/extended_json.h"

namespace rehome::mongodb {
namespace {

std::vector<std::string> Filters(const IdRange& range, RareTypes rare_types = RareTypes::kUnknown) {
  std::vector<std::string> out;
  for (const Document& filter : RangeFilters(range, rare_types)) {
    out.push_back(ToExtendedJson(filter.view(), JsonMode::kRelaxed));
  }
  return out;
}

Value OfType(BsonType type) {
  return Value(ValueView(type, {}));
}

using Texts = std::vector<std::string>;

TEST(IdRanges, AnOpenRangeIsOneFilter) {
  EXPECT_EQ(Filters({}), Texts{"{}"});
}

TEST(IdRanges, ARangeWithinOneGroupIsOneFilter) {
  EXPECT_EQ(Filters({Value::Int32(1), Value::Double(3.5)}),
            (Texts{R"({"_id":{"$gt":1,"$lte":3.5}})"}));
  EXPECT_EQ(Filters({Value::String("a"), Value::String("b")}),
            (Texts{R"({"_id":{"$gt":"a","$lte":"b"}})"}));
}

TEST(IdRanges, AnOpenEndTakesTheGroupsAbove) {
  EXPECT_EQ(Filters({Value::String("a"), std::nullopt}),
            (Texts{R"({"_id":{"$gt":"a"}})", R"({"_id":{"$type":[3,5,7,8,9,17,127]}})"}));
}

TEST(IdRanges, AnOpenStartTakesTheGroupsBelowAndNaN) {
  EXPECT_EQ(Filters({std::nullopt, Value::Int32(5)}),
            (Texts{R"({"_id":{"$type":[-1,10]}})", R"({"_id":{"$numberDouble":"NaN"}})",
                   R"({"_id":{"$lte":5}})"}));
}

TEST(IdRanges, NaNIsTheLeastNumber) {
  const Value nan = Value::Double(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(Filters({nan, Value::Int32(5)}),
            (Texts{R"({"_id":{"$gte":{"$numberDouble":"-Infinity"},"$lte":5}})"}));
  EXPECT_EQ(Filters({std::nullopt, nan}),
            (Texts{R"({"_id":{"$type":[-1,10]}})", R"({"_id":{"$numberDouble":"NaN"}})"}));
}

TEST(IdRanges, GroupsOfOneValueHaveNothingAboveItAndItselfBelow) {
  EXPECT_EQ(Filters({OfType(BsonType::kMinKey), OfType(BsonType::kNull)}),
            (Texts{R"({"_id":null})"}));
  EXPECT_TRUE(Filters({OfType(BsonType::kMaxKey), std::nullopt}).empty());
  EXPECT_EQ(Filters({Value::Bool(true), OfType(BsonType::kMaxKey)}).back(),
            R"({"_id":{"$maxKey":1}})");
}

TEST(IdRanges, AnEmptyRangeAsksNothing) {
  EXPECT_TRUE(Filters({Value::Int32(5), Value::Double(5.0)}).empty());
  EXPECT_TRUE(Filters({Value::String("a"), Value::Int32(5)}).empty());
}

Value Binary(std::uint8_t subtype, std::string_view bytes) {
  std::string payload(1, static_cast<char>(bytes.size()));
  payload.append(3, '\0').push_back(static_cast<char>(subtype));
  return Value(ValueView(BsonType::kBinary, payload.append(bytes)));
}

/// The sixteen bytes of a UUID that begins so.
Value Uuid(std::uint8_t subtype, char first) {
  return Binary(subtype, std::string(1, first) + std::string(15, '\0'));
}

TEST(IdRanges, WhereUuidsStandApartNoFilterCrossesToThem) {
  const auto kinds = [](const IdRange& range) {
    std::vector<std::string> out;
    for (const Document& filter : RangeFilters(range, RareTypes::kUnknown)) {
      std::string bounds;
      for (const auto& [name, bound] : filter.view().Find("_id")->AsDocument()) {
        bounds += std::string(name);
        if (bound.type() == BsonType::kBinary) {
          bounds += " " + std::to_string(static_cast<int>(bound.payload()[4])) + " ";
        }
      }
      out.push_back(bounds);
    }
    return out;
  };
  EXPECT_EQ(kinds({Binary(0, "a"), std::nullopt}),
            (Texts{"$gt 0 ", "$gte 3 $lte 3 ", "$gte 4 $lte 4 ", "$type"}));
  EXPECT_EQ(kinds({Uuid(4, 'b'), std::nullopt}), (Texts{"$gt 4 $lte 4 ", "$type"}));
  EXPECT_EQ(kinds({Uuid(3, 'a'), Uuid(4, 'b')}), (Texts{"$gt 3 $lte 3 ", "$gte 4 $lte 4 "}));
  EXPECT_EQ(kinds({std::nullopt, Uuid(3, 'a')}), (Texts{"$type", "$gte 0 ", "$gte 3 $lte 3 "}));
  EXPECT_EQ(kinds({Binary(0, "a"), Binary(0, "b")}), (Texts{"$gt 0 $lte 0 "}));
}

TEST(IdRanges, ABinaryBoundAsksFirstWhetherTheServerKnowsEveryType) {
  EXPECT_EQ(Filters({Binary(0, "a"), Binary(0, "b")}, RareTypes::kAssumed).front(),
            R"({"_id":{"$type":13,"$in":[]}})");
  EXPECT_EQ(Filters({Binary(0, "a"), Binary(0, "b")}, RareTypes::kKnown).size(), 1U);
}

TEST(IdRanges, RareTypesAreAskedForWhereTheServerKnowsThem) {
  EXPECT_EQ(Filters({Value::Int32(1), std::nullopt}, RareTypes::kAssumed).back(),
            R"({"_id":{"$type":[2,14,3,5,7,8,9,17,12,13,15,127]}})");
}

TEST(IdRanges, ADocumentAsIdIsAnOperand) {
  const Document inner = DocumentBuilder().Int32("$gt", 1).Finish();
  const Document id = DocumentBuilder().Append("_id", inner).Finish();
  EXPECT_EQ(ToExtendedJson(IdFilter(id.Id()).view(), JsonMode::kRelaxed),
            R"({"_id":{"$eq":{"$gt":1}}})");
}

}  // namespace
}  // namespace rehome::mongodb
