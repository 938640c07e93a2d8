#include "pinecone_local/filter.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace rehome::pinecone_local {
namespace {

Result<Filter> Parse(const std::string& json) {
  simdjson::dom::parser parser;
  const simdjson::dom::object object = parser.parse(json);
  return Filter::Parse(object);
}

bool Matches(const std::string& json, const Metadata& metadata) {
  const auto filter = Parse(json);
  EXPECT_TRUE(filter) << json << ": " << filter.error().message;
  return filter && filter->Matches(metadata);
}

std::string ErrorOf(const std::string& json) {
  const auto filter = Parse(json);
  EXPECT_FALSE(filter) << json;
  return filter ? "" : filter.error().message;
}

const Metadata kFilm{{"genre", std::string("drama")},
                     {"year", 2019.0},
                     {"seen", true},
                     {"tags", std::vector<std::string>{"a", "b"}},
                     {"größe", std::string("ü")}};

TEST(Filter, MatchesWhatTheOperatorsSay) {
  const std::vector<std::pair<std::string, bool>> cases{
      {R"({})", true},
      {R"({"genre":"drama"})", true},
      {R"({"genre":{"$eq":"Drama"}})", false},
      {R"({"year":2019.0})", true},
      {R"({"year":"2019"})", false},
      {R"({"seen":true})", true},
      {R"({"seen":1})", false},
      {R"({"tags":"b"})", true},
      {R"({"tags":{"$ne":"b"}})", false},
      {R"({"tags":{"$ne":"c"}})", true},
      {R"({"genre":{"$ne":"comedy"}})", true},
      {R"({"genre":{"$ne":7}})", true},
      {R"({"absent":{"$ne":"x"}})", false},
      {R"({"absent":{"$nin":["x"]}})", false},
      {R"({"absent":{"$exists":false}})", true},
      {R"({"genre":{"$exists":true}})", true},
      {R"({"year":{"$gte":2019,"$lt":2020}})", true},
      {R"({"year":{"$gt":2019}})", false},
      {R"({"genre":{"$gt":1}})", false},
      {R"({"genre":{"$in":["comedy","drama"]}})", true},
      {R"({"genre":{"$in":[]}})", false},
      {R"({"genre":{"$nin":[]}})", true},
      {R"({"year":{"$in":[1,2019]}})", true},
      {R"({"tags":{"$in":["z","a"]}})", true},
      {R"({"tags":{"$nin":["z","a"]}})", false},
      {R"({"$and":[{"tags":"a"},{"tags":"b"}]})", true},
      {R"({"$or":[{"absent":1},{"year":2019}]})", true},
      {R"({"$or":[{"absent":1},{"year":1}]})", false},
      {R"({"genre":{"$not":{"$eq":"drama"}}})", false},
      {R"({"genre":{}})", true},
      {R"({"genre":"drama","year":1})", false},
      {R"({"größe":"ü"})", true},
  };
  for (const auto& [json, expected] : cases) {
    EXPECT_EQ(Matches(json, kFilm), expected) << json;
  }
}

TEST(Filter, RefusesInTheServicesWords) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"f":{"$gt":"x"}})", "the $gt operator must be followed by a number, got string instead"},
      {R"({"f":{"$in":"x"}})",
       "the $in operator must be followed by a list of strings or a list of numbers"},
      {R"({"f":{"$in":[null]}})",
       "the $in operator must be followed by a list of strings or a list of numbers"},
      {R"({"f":{"$nin":[true]}})",
       "the $nin operator must be followed by a list of strings or a list of numbers"},
      {R"({"f":{"$in":["a",1]}})",
       "the $in operator must be followed by a list of strings or a list of numbers"},
      {R"({"f":null})",
       "the $eq operator must be followed by a string, boolean or a number, got null instead"},
      {R"({"f":{"$eq":{}}})",
       "the $eq operator must be followed by a string, boolean or a number, got {} instead"},
      {R"({"f":["a"]})", "the $eq operator must be followed by a string, boolean or a number"},
      {R"({"f":{"$contains":1}})", "$contains is not a valid operator"},
      {R"({"Title":{"eq":"x"}})", R"(illegal condition for field Title, got {"eq":"x"})"},
      {R"({"$gt":1})", "$gt"},
      {R"({"$and":[]})", "the $and operator must be followed by"},
      {R"({"$or":{}})", "the $or operator must be followed by"},
      {R"({"f":{"$exists":1}})",
       "the $exists operator must be followed by a boolean, got number instead"},
  };
  for (const auto& [json, text] : cases) {
    EXPECT_NE(ErrorOf(json).find(text), std::string::npos) << json << ": " << ErrorOf(json);
  }
}

}  // namespace
}  // namespace rehome::pinecone_local
