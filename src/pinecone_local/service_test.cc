#include "pinecone_local/service.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/random.h"

namespace rehome::pinecone_local {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

struct Answer {
  int status = 0;
  Json body;
  HttpResponse raw;
};

class ServiceTest : public testing::Test {
 protected:
  ServiceTest()
      : dir_(fs::temp_directory_path() / ("rehome-service-" + RandomHex(8))),
        catalog_(Catalog::Open(dir_, LogFile::Mode::kReadWrite).value()),
        gate_(clock_),
        service_(*catalog_, gate_, {.default_index = "demo", .facilities = {.clock = &clock_}}) {
    EXPECT_TRUE(catalog_->Create({.name = "demo", .dimension = 3}));
    EXPECT_TRUE(
        catalog_->Create({.name = "hybrid", .dimension = 2, .metric = Metric::kDotproduct}));
  }
  ~ServiceTest() override { fs::remove_all(dir_); }
  ServiceTest(const ServiceTest&) = delete;
  ServiceTest& operator=(const ServiceTest&) = delete;

  [[nodiscard]] Answer Send(Method method, std::string target, std::string body = {}) const {
    auto raw = service_.Handle({.method = method,
                                .target = std::move(target),
                                .host = "127.0.0.1:5080",
                                .api_key = "k",
                                .body = std::move(body)});
    return {.status = raw.status, .body = Json::parse(raw.body, nullptr, false), .raw = raw};
  }
  [[nodiscard]] Answer Get(std::string target) const {
    return Send(Method::kGet, std::move(target));
  }
  [[nodiscard]] Answer Post(std::string target, const Json& body) const {
    return Send(Method::kPost, std::move(target), body.dump());
  }
  void Fill(std::string_view ns, int count) const {
    Json vectors = Json::array();
    for (int i = 0; i < count; ++i) {
      vectors.push_back(
          {{"id", fmt::format("v{}", i)}, {"values", {1, i, 0.1}}, {"metadata", {{"n", i}}}});
    }
    EXPECT_EQ(Post("/vectors/upsert", {{"vectors", vectors}, {"namespace", ns}}).body,
              Json({{"upsertedCount", count}}));
  }
  [[nodiscard]] Catalog& catalog() { return *catalog_; }
  [[nodiscard]] Gate& gate() { return gate_; }
  [[nodiscard]] const Service& service() const { return service_; }
  [[nodiscard]] ManualClock& clock() { return clock_; }

