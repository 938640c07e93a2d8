#pragma once
// catalog.h — the indexes of one directory: DIR/lock and DIR/NAME.vectors for each. Held by one
// process at a time.
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "pinecone_local/index.h"

namespace rehome::pinecone_local {

class Catalog {
 public:
  /// Opens every index in `dir`. Read-only, a missing directory is empty and nothing is locked;
  /// else it is created and locked: kLeaseHeld names the process that has it.
  [[nodiscard]] static Result<std::unique_ptr<Catalog>> Open(std::filesystem::path dir,
                                                             LogFile::Mode mode);

  /// kNotFound with the API's text.
  [[nodiscard]] Result<std::shared_ptr<Index>> Find(std::string_view name) const;
  [[nodiscard]] std::vector<std::shared_ptr<Index>> All() const;
  /// As the control plane knows them: an index that is still open is none.
  [[nodiscard]] Result<std::shared_ptr<Index>> FindMade(std::string_view name) const;
  [[nodiscard]] std::vector<std::shared_ptr<Index>> Made() const;
  /// kAlreadyExists; an index of that name that is still open becomes what `config` says.
  /// Read-only, the new index is in memory only.
  [[nodiscard]] Result<std::shared_ptr<Index>> Create(const IndexConfig& config);
  /// kNotFound, kFailedPrecondition when protected or read-only. Requests that have the index
  /// finish on it.
  [[nodiscard]] Status Remove(std::string_view name);

 private:
  Catalog(std::filesystem::path dir, LogFile::Mode mode) : dir_(std::move(dir)), mode_(mode) {}
  [[nodiscard]] Status Lock();
  [[nodiscard]] Status OpenStored();
  [[nodiscard]] std::filesystem::path FileOf(std::string_view name) const;

  // Constant after construction.
  const std::filesystem::path dir_;
  const LogFile::Mode mode_;
  FileDescriptor lock_;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Index>, std::less<>> indexes_;  // guarded by mutex_
};

}  // namespace rehome::pinecone_local
