#include "adapters/sqlite/sqlite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace rehome::sqlite {
namespace {

struct Mapping {
  int code;  // primary or extended
  ErrorCode error;
  std::string_view hint;
};

// Extended codes first: the first match wins, an extended code falls back to its primary one.
constexpr std::string_view kFreeSpace =
    "free space on this disk, then run the same command again: it goes on where it stopped";
constexpr std::string_view kBusyHint =
    "another process holds the file's write lock; run again when it has finished";
constexpr std::string_view kPermissionHint =
    "give this user permission to read and write the file and its directory, or name another path";
constexpr std::string_view kDamagedHint =
    "the file is damaged or no SQLite database: restore it from a backup (rehome backup restore)";
constexpr std::array kMappings{
    Mapping{SQLITE_IOERR_SHMSIZE, ErrorCode::kResourceExhausted, kFreeSpace},
    Mapping{SQLITE_IOERR_NOMEM, ErrorCode::kResourceExhausted, "free memory and run again"},
    Mapping{SQLITE_CONSTRAINT_TRIGGER, ErrorCode::kFailedPrecondition,
            "a trigger of this database refuses the write; a fence of rehome stays until revert, "
            "rollback or retire"},
    Mapping{SQLITE_FULL, ErrorCode::kResourceExhausted, kFreeSpace},
    Mapping{SQLITE_BUSY, ErrorCode::kUnavailable, kBusyHint},
    Mapping{SQLITE_LOCKED, ErrorCode::kUnavailable, kBusyHint},
    Mapping{SQLITE_PROTOCOL, ErrorCode::kUnavailable, kBusyHint},
    Mapping{SQLITE_READONLY, ErrorCode::kFailedPrecondition, kPermissionHint},
    Mapping{SQLITE_PERM, ErrorCode::kFailedPrecondition, kPermissionHint},
    Mapping{SQLITE_AUTH, ErrorCode::kFailedPrecondition, kPermissionHint},
    Mapping{SQLITE_CANTOPEN, ErrorCode::kFailedPrecondition, kPermissionHint},
    Mapping{SQLITE_IOERR, ErrorCode::kFailedPrecondition,
            "the disk reports an error: look at the system's log, then run again"},
    Mapping{SQLITE_CORRUPT, ErrorCode::kDataLoss, kDamagedHint},
    Mapping{SQLITE_NOTADB, ErrorCode::kInvalidArgument,
            "name a SQLite file, or one that does not exist yet"},
    Mapping{SQLITE_NOMEM, ErrorCode::kResourceExhausted, "free memory and run again"},
    Mapping{SQLITE_TOOBIG, ErrorCode::kInvalidArgument, "a document holds at most 16 MiB"},
    Mapping{SQLITE_INTERRUPT, ErrorCode::kCancelled, ""},
};

}  // namespace

Error MapSqlite(int extended_code, std::string_view what, std::string_view detail) {
  const int primary = extended_code & 0xFF;
  const auto* found = std::ranges::find_if(kMappings, [&](const Mapping& mapping) {
    return mapping.code == extended_code || mapping.code == primary;
  });
  const std::string message = fmt::format("{}: {} (SQLite {})", what, detail, extended_code);
  if (found == kMappings.end()) {
    return Error{ErrorCode::kInternal, message, {}};
  }
  return Error{found->error, message, std::string(found->hint)};
}

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_), stmt_(std::exchange(other.stmt_, nullptr)) {}

Statement::~Statement() {
  if (stmt_ != nullptr) {
    Reset();
    static_cast<void>(sqlite3_clear_bindings(stmt_));
  }
}

