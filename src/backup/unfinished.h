#pragma once
// unfinished.h — a backup under its temporary name: whoever writes it holds a lock on its
// directory, and notes how far it has come, so that the next one goes on where it was interrupted.
// The note is durable after what it speaks of; it goes before the backup gets its name.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "backup/manifest.h"
#include "backup/records.h"
#include "base/clock.h"
#include "base/error.h"

namespace rehome {

struct BackupProgress {
  enum class Stage : std::uint8_t {
    kScanning,  // collections are read one after the other
    kSettling,  // files are being replaced: nothing can be gone on with
    kSettled,   // the documents are finished
  };
  Stage stage = Stage::kScanning;
  std::string feed_start;  // the change position before the first read; empty: no feed
  Manifest done;           // what is finished
  /// The collection or namespace that is half written.
  struct Part {
    std::string name;
    std::string started_at;
    DocumentFiles::Mark files;  // of a namespace: `json`
    std::string last;           // the `_id` as a BSON document in hex, or the vector's id
    std::optional<std::uint64_t> lsn;
  };
  std::optional<Part> part;

  [[nodiscard]] std::string ToText() const;
  [[nodiscard]] static Result<BackupProgress> Parse(std::string_view text);
};

class Unfinished {
 public:
  /// Goes on with the newest one below `dir` that is of the same `request` and that nobody holds,
  /// or begins one. `request`: what the backup is of, in one line.
  [[nodiscard]] static Result<Unfinished> Begin(const std::filesystem::path& dir,
                                                std::string_view request, WallTime now,
                                                bool may_resume);
  Unfinished(Unfinished&& other) noexcept;
  Unfinished& operator=(Unfinished&&) = delete;
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  /// Removes it if nothing of it could be gone on with.
  ~Unfinished();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// What was there to go on with; nothing in a new one.
  [[nodiscard]] const std::optional<BackupProgress>& found() const { return found_; }
  [[nodiscard]] Status Note(const BackupProgress& progress);
  /// Gives the whole backup its name; another one that took it meanwhile makes this the next of its
  /// second.
  [[nodiscard]] Result<std::filesystem::path> Finish();

 private:
  Unfinished(std::filesystem::path dir, std::string request, WallTime time)
      : dir_(std::move(dir)), request_(std::move(request)), time_(time) {}
  [[nodiscard]] Status Make();
  [[nodiscard]] bool TakeOver(const std::filesystem::path& path);
  [[nodiscard]] bool Lock(const std::filesystem::path& path);

  std::filesystem::path dir_;
  std::string request_;
  WallTime time_;
  std::filesystem::path path_;  // empty once finished
  int lock_ = -1;
  bool resumable_ = false;
  std::optional<BackupProgress> found_;
};

}  // namespace rehome
