#include "adapters/sqlite/connections.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "adapters/sqlite/catalog.h"
#include "base/atomic_file.h"

namespace rehome::sqlite {

Error Cancelled(std::string_view what) {
  return Error{ErrorCode::kCancelled, fmt::format("stopped before {}", what), {}};
}

Error Connections::ReadOnlyError() const {
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("{} was opened for reading only", file_.string()),
               "a command that changes nothing tried to write"};
}

Result<std::optional<Connections::Fingerprint>> Connections::Look() const {
  struct stat file{};
  if (::stat(file_.c_str(), &file) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return std::nullopt;
    }
    return std::unexpected(FileError(errno, "cannot look at", file_));
  }
  struct stat wal{};
  const bool has_wal = ::stat((file_.string() + "-wal").c_str(), &wal) == 0 && wal.st_size > 0;
  return Fingerprint{file.st_dev,         file.st_ino,          file.st_size,
                     file.st_mtim.tv_sec, file.st_mtim.tv_nsec, has_wal};
}

Result<bool> Connections::Exists() const {
  REHOME_TRY_ASSIGN(const std::optional<Fingerprint> state, Look());
  return state.has_value();
}

Result<Connections::Reader> Connections::OpenReader(const Fingerprint& state,
                                                    const Call& call) const {
  const bool immutable = !writable() && !state.has_wal;
  const int flags = writable() ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  REHOME_TRY_ASSIGN(std::unique_ptr<Connection> connection,
                    Connection::Open(file_, flags, immutable, call.timeout));
  REHOME_TRY(connection->Execute("PRAGMA query_only=1; PRAGMA cache_size=-8192"));
  return Reader{std::move(connection), immutable ? std::optional(state) : std::nullopt, false};
}

Result<std::optional<Connections::Reader>> Connections::Acquire(const Call& call) {
  REHOME_TRY_ASSIGN(const std::optional<Fingerprint> state, Look());
  if (!state) {
    return std::nullopt;
  }
  std::optional<Reader> reader;
  {
    const std::scoped_lock lock(idle_mutex_);
    if (!idle_.empty()) {
      reader = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!reader || (reader->immutable_state && reader->immutable_state != state)) {
    REHOME_TRY_ASSIGN(reader, OpenReader(*state, call));
  }
  reader->connection->SetBusyTimeout(call.timeout);
  if (!reader->has_schema) {
    REHOME_TRY_ASSIGN(reader->has_schema, HasSchema(*reader->connection));
  }
  if (!reader->has_schema) {
    return std::nullopt;
  }
  return reader;
}

Result<bool> Connections::StillTrue(const Reader& reader) const {
  if (!reader.immutable_state) {
    return true;
  }
  REHOME_TRY_ASSIGN(const std::optional<Fingerprint> state, Look());
  return state == reader.immutable_state;
}

void Connections::Release(Reader reader) {
  const std::scoped_lock lock(idle_mutex_);
  if (idle_.size() < kIdleMax) {
    idle_.push_back(std::move(reader));
  }
}

Status Connections::CreateFile() const {
  std::error_code error;
  const std::filesystem::path directory = file_.parent_path();
  std::filesystem::create_directories(directory, error);
  if (error) {
    return std::unexpected(FileError(error.value(), "cannot create the directory", directory));
  }
  // Made here for its mode; SQLite gives the same one to `-wal` and `-shm`. Never opened so when it
  // exists: closing it would drop this process's locks on it.
  const int fd = ::open(file_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) {
    return errno == EEXIST ? Status{} : std::unexpected(FileError(errno, "cannot create", file_));
  }
  static_cast<void>(::close(fd));
  return SyncDirectory(directory);
}

Status Connections::PrepareWriter(const Call& call) {
  if (writer_ == nullptr) {
    REHOME_TRY_ASSIGN(const bool exists, Exists());
    if (!exists) {
      REHOME_TRY(CreateFile());
    }
    REHOME_TRY_ASSIGN(std::unique_ptr<Connection> connection,
                      Connection::Open(file_, SQLITE_OPEN_READWRITE, false, call.timeout));
    REHOME_TRY(PrepareForWriting(*connection));
    writer_ = std::move(connection);
  }
  writer_->SetBusyTimeout(call.timeout);
  return {};
}

}  // namespace rehome::sqlite
