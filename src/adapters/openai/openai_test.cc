#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "adapters/openai/openai_chat.h"
#include "adapters/openai/openai_embedder.h"
#include "model/base64.h"
#include "tests/support/http_test_server.h"

namespace rehome {
namespace {

using nlohmann::json;
using testing_support::HttpTestServer;
using testing_support::WireReply;
using testing_support::WireRequest;

/// Texts "1", "2", … become {number, 1}.
json Answer(const WireRequest& request, bool base64) {
  const json asked = json::parse(request.body);
  json data = json::array();
  for (std::size_t i = asked["input"].size(); i-- > 0;) {  // backwards: only `index` tells
    const std::vector<float> values{std::stof(asked["input"][i].get<std::string>()), 1};
    json embedding = values;
    if (base64) {
      std::string text;
      AppendBase64(text, {reinterpret_cast<const char*>(values.data()), 8});
      embedding = text;
    }
    data.push_back({{"index", i}, {"embedding", embedding}});
  }
  return {{"data", data}, {"usage", {{"total_tokens", 7}}}};
}

OpenAiOptions Options(const std::string& url) {
  return {.base_url = url + "/v1/",
          .model = "mini",
          .dimensions = 2,
          .api_key = Secret("sk-1"),
          .organization = "org",
          .project = {},
          .terms = {}};
}

std::unique_ptr<OpenAiEmbedder> Embedder2(const OpenAiOptions& options) {
  auto embedder = OpenAiEmbedder::Create(options, std::make_shared<HttpClient>());
  EXPECT_TRUE(embedder);
  return *std::move(embedder);
}

class OpenAiEncoding : public testing::TestWithParam<bool> {};

TEST_P(OpenAiEncoding, MatchesAnswersByIndexAndSumsTokens) {
  HttpTestServer server([&](const WireRequest& request) {
    return WireReply{.body = Answer(request, GetParam()).dump()};
  });
  const auto embedder = Embedder2(Options(server.url()));
  const auto answer =
      embedder->Embed(std::vector<std::string>{"1", "2", "3"}, TextRole::kPassage, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->vectors, (std::vector<std::vector<float>>{{1, 1}, {2, 1}, {3, 1}}));
  EXPECT_EQ(answer->tokens, 7U);
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.target, "/v1/embeddings");
  EXPECT_EQ(request.headers.at("authorization"), "Bearer sk-1");
  EXPECT_EQ(request.headers.at("openai-organization"), "org");
  EXPECT_EQ(json::parse(request.body)["dimensions"], 2);
  EXPECT_EQ(json::parse(request.body)["encoding_format"], "base64");
}
INSTANTIATE_TEST_SUITE_P(Both, OpenAiEncoding, testing::Bool());

TEST(OpenAiEmbedder, AsksWithoutParametersThatTheServerRefuses) {
  HttpTestServer server([](const WireRequest& request) {
    const json asked = json::parse(request.body);
    for (const char* name : {"encoding_format", "dimensions"}) {
      if (asked.contains(name)) {
        return WireReply{
            .status = 400,
            .body = json{{"error", {{"message", std::string("unknown: ") + name}}}}.dump()};
      }
    }
    return WireReply{.body = Answer(request, false).dump()};
  });
  const auto embedder = Embedder2(Options(server.url()));
  ASSERT_TRUE(embedder->Embed(std::vector<std::string>{"1"}, TextRole::kPassage, {}));
  EXPECT_EQ(server.requests().size(), 3U);
  ASSERT_TRUE(embedder->Embed(std::vector<std::string>{"2"}, TextRole::kPassage, {}));
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST(OpenAiEmbedder, SplitsByCount) {
  HttpTestServer server(
      [](const WireRequest& request) { return WireReply{.body = Answer(request, true).dump()}; });
  const auto embedder = Embedder2(Options(server.url()));
  const std::vector<std::string> texts(2049, "5");
  const auto answer = embedder->Embed(texts, TextRole::kPassage, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->vectors.size(), 2049U);
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(OpenAiEmbedder, RefusesEmptyAndTooLongTextsBeforeSending) {
  HttpTestServer server([](const WireRequest&) { return WireReply{}; });
  const auto embedder = Embedder2(Options(server.url()));
  for (const std::string& bad : {std::string(" \n"), std::string(30'000, 'x')}) {
    const auto answer =
        embedder->Embed(std::vector<std::string>{"fine", bad}, TextRole::kPassage, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(answer.error().message.find("text 1"), std::string::npos);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST(OpenAiEmbedder, TakesPriceAndLengthFromThePlan) {
  HttpTestServer server([](const WireRequest&) { return WireReply{}; });
  OpenAiOptions options = Options(server.url());
  options.terms = {.dollars_per_million_tokens = 0.5, .text_tokens_max = 3};
  const auto embedder = Embedder2(options);
  EXPECT_EQ(embedder->DollarsPerMillionTokens(), 0.5);
  EXPECT_EQ(embedder->InputTokensMax(), 3U);
  const auto answer =
      embedder->Embed(std::vector<std::string>{"four words of text"}, TextRole::kPassage, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
}

TEST(OpenAiEmbedder, PacksByTokensAndSaysWhatOneRequestTakes) {
  HttpTestServer server(
      [](const WireRequest& request) { return WireReply{.body = Answer(request, false).dump()}; });
  const auto embedder = Embedder2(Options(server.url()));
  const std::string long_text = "1" + std::string(20'000, ' ') + "x";  // about 20,000 tokens
  OpenAiOptions options = Options(server.url());
  options.terms.text_tokens_max = 30'000;
  const auto patient = Embedder2(options);
  const std::vector<std::string> texts(40, long_text);
  EXPECT_EQ(patient->OneRequest(texts), 14U);  // 300,000 tokens
  const auto answer = patient->Embed(texts, TextRole::kPassage, {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST(OpenAiEmbedder, SaysWhatToDoAboutEachRefusal) {
  struct Said {
    int status;
    const char* body;
    ErrorCode code;
    const char* next;
  };
  for (const Said& said : {
           Said{400,
                R"({"error":{"message":"This model's maximum context length is 8192 tokens"}})",
                ErrorCode::kInvalidArgument, "too_long"},
           Said{400, R"({"error":{"code":"content_filter","message":"filtered: content_filter"}})",
                ErrorCode::kInvalidArgument, "filter"},
           Said{401, R"({"error":{"message":"Incorrect API key provided"}})",
                ErrorCode::kUnauthenticated, "OPENAI_API_KEY"},
           Said{403, R"({"error":{"message":"Country not supported"}})",
                ErrorCode::kFailedPrecondition, "country"},
           Said{403, R"({"error":{"message":"Project does not have access"}})",
                ErrorCode::kUnauthenticated, "organization"},
           Said{404, R"({"error":{"code":"DeploymentNotFound","message":"no"}})",
                ErrorCode::kFailedPrecondition, "deployments/DEPLOYMENT"},
           Said{404, R"({"error":{"message":"The model `x` does not exist"}})",
                ErrorCode::kFailedPrecondition, "index.embedder.model"},
           Said{404, "", ErrorCode::kFailedPrecondition, "/v1"},
           Said{429, R"({"error":{"message":"no","code":"insufficient_quota"}})",
                ErrorCode::kFailedPrecondition, "billing"},
           // Google's, of a minute's rate; OpenAI's, of spent credit, has the code above.
           Said{429, R"({"error":{"message":"You exceeded your current quota"}})",
                ErrorCode::kResourceExhausted, "embed_tokens_per_min"},
           Said{429, R"({"error":{"message":"Rate limit reached"}})", ErrorCode::kResourceExhausted,
                "embed_tokens_per_min"},
           Said{500, "", ErrorCode::kUnavailable, "status page"},
       }) {
    HttpTestServer server(
        [&](const WireRequest&) { return WireReply{.status = said.status, .body = said.body}; });
    const auto answer = Embedder2(Options(server.url()))
                            ->Embed(std::vector<std::string>{"1"}, TextRole::kPassage, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, said.code) << said.body;
    EXPECT_NE(answer.error().hint.find(said.next), std::string::npos) << answer.error().hint;
  }
}

TEST(OpenAiEmbedder, DoesNotBelieveABadAnswer) {
  std::string body;
  HttpTestServer server([&](const WireRequest&) { return WireReply{.body = body}; });
  const auto embedder = Embedder2(Options(server.url()));
  for (const char* bad :
       {"<html>", "{}", R"({"data":[]})", R"({"data":[{"index":1,"embedding":[1,1]}]})",
        R"({"data":[{"index":0,"embedding":"!!"}]})",
        R"({"data":[{"index":0,"embedding":[null,1]}]})"}) {
    body = bad;
    const auto answer = embedder->Embed(std::vector<std::string>{"1"}, TextRole::kPassage, {});
    ASSERT_FALSE(answer) << bad;
    EXPECT_EQ(answer.error().code, ErrorCode::kOutcomeUnknown) << bad;  // it may be billed
  }
  body = R"({"data":[{"index":0,"embedding":[0,0]}]})";  // billed, and of this text alone
  EXPECT_EQ(embedder->Embed(std::vector<std::string>{"1"}, TextRole::kPassage, {}).error().code,
            ErrorCode::kDataLoss);
  body = R"({"data":[{"index":0,"embedding":[1,1,1]}]})";
  EXPECT_EQ(embedder->Embed(std::vector<std::string>{"1"}, TextRole::kPassage, {}).error().code,
            ErrorCode::kFailedPrecondition);
}

TEST(OpenAiEmbedder, KnowsOpenAisModels) {
  const auto client = std::make_shared<HttpClient>();
  const auto create = [&](std::string model, int dimensions) {
    return OpenAiEmbedder::Create({.model = std::move(model),
                                   .dimensions = dimensions,
                                   .api_key = {},
                                   .organization = {},
                                   .project = {}},
                                  client);
  };
  const auto small = create("text-embedding-3-small", 0);
  ASSERT_TRUE(small);
  EXPECT_EQ((*small)->Dimension(), 1536);
  EXPECT_TRUE((*small)->Normalised());
  EXPECT_GT((*small)->DollarsPerMillionTokens(), 0);
  EXPECT_FALSE(create("text-embedding-ada-002", 100));
  EXPECT_FALSE(create("unknown", 0));
  EXPECT_FALSE(create("", 10));
}

TEST(OpenAiEmbedder, CarriesRetryAfterAndNeverTheKey) {
  HttpTestServer server([](const WireRequest&) {
    return WireReply{.status = 429,
                     .headers = {{"Retry-After", "3"}},
                     .body = R"({"error":{"message":"slow down, sk-1"}})"};
  });
  const auto answer = Embedder2(Options(server.url()))
                          ->Embed(std::vector<std::string>{"1"}, TextRole::kPassage, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(answer.error().retry_after_ms, 3000);
  EXPECT_EQ(answer.error().message.find("sk-1"), std::string::npos);
}

TEST(OpenAiEmbedder, KeepsAQueryOfTheBaseAtTheEnd) {
  HttpTestServer server(
      [](const WireRequest& request) { return WireReply{.body = Answer(request, true).dump()}; });
  OpenAiOptions options = Options(server.url());
  options.base_url = server.url() + "/deployments/d/?api-version=1";
  ASSERT_TRUE(Embedder2(options)->Embed(std::vector<std::string>{"1"}, TextRole::kPassage, {}));
  EXPECT_EQ(server.requests().at(0).target, "/deployments/d/embeddings?api-version=1");
}

TEST(OpenAiChat, SendsInstructionsAndInputAndReadsTheText) {
  HttpTestServer server([](const WireRequest&) {
    return WireReply{.body = R"({"choices":[{"message":{"content":"Dear client"}}]})"};
  });
  const auto chat = OpenAiChat::Create(Options(server.url()), std::make_shared<HttpClient>());
  ASSERT_TRUE(chat);
  const auto text = (*chat)->Complete("be \"brief\"", "write", {});
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "Dear client");
  const json asked = json::parse(server.requests().at(0).body);
  EXPECT_EQ(server.requests().at(0).target, "/v1/chat/completions");
  EXPECT_EQ(asked["messages"][0]["content"], "be \"brief\"");
  EXPECT_EQ(asked["messages"][1]["role"], "user");
}

TEST(OpenAiChat, AnAnswerWithoutTextIsUnavailable) {
  HttpTestServer server([](const WireRequest&) { return WireReply{.body = R"({"choices":[]})"}; });
  const auto chat = OpenAiChat::Create(Options(server.url()), std::make_shared<HttpClient>());
  ASSERT_TRUE(chat);
  EXPECT_EQ((*chat)->Complete("a", "b", {}).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace rehome
