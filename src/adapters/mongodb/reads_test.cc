#include "adapters/mongodb/reads.h"

#include <gtest/gtest.h>

#include "adapters/mongodb/catalog.h"
#include "model/fields.h"
#include "tests/support/scripted_mongodb.h"

namespace rehome::mongodb {
namespace {

class Reads : public ::testing::Test {
 protected:
  /// The number that a range goes on after; 0: it begins; nothing: it is of other types' ids.
  static std::optional<std::int64_t> After(const Document& find) {
    const DocumentView on_id = DocumentField(DocumentField(find.view(), "filter"), "_id");
    if (on_id.Find("$type")) {
      return std::nullopt;
    }
    return IntField(on_id, "$gt");
  }
  /// Documents 1 to `count_` from `first` on, at most `limit`.
  [[nodiscard]] std::string Documents(std::int64_t first, std::int64_t limit) const {
    std::string out;
    for (std::int64_t id = first; id <= count_ && id < first + limit; ++id) {
      out += fmt::format(R"({}{{"_id":{}}})", out.empty() ? "" : ",", id);
    }
    return "[" + out + "]";
  }
  std::vector<Document> ReadAll() {
    std::vector<Document> all;
    const auto cursor = OpenCursor(server_, "jobs", {}, {});
    while (true) {
      auto batch = cursor->Next(10, 1U << 20U);
      EXPECT_TRUE(batch) << batch.error().message;
      if (!batch || batch->empty()) {
        return all;
      }
      std::ranges::move(*batch, std::back_inserter(all));
    }
  }

  ManualClock clock_;
  std::int64_t count_ = 7;
  Script script_;
  std::shared_ptr<Server> server_ = ScriptedServer(script_);
};

TEST_F(Reads, AnAnswerThatHeldEverythingIsTheEnd) {
  script_.answer = [this](const Document& command, const Document&) -> Answer<Document> {
    return Found(Documents(1, IntField(command.view(), "limit")));
  };
  EXPECT_EQ(ReadAll().size(), 7U);
  EXPECT_EQ(script_.Count("find"), 1);
}

TEST_F(Reads, AnAnswerThatTheServerCutIsGoneOnWithAndItsCursorClosed) {
  script_.answer = [this](const Document& command, const Document&) -> Answer<Document> {
    if ((*command.view().begin()).key == "killCursors") {
      return Json(R"({"ok":1})");
    }
    const auto after = After(command);
    if (!after) {
      return Found("[]");
    }
    return *after > 0 ? Found(Documents(*after + 1, 10)) : Found(Documents(1, 2), 77);
  };
  EXPECT_EQ(ReadAll().size(), 7U);
  EXPECT_EQ(script_.Count("killCursors"), 1);
}

TEST_F(Reads, AServerOfAnotherOrderIsRefused) {
  for (const std::string_view page : {R"([{"_id":2},{"_id":1}])", R"([{"_id":1},{"_id":1.0}])"}) {
    script_.answer = [&](const Document&, const Document&) { return Found(page); };
    const auto read = RangeReader(server_, "jobs", {}, Document(), false).Next(10, {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kFailedPrecondition);
  }
  script_.answer = [](const Document&, const Document&) { return Found(R"([{"_id":3}])"); };
  RangeReader after(server_, "jobs", {Value::Int32(5), std::nullopt}, Document(), false);
  EXPECT_FALSE(after.Next(10, {})) << "nor what lies before the page";
}

TEST_F(Reads, ASlowDiskIsAskedForLessAtOnce) {
  std::vector<std::int64_t> limits;
  script_.answer = [&](const Document& command, const Document&) -> Answer<Document> {
    const std::int64_t limit = IntField(command.view(), "limit");
    limits.push_back(limit);
    EXPECT_LE(IntField(command.view(), "maxTimeMS"), kServerTimeMax.count());
    if (limit > 2) {
      return std::unexpected(ServerSays(50, "operation exceeded time limit"));
    }
    const auto after = After(command);
    return Found(after ? Documents(*after + 1, limit) : "[]");
  };
  EXPECT_EQ(ReadAll().size(), 7U);
  EXPECT_EQ((std::vector(limits.begin(), limits.begin() + 3)),
            (std::vector<std::int64_t>{10, 5, 2}));
}

TEST_F(Reads, IdsAreLookedUpOnceAndInHalvesOnASlowDisk) {
  std::size_t longest = 0;
  bool slow = false;
  script_.answer = [&](const Document& command, const Document&) -> Answer<Document> {
    const std::int64_t limit = IntField(command.view(), "limit");
    if (slow && limit > 3) {
      return std::unexpected(ServerSays(50, "operation exceeded time limit"));
    }
    longest = std::max(longest, static_cast<std::size_t>(limit));
    std::string out;
    const DocumentView in =
        DocumentField(DocumentField(DocumentField(command.view(), "filter"), "_id"), "$in");
    for (const auto& [index, id] : in) {
      out += id.AsInt32() % 2 == 0
                 ? fmt::format(R"({}{{"_id":{}}})", out.empty() ? "" : ",", id.AsInt32())
                 : "";
    }
    return Found("[" + out + "]");
  };
  std::vector<Value> ids;
  for (int id = 10; id > 0; --id) {
    ids.push_back(Value::Int32(id));
  }
  for (const bool now : {false, true}) {
    slow = now;
    longest = 0;
    script_.commands.clear();
    const auto found = FindByIds(*server_, "jobs", ids, {});
    ASSERT_TRUE(found) << found.error().message;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ((*found)[i].has_value(), (10 - i) % 2 == 0) << i;
    }
    EXPECT_EQ(script_.Count("find") == 1, !slow);
  }
  EXPECT_LE(longest, 3U);
}

TEST_F(Reads, LargeIdsAreLookedUpInCommandsThatTheServerTakes) {
  std::size_t largest = 0;
  script_.answer = [&](const Document& command, const Document&) -> Answer<Document> {
    largest = std::max(largest, command.bytes().size());
    return Found("[]");
  };
  std::vector<Value> ids;
  for (char first = 'a'; first < 'u'; ++first) {
    ids.push_back(Value::String(std::string(std::size_t{1} << 20U, first)));
  }
  ASSERT_TRUE(FindByIds(*server_, "jobs", ids, {}));
  EXPECT_LT(largest, std::size_t{16} << 20U);
  EXPECT_EQ(script_.Count("find"), 3);
}

TEST_F(Reads, ListingsThatTakeSeveralAnswersAreReadToTheirEnd) {
  script_.answer = [](const Document& command, const Document&) -> Answer<Document> {
    const std::string name((*command.view().begin()).key);
    if (name == "listIndexes") {
      return Found("[]");
    }
    const std::string id = name == "getMore" ? "0" : "5";
    return Json(fmt::format(
        R"({{"ok":1,"cursor":{{"id":{{"$numberLong":"{}"}},"ns":"app.$cmd.listCollections",
            "{}":[{{"name":"{}","type":"collection","options":{{}}}}]}}}})",
        id, name == "getMore" ? "nextBatch" : "firstBatch",
        name == "getMore" ? "second" : "first"));
  };
  const auto listed = ListCollections(*server_, {});
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ(listed->back().name, "second");
}

