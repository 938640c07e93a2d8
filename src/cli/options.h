#pragma once
// options.h — what each verb was asked to do, as parsed by command_line.h. Nothing here was checked
// against a store.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/secret.h"
#include "plan/load.h"

namespace rehome::cli {

/// What every verb with a plan takes.
struct CommonOptions {
  std::filesystem::path plan = "rehome.yaml";
  std::vector<PlanOverride> set;
  bool json = false;
  bool yes = false;  // only verbs that change something take it
};

/// Which half of an application a verb is limited to.
enum class Only : std::uint8_t { kBoth, kDocuments, kVectors };

struct WelcomeOptions {};  // `rehome` alone: the next steps

struct InitOptions {
  std::filesystem::path file = "rehome.yaml";
};

struct LoadOptions {
  CommonOptions common;
  std::filesystem::path from;
  Only only = Only::kBoth;
};

struct CheckOptions {
  CommonOptions common;
};

struct PlanOptions {  // also `run --dry-run`
  CommonOptions common;
};

struct RunOptions {
  CommonOptions common;
  std::optional<int> phase;    // 0..5, this one alone
  std::optional<int> through;  // 0..5, all up to this one
  bool online = false;
  bool follow = false;
  bool sweep = false;
};

struct StatusOptions {
  CommonOptions common;
  bool watch = false;
};

struct VerifyOptions {
  CommonOptions common;
  std::string phase = "all";                    // backup, all
  std::vector<std::string> checks;              // empty: all of the phase
  std::optional<double> sample;                 // percent of the items, 0 < P <= 100
  std::optional<std::filesystem::path> report;  // a signed report goes there
};

struct RepairOptions {
  CommonOptions common;
};

struct ReportOptions {
  enum class Action : std::uint8_t { kCheck, kKey };
  CommonOptions common;
  Action action = Action::kCheck;
  std::filesystem::path file;      // kCheck
  std::optional<std::string> key;  // kCheck: the public key that must have signed
};

struct QuarantineOptions {
  enum class Action : std::uint8_t { kList, kShow, kReplay };
  CommonOptions common;
  Action action = Action::kList;
  std::vector<std::string> ids;
};

struct RollbackOptions {
  CommonOptions common;
  std::optional<int> phase;  // nothing: --all
};

struct CutoverOptions {
  CommonOptions common;
  bool dry_run = false;
};

struct RevertOptions {
  CommonOptions common;
};

struct RetireOptions {
  CommonOptions common;
  bool shorten_retention = false;  // allows retire.after under 24 h; audited
};

struct BackupOptions {
  enum class Action : std::uint8_t { kCreate, kVerify, kRestore, kList };
  CommonOptions common;
  Action action = Action::kList;
  std::optional<std::filesystem::path> dir;  // nothing: the plan's backup.dir
  Only only = Only::kBoth;
  std::vector<std::string> collections;  // empty: the plan's
  std::optional<std::string> into;  // restore into this document store instead of the plan's source
  bool overwrite = false;
  bool exact = false;
};

struct VectorsOptions {
  enum class Action : std::uint8_t { kBackup, kClear, kReembed };
  CommonOptions common;
  Action action = Action::kBackup;
  std::string ns;
};

struct ExplainOptions {
  CommonOptions common;
  std::string id;
};

struct RehearseOptions {
  CommonOptions common;
  std::optional<std::filesystem::path> backup;
  std::optional<std::uint64_t> sample;  // documents
  bool real_embedder = false;           // else hashing
};

struct TortureOptions {
  CommonOptions common;
  std::uint64_t seed = 1;
  std::uint64_t worlds = 1000;
  std::uint64_t sample = 500;  // documents that worlds draw from
  bool on_files = false;       // document stores on SQLite files; else in memory
};

struct ServeOptions {  // `rehome pinecone-local`
  std::filesystem::path dir;
  std::uint16_t port = 0;
  Secret api_key;
  std::string address = "127.0.0.1";
  // Conditions of the real service (pinecone_local/conditions.h).
  std::int64_t index_lag_ms = 0;
  std::vector<std::string> faults;
  bool rate_limits = false;
  std::string quota;
  bool admin = false;
};

struct DemoOptions {
  std::filesystem::path dir = "demo";
  bool json = false;
};

using Command = std::variant<WelcomeOptions, InitOptions, LoadOptions, CheckOptions, PlanOptions,
                             RunOptions, StatusOptions, VerifyOptions, RepairOptions, ReportOptions,
                             QuarantineOptions, RollbackOptions, CutoverOptions, RevertOptions,
                             RetireOptions, BackupOptions, VectorsOptions, ExplainOptions,
                             RehearseOptions, TortureOptions, ServeOptions, DemoOptions>;

}  // namespace rehome::cli
