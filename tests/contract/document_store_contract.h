#pragma once
// document_store_contract.h — what every document store promises (ports/document_store.h,
// ports/change_feed.h). A hook-up file gives a factory: INSTANTIATE_TEST_SUITE_P(Name,
// DocumentStoreContract, ::testing::Values(&MakeSubject)).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "model/document.h"
#include "model/extended_json.h"
#include "model/sort_key.h"
#include "ports/document_store.h"

namespace rehome::contract {

/// One empty database. Handles that Open() gives must be closed before the subject goes.
class DocumentStoreSubject {
 public:
  virtual ~DocumentStoreSubject() = default;
  /// Another handle of the same database, as another process would hold one.
  virtual std::unique_ptr<DocumentStore> Open() = 0;
  /// Writes and deletes past the port, as the application does; false: refused.
  virtual bool ForeignDelete(std::string_view collection) = 0;
  /// Whether a feed loses positions once they are released.
  [[nodiscard]] virtual bool prunes() const = 0;
  /// Whether the server keeps what collections are created with.
  [[nodiscard]] virtual bool keeps_options() { return true; }
};

using SubjectFactory = std::unique_ptr<DocumentStoreSubject> (*)();

class DocumentStoreContract : public ::testing::TestWithParam<SubjectFactory> {
 protected:
  void SetUp() override {
    subject_ = GetParam()();
    store_ = subject_->Open();
  }
  void TearDown() override {
    store_.reset();
    subject_.reset();
  }

  static Document Doc(const Value& id, std::int32_t number) {
    return DocumentBuilder().Append("_id", id).Int32("n", number).Finish();
  }
  static Document Doc(std::int32_t id, std::int32_t number) {
    return Doc(Value::Int32(id), number);
  }
  static Document Tagged(std::int32_t id, const std::vector<std::string>& tags) {
    ArrayBuilder array;
    for (const std::string& tag : tags) {
      array.String(tag);
    }
    return DocumentBuilder().Int32("_id", id).Array("tags", array.Finish()).Finish();
  }

  /// The one result of one write; fails the test on an error.
  WriteResult Write1(const Write& write, const WriteOptions& options = {}) {
    auto results = store_->Apply(kName, std::span(&write, 1), options, {});
    EXPECT_TRUE(results) << results.error().message;
    return results && results->size() == 1 ? results->front() : WriteResult{};
  }
  void InsertAll(const std::vector<Document>& documents, std::string_view collection = kName) {
    std::vector<Write> writes;
    for (const Document& document : documents) {
      writes.push_back(Write::Insert(document));
    }
    const auto results = store_->Apply(collection, writes, {}, {});
    ASSERT_TRUE(results) << results.error().message;
    for (const WriteResult& result : *results) {
      EXPECT_TRUE(result.applied());
    }
  }
  std::optional<Document> Find(const Value& id, std::string_view collection = kName) {
    const auto found = store_->FindByIds(collection, std::span(&id, 1), {});
    EXPECT_TRUE(found && found->size() == 1);
    return found ? found->front() : std::nullopt;
  }
  std::vector<Document> ScanAll(const IdRange& range = {}, std::string_view collection = kName,
                                std::size_t batch = 3) {
    std::vector<Document> all;
    auto cursor = store_->Scan(collection, range, {});
    EXPECT_TRUE(cursor);
    while (cursor) {
      auto next = (*cursor)->Next(batch, 1U << 20U);
      EXPECT_TRUE(next) << next.error().message;
      if (!next || next->empty()) {
        break;
      }
      EXPECT_LE(next->size(), batch);
      std::ranges::move(*next, std::back_inserter(all));
    }
    return all;
  }
  std::uint64_t Count(std::string_view collection = kName) {
    const auto count = store_->Count(collection, {});
    EXPECT_TRUE(count);
    return count.value_or(~0ULL);
  }
  /// Everything after `position`, read in batches of 2; moves `position`.
  static std::vector<ChangeEvent> Drain(ChangeFeed& feed, ChangePosition& position) {
    std::vector<ChangeEvent> events;
    while (true) {
      const auto batch = feed.Read(position, 2, Millis{0}, {});
      EXPECT_TRUE(batch) << batch.error().message;
      if (!batch) {
        return events;
      }
      position = batch->position;
      events.insert(events.end(), batch->events.begin(), batch->events.end());
      if (batch->caught_up) {
        return events;
      }
    }
  }
  /// The ids that `events` name, as sort keys.
  static std::set<std::string> Named(const std::vector<ChangeEvent>& events) {
    std::set<std::string> keys;
    for (const ChangeEvent& event : events) {
      keys.insert(SortKey(event.id.view()));
    }
    return keys;
  }
  static std::string KeyOf(std::int32_t id) { return SortKey(Value::Int32(id).view()); }

