#pragma once
// position.h — where a feed stands, as printable text. MongoDB gives one stream for a database; a
// server that has streams of single collections only gives one each, so a position is a map from
// stream to place: {"":{"resumeAfter":{…}}} or {"jobs":{"startAtOperationTime":{…}},…}.
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "model/document.h"
#include "ports/change_feed.h"

namespace rehome::mongodb {

/// The name of the stream of a whole database.
inline constexpr std::string_view kWholeDatabase;

/// What $changeStream is told, by stream: resumeAfter or startAtOperationTime.
using Places = std::map<std::string, Document, std::less<>>;

[[nodiscard]] ChangePosition ToPosition(const Places& places);
/// kInvalidArgument: text that no MongoDB feed wrote.
[[nodiscard]] Result<Places> ParsePosition(const ChangePosition& position);

[[nodiscard]] Document ResumeAfter(DocumentView token);
/// The first operation after the one at `time` (seconds in the upper half, a counter in the lower).
[[nodiscard]] Document StartAfterTime(std::uint64_t time);
/// Whether it is a time, not a token.
[[nodiscard]] bool StartsAtTime(const Document& place);
/// Everything before this was seen: the cluster time that a resume token begins with; nothing for tokens of another make.
[[nodiscard]] std::optional<std::uint64_t> TimeOf(const Document& place);

}  // namespace rehome::mongodb
