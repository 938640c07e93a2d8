// pinecone_replies.cc — what a service (or a proxy before it) may answer. An answer that makes no
// sense is said to be one, to be asked for again; one that does gives the record that was sent.
#include "adapters/pinecone/replies.h"

#include "adapters/http/api_error.h"
#include "adapters/pinecone/error_hints.h"
#include "model/vector_record.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

template <class T>
void CheckReply(const Result<T>& reply) {
  if (!reply) {
    fuzz::CheckRefusal(reply.error(), ErrorCode::kUnavailable);
  }
}

void CheckRecord(const VectorRecord& record) {
  const std::string json = VectorJson(record);
  const auto fetched = ReadFetched("{\"namespace\":\"n\",\"vectors\":{\"any\":" + json + "}}");
  CHECK(fetched.has_value());
  CHECK(*fetched == std::vector{record});
  const auto matched = ReadMatches("{\"matches\":[" + json + "]}");
  CHECK(matched.has_value() && matched->size() == 1);
  CHECK(matched->front().id == record.id && matched->front().metadata == record.metadata);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body = fuzz::Text(data, size);
  CheckReply(ReadFetched(body));
  CheckReply(ReadMatches(body));
  CheckReply(ReadIdPage(body));
  CheckReply(ReadStatistics(body));
  CheckReply(ReadUpsertedCount(body));
  CheckReply(ReadIndexModel(body));
  CheckReply(ReadAliasTarget(body));
  static_cast<void>(IsNotFoundStatus(body));
  if (const auto record = ParseVectorJson(body)) {
    CheckRecord(*record);
  }
  for (const int status : {400, 403, 404, 429, 500}) {
    const HttpResponse response{.status = status, .headers = {}, .body = std::string(body)};
    const Secret secret("hunter2-hunter2");
    const Error error = ApiError(PineconeService(), "upsert", response, secret);
    CHECK(!error.message.empty());
    CHECK(error.message.find(secret.Reveal()) == std::string::npos);
  }
  return 0;
}