  static constexpr std::string_view kName = "things";
  std::unique_ptr<DocumentStoreSubject> subject_;
  std::unique_ptr<DocumentStore> store_;
};

/// One `_id` of every type that MongoDB takes, in MongoDB's order.
inline std::vector<Value> IdsOfEveryType() {
  const auto raw = [](BsonType type, std::string payload) {
    return Value(ValueView(type, payload));
  };
  const Document inner = DocumentBuilder().Int32("a", 1).Finish();
  std::vector<Value> ids{raw(BsonType::kMinKey, {}),
                         raw(BsonType::kNull, {}),
                         Value::Double(-1.5),
                         Value::Int32(0),
                         Value::Int64(7),
                         Value::Double(7.5),
                         Value::Int64(1LL << 60U),
                         Value::String(""),
                         Value::String("a"),
                         Value::String("a\xC3\xA9"),
                         raw(BsonType::kDocument, inner.bytes())};
  ids.push_back(raw(BsonType::kBinary, std::string("\x02\0\0\0\0ab", 7)));
  ids.push_back(raw(BsonType::kBinary, std::string("\x10\0\0\0\x03", 5) + std::string(16, 'u')));
  ids.push_back(raw(BsonType::kBinary, std::string("\x10\0\0\0\x04", 5) + std::string(16, 'u')));
  ids.push_back(raw(BsonType::kObjectId, std::string(12, '\x01')));
  ids.push_back(Value::Bool(false));
  ids.push_back(Value::Bool(true));
  ids.push_back(raw(BsonType::kDate, std::string(8, '\0')));
  ids.push_back(raw(BsonType::kTimestamp, std::string(8, '\0')));
  ids.push_back(raw(BsonType::kMaxKey, {}));
  return ids;
}

// ---- writes
// -----------------------------------------------------------------------------------------------------

TEST_P(DocumentStoreContract, AnEmptyStoreAnswersEverythingEmpty) {
  EXPECT_EQ(Count(), 0U);
  EXPECT_TRUE(ScanAll().empty());
  EXPECT_EQ(Find(Value::Int32(1)), std::nullopt);
  const auto collections = store_->Collections({});
  ASSERT_TRUE(collections);
  EXPECT_TRUE(collections->empty());
  const auto ranges = store_->SplitRanges(kName, 4, {});
  ASSERT_TRUE(ranges);
  ASSERT_EQ(ranges->size(), 1U);
  EXPECT_FALSE(ranges->front().after || ranges->front().upto);
  EXPECT_TRUE(store_->DropCollection(kName, {}));
  EXPECT_TRUE(store_->DropIndex(kName, "none", {}));
  EXPECT_TRUE(store_->LiftFence(kName, FenceKind::kTrigger, Document(), {}));
}

TEST_P(DocumentStoreContract, InsertConflictsShowWhatStands) {
  EXPECT_TRUE(Write1(Write::Insert(Doc(1, 10))).applied());
  const WriteResult repeated = Write1(Write::Insert(Doc(1, 11)));
  EXPECT_FALSE(repeated.applied());
  EXPECT_EQ(repeated.found, Doc(1, 10));
  EXPECT_TRUE(repeated.unique_index.empty() || repeated.unique_index == "_id_");
  EXPECT_EQ(Find(Value::Int32(1)), Doc(1, 10));
}

TEST_P(DocumentStoreContract, NumbersThatCompareEqualAreOneId) {
  EXPECT_TRUE(Write1(Write::Insert(Doc(Value::Int32(5), 1))).applied());
  EXPECT_FALSE(Write1(Write::Insert(Doc(Value::Int64(5), 2))).applied());
  EXPECT_FALSE(Write1(Write::Insert(Doc(Value::Double(5.0), 3))).applied());
  EXPECT_EQ(Find(Value::Double(5.0)), Doc(Value::Int32(5), 1));
  EXPECT_EQ(Count(), 1U);
}

TEST_P(DocumentStoreContract, ReplaceComparesByteForByte) {
  InsertAll({Doc(1, 10)});
  const Document other_type = DocumentBuilder().Int32("_id", 1).Int64("n", 10).Finish();
  const WriteResult lost = Write1(Write::Replace(other_type, Doc(1, 11)));
  EXPECT_FALSE(lost.applied());
  EXPECT_EQ(lost.found, Doc(1, 10));
  EXPECT_TRUE(Write1(Write::Replace(Doc(1, 10), Doc(1, 11))).applied());
  EXPECT_EQ(Find(Value::Int32(1)), Doc(1, 11));
  const WriteResult absent = Write1(Write::Replace(Doc(2, 1), Doc(2, 2)));
  EXPECT_FALSE(absent.applied());
  EXPECT_EQ(absent.found, std::nullopt);
  EXPECT_EQ(Find(Value::Int32(2)), std::nullopt);
}

TEST_P(DocumentStoreContract, ValuesThatCompareEqualAreToldApartWhereverTheyStand) {
  const std::vector<std::pair<std::string, std::string>> twins{
      {R"({"n":5})", R"({"n":{"$numberLong":"5"}})"},
      {R"({"n":{"$numberLong":"5"}})", R"({"n":{"$numberDouble":"5.0"}})"},
      {R"({"a":{"b":{"n":5}}})", R"({"a":{"b":{"n":{"$numberDouble":"5.0"}}}})"},
      {R"({"list":["x",5]})", R"({"list":["x",{"$numberLong":"5"}]})"},
      {R"({"list":[{"n":5}]})", R"({"list":[{"n":{"$numberLong":"5"}}]})"},
      {R"({"n":{"$numberDouble":"0.0"}})", R"({"n":{"$numberDouble":"-0.0"}})"},
      {R"({"n":{"$numberDecimal":"1.0"}})", R"({"n":{"$numberDecimal":"1.00"}})"},
  };
  int id = 0;
  for (const auto& [one, other] : twins) {
    const auto with_id = [&](const std::string& json) {
      return ParseExtendedJson(fmt::format(R"({{"_id":{},{})", id, json.substr(1))).value();
    };
    ++id;
    InsertAll({with_id(one)});
    for (const Write& write :
         {Write::Replace(with_id(other), with_id(R"({"n":6})")), Write::Delete(with_id(other))}) {
      const WriteResult lost = Write1(write);
      EXPECT_FALSE(lost.applied()) << one;
      EXPECT_EQ(lost.found, with_id(one)) << one;
    }
    EXPECT_TRUE(Write1(Write::Replace(with_id(one), with_id(other))).applied()) << one;
    EXPECT_TRUE(Write1(Write::Delete(with_id(other))).applied()) << one;
  }
}

TEST_P(DocumentStoreContract, ARepeatedBatchTellsWhatStands) {
  InsertAll({Doc(1, 1), Doc(2, 2), Doc(3, 3)});
  const std::vector<Write> writes{
      Write::Replace(Doc(1, 1), Doc(1, 5)), Write::Replace(Doc(2, 2), Doc(2, 5)),
      Write::Replace(Doc(3, 9), Doc(3, 5)), Write::Replace(Doc(4, 1), Doc(4, 5))};
  EXPECT_TRUE(Write1(writes.front()).applied());  // a call that was cut off in the middle
  const auto results = store_->Apply(kName, writes, {}, {});
  ASSERT_TRUE(results);
  EXPECT_TRUE(IsMade(writes[0], (*results)[0]));
  EXPECT_TRUE(IsMade(writes[1], (*results)[1]));
  EXPECT_EQ((*results)[2].found, Doc(3, 3));
  EXPECT_FALSE((*results)[3].applied());
  EXPECT_EQ((*results)[3].found, std::nullopt);
  EXPECT_EQ(ScanAll(), (std::vector<Document>{Doc(1, 5), Doc(2, 5), Doc(3, 3)}));
}

TEST_P(DocumentStoreContract, DeleteComparesByteForByte) {
  InsertAll({Doc(1, 10)});
  const WriteResult lost = Write1(Write::Delete(Doc(1, 9)));
  EXPECT_FALSE(lost.applied());
  EXPECT_EQ(lost.found, Doc(1, 10));
  EXPECT_TRUE(Write1(Write::Delete(Doc(1, 10))).applied());
  const WriteResult repeated = Write1(Write::Delete(Doc(1, 10)));
  EXPECT_FALSE(repeated.applied());
  EXPECT_EQ(repeated.found, std::nullopt);
  EXPECT_EQ(Count(), 0U);
}

TEST_P(DocumentStoreContract, PutWritesWhateverIsThere) {
  EXPECT_TRUE(Write1(Write::Put(Doc(1, 10))).applied());
  EXPECT_TRUE(Write1(Write::Put(Doc(1, 11))).applied());
  EXPECT_TRUE(Write1(Write::Put(Doc(1, 11))).applied());
  EXPECT_EQ(Find(Value::Int32(1)), Doc(1, 11));
}

TEST_P(DocumentStoreContract, ABatchGivesOneResultForEachWriteInOrder) {
  InsertAll({Doc(1, 1), Doc(2, 2)});
  const std::vector<Write> writes{Write::Insert(Doc(3, 3)), Write::Insert(Doc(1, 9)),
                                  Write::Delete(Doc(2, 2)), Write::Replace(Doc(3, 3), Doc(3, 4)),
                                  Write::Insert(Doc(2, 5))};
  const auto results = store_->Apply(kName, writes, {}, {});
  ASSERT_TRUE(results);
  std::vector<bool> applied;
  for (const WriteResult& result : *results) {
    applied.push_back(result.applied());
  }
  EXPECT_EQ(applied, (std::vector<bool>{true, false, true, true, true}));
  EXPECT_EQ(ScanAll(), (std::vector<Document>{Doc(1, 1), Doc(2, 5), Doc(3, 4)}));
}

TEST_P(DocumentStoreContract, ADocumentThatIsTooLargeStopsItsBatchBeforeAnythingIsWritten) {
  const Document large =
      DocumentBuilder().Int32("_id", 2).String("s", std::string(16U << 20U, 'x')).Finish();
  const std::vector<Write> writes{Write::Insert(Doc(1, 1)), Write::Insert(large)};
  const auto results = store_->Apply(kName, writes, {}, {});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Count(), 0U);
}

