// addresses.cc — the short texts that name something: a request's path and query, a MongoDB address,
// a field path, a namespace template, a time. Each is read as all of them.
#include <algorithm>

#include "adapters/http/http_client.h"
#include "adapters/mongodb/address.h"
#include "model/iso_time.h"
#include "pinecone_local/conditions.h"
#include "pinecone_local/http_message.h"
#include "plan/namespace_template.h"
#include "plan/plan.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

/// Written as a client would, a target reads as the same one.
void CheckTarget(std::string_view text) {
  using pinecone_local::Target;
  const Result<Target> target = Target::Parse(text);
  if (!target) {
    fuzz::CheckRefusal(target.error(), ErrorCode::kInvalidArgument);
    return;
  }
  std::string written;
  for (const std::string& segment : target->segments) {
    written += "/" + UrlEncode(segment);
  }
  char separator = '?';
  for (const auto& [key, value] : target->query) {
    written += separator + UrlEncode(key) + "=" + UrlEncode(value);
    separator = '&';
  }
  const Result<Target> again = Target::Parse(written);
  CHECK(again.has_value());
  CHECK(again->segments == target->segments && again->query == target->query);
  static_cast<void>(target->Integer("limit", 0));
}

void CheckAddress(std::string_view text) {
  const Result<mongodb::Address> address = mongodb::ParseAddress(text);
  if (!address) {
    fuzz::CheckRefusal(address.error(), ErrorCode::kInvalidArgument);
    return;
  }
  CHECK(!address->hosts.empty() && !address->database.empty());
  CHECK(std::ranges::is_sorted(address->hosts));
  const std::string scrubbed = address->Scrubbed(text);
  for (const std::string& secret : address->secrets) {
    const bool has_stars = secret.find('*') != std::string::npos;  // as what stands for a secret
    CHECK(has_stars || scrubbed.find(secret) == std::string::npos);
  }
}

void CheckTemplate(std::string_view text) {
  if (const Result<NamespaceTemplate> parsed = ParseNamespaceTemplate(text)) {
    CHECK(parsed->Matches(parsed->Expand("org_a", "slug-a")));
  }
  static_cast<void>(PlaceholdersOf(text));
}

void CheckFieldPath(std::string_view text) {
  if (const Result<FieldPath> path = ParseFieldPath(text)) {
    CHECK(path->text == text && !path->steps.empty());
  }
}

void CheckTime(std::string_view text) {
  if (const auto milliseconds = ParseIsoTime(text)) {
    const std::optional<std::string> written = IsoTime(*milliseconds);
    CHECK(!written || ParseIsoTime(*written) == milliseconds);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Text(data, size);
  CheckTarget(text);
  CheckAddress(text);
  CheckTemplate(text);
  CheckFieldPath(text);
  CheckTime(text);
  static_cast<void>(UrlOrigin(text));
  static_cast<void>(pinecone_local::ParseFault(text));
  static_cast<void>(pinecone_local::ParseQuota(text));
  return 0;
}