 private:
  fs::path dir_;
  ManualClock clock_;
  std::unique_ptr<Catalog> catalog_;
  Gate gate_;
  Service service_;
};

void ExpectInvalid(const Answer& answer, std::string_view text) {
  EXPECT_EQ(answer.status, 400) << text;
  EXPECT_EQ(answer.body.value("code", 0), 3) << text;
  EXPECT_NE(answer.body.value("message", "").find(text), std::string::npos) << answer.body;
}

TEST_F(ServiceTest, EchoesShortestFloatsAndMetadata) {
  Fill("ns", 3);
  const Answer fetched = Get("/vectors/fetch?ids=v1&ids=nobody&namespace=ns");
  EXPECT_EQ(
      fetched.raw.body,
      R"({"vectors":{"v1":{"id":"v1","values":[1,1,0.1],"metadata":{"n":1}}},"namespace":"ns","usage":{"readUnits":1}})");
  EXPECT_EQ(fetched.raw.indexed_lsn, 1U);
}

TEST_F(ServiceTest, ReadsDoublesAsTheNearestFloat) {
  const std::string body =
      R"({"vectors":[{"id":"a","values":[0.10000000149011612,3.4028234663852886e38,1]}]})";
  EXPECT_EQ(Send(Method::kPost, "/vectors/upsert", body).status, 200);
  EXPECT_EQ(Get("/vectors/fetch?ids=a").body["vectors"]["a"]["values"].dump(),
            "[0.1,3.4028235e+38,1]");
}

TEST_F(ServiceTest, RefusesBadVectorsAndStoresNothing) {
  const auto upsert = [&](const Json& vector) {
    return Post("/vectors/upsert", {{"vectors", {vector}}});
  };
  ExpectInvalid(upsert({{"id", "a"}, {"values", {1, 2}}}),
                "Vector dimension 2 does not match the dimension of the index 3");
  ExpectInvalid(
      upsert({{"id", "a"}, {"values", {0, 0, 0}}}),
      "Dense vectors must contain at least one non-zero value. Vector ID 'a' contains only zeros");
  ExpectInvalid(upsert({{"id", "a"}, {"values", {1, nullptr, 0}}}), "got null");
  ExpectInvalid(upsert({{"id", "a"}, {"values", {1, 1e39, 0}}}), "finite");
  ExpectInvalid(upsert({{"id", "a"}, {"values", Json::array()}}), "no dense values");
  ExpectInvalid(upsert({{"id", "ä"}, {"values", {1, 2, 3}}}), "ASCII");
  ExpectInvalid(upsert({{"id", ""}, {"values", {1, 2, 3}}}), "1 to 512");
  ExpectInvalid(upsert({{"id", std::string(513, 'x')}, {"values", {1, 2, 3}}}), "1 to 512");
  ExpectInvalid(upsert({{"id", "a"},
                        {"values", {1, 2, 3}},
                        {"sparseValues", {{"indices", {1}}, {"values", {1}}}}}),
                "Index configuration does not support sparse values");
  const auto with_metadata = [&](const Json& metadata) {
    return upsert({{"id", "a"}, {"values", {1, 2, 3}}, {"metadata", metadata}});
  };
  ExpectInvalid(with_metadata({{"x", {{"y", 1}}}}), R"(got '{"y":1.0}' for field 'x')");
  ExpectInvalid(with_metadata({{"x", {1, 2}}}), "got '[1.0,2.0]' for field 'x'");
  ExpectInvalid(with_metadata({{"x", nullptr}}),
                "Metadata value must be a string, number, boolean or list of strings");
  ExpectInvalid(with_metadata({{"$x", 1}}), "$x");
  ExpectInvalid(with_metadata({{"x", std::string(41'000, 'y')}}),
                "which exceeds the limit of 40960 bytes per vector");
  ExpectInvalid(Post("/vectors/upsert", {{"vectors", Json::array()}}),
                "takes 1 to 1000 vectors, got 0");
  ExpectInvalid(Post("/vectors/upsert", Json::object()), "list of vectors");
  ExpectInvalid(Send(Method::kPost, "/vectors/upsert", "{\"vectors\":["), "JSON");
  ExpectInvalid(Send(Method::kPost, "/vectors/upsert", std::string(2'097'153, ' ')),
                "maximum supported size - 2MB");
  EXPECT_EQ(Post("/describe_index_stats", Json::object()).body["totalVectorCount"], 0);
}

TEST_F(ServiceTest, QueryRules) {
  Fill("ns", 5);
  const Answer found = Post("/query", {{"topK", 2}, {"vector", {1, 3, 0.1}}, {"namespace", "ns"}});
  const Json& best = found.body["matches"][0];
  EXPECT_EQ(best["id"], "v3");
  EXPECT_NEAR(best["score"].get<double>(), 1, 1e-9);
  EXPECT_EQ(best["values"], Json::array());
  EXPECT_FALSE(best.contains("metadata"));
  EXPECT_EQ(found.body["namespace"], "ns");
  EXPECT_TRUE(found.body["usage"]["readUnits"].is_number_integer());
  EXPECT_EQ(Post("/query", {{"topK", 9}, {"id", "v1"}, {"namespace", "ns"}, {"filter", nullptr}})
                .body["matches"]
                .size(),
            5U);
  EXPECT_EQ(
      Post("/query", {{"topK", 9}, {"id", "v1"}, {"namespace", "ns"}, {"filter", Json::object()}})
          .body["matches"]
          .size(),
      5U);
  EXPECT_EQ(Post("/query", {{"topK", 9}, {"vector", {1, 2, 3}}, {"namespace", "absent"}})
                .body["matches"]
                .size(),
            0U);
  EXPECT_EQ(Post("/query", {{"topK", 9}, {"vector", {0, 0, 0}}, {"namespace", "ns"}})
                .body["matches"][0]["score"],
            0);
  ExpectInvalid(Post("/query", {{"topK", 0}, {"vector", {1, 2, 3}}}), "topK");
  ExpectInvalid(Post("/query", {{"topK", 10'001}, {"vector", {1, 2, 3}}}), "topK");
  ExpectInvalid(Post("/query", {{"topK", 1}}), "takes");
  ExpectInvalid(Post("/query", {{"topK", 1}, {"vector", {1}}}),
                "Vector dimension 1 does not match");
  ExpectInvalid(Post("/query", {{"topK", 1}, {"id", "a"}, {"vector", {1, 2, 3}}}),
                "Cannot provide both 'ID' and 'vector' at the same time");
  ExpectInvalid(
      Post("/query", {{"topK", 1}, {"sparseVector", {{"indices", {1}}, {"values", {1}}}}}),
      "Index configuration does not support sparse values");
  ExpectInvalid(Post("/query", {{"topK", 1}, {"vector", {1, 2, 3}}, {"filter", Json::array()}}),
                "Proto field is not repeating, cannot start list");
}

TEST_F(ServiceTest, HybridScoresAddDenseAndSparse) {
  const Json vectors = {{{"id", "both"},
                         {"values", {1, 0}},
                         {"sparseValues", {{"indices", {7, 9}}, {"values", {0.5, 2}}}}},
                        {{"id", "dense"}, {"values", {2, 0}}}};
  EXPECT_EQ(Post("/_i/hybrid/vectors/upsert", {{"vectors", vectors}}).status, 200);
  const Json query = {{"topK", 2},
                      {"vector", {1, 0}},
                      {"includeValues", true},
                      {"sparseVector", {{"indices", {9, 1}}, {"values", {3, 1}}}}};
  const Answer found = Post("/_i/hybrid/query", query);
  EXPECT_EQ(found.body["matches"][0]["id"], "both");
  EXPECT_EQ(found.body["matches"][0]["score"], 7);
  EXPECT_EQ(found.body["matches"][0]["sparseValues"]["indices"], Json({7, 9}));
  EXPECT_EQ(found.body["matches"][1]["score"], 2);
}

TEST_F(ServiceTest, DefaultNamespaceHasOneCanonicalName) {
  Fill("", 2);
  Fill("__default__", 3);
  EXPECT_EQ(Post("/describe_index_stats", Json::object()).body["namespaces"],
            Json({{"__default__", {{"vectorCount", 3}}}}));
  EXPECT_EQ(Get("/vectors/list?namespace=").body["vectors"].size(), 3U);
  EXPECT_EQ(Get("/vectors/list").body["namespace"], "");
  EXPECT_EQ(Get("/vectors/list?namespace=__default__").body["namespace"], "__default__");
}

TEST_F(ServiceTest, ListPagesStayValidWhenTheLimitChanges) {
  Fill("ns", 9);
  const Answer first = Get("/vectors/list?namespace=ns&limit=3&prefix=v");
  EXPECT_EQ(first.body["vectors"].size(), 3U);
  const std::string next = first.body["pagination"]["next"];
  const Answer rest = Get("/vectors/list?namespace=ns&limit=6&prefix=v&paginationToken=" + next);
  EXPECT_EQ(rest.body["vectors"].size(), 6U);
  EXPECT_EQ(rest.body["vectors"][0]["id"], "v3");
  EXPECT_FALSE(rest.body.contains("pagination"));
  ExpectInvalid(Get("/vectors/list?namespace=ns&paginationToken=xyz"), "token");
  ExpectInvalid(Get("/vectors/list?namespace=ns&limit=101"), "limit");
  EXPECT_EQ(Get("/vectors/list?limit%5Blimit%5D=2").status, 200);
}

TEST_F(ServiceTest, UpdateRules) {
  Fill("ns", 3);
  EXPECT_EQ(
      Post("/vectors/update", {{"id", "v1"}, {"namespace", "ns"}, {"setMetadata", {{"a", "b"}}}})
          .raw.body,
      "{}");
  EXPECT_EQ(Get("/vectors/fetch?ids=v1&namespace=ns").body["vectors"]["v1"]["metadata"],
            Json({{"a", "b"}, {"n", 1}}));
  EXPECT_EQ(
      Post("/vectors/update", {{"id", "no"}, {"namespace", "none"}, {"values", {1, 2, 3}}}).status,
      200);
  EXPECT_EQ(
      Post("/vectors/update",
           {{"filter", {{"n", {{"$gte", 1}}}}}, {"namespace", "ns"}, {"setMetadata", {{"z", 1}}}})
          .body,
      Json({{"matchedRecords", 2}}));
  ExpectInvalid(Post("/vectors/update", {{"filter", Json::object()}, {"setMetadata", {{"z", 1}}}}),
                "Update with empty metadata filter is not allowed");
  ExpectInvalid(Post("/vectors/update", {{"filter", {{"n", 1}}}, {"values", {1, 2, 3}}}),
                "Update by metadata request does not support updating vector values.");
  ExpectInvalid(Post("/vectors/update", {{"filter", {{"n", 1}}}, {"id", "v1"}}), "both");
  ExpectInvalid(Post("/vectors/update", {{"id", "v1"}, {"namespace", "ns"}, {"values", {1}}}),
                "Vector dimension 1");
  ExpectInvalid(Post("/vectors/update",
                     {{"id", "v1"}, {"namespace", "ns"}, {"setMetadata", {{"z", nullptr}}}}),
                "Metadata value");
}

TEST_F(ServiceTest, DeleteRules) {
  Fill("ns", 3);
  const Answer never = Post("/vectors/delete", {{"deleteAll", true}, {"namespace", "never"}});
  EXPECT_EQ(never.status, 404);
  EXPECT_EQ(never.raw.body, R"({"code":5,"message":"Namespace not found","details":[]})");
  ExpectInvalid(Post("/vectors/delete", {{"deleteAll", true}, {"ids", {"v1"}}}),
                "No explicit IDs allowed when delete_all=true");
  ExpectInvalid(Post("/vectors/delete", {{"deleteAll", true}, {"filter", {{"n", 1}}}}),
                "No filter allowed when delete_all=true");
  ExpectInvalid(Post("/vectors/delete", {{"ids", {"v1"}}, {"filter", {{"n", 1}}}}), "both");
  ExpectInvalid(Post("/vectors/delete", {{"filter", Json::object()}}),
                "Delete with empty metadata filter is not allowed");
  ExpectInvalid(Post("/vectors/delete", {{"ids", Json::array()}}), "0 ids");
  const Answer deleted =
      Post("/vectors/delete", {{"filter", {{"n", {{"$lt", 2}}}}}, {"namespace", "ns"}});
  EXPECT_EQ(deleted.raw.body, "{}");
  EXPECT_EQ(deleted.raw.request_lsn, 2U);
  EXPECT_EQ(Get("/vectors/list?namespace=ns").body["vectors"].size(), 1U);
}

TEST_F(ServiceTest, NamespacesAreMadeListedAndDropped) {
  const Answer made =
      Post("/namespaces",
           {{"name", "a/b c"}, {"schema", {{"fields", {{"g", {{"filterable", true}}}}}}}});
  EXPECT_EQ(made.body["record_count"], "0");
  EXPECT_EQ(made.body["schema"]["fields"]["g"]["filterable"], true);
  EXPECT_EQ(Post("/namespaces", {{"name", "a/b c"}}).status, 409);
  ExpectInvalid(Post("/namespaces", {{"name", "__default__"}}), "__default__");
  ExpectInvalid(Post("/namespaces",
                     {{"name", "x"}, {"schema", {{"fields", {{"g", {{"filterable", false}}}}}}}}),
                "Field 'g' is set to filterable: false. Only filterable: true is supported.");
  Fill("other", 2);
  const Answer page = Get("/namespaces?limit=1");
  EXPECT_EQ(page.body["total_count"], 2);
  const std::string next = page.body["pagination"]["next"];
  const Answer last = Get("/namespaces?limit=1&paginationToken=" + next);
  EXPECT_EQ(last.body["namespaces"][0]["name"], "other");
  EXPECT_FALSE(last.body.contains("pagination"));
  EXPECT_EQ(Get("/namespaces/a%2Fb%20c").body["name"], "a/b c");
  EXPECT_EQ(Send(Method::kDelete, "/namespaces/a%2Fb%20c").raw.body, "{}");
  EXPECT_EQ(Get("/namespaces/a%2Fb%20c").body["code"], 5);
  EXPECT_EQ(Send(Method::kDelete, "/namespaces/a%2Fb%20c").status, 404);
}

TEST_F(ServiceTest, IndexesHaveTheNewAndTheOldShape) {
  const Answer described = Get("/indexes/demo");
  EXPECT_EQ(described.body["host"], "http://127.0.0.1:5080/_i/demo");
  EXPECT_EQ(described.body["schema"]["fields"]["_values"],
            Json({{"type", "dense_vector"}, {"dimension", 3}, {"metric", "cosine"}}));
  EXPECT_EQ(described.body["dimension"], 3);
  EXPECT_EQ(described.body["spec"]["serverless"]["cloud"], "aws");
  EXPECT_EQ(described.body["deletion_protection"], "disabled");
  EXPECT_FALSE(described.body.contains("tags"));
  EXPECT_EQ(Get("/indexes/nope").raw.body,
            R"({"status":404,"error":{"code":"NOT_FOUND","message":"Index nope not found."}})");
  const Json legacy = {{"name", "old"}, {"dimension", 4}, {"metric", "euclidean"}};
  EXPECT_EQ(Post("/indexes", legacy).status, 201);
  EXPECT_EQ(Post("/indexes", legacy).body["error"]["code"], "ALREADY_EXISTS");
  const Json sparse = {{"name", "thin"},
                       {"schema", {{"fields", {{"_sparse_values", {{"type", "sparse_vector"}}}}}}}};
  EXPECT_EQ(Post("/indexes", sparse).body["vector_type"], "sparse");
  EXPECT_EQ(Get("/indexes").body["indexes"].size(), 4U);
  EXPECT_NE(Post("/indexes", {{"name", "Bad_"}, {"dimension", 3}})
                .body["error"]["message"]
                .get<std::string>()
                .find("alphanumeric character"),
            std::string::npos);
  EXPECT_EQ(Post("/indexes", {{"name", "none"}}).status, 422);
  for (const Json& wrong :
       {Json{{"name", 5}, {"dimension", 3}}, Json{{"name", "none"}, {"dimension", "3"}},
        Json{{"name", "none"}, {"dimension", 3}, {"tags", {"a"}}},
        Json{{"name", "none"}, {"dimension", 3}, {"spec", "aws"}}, Json::array()}) {
    const Answer answer = Post("/indexes", wrong);
    EXPECT_EQ(answer.status, 422) << wrong;
    EXPECT_EQ(answer.body["error"]["code"], "UNPROCESSABLE_ENTITY") << wrong;
    EXPECT_NE(answer.raw.body.find("Failed to deserialize the JSON body"), std::string::npos);
  }
  EXPECT_EQ(Send(Method::kPost, "/indexes", "{").status, 400);
  EXPECT_EQ(
      Send(Method::kPatch, "/indexes/old", R"({"deletion_protection":"enabled","tags":{"a":"b"}})")
          .body["tags"],
      Json({{"a", "b"}}));
  EXPECT_EQ(Send(Method::kDelete, "/indexes/old").status, 403);
  EXPECT_EQ(Send(Method::kPatch, "/indexes/old", R"({"dimension":5})").status, 400);
  EXPECT_EQ(Send(Method::kPatch, "/indexes/old", R"({"deletion_protection":"disabled"})").status,
            200);
  EXPECT_EQ(Send(Method::kDelete, "/indexes/old").status, 202);
  EXPECT_EQ(Post("/_i/old/describe_index_stats", Json::object()).status, 404);
}

TEST_F(ServiceTest, SparseIndexTakesSparseValuesOnly) {
  ASSERT_TRUE(catalog().Create({.name = "thin", .metric = Metric::kDotproduct, .sparse = true}));
  const Json sparse = {{"indices", {4294967295, 1}}, {"values", {0.5, 1}}};
  EXPECT_EQ(
      Post("/_i/thin/vectors/upsert",
           {{"vectors", {{{"id", "s"}, {"values", Json::array()}, {"sparseValues", sparse}}}}})
          .status,
      200);
  ExpectInvalid(Post("/_i/thin/vectors/upsert", {{"vectors", {{{"id", "s"}, {"values", {1}}}}}}),
                "sparse");
  ExpectInvalid(
      Post("/_i/thin/vectors/upsert",
           {{"vectors",
             {{{"id", "s"}, {"sparseValues", {{"indices", {1, 1}}, {"values", {1, 2}}}}}}}}),
      "repeat");
  EXPECT_EQ(
      Post("/_i/thin/query", {{"topK", 1}, {"sparseVector", sparse}}).body["matches"][0]["score"],
      1.25);
  EXPECT_FALSE(Post("/_i/thin/describe_index_stats", Json::object()).body.contains("dimension"));
}

TEST_F(ServiceTest, SaysHonestlyWhatItDoesNotHave) {
  EXPECT_EQ(Post("/rerank", Json::object()).status, 501);
  EXPECT_EQ(Get("/nonsense").status, 404);
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Get("/namespaces/%zz").status, 400);
  EXPECT_EQ(Get("/backups").body, Json({{"data", Json::array()}}));
  for (const std::string path : {"/indexes/{}/backups", "/indexes/{}/backup-schedules"}) {
    const auto of = [&](std::string_view name) {
      return Post(fmt::format(fmt::runtime(path), name), Json::object()).status;
    };
    EXPECT_EQ(of("demo"), 501) << path;
    EXPECT_EQ(of("none"), 404) << path;
  }
}

TEST_F(ServiceTest, AnotherMethodIsNotAllowed) {
  const Answer control = Send(Method::kOther, "/indexes", "{}");
  EXPECT_EQ(control.status, 405);
  EXPECT_EQ(control.body["error"]["message"], "Method Not Allowed");
  const Answer data = Get("/vectors/upsert");
  EXPECT_EQ(data.status, 405);
  EXPECT_EQ(data.body["code"], 12);
}

TEST_F(ServiceTest, TheControlPlaneKnowsNoIndexWhoseDimensionIsOpen) {
  ASSERT_TRUE(catalog().Create({.name = "open"}));
  const auto listed = [&] {
    const Json all = Get("/indexes").body["indexes"];
    return std::ranges::any_of(all, [](const Json& one) { return one["name"] == "open"; });
  };
  EXPECT_FALSE(listed());
  EXPECT_EQ(Get("/indexes/open").status, 404);
  EXPECT_EQ(Send(Method::kPatch, "/indexes/open", "{}").status, 404);
  EXPECT_EQ(Send(Method::kDelete, "/indexes/open").status, 404);
  const Json one = {{"vectors", {{{"id", "a"}, {"values", {1, 2}}}}}};
  EXPECT_EQ(Post("/_i/open/vectors/upsert", one).status, 200);
  EXPECT_TRUE(listed());
  EXPECT_EQ(Get("/indexes/open").body["dimension"], 2);
}

TEST_F(ServiceTest, AnOpenIndexBecomesWhatItIsCreatedAs) {
  ASSERT_TRUE(catalog().Create({.name = "open"}));
  const Json euclidean = {{"name", "open"}, {"dimension", 4}, {"metric", "euclidean"}};
  EXPECT_EQ(Post("/indexes", euclidean).status, 201);
  EXPECT_EQ(Get("/indexes/open").body["metric"], "euclidean");
  EXPECT_EQ(Post("/indexes", euclidean).status, 409);
  ExpectInvalid(Post("/_i/open/vectors/upsert", {{"vectors", {{{"id", "a"}, {"values", {1, 2}}}}}}),
                "dimension of the index 4");
}

TEST_F(ServiceTest, AnUpdateByFilterMustSetSomething) {
  Fill("ns", 3);
  const Json filter = {{"namespace", "ns"}, {"filter", {{"n", 1}}}};
  ExpectInvalid(Post("/vectors/update", filter), "set metadata");
  Json empty = filter;
  empty["setMetadata"] = Json::object();
  ExpectInvalid(Post("/vectors/update", empty), "set metadata");
  empty["dryRun"] = true;
  EXPECT_EQ(Post("/vectors/update", empty).body, Json({{"matchedRecords", 1}}));
}

TEST_F(ServiceTest, NestingIsBounded) {
  const auto nested = [&](std::size_t depth, std::string_view open, std::string_view close) {
    std::string body = R"({"topK":1,"vector":[1,2,3],"filter":)";
    for (std::size_t i = 0; i < depth; ++i) {
      body += open;
    }
    body += R"({"a":1})";
    for (std::size_t i = 0; i < depth; ++i) {
      body += close;
    }
    return Send(Method::kPost, "/query", body + "}");
  };
  EXPECT_EQ(nested(300, R"({"$and":[)", "]}").status, 200);
  ExpectInvalid(nested(20'000, R"({"$and":[)", "]}"), "JSON");
  ExpectInvalid(nested(20'000, R"({"$not":)", "}"), "JSON");
}

TEST_F(ServiceTest, AnotherKeyIsUnauthorizedInPlainText) {
  const Service guarded(catalog(), gate(), {.default_index = "demo", .api_key = Secret("right")});
  const auto with = [&](std::string key) {
    return guarded.Handle({.method = Method::kGet,
                           .target = "/indexes",
                           .host = {},
                           .api_key = std::move(key),
                           .body = {}});
  };
  EXPECT_EQ(with("wrong").status, 401);
  EXPECT_EQ(with("").content_type, "text/plain");
  EXPECT_EQ(with("").body, "Unauthorized");
  EXPECT_EQ(with("right").status, 200);
}

TEST_F(ServiceTest, ShapesFollowTheApiVersion) {
  const auto described = [&](std::string version) {
    const auto raw = service().Handle({.method = Method::kGet,
                                       .target = "/indexes/demo",
                                       .host = "h",
                                       .api_version = std::move(version)});
    return Json::parse(raw.body);
  };
  EXPECT_TRUE(described("2026-07").contains("schema"));
  EXPECT_FALSE(described("2026-07").contains("dimension"));
  EXPECT_FALSE(described("2025-10").contains("schema"));
  EXPECT_EQ(described("2025-10")["dimension"], 3);
}

TEST_F(ServiceTest, ADocumentsIndexIsDescribedAndRefusesTheVectorsApi) {
  const Json fields = {{"body", {{"type", "string"}, {"full_text_search", Json::object()}}}};
  EXPECT_EQ(Post("/indexes", {{"name", "papers"}, {"schema", {{"fields", fields}}}}).status, 201);
  EXPECT_EQ(Get("/indexes/papers").body["schema"]["fields"], fields);
  ExpectInvalid(Post("/_i/papers/query", {{"topK", 1}, {"vector", {1}}}), "documents");
  EXPECT_EQ(Post("/_i/papers/namespaces/x/documents/upsert", Json::object()).status, 501);
  EXPECT_EQ(Post("/namespaces/x/documents/upsert", Json::object()).status, 400);
}

TEST_F(ServiceTest, AnAliasServesReadersOnly) {
  Fill("one", 2);
  Fill("two", 3);
  EXPECT_EQ(Post("/namespace-aliases", {{"name", "live"}, {"target_namespace", "one"}}).status,
            200);
  const Answer listed = Get("/vectors/list?namespace=live");
  EXPECT_EQ(listed.body["vectors"].size(), 2U);
  EXPECT_EQ(listed.body["namespace"], "one");
  EXPECT_EQ(Send(Method::kPatch, "/namespace-aliases/live", R"({"target_namespace":"two"})").status,
            200);
  EXPECT_EQ(Get("/vectors/list?namespace=live").body["vectors"].size(), 3U);
  const Answer written = Post("/vectors/delete", {{"deleteAll", true}, {"namespace", "live"}});
  EXPECT_EQ(written.status, 400);
  EXPECT_EQ(written.body["details"][0]["reason"], "WRITE_TO_ALIAS");
  EXPECT_EQ(Send(Method::kDelete, "/namespace-aliases/live").raw.body, "{}");
  EXPECT_EQ(Get("/vectors/list?namespace=live").body["vectors"].size(), 0U);
}

TEST_F(ServiceTest, WithoutAnEmbedderTextIsUnimplemented) {
  const Json embed = {{"model", "multilingual-e5-large"},
                      {"inputs", {{{"text", "a"}}}},
                      {"parameters", {{"input_type", "query"}}}};
  EXPECT_EQ(Post("/embed", embed).status, 501);
  EXPECT_EQ(Post("/embed", {{"model", "none"}}).status, 404);
  EXPECT_EQ(Get("/models").body, Json({{"models", Json::array()}}));
  EXPECT_EQ(
      Post("/records/namespaces/x/search", {{"query", {{"top_k", 1}, {"inputs", {{"text", "a"}}}}}})
          .body["error"]["code"],
      "INVALID_ARGUMENT");
}

TEST_F(ServiceTest, LagHidesAWriteUntilItsTime) {
  Fill("ns", 1);
  ASSERT_TRUE(service().Impose({.index_lag = Millis{500}}));
  Fill("ns", 3);
  const Answer early = Get("/vectors/list?namespace=ns");
  EXPECT_EQ(early.body["vectors"].size(), 1U);
  EXPECT_EQ(early.raw.indexed_lsn, 1U);
  EXPECT_EQ(Post("/vectors/update",
                 {{"filter", {{"n", 2}}}, {"namespace", "ns"}, {"setMetadata", {{"seen", true}}}})
                .body["matchedRecords"],
            1)
      << "writers see every write before them";
  clock().Advance(Millis{500});
  const Answer late = Get("/vectors/list?namespace=ns");
  EXPECT_EQ(late.body["vectors"].size(), 3U);
  EXPECT_EQ(late.raw.indexed_lsn, 3U);
  Fill("ns", 5);
  ASSERT_TRUE(service().Impose({}));
  EXPECT_EQ(Get("/vectors/list?namespace=ns").body["vectors"].size(), 5U);
}

TEST_F(ServiceTest, FaultsStrikeWhereAndAsOftenAsTold) {
  ASSERT_TRUE(service().Impose({.faults = {"503,path=/vectors/list,every=2,times=2"}}));
  std::string statuses;
  for (int i = 0; i < 6; ++i) {
    statuses += Get("/vectors/list").status == 503 ? 'x' : '.';
  }
  EXPECT_EQ(statuses, ".x.x..");
  ASSERT_TRUE(service().Impose({.faults = {"429,retry_after=3"}}));
  EXPECT_EQ(Get("/indexes").raw.retry_after, "3");
  EXPECT_EQ(Get("/indexes").body["error"]["code"], "RESOURCE_EXHAUSTED");
  ASSERT_TRUE(service().Impose({.faults = {"drop"}}));
  EXPECT_EQ(Post("/vectors/upsert",
                 {{"vectors", {{{"id", "v"}, {"values", {1, 2, 3}}}}}, {"namespace", "ns"}})
                .raw.cut,
            Cut::kBeforeHeader);
  ASSERT_TRUE(service().Impose({}));
  EXPECT_EQ(Get("/vectors/list?namespace=ns").body["vectors"].size(), 0U);
  for (const char* wrong : {"nonsense", "200", "503,every=0", "503,colour=red", "slow,delay"}) {
    EXPECT_FALSE(service().Impose({.faults = {wrong}})) << wrong;
  }
  EXPECT_FALSE(service().Impose({.index_lag = Millis{-1}}));
}

TEST_F(ServiceTest, RatesAreThoseOfEachNamespace) {
  ASSERT_TRUE(service().Impose({.rate_limits = true}));
  const auto deleted = [&](std::string_view ns) {
    return Post("/vectors/delete", {{"filter", {{"n", 1}}}, {"namespace", ns}}).status;
  };
  Fill("a", 1);
  Fill("b", 1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(deleted("a"), 200);
  }
  EXPECT_EQ(deleted("a"), 429);
  EXPECT_EQ(deleted("b"), 200);
  clock().Advance(Millis{200});
  EXPECT_EQ(deleted("a"), 200);
  EXPECT_EQ(deleted("a"), 429);
}

TEST_F(ServiceTest, QuotasRefuseInTheServicesWords) {
  const auto refuses = [](const Answer& reply, int status, std::string_view text) {
    EXPECT_EQ(reply.status, status);
    const std::string message = reply.body.contains("error")
                                    ? reply.body["error"].value("message", "")
                                    : reply.body.value("message", "");
    EXPECT_NE(message.find(text), std::string::npos) << reply.body.dump();
  };
  Fill("a", 1);
  ASSERT_TRUE(service().Impose({.quota = "starter,namespaces=1,indexes=2,read_units=1"}));
  Fill("a", 2);
  const Json vectors = {{{"id", "v"}, {"values", {1, 2, 3}}}};
  constexpr std::string_view kNamespaces =
      "You've reached the max namespaces allowed in serverless index demo (1). To add more "
      "namespaces, upgrade your plan.";
  refuses(Post("/vectors/upsert", {{"vectors", vectors}, {"namespace", "b"}}), 403, kNamespaces);
  refuses(Post("/namespaces", {{"name", "c"}}), 403, kNamespaces);
  refuses(Post("/indexes", {{"name", "third"}, {"dimension", 2}}), 403,
          "You've reached the max serverless indexes allowed in project local (2). Use namespaces "
          "to partition your data into logical groups, or upgrade your plan to add more indexes.");
  EXPECT_EQ(Get("/vectors/list?namespace=a").status, 200);
  refuses(Get("/vectors/list?namespace=a"), 429,
          "You've reached your read unit limit for the current month (1). To continue reading "
          "data, upgrade your plan.");
  EXPECT_FALSE(service().Impose({.quota = "golden"}));
}

TEST_F(ServiceTest, WhatIsRefusedCostsNoUnits) {
  ASSERT_TRUE(service().Impose({.quota = "starter,write_units=6"}));
  const Json large = {
      {{"id", "v"}, {"values", {1, 2, 3}}, {"metadata", {{"k", std::string(9000, 'x')}}}}};
  EXPECT_EQ(Post("/vectors/upsert", {{"vectors", large}}).status, 429);
  EXPECT_EQ(Post("/vectors/upsert", {{"vectors", {{{"id", "v"}, {"values", {1, 2, 3}}}}}}).status,
            200);
}

TEST_F(ServiceTest, RatesRefuseInTheServicesWords) {
  ASSERT_TRUE(service().Impose({.rate_limits = true}));
  const auto refusal = [](const auto& ask) {
    for (int i = 0; i < 300; ++i) {
      if (const Answer reply = ask(); reply.status == 429) {
        return reply.body.value("message", "");
      }
    }
    return std::string();
  };
  EXPECT_EQ(refusal([&] {
              return Post("/query", {{"topK", 1}, {"vector", {1, 2, 3}}, {"namespace", "a"}});
            }),
            "Request failed. You've reached the query QPS limit for namespace a (100 QPS). Pace "
            "your queries, consider Dedicated Read Nodes for your index, or contact Pinecone "
            "Support (https://app.pinecone.io/organizations/-/settings/support/ticket) to request "
            "a higher limit.");
  EXPECT_EQ(refusal([&] { return Get("/vectors/list?namespace=a"); }),
            "Request failed. You've reached the max list requests per second for index demo. Pace "
            "your list requests or contact Pinecone Support "
            "(https://app.pinecone.io/organizations/-/settings/support/ticket) to request a higher "
            "limit.");
}

TEST_F(ServiceTest, MetadataOfAnySizeOfNumberIsReadAgain) {
  EXPECT_EQ(Send(Method::kPost, "/vectors/upsert",
                 R"({"vectors":[{"id":"a","values":[1,2,3],"metadata":{"n":1.8446744073709552e19,)"
                 R"("m":-1.2345678901234567e19}}],"namespace":"n"})")
                .status,
            200);
  const Answer fetched = Get("/vectors/fetch?ids=a&namespace=n");
  ASSERT_EQ(fetched.status, 200) << fetched.raw.body;
  EXPECT_EQ(fetched.body["vectors"]["a"]["metadata"]["n"], 1.8446744073709552e19);
  EXPECT_EQ(fetched.body["vectors"]["a"]["metadata"]["m"], -1.2345678901234567e19);
}

TEST_F(ServiceTest, WhatARequestNamesIsJsonInTheAnswerWhateverItsBytes) {
  for (const char* target : {"/vectors/\xA4", "/namespaces/%ff"}) {
    const Answer answer = Get(target);
    EXPECT_GE(answer.status, 400) << target;
    EXPECT_FALSE(answer.body.is_discarded()) << answer.raw.body;
  }
}

}  // namespace
}  // namespace rehome::pinecone_local