TEST_P(DocumentStoreContract, ADocumentOfNearly16MiBIsKeptByteForByte) {
  const Document large =
      DocumentBuilder().Int32("_id", 2).String("s", std::string((16U << 20U) - 100, 'x')).Finish();
  InsertAll({large, Doc(1, 1)});
  EXPECT_EQ(Find(Value::Int32(2)), large);
  EXPECT_EQ(ScanAll().size(), 2U);
}

TEST_P(DocumentStoreContract, AStopBeforeTheCallHasNoEffect) {
  std::stop_source stop;
  stop.request_stop();
  const Write write = Write::Insert(Doc(1, 1));
  const auto results = store_->Apply(kName, std::span(&write, 1), {}, {.stop = stop.get_token()});
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(Count(), 0U);
}

// ---- order and ranges
// -------------------------------------------------------------------------------------------

TEST_P(DocumentStoreContract, EveryTypeOfIdComesInOrderAndIsFound) {
  std::vector<Document> documents;
  for (const Value& id : IdsOfEveryType()) {
    documents.push_back(Doc(id, static_cast<std::int32_t>(documents.size())));
  }
  std::vector<Document> shuffled(documents.rbegin(), documents.rend());
  InsertAll(shuffled);
  EXPECT_EQ(ScanAll(), documents);
  for (const Document& document : documents) {
    EXPECT_EQ(Find(Value(document.Id())), document);
  }
}

