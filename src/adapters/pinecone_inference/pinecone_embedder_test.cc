#include "adapters/pinecone_inference/pinecone_embedder.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/http_test_server.h"

namespace rehome {
namespace {

using nlohmann::json;
using testing_support::HttpTestServer;
using testing_support::WireReply;
using testing_support::WireRequest;

WireReply Answer(const WireRequest& request) {
  const json asked = json::parse(request.body);
  json data = json::array();
  for (const json& input : asked["inputs"]) {
    data.push_back(
        {{"vector_type", "dense"},
         {"values", std::vector<float>(384, std::stof(input["text"].get<std::string>()))}});
  }
  return {.body = json{{"data", data}, {"usage", {{"total_tokens", data.size()}}}}.dump()};
}

PineconeInferenceOptions Options(const std::string& url, std::string model = "llama-text-embed-v2",
                                 int dimensions = 384) {
  return {.url = url + "/",
          .model = std::move(model),
          .dimensions = dimensions,
          .api_key = Secret("pk")};
}

TEST(PineconeEmbedder, SplitsAt96AndKeepsTheOrder) {
  HttpTestServer server(Answer);
  const auto embedder =
      PineconeEmbedder::Create(Options(server.url()), std::make_shared<HttpClient>());
  ASSERT_TRUE(embedder);
  std::vector<std::string> texts;
  for (int i = 1; i <= 100; ++i) {
    texts.push_back(std::to_string(i));
  }
  const auto answer = (*embedder)->Embed(texts, TextRole::kQuery, {});
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->vectors.size(), 100U);
  EXPECT_EQ(answer->vectors[99][0], 100.0F);
  EXPECT_EQ(answer->tokens, 100U);
  ASSERT_EQ(server.requests().size(), 2U);
  const auto request = server.requests()[0];
  EXPECT_EQ(request.target, "/embed");
  EXPECT_EQ(request.headers.at("api-key"), "pk");
  EXPECT_EQ(request.headers.at("x-pinecone-api-version"), "2026-07");
  const json parameters = json::parse(request.body)["parameters"];
  EXPECT_EQ(parameters["input_type"], "query");
  EXPECT_EQ(parameters["dimension"], 384);
}

TEST(PineconeEmbedder, RefusesModelsAndDimensionsThatCannotBe) {
  const auto client = std::make_shared<HttpClient>();
  EXPECT_FALSE(
      PineconeEmbedder::Create(Options("http://h", "pinecone-sparse-english-v0", 0), client));
  EXPECT_FALSE(PineconeEmbedder::Create(Options("http://h", "multilingual-e5-large", 384), client));
  EXPECT_FALSE(PineconeEmbedder::Create(Options("http://h", "another", 0), client));
  const auto known =
      PineconeEmbedder::Create(Options("http://h", "multilingual-e5-large", 0), client);
  ASSERT_TRUE(known);
  EXPECT_EQ((*known)->Dimension(), 1024);
}

TEST(PineconeEmbedder, DoesNotBelieveABadAnswer) {
  HttpTestServer server([](const WireRequest&) {
    return WireReply{.body = R"({"data":[{"values":[1]}],"usage":{"total_tokens":1}})"};
  });
  const auto embedder =
      PineconeEmbedder::Create(Options(server.url()), std::make_shared<HttpClient>());
  ASSERT_TRUE(embedder);
  const auto one = (*embedder)->Embed(std::vector<std::string>{"1"}, TextRole::kPassage, {});
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().code, ErrorCode::kFailedPrecondition);
  const auto two = (*embedder)->Embed(std::vector<std::string>{"1", "2"}, TextRole::kPassage, {});
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, ErrorCode::kOutcomeUnknown);  // it may be billed
}

}  // namespace
}  // namespace rehome
