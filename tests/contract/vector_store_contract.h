#pragma once
// vector_store_contract.h — the promises of ports/vector_store.h, for any adapter. A hook-up file
// defines a factory and instantiates VectorStoreContract with it.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ports/vector_store.h"

namespace rehome::contract {

/// A store over an empty cosine index of kDimension dimensions, and what must live as long as it.
struct VectorStoreUnderTest {
  std::shared_ptr<void> world;
  std::unique_ptr<VectorStore> store;
};
struct VectorStoreFactory {
  std::string name;
  std::function<VectorStoreUnderTest()> make;
};

/// Its name stands for it in the list of tests.
inline void PrintTo(const VectorStoreFactory& factory, std::ostream* out) {
  *out << factory.name;
}

class VectorStoreContract : public testing::TestWithParam<VectorStoreFactory> {
 protected:
  static constexpr int kDimension = 4;
  VectorStoreContract() : under_test_(GetParam().make()) {}

  VectorStore& store() { return *under_test_.store; }

  static VectorRecord Record(std::string id, std::vector<float> values = {1, 0, 0, 0},
                             Metadata metadata = {}) {
    return {.id = std::move(id),
            .values = std::move(values),
            .sparse = {},
            .metadata = std::move(metadata)};
  }
  void Put(std::string_view ns, const std::vector<VectorRecord>& records) {
    const auto lsn = store().Upsert(ns, records, {});
    ASSERT_TRUE(lsn) << lsn.error().message;
  }
  std::vector<VectorRecord> Get(std::string_view ns, const std::vector<std::string>& ids) {
    auto found = store().Fetch(ns, ids, {});
    EXPECT_TRUE(found) << found.error().message;
    return found ? *std::move(found) : std::vector<VectorRecord>{};
  }
  std::vector<std::string> AllIds(std::string_view ns) {
    std::vector<std::string> out;
    std::string token;
    do {
      const auto page = store().ListIds(ns, token, {});
      EXPECT_TRUE(page) << page.error().message;
      if (!page) {
        break;
      }
      out.insert(out.end(), page->ids.begin(), page->ids.end());
      token = page->next;
    } while (!token.empty());
    return out;
  }