TEST_P(DocumentStoreContract, RangesTogetherCoverEveryDocumentOnce) {
  std::vector<Document> documents;
  for (const Value& id : IdsOfEveryType()) {
    documents.push_back(Doc(id, 0));
  }
  for (std::int32_t i = 100; i < 140; ++i) {
    documents.push_back(Doc(i, i));
  }
  InsertAll(documents);
  for (const std::size_t ranges_max : {1U, 2U, 7U, 58U, 1000U}) {
    const auto ranges = store_->SplitRanges(kName, ranges_max, {});
    ASSERT_TRUE(ranges);
    EXPECT_LE(ranges->size(), ranges_max);
    std::vector<Document> seen;
    for (const IdRange& range : *ranges) {
      std::ranges::copy(ScanAll(range), std::back_inserter(seen));
    }
    EXPECT_EQ(seen, ScanAll());
    EXPECT_EQ(seen.size(), Count());
  }
}

TEST_P(DocumentStoreContract, ARangeLeavesOutItsStartAndHoldsItsEnd) {
  InsertAll({Doc(1, 1), Doc(2, 2), Doc(3, 3), Doc(4, 4)});
  EXPECT_EQ(ScanAll({Value::Int32(1), Value::Double(3.0)}),
            (std::vector<Document>{Doc(2, 2), Doc(3, 3)}));
  EXPECT_TRUE(ScanAll({Value::Int32(4), std::nullopt}).empty());
}

TEST_P(DocumentStoreContract, ACursorGivesAtLeastOneDocumentHoweverFewBytesAreAllowed) {
  InsertAll({Doc(1, 1), Doc(2, 2)});
  const auto cursor = store_->Scan(kName, {}, {});
  ASSERT_TRUE(cursor);
  const auto first = (*cursor)->Next(100, 1);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->size(), 1U);
}

TEST_P(DocumentStoreContract, WritesBetweenTwoBatchesOfACursorAreAllowed) {
  InsertAll({Doc(1, 1), Doc(2, 2), Doc(4, 4)});
  const auto cursor = store_->Scan(kName, {}, {});
  ASSERT_TRUE((*cursor)->Next(2, 1U << 20U));
  InsertAll({Doc(3, 3)});
  const auto rest = (*cursor)->Next(10, 1U << 20U);
  ASSERT_TRUE(rest);
  EXPECT_EQ(*rest, (std::vector<Document>{Doc(3, 3), Doc(4, 4)}));
}

