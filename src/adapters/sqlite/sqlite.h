#pragma once
// sqlite.h — the only header of this folder that includes sqlite3.h: connection, statement,
// transaction, and the one place where SQLite's codes become ours.
#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/c_handle.h"
#include "base/clock.h"
#include "base/error.h"

namespace rehome::sqlite {

/// The error of an extended result code; `what` names the call and the file, `detail` is SQLite's
/// own text.
[[nodiscard]] Error MapSqlite(int extended_code, std::string_view what, std::string_view detail);

/// A prepared statement borrowed from its connection's cache; put back (reset, bindings cleared) by
/// the destructor. Text and blobs are bound without a copy: they must live until the next Reset().
/// Columns live until the next Step().
class Statement {
 public:
  Statement(sqlite3* db, sqlite3_stmt* stmt) : db_(db), stmt_(stmt) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& Blob(int parameter, std::string_view bytes);
  Statement& Text(int parameter, std::string_view text);
  Statement& Int(int parameter, std::int64_t number);

  /// True: a row stands ready. False: done.
  [[nodiscard]] Result<bool> Step();
  /// For statements without rows: steps to the end and resets; the number of rows changed.
  [[nodiscard]] Result<int> Run();
  void Reset();

  [[nodiscard]] std::string_view BlobAt(int column) const;
  [[nodiscard]] std::string_view TextAt(int column) const { return BlobAt(column); }
  [[nodiscard]] std::int64_t IntAt(int column) const;

 private:
  sqlite3* db_;
  sqlite3_stmt* stmt_;
};

/// One connection, used by one thread at a time.
class Connection {
 public:
  /// `file` exists. `flags` are SQLITE_OPEN_*; `immutable` reads without locks and without side
  /// files.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> Open(const std::filesystem::path& file,
                                                                int flags, bool immutable,
                                                                Millis timeout);

  void SetBusyTimeout(Millis timeout);
  /// Prepared once; one user of the same text at a time (CHECKed).
  [[nodiscard]] Result<Statement> Prepare(std::string_view sql);
  /// One or more statements without parameters and without rows of interest.
  [[nodiscard]] Status Execute(const std::string& sql);
  /// The first column of the first row; 0 without a row.
  [[nodiscard]] Result<std::int64_t> ReadInt(std::string_view sql);

 private:
  using Handle = CHandle<sqlite3, sqlite3_close_v2>;
  using StatementHandle = CHandle<sqlite3_stmt, sqlite3_finalize>;
  Connection(Handle db, std::string file) : file_(std::move(file)), db_(std::move(db)) {}

  std::string file_;
  Handle db_;
  std::unordered_map<std::string, StatementHandle> statements_;  // destroyed before db_
};

/// Rolls back in its destructor unless Commit() returned ok.
class Transaction {
 public:
  enum class Kind : std::uint8_t { kRead, kWrite };
  [[nodiscard]] static Result<Transaction> Begin(Connection& connection, Kind kind);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  [[nodiscard]] Status Commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;  // null: moved from, or committed
};

}  // namespace rehome::sqlite
