#pragma once
// target_writer.h — writes records into a store without losing what is there: absent → insert,
// equal → skip, different → kept and counted, or saved and then replaced. Every record written is
// read back. Shared by restore and load; both can be run again at any time.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/backup.h"
#include "base/clock.h"
#include "base/error.h"
#include "ports/document_store.h"
#include "ports/vector_store.h"

namespace rehome {

/// Counts a record that is kept as the store has it.
void CountDifferent(WrittenCounts& counts, std::string id);

class DocumentWriter {
 public:
  using Save = std::function<Status(const std::string& collection, const Document&)>;
  /// `overwrite` empty: what differs is kept. `store` must outlive it.
  DocumentWriter(DocumentStore& store, std::string collection, Save overwrite, WriteOptions options,
                 const Call& call)
      : store_(store),
        collection_(std::move(collection)),
        overwrite_(std::move(overwrite)),
        options_(options),
        call_(call) {}

  /// Buffers, and writes when a batch is full.
  [[nodiscard]] Status Append(Document document);
  [[nodiscard]] Status Flush();
  [[nodiscard]] WrittenCounts& counts() { return counts_; }

 private:
  [[nodiscard]] Status Settle(const Document& document, WriteResult conflict);
  [[nodiscard]] Status ReadBack(const std::vector<Document>& written);

  DocumentStore& store_;
  std::string collection_;
  Save overwrite_;
  WriteOptions options_;
  Call call_;
  std::vector<Document> batch_;
  std::size_t batch_bytes_ = 0;
  WrittenCounts counts_;
};

class VectorWriter {
 public:
  using Save = std::function<Status(const std::string& ns, const VectorRecord&)>;
  VectorWriter(VectorStore& store, std::string ns, Save overwrite, Clock& clock, const Call& call)
      : store_(store),
        ns_(std::move(ns)),
        overwrite_(std::move(overwrite)),
        clock_(clock),
        call_(call) {}

  [[nodiscard]] Status Append(VectorRecord record);
  [[nodiscard]] Status Flush();
  [[nodiscard]] WrittenCounts& counts() { return counts_; }

 private:
  /// The records of batch_ that must be written; the others are counted.
  [[nodiscard]] Result<std::vector<VectorRecord>> Select();
  /// Waits until the index shows what was written: it is eventually consistent.
  [[nodiscard]] Status ReadBack(const std::vector<VectorRecord>& written);

  VectorStore& store_;
  std::string ns_;
  Save overwrite_;
  Clock& clock_;
  Call call_;
  std::vector<VectorRecord> batch_;
  WrittenCounts counts_;
};

}  // namespace rehome
