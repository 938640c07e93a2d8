#include "adapters/mongodb/position.h"

#include <fmt/format.h>

#include <charconv>

#include "adapters/mongodb/server.h"
#include "model/extended_json.h"
#include "model/fields.h"

namespace rehome::mongodb {
namespace {

constexpr std::string_view kResume = "resumeAfter";
constexpr std::string_view kStart = "startAtOperationTime";
// A token's text is a sort key in hexadecimal: the type of a timestamp, then its 8 bytes.
// mongo-java-server's is those 8 bytes alone.
constexpr std::string_view kTimestampTag = "82";
constexpr std::size_t kTimestampDigits = 16;

}  // namespace

ChangePosition ToPosition(const Places& places) {
  DocumentBuilder out;
  for (const auto& [stream, place] : places) {
    out.Append(stream, place);
  }
  return {ToExtendedJson(out.Finish().view(), JsonMode::kCanonical)};
}

Result<Places> ParsePosition(const ChangePosition& position) {
  const auto refuse = [&] {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("`{}` is no position of a MongoDB change feed", position.token));
  };
  const Result<Document> parsed = ParseExtendedJson(position.token);
  if (!parsed || parsed->view().empty()) {
    return refuse();
  }
  Places out;
  for (const auto& [stream, place] : parsed->view()) {
    if (place.type() != BsonType::kDocument ||
        (!place.AsDocument().Find(kResume) && !place.AsDocument().Find(kStart))) {
      return refuse();
    }
    out.emplace(stream, Document::Trusted(std::string(place.payload())));
  }
  return out;
}

Document ResumeAfter(DocumentView token) {
  return DocumentBuilder().Append(kResume, Document::Trusted(std::string(token.bytes()))).Finish();
}

Document StartAfterTime(std::uint64_t time) {
  return DocumentBuilder().Append(kStart, Timestamp(time + 1)).Finish();
}

bool StartsAtTime(const Document& place) {
  return place.Find(kStart).has_value();
}

std::optional<std::uint64_t> TimeOf(const Document& place) {
  if (const std::uint64_t start = TimestampField(place.view(), kStart); start != 0) {
    return start - 1;
  }
  const std::string data = StringField(DocumentField(place.view(), kResume), "_data");
  const bool bare = data.size() == kTimestampDigits;
  if (!bare &&
      (!data.starts_with(kTimestampTag) || data.size() < kTimestampTag.size() + kTimestampDigits)) {
    return std::nullopt;
  }
  std::uint64_t time = 0;
  const char* first = data.data() + (bare ? 0 : kTimestampTag.size());
  const auto [end, error] = std::from_chars(first, first + kTimestampDigits, time, 16);
  return error == std::errc{} && end == first + kTimestampDigits ? std::optional(time)
                                                                 : std::nullopt;
}

}  // namespace rehome::mongodb