TEST_P(DocumentStoreContract, IdsAreAnsweredInTheOrderAsked) {
  InsertAll({Doc(1, 1), Doc(2, 2)});
  const std::vector<Value> ids{Value::Int32(2), Value::Int32(9), Value::Int32(1), Value::Int32(2)};
  const auto found = store_->FindByIds(kName, ids, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(*found,
            (std::vector<std::optional<Document>>{Doc(2, 2), std::nullopt, Doc(1, 1), Doc(2, 2)}));
}

// ---- indexes
// ----------------------------------------------------------------------------------------------------

TEST_P(DocumentStoreContract, AUniqueIndexNamesItselfInTheConflict) {
  ASSERT_TRUE(store_->EnsureIndex(kName, {"by_n", {"n"}, true}, {}));
  ASSERT_TRUE(store_->EnsureIndex(kName, {"by_n", {"n"}, true}, {}));
  InsertAll({Doc(1, 10)});
  const WriteResult conflict = Write1(Write::Insert(Doc(2, 10)));
  EXPECT_FALSE(conflict.applied());
  EXPECT_EQ(conflict.unique_index, "by_n");
  EXPECT_EQ(conflict.found, std::nullopt);
  InsertAll({Doc(2, 11)});
  EXPECT_EQ(Write1(Write::Replace(Doc(2, 11), Doc(2, 10))).unique_index, "by_n");
  EXPECT_TRUE(Write1(Write::Delete(Doc(1, 10))).applied());
  EXPECT_TRUE(Write1(Write::Replace(Doc(2, 11), Doc(2, 10))).applied());
}

TEST_P(DocumentStoreContract, AMissingFieldCountsAsNullInAUniqueIndex) {
  ASSERT_TRUE(store_->EnsureIndex(kName, {"by_tag", {"tag"}, true}, {}));
  InsertAll({Doc(1, 1)});
  EXPECT_EQ(Write1(Write::Insert(Doc(2, 2))).unique_index, "by_tag");
  EXPECT_EQ(
      Write1(Write::Insert(DocumentBuilder().Int32("_id", 3).Null("tag").Finish())).unique_index,
      "by_tag");
}

TEST_P(DocumentStoreContract, AUniqueIndexOverAnArrayComparesItsElements) {
  ASSERT_TRUE(store_->EnsureIndex(kName, {"by_tags", {"tags"}, true}, {}));
  InsertAll({Tagged(1, {"a", "b", "a"})});
  EXPECT_EQ(Write1(Write::Insert(Tagged(2, {"c", "b"}))).unique_index, "by_tags");
  EXPECT_TRUE(Write1(Write::Insert(Tagged(2, {"c", "d"}))).applied());
  EXPECT_TRUE(Write1(Write::Replace(Tagged(1, {"a", "b", "a"}), Tagged(1, {"a"}))).applied());
  EXPECT_TRUE(Write1(Write::Insert(Tagged(3, {"b"}))).applied());
}

TEST_P(DocumentStoreContract, AUniqueIndexOverTwoFieldsComparesBoth) {
  ASSERT_TRUE(store_->EnsureIndex(kName, {"pair", {"a", "b"}, true}, {}));
  const auto pair = [](std::int32_t id, std::string_view a, std::string_view b) {
    return DocumentBuilder().Int32("_id", id).String("a", a).String("b", b).Finish();
  };
  InsertAll({pair(1, "x", "yz"), pair(2, "xy", "z"), pair(3, "x", "y")});
  EXPECT_EQ(Write1(Write::Insert(pair(4, "xy", "z"))).unique_index, "pair");
}

TEST_P(DocumentStoreContract, AUniqueIndexOnDuplicatesIsRefusedAndNamesTheValue) {
  InsertAll({Doc(1, 4711), Doc(2, 4711)});
  const Status refused = store_->EnsureIndex(kName, {"by_n", {"n"}, true}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kAlreadyExists);
  EXPECT_NE(refused.error().message.find("4711"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(Write1(Write::Insert(Doc(3, 4711))).applied());
}

TEST_P(DocumentStoreContract, FieldsAreFoundWithAndWithoutAnIndex) {
  for (const bool indexed : {false, true}) {
    SCOPED_TRACE(indexed);
    if (indexed) {
      ASSERT_TRUE(store_->EnsureIndex(kName, {"by_tags", {"tags", "n"}, false}, {}));
    } else {
      InsertAll({Tagged(3, {"b"}), Tagged(1, {"a", "b"}), Tagged(2, {"c"}), Doc(4, 1)});
    }
    const std::vector<Value> wanted{Value::String("b"), Value::String("a")};
    const auto found = store_->FindByField(kName, "tags", wanted, 10, {});
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, (std::vector<Document>{Tagged(1, {"a", "b"}), Tagged(3, {"b"})}));
    const auto first = store_->FindByField(kName, "tags", wanted, 1, {});
    ASSERT_TRUE(first);
    EXPECT_EQ(first->size(), 1U);
    const auto missing = store_->FindByField(kName, "tags", std::vector{Value()}, 10, {});
    ASSERT_TRUE(missing);
    EXPECT_EQ(*missing, (std::vector<Document>{Doc(4, 1)}));
  }
}

TEST_P(DocumentStoreContract, IndexesOfUnknownKindsAreReportedAsTheyCame) {
  const Document text = DocumentBuilder()
                            .Int32("v", 2)
                            .Append("key", DocumentBuilder().String("_fts", "text").Finish())
                            .String("name", "search")
                            .Append("weights", DocumentBuilder().Int32("title", 3).Finish())
                            .Finish();
  ASSERT_TRUE(store_->RestoreIndex(kName, text, {}));
  ASSERT_TRUE(store_->RestoreIndex(kName, text, {}));
  const auto collections = store_->Collections({});
  ASSERT_TRUE(collections);
  ASSERT_EQ(collections->size(), 1U);
  EXPECT_EQ(collections->front().indexes, std::vector<Document>{text});
}

TEST_P(DocumentStoreContract, ADroppedIndexNoLongerRefuses) {
  ASSERT_TRUE(store_->EnsureIndex(kName, {"by_n", {"n"}, true}, {}));
  InsertAll({Doc(1, 1)});
  ASSERT_TRUE(store_->DropIndex(kName, "by_n", {}));
  ASSERT_TRUE(store_->DropIndex(kName, "by_n", {}));
  EXPECT_TRUE(Write1(Write::Insert(Doc(2, 1))).applied());
}

// ---- collections
// ------------------------------------------------------------------------------------------------

TEST_P(DocumentStoreContract, CollectionsKeepTheirOptionsAndComeInNameOrder) {
  const Document options =
      DocumentBuilder().Append("validator", DocumentBuilder().Int32("x", 1).Finish()).Finish();
  ASSERT_TRUE(store_->CreateCollection("zebra", options, {}));
  ASSERT_TRUE(store_->CreateCollection("zebra", Document(), {}));
  InsertAll({Doc(1, 1)}, "Zebra");
  InsertAll({Doc(1, 1), Doc(2, 2)}, "rehome_journal");
  const auto collections = store_->Collections({});
  ASSERT_TRUE(collections);
  ASSERT_EQ(collections->size(), 3U);
  EXPECT_EQ((*collections)[0].name, "Zebra");
  EXPECT_EQ((*collections)[1].name, "rehome_journal");
  EXPECT_EQ((*collections)[2].name, "zebra");
  if (subject_->keeps_options()) {
    EXPECT_EQ((*collections)[2].options, options);
  }
  EXPECT_EQ(Count("Zebra"), 1U);
  EXPECT_EQ(Count("zebra"), 0U);
}

TEST_P(DocumentStoreContract, ARenamedCollectionTakesItsIndexesAlong) {
  ASSERT_TRUE(store_->EnsureIndex(kName, {"by_n", {"n"}, true}, {}));
  InsertAll({Doc(1, 1)});
  ASSERT_TRUE(store_->RenameCollection(kName, "renamed", {}));
  ASSERT_TRUE(store_->RenameCollection(kName, "renamed", {}));
  EXPECT_EQ(Count(), 0U);
  EXPECT_EQ(Find(Value::Int32(1), "renamed"), Doc(1, 1));
  const Write write = Write::Insert(Doc(2, 1));
  const auto conflict = store_->Apply("renamed", std::span(&write, 1), {}, {});
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->front().unique_index, "by_n");
  InsertAll({Doc(7, 7)});
  const Status taken = store_->RenameCollection(kName, "renamed", {});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kAlreadyExists);
}

