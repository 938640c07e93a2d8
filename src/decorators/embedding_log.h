#pragma once
// embedding_log.h — the embedding cache's file: vectors by key, appended and synced. Several
// processes may share it (a lock around each append); what a crash tore off is cut away, what is
// damaged is passed over: a lost entry costs its embedding again and nothing else. Private to this
// folder.
//
// Entry, little-endian: 8 bytes magic, 16 key, 4 dimension, 4 check of the head, 8 check of the
// values, then float32 values. Checks are the first bytes of an MD5.
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/error.h"

namespace rehome {

class EmbeddingLog {
 public:
  using Entry = std::pair<Md5Digest, std::vector<float>>;

  /// Opens or creates the file and reads the heads of its entries. `read_only`: the file stays as
  /// it is, and an absent one is as good as an empty one.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddingLog>> Open(std::filesystem::path path,
                                                                  bool read_only = false);
  EmbeddingLog(const EmbeddingLog&) = delete;
  EmbeddingLog& operator=(const EmbeddingLog&) = delete;
  ~EmbeddingLog();

  /// The newest intact vector of `key`. A damaged one is forgotten.
  [[nodiscard]] std::optional<std::vector<float>> Find(const Md5Digest& key);
  /// On disk (fdatasync) on return.
  [[nodiscard]] Status Append(std::span<const Entry> entries);
  [[nodiscard]] std::size_t count() const { return places_.size(); }

 private:
  struct Place {
    std::uint64_t offset;
    std::uint32_t dimension;
  };
  EmbeddingLog(std::filesystem::path path, int fd, bool read_only)
      : path_(std::move(path)), fd_(fd), read_only_(read_only) {}
  /// Takes in what stands behind scanned_, others' appends included; cuts a torn end off.
  [[nodiscard]] Status CatchUp();
  /// Where the next head with a valid check stands at or behind `from`; `end` if none does.
  [[nodiscard]] std::uint64_t NextHead(std::uint64_t from, std::uint64_t end) const;

  const std::filesystem::path path_;
  const int fd_;  // -1: read only, and there is no file
  const bool read_only_;
  std::map<Md5Digest, Place> places_;
  std::uint64_t scanned_ = 0;  // everything before is in places_
};

}  // namespace rehome
