#include "pinecone_local/record_table.h"

namespace rehome::pinecone_local {

std::uint64_t RecordTable::Put(std::uint64_t offset, const OperationView& record) {
  const auto [at, is_new] =
      ids_.try_emplace(std::string(record.text), static_cast<std::uint32_t>(rows_.size()));
  if (is_new) {
    rows_.push_back({.at = {}, .id = &at->first});
  }
  Row& row = rows_[at->second];
  const std::uint64_t before = row.at.bytes;
  row.at = {.offset = offset, .bytes = record.bytes.size()};
  codes_.Set(at->second, record.values, record.norm);
  return before;
}

std::uint64_t RecordTable::Remove(std::string_view id) {
  const auto found = ids_.find(id);
  if (found == ids_.end()) {
    return 0;
  }
  const std::uint32_t number = found->second;
  const std::uint64_t bytes = rows_[number].at.bytes;
  if (number + 1 != rows_.size()) {
    rows_[number] = rows_.back();
    ids_.find(*rows_[number].id)->second = number;
  }
  rows_.pop_back();
  codes_.RemoveSwap(number);
  ids_.erase(found);
  return bytes;
}

void RecordTable::Clear() {
  ids_.clear();
  rows_.clear();
  codes_.Clear();
}

std::optional<StoredAt> RecordTable::Find(std::string_view id) const {
  const auto found = ids_.find(id);
  return found == ids_.end() ? std::nullopt : std::optional(rows_[found->second].at);
}

}  // namespace rehome::pinecone_local