TEST_P(DocumentStoreContract, ADroppedCollectionStartsAnew) {
  ASSERT_TRUE(store_->EnsureIndex(kName, {"by_n", {"n"}, true}, {}));
  InsertAll({Doc(1, 1)});
  ASSERT_TRUE(store_->DropCollection(kName, {}));
  ASSERT_TRUE(store_->DropCollection(kName, {}));
  EXPECT_EQ(Count(), 0U);
  InsertAll({Doc(1, 1), Doc(2, 1)});
  EXPECT_EQ(Count(), 2U);
}

// ---- several handles, threads, crashes
// --------------------------------------------------------------------------

TEST_P(DocumentStoreContract, AnotherHandleSeesWhatWasWritten) {
  const auto other = subject_->Open();
  EXPECT_EQ(store_->Identity(), other->Identity());
  InsertAll({Doc(1, 1)});
  EXPECT_EQ(other->Count(kName, {}).value_or(0), 1U);
  ASSERT_TRUE(other->EnsureIndex(kName, {"by_n", {"n"}, true}, {}));
  EXPECT_EQ(Write1(Write::Insert(Doc(2, 1))).unique_index, "by_n");
}

TEST_P(DocumentStoreContract, WritersInSeveralThreadsAndHandlesLoseNothing) {
  // Two handles that create one store at the same moment may see kUnavailable, which a caller
  // repeats.
  ASSERT_TRUE(store_->CreateCollection(kName, Document(), {}));
  const auto other = subject_->Open();
  const auto work = [](DocumentStore& store, std::int32_t first) {
    for (std::int32_t i = first; i < first + 40; ++i) {
      const std::vector<Write> writes{Write::Insert(Doc(i, i)), Write::Put(Doc(-1, i))};
      ASSERT_TRUE(store.Apply(kName, writes, {}, {}));
      ASSERT_TRUE(store.Count(kName, {}));
    }
  };
  {
    const std::jthread a(work, std::ref(*store_), 1000);
    const std::jthread b(work, std::ref(*store_), 2000);
    const std::jthread c(work, std::ref(*other), 3000);
  }
  EXPECT_EQ(Count(), 121U);
}

