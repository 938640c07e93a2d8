#include "adapters/pinecone/pinecone_aliases.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/pinecone/error_hints.h"
#include "tests/support/http_test_server.h"

namespace rehome {
namespace {

using nlohmann::json;
using testing_support::HttpTestServer;
using testing_support::WireReply;
using testing_support::WireRequest;

WireReply NotFound() {
  return {.status = 404, .body = R"({"code":5,"message":"alias not found","details":[]})"};
}

/// Aliases as the service keeps them; refuses targets that are not in `namespaces`.
class AliasService {
 public:
  WireReply operator()(const WireRequest& request) {
    std::string name = request.target.substr(request.target.rfind('/') + 1);
    const json body = request.body.empty() ? json() : json::parse(request.body);
    if (request.method == "POST" || request.method == "PATCH") {
      name = body.value("name", name);
      const auto target = body["target_namespace"].get<std::string>();
      if (target != "old" && target != "new") {
        return {.status = 400, .body = R"({"code":9,"message":"target does not exist"})"};
      }
      aliases[name] = target;
      if (lose_replies) {
        return {.body = "{}", .fault = WireReply::Fault::kCutInBody};
      }
    } else if (request.method == "DELETE") {
      return aliases.erase(name) > 0 ? WireReply{.body = "{}"} : NotFound();
    } else if (request.target == "/namespace-aliases") {
      return {.body = R"({"namespace_aliases":[]})"};
    } else if (!aliases.contains(name)) {
      return NotFound();
    }
    return {.body = json{{"name", name}, {"target_namespace", aliases[name]}}.dump()};
  }

  std::map<std::string, std::string> aliases;
  bool lose_replies = false;
};

PineconeAliases Aliases(const std::string& url) {
  return PineconeAliases(
      ApiClient(std::make_shared<HttpClient>(), {.service = PineconeService(), .base_url = url}));
}

/// Where the alias leads; "-": nowhere.
std::string Target(PineconeAliases& aliases, std::string_view alias) {
  const auto found = aliases.Find(alias, {});
  EXPECT_TRUE(found) << found.error().message;
  return found->value_or("-");
}

TEST(PineconeAliases, MakesMovesAndRemovesAnAlias) {
  AliasService service;
  HttpTestServer server(std::ref(service));
  PineconeAliases aliases = Aliases(server.url());
  EXPECT_EQ(aliases.Offered({}), true);
  EXPECT_EQ(Target(aliases, "live"), "-");
  ASSERT_TRUE(aliases.Point("live", "old", {}));
  EXPECT_EQ(Target(aliases, "live"), "old");
  ASSERT_TRUE(aliases.Point("live", "new", {}));
  ASSERT_TRUE(aliases.Point("live", "new", {}));
  EXPECT_EQ(Target(aliases, "live"), "new");
  ASSERT_TRUE(aliases.Remove("live", {}));
  ASSERT_TRUE(aliases.Remove("live", {}));
  EXPECT_TRUE(service.aliases.empty());
}

TEST(PineconeAliases, ARefusedMoveLeavesTheAliasWhereItLed) {
  AliasService service;
  service.aliases["live"] = "old";
  HttpTestServer server(std::ref(service));
  const Status moved = Aliases(server.url()).Point("live", "nowhere", {});
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(moved.error().hint.empty());
  EXPECT_EQ(service.aliases["live"], "old");
}

TEST(PineconeAliases, ALostReplyIsJudgedByWhatTheAliasSays) {
  AliasService service;
  service.lose_replies = true;
  HttpTestServer server(std::ref(service));
  EXPECT_TRUE(Aliases(server.url()).Point("live", "new", {}));
}

TEST(PineconeAliases, AServerThatDoesNotKnowThemHasNone) {
  for (const int status : {400, 404, 405, 501}) {
    HttpTestServer server([&](const WireRequest&) { return WireReply{.status = status}; });
    EXPECT_EQ(Aliases(server.url()).Offered({}), false) << status;
  }
  HttpTestServer server([](const WireRequest&) { return WireReply{.status = 401}; });
  const auto refused = Aliases(server.url()).Offered({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
}

}  // namespace
}  // namespace rehome