 private:
  VectorStoreUnderTest under_test_;
};

TEST_P(VectorStoreContract, GivesBackTheSameBitsAndMetadata) {
  const VectorRecord record = Record("a/b c&d%#", {0.1F, -0.0F, 1e-7F, 3.4e38F},
                                     {{"text", std::string("\xC3\xA9\"\\\n")},
                                      {"number", 1994.5},
                                      {"flag", true},
                                      {"list", std::vector<std::string>{"x", ""}},
                                      {"", std::string()}});
  Put("ns", {record});
  const auto found = Get("ns", {record.id, "absent"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], record);
  EXPECT_EQ(ValuesDigest(found[0].values), ValuesDigest(record.values));
}

TEST_P(VectorStoreContract, UpsertReplacesTheWholeRecordAndMayBeRepeated) {
  Put("ns", {Record("a", {1, 0, 0, 0}, {{"k", 1.0}, {"old", true}})});
  const VectorRecord newer = Record("a", {0, 1, 0, 0}, {{"k", 2.0}});
  Put("ns", {newer});
  Put("ns", {newer});
  EXPECT_EQ(Get("ns", {"a"}), std::vector{newer});
  Put("ns", {Record("a", {0, 1, 0, 0})});
  EXPECT_TRUE(Get("ns", {"a"}).at(0).metadata.empty());
}

TEST_P(VectorStoreContract, OfEqualIdsInOneCallTheLastWins) {
  Put("ns", {Record("a", {1, 0, 0, 0}), Record("b"), Record("a", {0, 0, 1, 0})});
  EXPECT_EQ(Get("ns", {"a"}).at(0).values, (std::vector<float>{0, 0, 1, 0}));
}

TEST_P(VectorStoreContract, TakesAndGivesMoreThanOneRequestHolds) {
  std::vector<VectorRecord> records;
  std::vector<std::string> ids;
  for (int i = 0; i < 2'345; ++i) {
    ids.push_back("record-" + std::to_string(i));
    records.push_back(Record(ids.back(), {static_cast<float>(i + 1), 0, 0, 0}));
  }
  Put("ns", records);
  EXPECT_EQ(Get("ns", ids).size(), ids.size());
  std::vector<std::string> sorted = ids;
  std::ranges::sort(sorted);
  EXPECT_EQ(AllIds("ns"), sorted);
  ASSERT_TRUE(store().Delete("ns", ids, {}));
  EXPECT_TRUE(AllIds("ns").empty());
}

TEST_P(VectorStoreContract, NamespacesAreApart) {
  Put("ns1", {Record("a", {1, 0, 0, 0})});
  Put("ns2", {Record("a", {0, 1, 0, 0})});
  EXPECT_EQ(Get("ns1", {"a"}).at(0).values[0], 1.0F);
  ASSERT_TRUE(store().Delete("ns1", std::vector<std::string>{"a"}, {}));
  EXPECT_TRUE(Get("ns1", {"a"}).empty());
  EXPECT_EQ(Get("ns2", {"a"}).size(), 1U);
}

TEST_P(VectorStoreContract, AbsentIdsAndNamespacesAreNoErrors) {
  const std::vector<std::string> ids = {"a"};
  EXPECT_TRUE(store().Delete("nowhere", ids, {}));
  EXPECT_TRUE(Get("nowhere", ids).empty());
  EXPECT_TRUE(AllIds("nowhere").empty());
  Put("ns", {Record("b")});
  EXPECT_TRUE(store().Delete("ns", ids, {}));
  EXPECT_TRUE(store().Delete("ns", ids, {}));
  EXPECT_EQ(AllIds("ns"), std::vector<std::string>{"b"});
}

TEST_P(VectorStoreContract, NothingToDoIsSuccess) {
  EXPECT_TRUE(store().Upsert("ns", {}, {}));
  EXPECT_TRUE(store().Delete("ns", {}, {}));
  EXPECT_TRUE(Get("ns", {}).empty());
}

TEST_P(VectorStoreContract, TheDefaultNamespaceIsRefused) {
  const std::vector<std::string> ids = {"a"};
  for (const char* ns : {"", "__default__"}) {
    EXPECT_EQ(store().Upsert(ns, std::vector{Record("a")}, {}).error().code,
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(store().Fetch(ns, ids, {}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store().Delete(ns, ids, {}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store().ListIds(ns, "", {}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store().Query(ns, std::vector{1.0F, 0.0F, 0.0F, 0.0F}, 1, false, {}).error().code,
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(store().IndexedLsn(ns, {}).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_P(VectorStoreContract, ABadRecordIsNamedAndNothingOfItsRequestIsWritten) {
  for (const auto& values : {std::vector<float>{1, 2}, std::vector<float>{0, 0, 0, 0}}) {
    const auto result =
        store().Upsert("ns", std::vector{Record("fine"), Record("culprit", values)}, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(AllIds("ns").empty());
  }
}

TEST_P(VectorStoreContract, AReadShowsAWriteOnceItsLsnIsIndexed) {
  const auto written = store().Upsert("ns", std::vector{Record("a")}, {});
  ASSERT_TRUE(written);
  const auto indexed = store().IndexedLsn("ns", {});
  ASSERT_TRUE(indexed);
  if (*written && *indexed && **indexed >= **written) {
    EXPECT_EQ(Get("ns", {"a"}).size(), 1U);
  }
  const auto removed = store().Delete("ns", std::vector<std::string>{"a"}, {});
  ASSERT_TRUE(removed);
  EXPECT_TRUE(!*written || !*removed || **removed > **written);
}

TEST_P(VectorStoreContract, QueriesBestFirstWithinTheNamespace) {
  Put("ns", {Record("far", {0, 0, 0, 1}), Record("same", {1, 1, 0, 0}, {{"k", std::string("v")}}),
             Record("near", {1, 0.5F, 0, 0})});
  Put("other", {Record("foreign", {1, 1, 0, 0})});
  const std::vector<float> probe = {1, 1, 0, 0};
  const auto matches = store().Query("ns", probe, 10, true, {});
  ASSERT_TRUE(matches) << matches.error().message;
  ASSERT_EQ(matches->size(), 3U);
  EXPECT_EQ((*matches)[0].id, "same");
  EXPECT_NEAR((*matches)[0].score, 1.0, 1e-6);
  EXPECT_EQ((*matches)[0].metadata, (Metadata{{"k", std::string("v")}}));
  EXPECT_EQ((*matches)[2].id, "far");
  const auto one = store().Query("ns", probe, 1, false, {});
  ASSERT_TRUE(one);
  ASSERT_EQ(one->size(), 1U);
  EXPECT_TRUE((*one)[0].metadata.empty());
  EXPECT_TRUE(store().Query("nowhere", probe, 1, false, {}).value().empty());
}

TEST_P(VectorStoreContract, DescribesTheIndex) {
  Put("ns", {Record("a"), Record("b")});
  const auto info = store().Describe({});
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->dimension, kDimension);
  EXPECT_EQ(info->metric, "cosine");
  EXPECT_EQ(info->vector_type, "dense");
  EXPECT_EQ(info->identity, store().Identity());
}

TEST_P(VectorStoreContract, AStopBeforeTheCallCancels) {
  std::stop_source stop;
  stop.request_stop();
  const Call call{.stop = stop.get_token()};
  EXPECT_EQ(store().Upsert("ns", std::vector{Record("a")}, call).error().code,
            ErrorCode::kCancelled);
  EXPECT_EQ(store().Describe(call).error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(AllIds("ns").empty());
}

TEST_P(VectorStoreContract, ServesSeveralThreads) {
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) {
          const std::string id = std::to_string(t) + "-" + std::to_string(i);
          EXPECT_TRUE(store().Upsert("ns", std::vector{Record(id)}, {}));
          EXPECT_EQ(Get("ns", {id}).size(), 1U);
        }
      });
    }
  }
  EXPECT_EQ(AllIds("ns").size(), 40U);
}

}  // namespace rehome::contract