TEST_P(DocumentStoreContract, WhatWasAcknowledgedSurvivesAKilledProcess) {
  store_.reset();
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto store = subject_->Open();
    for (std::int32_t i = 0;; ++i) {
      const std::vector<Write> writes{Write::Insert(Doc(2 * i, i)),
                                      Write::Insert(Doc(2 * i + 1, i))};
      if (!store->Apply(kName, writes, {}, {}) || write(pipe_ends[1], &i, sizeof i) != sizeof i) {
        _exit(1);
      }
    }
  }
  close(pipe_ends[1]);
  std::int32_t acknowledged = -1;
  while (acknowledged < 25 &&
         read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
  }
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  std::int32_t later = 0;
  while (read(pipe_ends[0], &later, sizeof later) == sizeof later) {
    acknowledged = later;
  }
  close(pipe_ends[0]);
  ASSERT_GE(acknowledged, 25);
  store_ = subject_->Open();
  for (std::int32_t i = 0; i <= acknowledged; ++i) {
    EXPECT_EQ(Find(Value::Int32(2 * i)), Doc(2 * i, i));
    EXPECT_EQ(Find(Value::Int32(2 * i + 1)), Doc(2 * i + 1, i));
  }
  EXPECT_EQ(Count() % 2, 0U);
}

// ---- change feed
// ------------------------------------------------------------------------------------------------

TEST_P(DocumentStoreContract, TheFeedNamesEveryWriteAfterItsHead) {
  InsertAll({Doc(1, 1), Doc(2, 2)});
  const auto feed = store_->OpenFeed({std::string(kName)}, {});
  ASSERT_TRUE(feed);
  auto position = (*feed)->Head({});
  ASSERT_TRUE(position);
  EXPECT_TRUE(Drain(**feed, *position).empty());
  InsertAll({Doc(3, 3)});
  InsertAll({Doc(9, 9)}, "others");
  EXPECT_TRUE(Write1(Write::Replace(Doc(1, 1), Doc(1, 5))).applied());
  EXPECT_TRUE(Write1(Write::Delete(Doc(2, 2))).applied());
  EXPECT_TRUE(Write1(Write::Put(Doc(Value::String("new"), 1))).applied());
  const std::set<std::string> named = Named(Drain(**feed, *position));
  EXPECT_EQ(named, (std::set<std::string>{KeyOf(1), KeyOf(2), KeyOf(3),
                                          SortKey(Value::String("new").view())}));
  EXPECT_TRUE(Drain(**feed, *position).empty());
}

TEST_P(DocumentStoreContract, ALapOfTheFeedEndsBesideAWriterThatNeverRests) {
  InsertAll({Doc(0, 0)});
  const auto feed = store_->OpenFeed({std::string(kName)}, {});
  auto position = (*feed)->Head({});
  ASSERT_TRUE(position);
  InsertAll({Doc(1, 1), Doc(2, 2), Doc(3, 3), Doc(4, 4)});
  std::int32_t next = 5;
  for (int lap = 0; lap < 2; ++lap) {
    const std::int32_t written_before = next - 1;
    std::vector<ChangeEvent> events;
    bool caught_up = false;
    for (int reads = 0; reads < 40 && !caught_up; ++reads) {
      const auto batch = (*feed)->Read(*position, 2, Millis{0}, {});
      ASSERT_TRUE(batch) << batch.error().message;
      events.insert(events.end(), batch->events.begin(), batch->events.end());
      *position = batch->position;
      caught_up = batch->caught_up;
      if (reads > 0 || lap > 0) {  // more than is read
        InsertAll({Doc(next, 0), Doc(next + 1, 0), Doc(next + 2, 0)});
        next += 3;
      }
    }
    EXPECT_TRUE(caught_up);
    EXPECT_TRUE(Named(events).contains(KeyOf(written_before)));
  }
}

