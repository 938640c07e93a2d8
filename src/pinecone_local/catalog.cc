#include "pinecone_local/catalog.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/atomic_file.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::string_view kExtension = ".vectors";

std::string ThisProcess() {
  std::array<char, 256> host{};
  static_cast<void>(::gethostname(host.data(), host.size() - 1));
  return fmt::format("process {} on {}", ::getpid(), host.data());
}

std::unexpected<Error> NotFound(std::string_view name) {
  return Fail(ErrorCode::kNotFound, fmt::format("Index {} not found.", name));
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::Open(std::filesystem::path dir, LogFile::Mode mode) {
  std::unique_ptr<Catalog> catalog(new Catalog(std::move(dir), mode));
  if (mode == LogFile::Mode::kReadWrite) {
    REHOME_TRY(catalog->Lock());
  }
  REHOME_TRY(catalog->OpenStored());
  return catalog;
}

Status Catalog::Lock() {
  std::error_code error;
  std::filesystem::create_directories(dir_, error);
  if (error) {
    return std::unexpected(FileError(error.value(), "cannot create", dir_));
  }
  const std::filesystem::path path = dir_ / "lock";
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    return std::unexpected(FileError(errno, "cannot open", path));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const auto holder = ReadFile(path);
    return Fail(ErrorCode::kLeaseHeld,
                fmt::format("{} is in use by {}", dir_.string(),
                            holder && !holder->empty() ? *holder : "another process"),
                "stop that process, or reach its vectors through its URL instead of the directory");
  }
  const std::string holder = ThisProcess();
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    return std::unexpected(FileError(errno, "cannot write", path));
  }
  lock_ = std::move(fd);
  return {};
}

Status Catalog::OpenStored() {
  std::error_code error;
  std::filesystem::directory_iterator entries(dir_, error);
  if (error) {
    return error == std::errc::no_such_file_or_directory
               ? Status{}
               : std::unexpected(FileError(error.value(), "cannot read", dir_));
  }
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const auto& path = entries->path();
    if (path.extension() != kExtension) {
      continue;
    }
    const std::string name = path.stem().string();
    REHOME_TRY_ASSIGN(indexes_[name], Index::Open(path, mode_, {.name = name}));
  }
  return error ? std::unexpected(FileError(error.value(), "cannot read", dir_)) : Status{};
}

std::filesystem::path Catalog::FileOf(std::string_view name) const {
  return dir_ / fmt::format("{}{}", name, kExtension);
}

Result<std::shared_ptr<Index>> Catalog::Find(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = indexes_.find(name);
  return found == indexes_.end() ? NotFound(name) : Result<std::shared_ptr<Index>>(found->second);
}

Result<std::shared_ptr<Index>> Catalog::FindMade(std::string_view name) const {
  REHOME_TRY_ASSIGN(auto index, Find(name));
  return index->config().is_open() ? NotFound(name) : Result<std::shared_ptr<Index>>(index);
}

std::vector<std::shared_ptr<Index>> Catalog::All() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<Index>> all;
  for (const auto& [name, index] : indexes_) {
    all.push_back(index);
  }
  return all;
}

std::vector<std::shared_ptr<Index>> Catalog::Made() const {
  auto made = All();
  std::erase_if(made, [](const auto& index) { return index->config().is_open(); });
  return made;
}

Result<std::shared_ptr<Index>> Catalog::Create(const IndexConfig& config) {
  const std::scoped_lock lock(mutex_);
  REHOME_TRY(CheckIndexName(config.name));
  if (const auto found = indexes_.find(config.name); found != indexes_.end()) {
    REHOME_TRY(found->second->Define(config));
    return found->second;
  }
  REHOME_TRY_ASSIGN(auto index, Index::Open(FileOf(config.name), mode_, config));
  indexes_[config.name] = index;
  return index;
}

Status Catalog::Remove(std::string_view name) {
  REHOME_TRY_ASSIGN(const auto index, FindMade(name));
  if (index->config().deletion_protected) {
    return Fail(ErrorCode::kFailedPrecondition,
                "Deletion protection is enabled for this index. Disable deletion protection before "
                "retrying.");
  }
  if (mode_ == LogFile::Mode::kReadOnly) {
    return Fail(ErrorCode::kFailedPrecondition, "this server is read-only");
  }
  const std::scoped_lock lock(mutex_);
  const std::filesystem::path file = FileOf(name);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
    return std::unexpected(FileError(errno, "cannot remove", file));
  }
  if (const auto found = indexes_.find(name); found != indexes_.end()) {
    indexes_.erase(found);
  }
  return SyncDirectory(dir_);
}

}  // namespace rehome::pinecone_local
