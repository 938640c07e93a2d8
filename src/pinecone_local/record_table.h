#pragma once
// record_table.h — the records of one namespace: where each lies in the log, by id and as rows that
// a search walks.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pinecone_local/log_record.h"
#include "pinecone_local/quantised_rows.h"

namespace rehome::pinecone_local {

struct StoredAt {
  std::uint64_t offset = 0;  // of the record's operation in the log
  std::uint64_t bytes = 0;
};

class RecordTable {
 public:
  struct Row {
    StoredAt at;
    const std::string* id = nullptr;  // in ids()
  };
  using Ids = std::map<std::string, std::uint32_t, std::less<>>;  // id → row

  /// Inserts or replaces; returns the bytes of what was there.
  std::uint64_t Put(std::uint64_t offset, const OperationView& record);
  /// Returns the bytes of what was there; 0: nothing.
  std::uint64_t Remove(std::string_view id);
  void Clear();

  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] bool contains(std::string_view id) const { return ids_.contains(id); }
  [[nodiscard]] std::optional<StoredAt> Find(std::string_view id) const;
  /// Bytewise ascending.
  [[nodiscard]] const Ids& ids() const { return ids_; }
  [[nodiscard]] const Row& row(std::size_t number) const { return rows_[number]; }
  [[nodiscard]] const QuantisedRows& codes() const { return codes_; }

 private:
  Ids ids_;
  std::vector<Row> rows_;
  QuantisedRows codes_;  // of the same rows
};

}  // namespace rehome::pinecone_local