TEST_F(Reads, TheIndexOfAClusteredCollectionIsItsOptions) {
  script_.answer = [](const Document& command, const Document&) -> Answer<Document> {
    if ((*command.view().begin()).key == "listIndexes") {
      return Found(R"([{"v":2,"key":{"_id":1},"name":"by id","unique":true,"clustered":true},
                       {"v":2,"key":{"n":1},"name":"by n"}])");
    }
    return Found(R"([{"name":"jobs","type":"collection",
                      "options":{"clusteredIndex":{"v":2,"key":{"_id":1},"name":"by id"}}}])");
  };
  const auto listed = ListCollections(*server_, {});
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->front().indexes.size(), 1U);
  EXPECT_EQ(StringField(listed->front().indexes.front().view(), "name"), "by n");
}

TEST_F(Reads, AnIndexThatNamesNoCollationIsMadeAnewWithoutTheCollectionsDefault) {
  script_.answer = [](const Document& command, const Document&) -> Answer<Document> {
    if ((*command.view().begin()).key == "listIndexes") {
      return Found(R"([{"v":2,"key":{"n":1},"name":"by n"},
                       {"v":2,"key":{"m":1},"name":"by m","collation":{"locale":"de"}}])");
    }
    return Found(
        R"([{"name":"jobs","type":"collection","options":{"collation":{"locale":"en"}}}])");
  };
  const auto listed = ListCollections(*server_, {});
  ASSERT_TRUE(listed) << listed.error().message;
  const std::vector<Document>& indexes = listed->front().indexes;
  ASSERT_EQ(indexes.size(), 2U);
  EXPECT_EQ(DocumentField(indexes[0].view(), "collation"), Json(R"({"locale":"simple"})").view());
  EXPECT_EQ(DocumentField(indexes[1].view(), "collation"), Json(R"({"locale":"de"})").view());
}

