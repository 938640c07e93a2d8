#include "adapters/http/api_error.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

const ApiService kService{
    .name = "Service", .hint_key = "key", .hint_quota = "quota", .hint_down = "down"};

Error Of(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.retry_after = Millis{1500};
  return ApiError(kService, "upsert", response, Secret("s3cret"));
}

TEST(ApiError, MapsEveryStatusThatWeReactTo) {
  struct Row {
    int status;
    const char* body;
    ErrorCode code;
    const char* hint;
  };
  for (const Row& row : {
           Row{400, "", ErrorCode::kInvalidArgument, ""},
           Row{401, "Unauthorized", ErrorCode::kUnauthenticated, "key"},
           Row{402, "", ErrorCode::kFailedPrecondition, "quota"},
           Row{403, "", ErrorCode::kUnauthenticated, "key"},
           Row{403, "You have reached your Quota", ErrorCode::kFailedPrecondition, "quota"},
           Row{408, "", ErrorCode::kUnavailable, "down"},
           Row{409, "", ErrorCode::kAlreadyExists, ""},
           Row{412, "", ErrorCode::kFailedPrecondition, ""},
           Row{413, "", ErrorCode::kInvalidArgument, ""},
           Row{429, "", ErrorCode::kResourceExhausted, "quota"},
           Row{429, "insufficient_quota", ErrorCode::kFailedPrecondition, "quota"},
           Row{500, "", ErrorCode::kUnavailable, "down"},
           Row{501, "", ErrorCode::kFailedPrecondition, ""},
           Row{503, "", ErrorCode::kUnavailable, "down"},
       }) {
    const Error error = Of(row.status, row.body);
    EXPECT_EQ(error.code, row.code) << row.status << row.body;
    EXPECT_EQ(error.hint, row.hint) << row.status << row.body;
    EXPECT_EQ(error.retry_after_ms, 1500);
  }
}

TEST(ApiError, NeverRepeatsTheSecret) {
  const Error error = Of(401, R"({"error":{"message":"wrong key s3cret, s3cret"}})");
  EXPECT_EQ(error.message.find("s3cret"), std::string::npos);
  EXPECT_NE(error.message.find("wrong key ***, ***"), std::string::npos);
}

TEST(ApiMessage, FindsTheServicesWordsInEveryShape) {
  EXPECT_EQ(ApiMessage(R"({"status":404,"error":{"code":"NOT_FOUND","message":"a"}})"), "a");
  EXPECT_EQ(ApiMessage(R"({"code":3,"message":"b","details":[]})"), "b");
  EXPECT_EQ(ApiMessage(R"({"error":"c"})"), "c");
  EXPECT_EQ(ApiMessage("plain\ntext"), "plain text");
  EXPECT_EQ(ApiMessage("[1]"), "[1]");
  EXPECT_EQ(ApiMessage(""), "");
}

TEST(ApiMessage, CutsLongTextBetweenCharacters) {
  std::string body;
  while (body.size() < 2000) {
    body += "\xE2\x82\xAC";
  }
  const std::string text = ApiMessage("x" + body);
  EXPECT_LT(text.size(), 700U);
  EXPECT_EQ((text.size() - 1 - std::string(" …").size()) % 3, 0U);
}

}  // namespace
}  // namespace rehome