Statement& Statement::Blob(int parameter, std::string_view bytes) {
  // A null pointer would bind NULL: an empty view may hold one.
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  CHECK(sqlite3_bind_blob64(stmt_, parameter, data, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}

Statement& Statement::Text(int parameter, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  CHECK(sqlite3_bind_text64(stmt_, parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) ==
        SQLITE_OK);
  return *this;
}

Statement& Statement::Int(int parameter, std::int64_t number) {
  CHECK(sqlite3_bind_int64(stmt_, parameter, number) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    return false;
  }
  return std::unexpected(MapSqlite(sqlite3_extended_errcode(db_), sqlite3_db_filename(db_, "main"),
                                   sqlite3_errmsg(db_)));
}

Result<int> Statement::Run() {
  REHOME_TRY(Step());
  Reset();
  return sqlite3_changes(db_);
}

void Statement::Reset() {
  // The code repeats that of the last step, which was reported there.
  static_cast<void>(sqlite3_reset(stmt_));
}

std::string_view Statement::BlobAt(int column) const {
  const void* data = sqlite3_column_blob(stmt_, column);
  const int bytes = sqlite3_column_bytes(stmt_, column);
  return data == nullptr
             ? std::string_view{}
             : std::string_view{static_cast<const char*>(data), static_cast<std::size_t>(bytes)};
}

std::int64_t Statement::IntAt(int column) const {
  return sqlite3_column_int64(stmt_, column);
}

namespace {

/// A file: URI; the characters that a URI would read otherwise are escaped.
std::string FileUri(const std::filesystem::path& file, bool immutable) {
  std::string uri = "file:";
  for (const char c : file.string()) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02X}", static_cast<unsigned>(c));
    } else {
      uri += c;
    }
  }
  return immutable ? uri + "?immutable=1" : uri;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const std::filesystem::path& file, int flags,
                                                     bool immutable, Millis timeout) {
  // Memory statistics take a lock at every allocation. Refused, harmlessly, if SQLite already runs
  // in this process.
  [[maybe_unused]] static const int kConfigured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(
      FileUri(file, immutable).c_str(), &raw,
      flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE, nullptr);
  Handle db(raw);
  if (code != SQLITE_OK) {
    return std::unexpected(
        MapSqlite(code, fmt::format("cannot open {}", file.string()), sqlite3_errstr(code)));
  }
  std::unique_ptr<Connection> connection(new Connection(std::move(db), file.string()));
  connection->SetBusyTimeout(timeout);
  return connection;
}

void Connection::SetBusyTimeout(Millis timeout) {
  const auto milliseconds = std::clamp<Millis::rep>(timeout.count(), 1, 3'600'000);
  static_cast<void>(sqlite3_busy_timeout(db_.get(), static_cast<int>(milliseconds)));
}

Result<Statement> Connection::Prepare(std::string_view sql) {
  std::string text(sql);
  auto found = statements_.find(text);
  if (found == statements_.end()) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(db_.get(), text.c_str(), static_cast<int>(text.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    StatementHandle handle(raw);
    if (code != SQLITE_OK) {
      return std::unexpected(MapSqlite(code, file_, sqlite3_errmsg(db_.get())));
    }
    found = statements_.emplace(std::move(text), std::move(handle)).first;
  }
  CHECK(sqlite3_stmt_busy(found->second.get()) == 0);
  return Statement(db_.get(), found->second.get());
}

Status Connection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return std::unexpected(MapSqlite(code, file_, sqlite3_errmsg(db_.get())));
  }
  return {};
}

Result<std::int64_t> Connection::ReadInt(std::string_view sql) {
  REHOME_TRY_ASSIGN(Statement statement, Prepare(sql));
  REHOME_TRY_ASSIGN(const bool row, statement.Step());
  return row ? statement.IntAt(0) : 0;
}

Result<Transaction> Transaction::Begin(Connection& connection, Kind kind) {
  REHOME_TRY(connection.Execute(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(connection);
}

Transaction::Transaction(Transaction&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {}

Transaction::~Transaction() {
  if (connection_ != nullptr) {
    // Fails only where SQLite rolled back by itself (full disk); either way nothing of it remains.
    static_cast<void>(connection_->Execute("ROLLBACK"));
  }
}

Status Transaction::Commit() {
  REHOME_TRY(connection_->Execute("COMMIT"));
  connection_ = nullptr;
  return {};
}

}  // namespace rehome::sqlite
