#include "adapters/pinecone/pinecone_vector_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <nlohmann/json.hpp>

#include "tests/support/http_test_server.h"

namespace rehome {
namespace {

using nlohmann::json;
using testing_support::HttpTestServer;
using testing_support::WireReply;
using testing_support::WireRequest;

std::unique_ptr<PineconeVectorStore> Store(const std::string& url) {
  auto store =
      PineconeVectorStore::Open({.address = url, .api_key = Secret("pk-secret"), .identity = {}},
                                std::make_shared<HttpClient>(), {});
  EXPECT_TRUE(store);
  return *std::move(store);
}

VectorRecord Record(std::string id, std::vector<float> values = {1, 2}) {
  return {.id = std::move(id), .values = std::move(values), .sparse = {}, .metadata = {}};
}

/// Of an upsert; not by parsing it, since the sanitizers make a minute of megabytes of JSON.
std::size_t RecordCount(const WireRequest& request) {
  constexpr std::string_view kRecord = R"({"id":)";
  std::size_t count = 0;
  for (std::size_t at = request.body.find(kRecord); at != std::string::npos;
       at = request.body.find(kRecord, at + kRecord.size())) {
    ++count;
  }
  return count;
}

WireReply UpsertReply(const WireRequest& request) {
  const std::size_t count = RecordCount(request);
  return {.headers = {{"x-pinecone-request-lsn", std::to_string(count)}},
          .body = json{{"upsertedCount", count}}.dump()};
}

TEST(PineconeVectorStore, SendsKeyVersionAndRecords) {
  HttpTestServer server(UpsertReply);
  VectorRecord record = Record("a \"b\"");
  record.sparse = {.indices = {1, 5}, .values = {0.5F, 0.25F}};
  record.metadata = {{"g", std::string("x")}, {"n", 1.0}, {"l", std::vector<std::string>{"a"}}};
  const auto lsn = Store(server.url() + "/")->Upsert("ns", std::vector{record}, {});
  ASSERT_TRUE(lsn) << lsn.error().message;
  EXPECT_EQ(*lsn, 1U);
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.target, "/vectors/upsert");
  EXPECT_EQ(request.headers.at("api-key"), "pk-secret");
  EXPECT_EQ(request.headers.at("x-pinecone-api-version"), "2026-07");
  EXPECT_EQ(
      json::parse(request.body),
      json::parse(
          R"({"namespace":"ns","vectors":[{"id":"a \"b\"","values":[1,2],"sparseValues":{"indices":[1,5],"values":[0.5,0.25]},"metadata":{"g":"x","n":1,"l":["a"]}}]})"));
}

TEST(PineconeVectorStore, PacksByCountAndByBytesAndKeepsTheLastOfEqualIds) {
  HttpTestServer server(UpsertReply);
  const auto store = Store(server.url());
  std::vector<VectorRecord> many;
  for (int i = 0; i < 2001; ++i) {
    many.push_back(Record(std::to_string(i % 2000), {static_cast<float>(i), 1}));
  }
  ASSERT_TRUE(store->Upsert("ns", many, {}));
  ASSERT_EQ(server.requests().size(), 2U);
  const auto holds_the_last = [](const WireRequest& request) {
    return json::parse(request.body)["vectors"].back()["values"][0] == 2000.0;
  };
  EXPECT_EQ(std::ranges::count_if(server.requests(), holds_the_last), 1);

  std::vector<VectorRecord> large;
  for (int i = 0; i < 300; ++i) {
    large.push_back(Record(std::to_string(i), std::vector<float>(1536, 0.123456789F)));
  }
  ASSERT_TRUE(store->Upsert("ns", large, {}));
  std::size_t sent = 0;
  for (const auto& request : server.requests()) {
    EXPECT_LE(request.body.size(), VectorStore::kRequestBytesMax);
    sent += RecordCount(request);
  }
  EXPECT_EQ(sent, 2300U);
}

TEST(PineconeVectorStore, SendsTheRequestsOfOneCallAtATimeTogether) {
  // Each answer waits until a second request is under way.
  std::mutex mutex;
  std::condition_variable changed;
  int under_way = 0;
  int most = 0;
  HttpTestServer server([&](const WireRequest& request) {
    std::unique_lock lock(mutex);
    most = std::max(most, ++under_way);
    changed.notify_all();
    changed.wait(lock, [&] { return most > 1; });
    --under_way;
    return UpsertReply(request);
  });
  std::vector<VectorRecord> many;
  for (int i = 0; i < 4000; ++i) {
    many.push_back(Record(std::to_string(i)));
  }
  const auto lsn = Store(server.url())->Upsert("ns", many, {});
  ASSERT_TRUE(lsn) << lsn.error().message;
  EXPECT_EQ(*lsn, 1000U);
  EXPECT_EQ(server.requests().size(), 4U);
  EXPECT_GT(most, 1);
  EXPECT_LE(most, 4);
}