TEST_P(DocumentStoreContract, TheFeedNamesTheExactIdOfADeletedDocument) {
  InsertAll({Doc(Value::Double(5.0), 1)});
  const auto feed = store_->OpenFeed({std::string(kName)}, {});
  auto position = (*feed)->Head({});
  EXPECT_TRUE(Write1(Write::Delete(Doc(Value::Double(5.0), 1))).applied());
  const auto events = Drain(**feed, *position);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().id, Value::Double(5.0));
  EXPECT_EQ(events.front().collection, kName);
}

TEST_P(DocumentStoreContract, TheFeedNamesWritesThatPassedThePort) {
  InsertAll({Doc(1, 1), Doc(2, 2)});
  const auto feed = store_->OpenFeed({std::string(kName)}, {});
  auto position = (*feed)->Head({});
  ASSERT_TRUE(subject_->ForeignDelete(kName));
  EXPECT_EQ(Named(Drain(**feed, *position)), (std::set<std::string>{KeyOf(1), KeyOf(2)}));
}

TEST_P(DocumentStoreContract, APositionIsGoodInAnotherHandle) {
  InsertAll({Doc(1, 1)});
  auto position = (*store_->OpenFeed({std::string(kName)}, {}))->Head({});
  ASSERT_TRUE(position);
  InsertAll({Doc(2, 2)});
  store_ = subject_->Open();
  const auto feed = store_->OpenFeed({std::string(kName)}, {});
  EXPECT_EQ(Named(Drain(**feed, *position)), std::set<std::string>{KeyOf(2)});
}

TEST_P(DocumentStoreContract, AFeedWaitsForTheNextChange) {
  InsertAll({Doc(1, 1)});
  const auto feed = store_->OpenFeed({std::string(kName)}, {});
  const auto position = (*feed)->Head({});
  const auto idle = (*feed)->Read(*position, 10, Millis{50}, {});
  ASSERT_TRUE(idle);
  EXPECT_TRUE(idle->events.empty());
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = (*feed)->Read(*position, 10, Millis{50}, {.stop = stop.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

TEST_P(DocumentStoreContract, AReleasedPositionIsLostLoudlyAndOnlyOnceEveryOwnerReleasedIt) {
  if (!subject_->prunes()) {
    return;
  }
  const auto forward = store_->OpenFeed({std::string(kName)}, {});
  const auto reverse = store_->OpenFeed({"others"}, {});
  InsertAll({Doc(1, 1)});
  auto start = (*forward)->Head({});
  ASSERT_TRUE(start && (*reverse)->Head({}));
  InsertAll({Doc(2, 2), Doc(3, 3)});
  auto position = *start;
  EXPECT_EQ(Drain(**forward, position).size(), 2U);
  ASSERT_TRUE((*forward)->Release(position, {}));
  auto again = *start;
  EXPECT_EQ(Drain(**forward, again).size(), 2U);
  ASSERT_TRUE((*reverse)->Release(position, {}));
  InsertAll({Doc(4, 4)});
  EXPECT_EQ(Named(Drain(**forward, position)), std::set<std::string>{KeyOf(4)});
  const auto lost = (*forward)->Read(*start, 10, Millis{0}, {});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(lost.error().hint.find("--sweep"), std::string::npos);
}

// ---- fence
// ------------------------------------------------------------------------------------------------------

TEST_P(DocumentStoreContract, AFenceRefusesOthersLetsBypassThroughAndIsLifted) {
  InsertAll({Doc(1, 1)});
  const auto kind = store_->PossibleFence(kName, {});
  ASSERT_TRUE(kind);
  if (*kind == FenceKind::kNone) {
    return;
  }
  const auto undo = store_->FenceUndo(kName, *kind, {});
  ASSERT_TRUE(undo);
  ASSERT_TRUE(store_->RaiseFence(kName, *kind, {}));
  ASSERT_TRUE(store_->RaiseFence(kName, *kind, {}));
  EXPECT_TRUE(store_->IsFenced(kName, {}).value_or(false));
  const Write insert = Write::Insert(Doc(2, 2));
  const auto refused = store_->Apply(kName, std::span(&insert, 1), {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("rehome"), std::string::npos);
  if (*kind == FenceKind::kTrigger) {
    EXPECT_FALSE(subject_->ForeignDelete(kName));
  }
  EXPECT_TRUE(Write1(insert, {.bypass_fence = true}).applied());
  const Write third = Write::Insert(Doc(3, 3));
  EXPECT_FALSE(store_->Apply(kName, std::span(&third, 1), {}, {}));
  ASSERT_TRUE(store_->LiftFence(kName, *kind, *undo, {}));
  ASSERT_TRUE(store_->LiftFence(kName, *kind, *undo, {}));
  EXPECT_FALSE(store_->IsFenced(kName, {}).value_or(true));
  EXPECT_TRUE(Write1(Write::Insert(Doc(3, 3))).applied());
  EXPECT_EQ(Count(), 3U);
}

}  // namespace rehome::contract