TEST_F(Reads, AnIndexThatTakesLongToBuildIsWaitedForAndAskedForOnceMore) {
  int asked = 0;
  int looked = 0;
  script_.answer = [&](const Document& command, const Document& options) -> Answer<Document> {
    const std::string_view name = (*command.view().begin()).key;
    if (name == "listIndexes") {
      return Found(R"([{"v":2,"key":{"a":1},"name":"a"}])");
    }
    if (name == "collStats") {
      return Json(++looked < 12 ? R"({"ok":1,"indexBuilds":["b","a"]})"
                                : R"({"ok":1,"indexBuilds":["b"]})");
    }
    EXPECT_EQ(StringField(command.view(), "commitQuorum"), "majority");
    EXPECT_FALSE(options.Find("maxTimeMS"));  // would end the build
    if (++asked == 1) {
      return std::unexpected(NothingCame());
    }
    return Json(R"({"ok":1})");
  };
  const Document index = IndexDocument({.name = "a", .paths = {"a"}});
  EXPECT_TRUE(CreateIndex(*server_, "jobs", index, OtherName::kRefuse, clock_, {}));
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(looked, 12);
}

TEST_F(Reads, AnIndexThatTheServerGivesUpAtItsEndIsNotBegunForEver) {
  int asked = 0;
  int listed = 0;
  script_.answer = [&](const Document& command, const Document&) -> Answer<Document> {
    const std::string_view name = (*command.view().begin()).key;
    if (name == "listIndexes") {
      return Found(++listed == 1 ? R"([{"v":2,"key":{"a":1},"name":"a","unique":true}])" : "[]");
    }
    if (name == "collStats") {
      return Json(R"({"ok":1,"indexBuilds":[]})");
    }
    ++asked;
    return std::unexpected(NothingCame());
  };
  const Document index = IndexDocument({.name = "a", .paths = {"a"}, .unique = true});
  const Status created = CreateIndex(*server_, "jobs", index, OtherName::kRefuse, clock_, {});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(created.error().hint.contains("the same value")) << created.error().hint;
  EXPECT_EQ(asked, 1);
}

TEST_F(Reads, AnIndexOfAnotherNameWillDoIfItDoesTheSame) {
  std::string stands;
  script_.answer = [&](const Document& command, const Document&) -> Answer<Document> {
    if ((*command.view().begin()).key == "listIndexes") {
      return Found(stands);
    }
    return std::unexpected(ServerSays(85, "Index already exists with a different name: slug_1"));
  };
  const Document index = IndexDocument({.name = "slug_unique", .paths = {"slug"}, .unique = true});
  const auto created = [&](std::string_view there, OtherName other_name) {
    stands = there;
    return CreateIndex(*server_, "jobs", index, other_name, clock_, {}).has_value();
  };
  constexpr std::string_view kSame = R"([{"v":2,"key":{"slug":1},"name":"slug_1","unique":true}])";
  EXPECT_TRUE(created(kSame, OtherName::kAccept));
  EXPECT_TRUE(created(R"([{"v":2,"key":{"slug":1.0},"name":"slug_1","unique":true}])",
                      OtherName::kAccept));  // as a shell writes it
  EXPECT_FALSE(created(kSame, OtherName::kRefuse));
  EXPECT_FALSE(created(R"([{"v":2,"key":{"slug":1},"name":"slug_1"}])", OtherName::kAccept));
  EXPECT_FALSE(
      created(R"([{"v":2,"key":{"slug":-1},"name":"slug_1","unique":true}])", OtherName::kAccept));
  EXPECT_FALSE(created(R"([{"v":2,"key":{"slug":1},"name":"slug_1","unique":true,"sparse":true}])",
                       OtherName::kAccept));
}

TEST_F(Reads, AnIndexThatTheServerDoesNotBuildIsAnError) {
  script_.answer = [](const Document& command, const Document&) -> Answer<Document> {
    if ((*command.view().begin()).key == "listIndexes") {
      return Found("[]");
    }
    return std::unexpected(NothingCame());
  };
  const auto created = CreateIndex(*server_, "jobs", IndexDocument({.name = "a", .paths = {"a"}}),
                                   OtherName::kRefuse, clock_, {});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kOutcomeUnknown);
}

