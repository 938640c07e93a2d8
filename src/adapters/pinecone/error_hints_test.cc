#include "adapters/pinecone/error_hints.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

Error Of(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return ApiError(PineconeService(), "upsert", response, {});
}

TEST(PineconeRefusals, EveryRowIsReachedByWhatItSaysAndSaysWhatToDo) {
  for (const ApiRefusal& row : PineconeService().refusals) {
    SCOPED_TRACE(std::string(row.says) + " " + std::to_string(row.status));
    const Error error = Of(row.status, std::string(row.says));
    EXPECT_EQ(error.code, row.code);
    EXPECT_EQ(error.hint, row.hint);
    EXPECT_FALSE(row.hint.empty());
  }
}

struct Said {
  int status;
  const char* body;
  ErrorCode code;
  const char* next;  // a part of the hint
};

class PineconeSays : public testing::TestWithParam<Said> {};

TEST_P(PineconeSays, WhatItMeansAndWhatToDoNext) {
  const Said& said = GetParam();
  const Error error = Of(said.status, said.body);
  EXPECT_EQ(error.code, said.code) << error.message;
  EXPECT_NE(error.hint.find(said.next), std::string::npos) << error.hint;
}

using enum ErrorCode;

INSTANTIATE_TEST_SUITE_P(
    Texts, PineconeSays,
    testing::Values(
        Said{
            400,
            R"({"code":11,"message":"Your request is larger than the maximum supported size - 2MB. Please try to reduce your batch size.","details":[]})",
            kInvalidArgument, "index.metadata"},
        Said{
            400,
            R"({"code":3,"message":"Vector dimension 2 does not match the dimension of the index 3","details":[]})",
            kInvalidArgument, "index.embedder.dimensions"},
        Said{500, R"({"error":{"message":"cannot write x: No space left on device"}})",
             kResourceExhausted, "disk"},
        Said{
            400,
            R"({"code":3,"message":"Dense vectors must contain at least one non-zero value. Vector ID 'x' contains only zeros"})",
            kInvalidArgument, "zero vector"},
        Said{
            400,
            R"({"code":3,"message":"Index configuration does not support sparse values - only indexes that are sparse or using dotproduct are supported"})",
            kFailedPrecondition, "dotproduct"},
        Said{
            400,
            R"({"code":3,"message":"Cannot query index with dense 'vector_type' with only sparse vector"})",
            kFailedPrecondition, "dense index"},
        Said{
            400,
            R"({"code":3,"message":"Metadata size is 50000 bytes, which exceeds the limit of 40960 bytes per vector"})",
            kInvalidArgument, "40,960"},
        Said{
            400,
            R"({"code":3,"message":"Metadata value must be a string, number, boolean or list of strings, got '[1.0,2.0]' for field 'document'"})",
            kInvalidArgument, "items.fields"},
        Said{400, R"({"code":3,"message":"this index serves documents only"})", kFailedPrecondition,
             "documents index"},
        Said{401, "Unauthorized", kUnauthenticated, "PINECONE_API_KEY"},
        Said{
            402,
            R"({"status":402,"error":{"code":"PAYMENT_REQUIRED","message":"Request failed. Pay all past due invoices"}})",
            kFailedPrecondition, "pay what is due"},
        Said{
            403,
            R"({"status":403,"error":{"code":"FORBIDDEN","message":"Deletion protection is enabled for this index. Disable deletion protection before retrying."}})",
            kFailedPrecondition, "deletion protection"},
        Said{403, R"({"error":{"code":"FORBIDDEN","message":"Increase your quota or upgrade"}})",
             kFailedPrecondition, "rehome check"},
        Said{
            403,
            R"({"code":7,"message":"Request failed. You've reached the max namespaces allowed in serverless index demo. To add more namespaces, upgrade your plan.","details":[]})",
            kFailedPrecondition, "delete those that nobody uses"},
        Said{
            403,
            R"({"status":403,"error":{"code":"FORBIDDEN","message":"Request failed. You've reached the max serverless indexes allowed in project p (5). Use namespaces to partition your data into logical groups, or upgrade your plan to add more indexes."}})",
            kFailedPrecondition, "upgrade"},
        Said{403, R"({"message":"You have reached the storage limit"})", kFailedPrecondition,
             "upgrade"},
        Said{403, R"({"message":"Forbidden"})", kUnauthenticated, "DataPlaneEditor"},
        Said{404, R"({"code":5,"message":"Namespace not found","details":[]})", kNotFound,
             "namespace"},
        Said{404,
             R"({"status":404,"error":{"code":"NOT_FOUND","message":"Index nope not found."}})",
             kNotFound, "create the index"},
        Said{404, R"({"error":{"message":"Resource cloud: aws region: xx not found."}})", kNotFound,
             "region"},
        Said{404, "", kNotFound, "address"},
        Said{409, R"({"error":{"code":"ALREADY_EXISTS","message":"Resource already exists."}})",
             kAlreadyExists, "another name"},
        Said{412, R"({"error":{"code":"FAILED_PRECONDITION","message":"pending"}})",
             kFailedPrecondition, "ready"},
        Said{413, "", kInvalidArgument, "too large"}, Said{414, "", kFailedPrecondition, "URLs"},
        Said{
            422,
            R"({"error":{"message":"Failed to deserialize the JSON body into the target type: missing field"}})",
            kInvalidArgument, "API version"},
        Said{
            429,
            R"({"code":8,"message":"Request failed. You've reached the query QPS limit for namespace ns (100 QPS). Pace your queries"})",
            kResourceExhausted, "limits.vectors_per_s"},
        Said{
            429,
            R"({"message":"You've reached your write unit limit for the current month (2000000)."})",
            kFailedPrecondition, "upgrade"},
        Said{500, R"({"code":13,"message":"internal"})", kUnavailable, "status.pinecone.io"},
        Said{502, "Bad Gateway", kUnavailable, "status.pinecone.io"},
        Said{503, R"({"code":14,"message":"unavailable"})", kUnavailable, "status.pinecone.io"},
        Said{504, "", kUnavailable, "status.pinecone.io"},
        Said{501, R"({"code":12,"message":"not implemented"})", kFailedPrecondition, "offer"},
        Said{302, "", kFailedPrecondition, "redirects"}));

}  // namespace
}  // namespace rehome
