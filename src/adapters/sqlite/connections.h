#pragma once
// connections.h — one writer and a pool of readers of one file.
//
// A missing file is an empty store: reading never creates it, the first write does (mode 0600, with
// its directory).
//
// Read-only stores leave the directory byte for byte as it is (dry runs depend on it). A reader of
// a WAL database normally makes `-wal` and `-shm` files, and closing it last may checkpoint. So:
//   no `-wal`, or an empty one  nobody has written since the last clean close: the file is opened
//                               `immutable`, without locks and side files. After every read the
//                               file's identity, size, time and `-wal` are compared with those
//                               before; if a writer came, what was read is thrown away and read
//                               anew.
//   a `-wal` with contents      a live writer's, or left by a crash: a plain read-only connection
//                               shares it.
//                               SQLite then touches the lock file `-shm` (and makes it if a copy
//                               lacks it), never the data.
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "adapters/sqlite/sqlite.h"
#include "adapters/sqlite/sqlite_document_store.h"
#include "ports/call.h"

namespace rehome::sqlite {

class Connections {
 public:
  Connections(std::filesystem::path file, OpenMode mode) : file_(std::move(file)), mode_(mode) {}
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  [[nodiscard]] bool writable() const { return mode_ == OpenMode::kReadWrite; }

  /// `read(Connection&)` inside one read transaction; `absent` where nothing was ever written.
  /// `read` may be called again and must then give its whole answer anew.
  template <class T, class F>
  [[nodiscard]] Result<T> Read(const Call& call, T absent, F&& read);

  /// `write(Connection&)` inside one durable write transaction; the file is created if missing.
  template <class F>
  [[nodiscard]] auto Write(const Call& call, F&& write)
      -> decltype(write(std::declval<Connection&>()));

  /// False where the file does not exist: there is nothing to change.
  [[nodiscard]] Result<bool> Exists() const;

 private:
  /// What tells one state of the file from another, as far as it can be seen without a lock.
  struct Fingerprint {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t bytes = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    bool has_wal = false;
    bool operator==(const Fingerprint&) const = default;
  };
  struct Reader {
    std::unique_ptr<Connection> connection;
    std::optional<Fingerprint> immutable_state;  // of an immutable connection
    bool has_schema = false;
  };

  [[nodiscard]] Result<std::optional<Fingerprint>> Look() const;
  [[nodiscard]] Result<std::optional<Reader>> Acquire(const Call& call);
  [[nodiscard]] Result<Reader> OpenReader(const Fingerprint& state, const Call& call) const;
  [[nodiscard]] Result<bool> StillTrue(const Reader& reader) const;
  void Release(Reader reader);
  [[nodiscard]] Status PrepareWriter(const Call& call);
  [[nodiscard]] Status CreateFile() const;
  [[nodiscard]] Error ReadOnlyError() const;
  template <class T, class F>
  [[nodiscard]] static Result<T> InTransaction(Connection& connection, F& read);

  static constexpr int kAttemptsMax = 16;
  static constexpr std::size_t kIdleMax = 8;
  // Constant after construction.
  const std::filesystem::path file_;
  const OpenMode mode_;
  std::timed_mutex writer_mutex_;
  std::unique_ptr<Connection> writer_;  // guarded by writer_mutex_
  std::mutex idle_mutex_;
  std::vector<Reader> idle_;  // guarded by idle_mutex_
};

[[nodiscard]] Error Cancelled(std::string_view what);

template <class T, class F>
Result<T> Connections::InTransaction(Connection& connection, F& read) {
  REHOME_TRY_ASSIGN(Transaction transaction,
                    Transaction::Begin(connection, Transaction::Kind::kRead));
  Result<T> answer = read(connection);
  if (answer) {
    REHOME_TRY(transaction.Commit());
  }
  return answer;
}

template <class T, class F>
Result<T> Connections::Read(const Call& call, T absent, F&& read) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (call.stop.stop_requested()) {
      return std::unexpected(Cancelled("reading"));
    }
    REHOME_TRY_ASSIGN(std::optional<Reader> reader, Acquire(call));
    if (!reader) {
      return absent;
    }
    Result<T> answer = InTransaction<T>(*reader->connection, read);
    REHOME_TRY_ASSIGN(const bool still_true, StillTrue(*reader));
    if (still_true) {
      Release(*std::move(reader));
      return answer;
    }
  }
  return Fail(ErrorCode::kUnavailable, file_.string() + " is replaced faster than it can be read",
              "another program opens and closes it all the time; run again when it is quieter");
}

template <class F>
auto Connections::Write(const Call& call, F&& write)
    -> decltype(write(std::declval<Connection&>())) {
  if (call.stop.stop_requested()) {
    return std::unexpected(Cancelled("writing"));
  }
  if (!writable()) {
    return std::unexpected(ReadOnlyError());
  }
  const std::unique_lock lock(writer_mutex_, call.timeout);
  if (!lock.owns_lock()) {
    return Fail(ErrorCode::kUnavailable, file_.string() + ": another thread is still writing",
                "run again");
  }
  REHOME_TRY(PrepareWriter(call));
  REHOME_TRY_ASSIGN(Transaction transaction,
                    Transaction::Begin(*writer_, Transaction::Kind::kWrite));
  auto answer = write(*writer_);
  if (answer) {
    REHOME_TRY(transaction.Commit());
  }
  return answer;
}

}  // namespace rehome::sqlite