TEST_F(Reads, WhatAnIndexFindsIsAskedForWithoutAnOrderAndGivenInIt) {
  const Value value = Value::String("x");
  script_.answer = [](const Document& command, const Document&) -> Answer<Document> {
    EXPECT_FALSE(command.Find("sort"));
    return Found(R"([{"_id":3},{"_id":1},{"_id":2}])");
  };
  const auto found = FindByField(server_, "jobs", "by", {&value, 1}, 10, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found,
            (std::vector{Json(R"({"_id":1})"), Json(R"({"_id":2})"), Json(R"({"_id":3})")}));
  EXPECT_EQ(script_.Count("find"), 1);
}

TEST_F(Reads, AsManyAsAreAskedForAreFoundByOneRequest) {
  const Value value = Value::String("x");
  count_ = 2;
  script_.answer = [this](const Document& command, const Document&) -> Answer<Document> {
    return Found(Documents(1, IntField(command.view(), "limit")));
  };
  const auto found = FindByField(server_, "jobs", "by", {&value, 1}, 2, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->size(), 2U);
  EXPECT_EQ(script_.Count("find"), 1);
}

TEST_F(Reads, AFieldWithoutAnIndexIsLookedThroughWithPatience) {
  const Value value = Value::String("x");
  script_.answer = [](const Document& command, const Document&) -> Answer<Document> {
    if (IntField(command.view(), "maxTimeMS") <= 10'000) {
      return std::unexpected(ServerSays(50, "operation exceeded time limit"));
    }
    return Found(R"([{"_id":1}])");
  };
  const auto found = FindByField(server_, "jobs", "by", {&value, 1}, 10, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->size(), 1U);
  EXPECT_EQ(script_.patient_connections, 1);
}

/// A new primary may not know yet how far a majority is, and a majority read there be older than what
/// an old one acknowledged or showed in a change stream.
TEST_F(Reads, NothingIsReadThatIsOlderThanWhatWasWrittenReadOrShownBefore) {
  const auto answers_at = [this](std::uint64_t time) {
    script_.answer = [time](const Document&, const Document&) -> Answer<Document> {
      DocumentBuilder out;
      const Document found = Found("[]");
      for (const auto& [key, value] : found.view()) {
        out.Append(key, value);
      }
      return out.Append("operationTime", Timestamp(time)).Finish();
    };
  };
  const auto after = [this] {
    EXPECT_TRUE(Find(*server_, {.collection = "jobs", .filter = {}, .limit = 1}, {}));
    return TimestampField(DocumentField(Json(script_.options.back()).view(), "readConcern"),
                          "afterClusterTime");
  };
  answers_at(5);
  EXPECT_EQ(after(), 0U);
  EXPECT_EQ(after(), 5U);
  answers_at(9);
  EXPECT_TRUE(server_->Write(Json(R"({"update":"jobs"})"), "writing", {}));
  answers_at(7);
  EXPECT_EQ(after(), 9U);
  const Document document = Json(R"({"_id":1})");
  const Document* inserted = &document;
  answers_at(12);
  EXPECT_TRUE(server_->Insert("jobs", {&inserted, 1}, false, {}));
  EXPECT_EQ(after(), 12U);
  server_->Saw(20);
  EXPECT_EQ(after(), 20U);
}

TEST_F(Reads, WhetherAServerKnowsRareTypesIsAskedOnce) {
  const Value bound(ValueView(BsonType::kBinary, std::string_view("\1\0\0\0\0a", 6)));
  script_.answer = [](const Document&, const Document&) -> Answer<Document> { return Found("[]"); };
  const auto read = [&] {
    RangeReader reader(server_, "jobs", {bound, bound}, Document(), false);
    EXPECT_TRUE(reader.Next(10, {}));
    RangeReader behind(server_, "jobs", {bound, std::nullopt}, Document(), false);
    EXPECT_TRUE(behind.Next(10, {}));
    return script_.Count("find");
  };
  const int first = read();
  EXPECT_EQ(read() - first, first - 1);
}

TEST_F(Reads, MoreThanIsAskedForIsReadInOrder) {
  const Value value = Value::String("x");
  script_.answer = [this](const Document& command, const Document&) -> Answer<Document> {
    const std::int64_t limit = IntField(command.view(), "limit");
    return Found(command.Find("sort") ? Documents(1, limit) : Documents(5, limit));
  };
  const auto found = FindByField(server_, "jobs", "by", {&value, 1}, 2, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, (std::vector{Json(R"({"_id":1})"), Json(R"({"_id":2})")}));
}

}  // namespace
}  // namespace rehome::mongodb
