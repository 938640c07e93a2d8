#include "adapters/mongodb/cluster_time.h"

namespace rehome::mongodb {

std::uint64_t TimestampField(DocumentView document, std::string_view key) {
  const auto time = document.Find(key);
  return time && time->type() == BsonType::kTimestamp ? static_cast<std::uint64_t>(time->AsInt64())
                                                      : 0;
}

Value Timestamp(std::uint64_t time) {
  std::string payload(8, '\0');
  for (std::size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<char>((time >> (8 * i)) & 0xFFU);
  }
  return Value(ValueView(BsonType::kTimestamp, payload));
}

}  // namespace rehome::mongodb
