#include "adapters/mongodb/comparison.h"

#include <gtest/gtest.h>

#include "tests/support/scripted_mongodb.h"

namespace rehome::mongodb {
namespace {

std::string FilterFor(std::string_view json) {
  return ToExtendedJson(ComparisonWith(Json(json)).filter.view(), JsonMode::kRelaxed);
}

bool IsExact(std::string_view json) {
  return ComparisonWith(Json(json)).exact;
}

TEST(Comparison, NamesTheDocumentByItsIdAndComparesAllOfIt) {
  EXPECT_EQ(FilterFor(R"({"_id":"a","$set":1,"s":"x"})"),
            R"({"_id":"a","$expr":{"$eq":[{"$cmp":["$$ROOT",)"
            R"({"$literal":{"_id":"a","$set":1,"s":"x"}}]},0]}})");
}

TEST(Comparison, TellsNumbersOfOtherTypesApartWhereverAPathLeads) {
  EXPECT_TRUE(IsExact(R"({"_id":{"$numberLong":"1"},"a":{"b":2,"c":2.5},"s":["x"],"n":null})"));
  EXPECT_EQ(FilterFor(R"({"_id":{"$numberLong":"1"},"a":{"b":2,"c":2.5}})"),
            R"({"_id":1,"$expr":{"$eq":[{"$cmp":["$$ROOT",)"
            R"({"$literal":{"_id":1,"a":{"b":2,"c":2.5}}}]},0]},)"
            R"("$and":[{"_id":{"$type":18}},{"a.b":{"$type":16}},{"a.c":{"$type":1}}]})");
}

TEST(Comparison, SaysWhatNoFilterTellsApart) {
  for (const std::string_view json : {
           R"({"_id":"a","list":[1]})",
           R"({"_id":"a","list":[{"n":1}]})",
           R"({"_id":"a","list":[["x",[1]]]})",
           R"({"_id":"a","d":{"$numberDecimal":"1.0"}})",
           R"({"_id":"a","z":{"$numberDouble":"0.0"}})",
           R"({"_id":"a","z":{"$numberDouble":"NaN"}})",
           R"({"_id":"a","s":{"$symbol":"x"}})",
           R"({"_id":"a","c":{"$code":"f","$scope":{"n":1}}})",
           R"({"_id":"a","b.c":1})",
           R"({"_id":"a","b.c":{"d":1}})",
           R"({"_id":"a","":1})",
           R"({"_id":"a","x":{"$b":1}})",
       }) {
    EXPECT_FALSE(IsExact(json)) << json;
  }
  EXPECT_TRUE(IsExact(R"({"_id":"a","b.c":"text","list":[["x"],{"y":true}]})"));
}

TEST(Comparison, ADocumentFullOfNumbersIsLookedAtInsteadOfDoublingItsStatement) {
  DocumentBuilder many;
  many.String("_id", "a");
  for (int i = 1; i <= 200; ++i) {
    many.Int32(fmt::format("n{}", i), i);
  }
  const Comparison comparison = ComparisonWith(many.Finish());
  EXPECT_FALSE(comparison.exact);
  EXPECT_FALSE(comparison.filter.Find("$and"));
}

}  // namespace
}  // namespace rehome::mongodb
