#pragma once
// cluster_time.h — timestamps of a replica set or a cluster, as one number: seconds in the upper half.
#include <cstdint>
#include <string_view>

#include "model/document.h"

namespace rehome::mongodb {

/// The field of an answer that says how far the server was.
inline constexpr std::string_view kOperationTime = "operationTime";

/// 0: there is none.
[[nodiscard]] std::uint64_t TimestampField(DocumentView document, std::string_view key);
[[nodiscard]] Value Timestamp(std::uint64_t time);

}  // namespace rehome::mongodb