TEST(PineconeVectorStore, OneRefusedRequestFailsTheCallAndNoFurtherOneIsSent) {
  std::atomic<int> asked = 0;
  HttpTestServer server([&](const WireRequest& request) {
    return ++asked > 1 ? WireReply{.status = 503} : UpsertReply(request);
  });
  std::vector<VectorRecord> many;
  for (int i = 0; i < 40'000; ++i) {
    many.push_back(Record(std::to_string(i)));
  }
  const auto lsn = Store(server.url())->Upsert("ns", many, {});
  ASSERT_FALSE(lsn);
  EXPECT_EQ(lsn.error().code, ErrorCode::kUnavailable);
  EXPECT_LE(asked, 8);
}

TEST(PineconeVectorStore, RefusesBadRecordsAndNamespacesBeforeSending) {
  HttpTestServer server(UpsertReply);
  const auto store = Store(server.url());
  std::vector<VectorRecord> bad = {Record(""),
                                   Record(std::string(513, 'x')),
                                   Record("\xC3\xA9"),
                                   Record("nan", {1, std::numeric_limits<float>::quiet_NaN()}),
                                   Record("inf", {1, std::numeric_limits<float>::infinity()}),
                                   Record("zero", {0, 0}),
                                   Record("nothing", {}),
                                   Record("big", std::vector<float>(200'000, 0.123456789F))};
  VectorRecord metadata = Record("metadata");
  metadata.metadata["k"] = std::string(kMetadataBytesMax, 'x');
  bad.push_back(metadata);
  VectorRecord number = Record("number");
  number.metadata["k"] = std::numeric_limits<double>::infinity();
  bad.push_back(number);
  for (const VectorRecord& record : bad) {
    const auto result = store->Upsert("ns", std::vector{record}, {});
    ASSERT_FALSE(result) << record.id;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument) << record.id;
  }
  for (const char* ns : {"", "__default__"}) {
    EXPECT_EQ(store->Upsert(ns, std::vector{Record("a")}, {}).error().code,
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(store->Fetch(ns, std::vector<std::string>{"a"}, {}).error().code,
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(store->Delete(ns, std::vector<std::string>{"a"}, {}).error().code,
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(store->ListIds(ns, "", {}).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store->Query(ns, std::vector{1.0F}, 1, false, {}).error().code,
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(store->IndexedLsn(ns, {}).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST(PineconeVectorStore, AConfirmationOfFewerIsNoConfirmation) {
  HttpTestServer server(
      [](const WireRequest&) { return WireReply{.body = R"({"upsertedCount":0})"}; });
  const auto result = Store(server.url())->Upsert("ns", std::vector{Record("a")}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
}

TEST(PineconeVectorStore, FetchBoundsItsUrlsAndToleratesUnknownKeysAndNulls) {
  HttpTestServer server([](const WireRequest& request) {
    if (request.target.find("ids=a%20b") == std::string::npos) {
      return WireReply{.body = R"({"vectors":{}})"};
    }
    return WireReply{
        .body =
            R"({"namespace":"ns","usage":{"readUnits":1},"vectors":{"a b":{"id":"a b","new":{"x":[1]},"values":[0.5,-0.0],"sparseValues":null,"metadata":null}}})"};
  });
  std::vector<std::string> ids = {"a b", "a b"};
  for (int i = 0; i < 1000; ++i) {
    ids.push_back(std::to_string(i) + std::string(30, '/'));
  }
  const auto found = Store(server.url())->Fetch("ns", ids, {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, std::vector{Record("a b", {0.5F, -0.0F})});
  EXPECT_GT(server.requests().size(), 10U);
  for (const auto& request : server.requests()) {
    EXPECT_LE(request.target.size(), 8'000U);
  }
}

TEST(PineconeVectorStore, DeleteOfAnAbsentNamespaceSucceedsButAWrongHostDoesNot) {
  std::string body = R"({"code":5,"message":"Namespace not found","details":[]})";
  HttpTestServer server([&](const WireRequest&) { return WireReply{.status = 404, .body = body}; });
  const auto store = Store(server.url());
  EXPECT_TRUE(store->Delete("ns", std::vector<std::string>{"a"}, {}));
  body = "<html>no such page</html>";
  EXPECT_EQ(store->Delete("ns", std::vector<std::string>{"a"}, {}).error().code,
            ErrorCode::kNotFound);
}

TEST(PineconeVectorStore, SortsMatchesByTheMetric) {
  std::string metric = "cosine";
  HttpTestServer server([&](const WireRequest& request) {
    if (request.target == "/describe_index_stats") {
      return WireReply{.body = json{{"dimension", 1},
                                    {"metric", metric},
                                    {"namespaces", {{"ns", {{"vectorCount", 3}}}}}}
                                   .dump()};
    }
    return WireReply{
        .body =
            R"({"matches":[{"id":"b","score":1,"values":[]},{"id":"c","score":0.5},{"id":"a","score":1.0,"metadata":{"k":"v"}}]})"};
  });
  const auto ids = [&] {
    std::string out;
    const auto matches = Store(server.url())->Query("ns", std::vector{1.0F}, 3, true, {});
    for (const QueryMatch& match : matches.value()) {
      out += match.id;
    }
    return out;
  };
  EXPECT_EQ(ids(), "abc");
  metric = "euclidean";
  EXPECT_EQ(ids(), "cab");
}

TEST(PineconeVectorStore, ReadsPagesAndTheIndexedLsn) {
  HttpTestServer server([](const WireRequest& request) {
    const bool last = request.target.find("paginationToken=t%3D") != std::string::npos;
    return WireReply{
        .headers = {{"X-Pinecone-Max-Indexed-Lsn", "42"}},
        .body = last ? R"({"vectors":[{"id":"c"}]})"
                     : R"({"vectors":[{"id":"a"},{"id":"b"}],"pagination":{"next":"t="}})"};
  });
  const auto store = Store(server.url());
  const auto first = store->ListIds("ns", "", {});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->ids, (std::vector<std::string>{"a", "b"}));
  const auto second = store->ListIds("ns", first->next, {});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->next, "");
  EXPECT_EQ(store->IndexedLsn("ns", {}).value(), 42U);
}

TEST(PineconeVectorStore, ResolvesAnIndexByItsName) {
  std::string model;
  HttpTestServer server([&](const WireRequest&) { return WireReply{.body = model}; });
  const auto open = [&] {
    return PineconeVectorStore::Open({.address = "pinecone:demo",
                                      .api_key = Secret("k"),
                                      .control_url = server.url(),
                                      .identity = {}},
                                     std::make_shared<HttpClient>(), {});
  };
  model =
      R"({"name":"demo","host":"demo-1.svc.pinecone.io","status":{"ready":true},"schema":{"fields":{"_values":{"type":"dense_vector","dimension":3,"metric":"euclidean"}}}})";
  const auto store = open();
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->Identity(), "https://demo-1.svc.pinecone.io");
  EXPECT_EQ(server.requests().at(0).target, "/indexes/demo");
  model =
      R"({"host":"h","status":{"ready":true},"schema":{"fields":{"text":{"type":"string","full_text_search":{}}}}})";
  EXPECT_EQ(open().error().code, ErrorCode::kFailedPrecondition);
  model =
      R"({"host":"h","status":{"ready":false,"state":"Initializing"},"dimension":3,"metric":"cosine"})";
  EXPECT_EQ(open().error().code, ErrorCode::kFailedPrecondition);
  for (
      const char* pods :
      {R"({"host":"h","status":{"ready":true},"deployment":{"deployment_type":"pod","environment":"us-east1-gcp","pod_type":"p1.x1","replicas":1,"shards":1},"schema":{"fields":{"_values":{"type":"dense_vector","dimension":3}}}})",
       R"({"host":"h","status":{"ready":true},"dimension":3,"metric":"cosine","spec":{"pod":{"environment":"us-east1-gcp","pod_type":"p1.x1"}}})"}) {
    model = pods;
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_NE(refused.error().hint.find("serverless"), std::string::npos);
  }
  model =
      R"({"host":"h","status":{"ready":true},"deployment":{"deployment_type":"managed"},"schema":{"fields":{"chunk_text":{"type":"semantic_text","model":"multilingual-e5-large","metric":"cosine","dimension":1024}}}})";
  EXPECT_TRUE(open());  // an index that embeds by itself takes vectors too
  model = "<html>";
  EXPECT_EQ(open().error().code, ErrorCode::kUnavailable);
}

TEST(PineconeVectorStore, ErrorsNeverHoldTheKey) {
  HttpTestServer server([](const WireRequest&) {
    return WireReply{.status = 401, .body = "Unauthorized pk-secret"};
  });
  const auto info = Store(server.url())->Describe({});
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(info.error().message.find("pk-secret"), std::string::npos);
  EXPECT_NE(info.error().hint.find("console.pinecone.io"), std::string::npos);
}

TEST(PineconeVectorStore, RefusesAnAddressThatIsNone) {
  for (const char* address : {"", "https://user:pw@host", "host with blank", "http://h?key=1"}) {
    EXPECT_FALSE(PineconeVectorStore::Open({.address = address, .api_key = {}, .identity = {}},
                                           std::make_shared<HttpClient>(), {}))
        << address;
  }
}

}  // namespace
}  // namespace rehome
