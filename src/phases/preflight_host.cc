// What the run needs besides the stores: the embedder, a place for backups.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "backup/backup.h"
#include "model/iso_time.h"
#include "phases/preflight_look.h"
#include "phases/source_size.h"

namespace rehome {
namespace {

constexpr std::string_view kHashing = "hashing";

std::uint64_t Mebibytes(std::uint64_t bytes) {
  return (bytes >> 20U) + 1;
}

/// The directory itself, or the nearest one above it that exists.
std::filesystem::path NearestExisting(const std::filesystem::path& dir) {
  std::error_code failed;
  std::filesystem::path at = std::filesystem::absolute(dir, failed).lexically_normal();
  while (!std::filesystem::exists(at, failed) && at.has_parent_path() && at != at.parent_path()) {
    at = at.parent_path();
  }
  return at;
}

/// When a backup was made, out of its name: "20261123T114902Z…".
std::optional<WallTime> TimeOf(const std::filesystem::path& backup) {
  const std::string name = backup.filename().string();
  if (name.size() < 16) {
    return std::nullopt;
  }
  const auto part = [&](std::size_t from, std::size_t count) { return name.substr(from, count); };
  const auto ms = ParseIsoTime(fmt::format("{}-{}-{}T{}:{}:{}Z", part(0, 4), part(4, 2), part(6, 2),
                                           part(9, 2), part(11, 2), part(13, 2)));
  return ms ? std::optional(WallTime(Millis(*ms))) : std::nullopt;
}

/// The one text that costs nothing to embed.
Status ProbeEmbedder(Look& look) {
  const std::string text = "probe";
  Embedder& embedder = *look.deps.stores.embedder;
  REHOME_TRY_ASSIGN(const Embeddings answer,
                    embedder.Embed({&text, 1}, TextRole::kPassage, look.call));
  const bool sound =
      answer.vectors.size() == 1 &&
      answer.vectors.front().size() == static_cast<std::size_t>(embedder.Dimension()) &&
      std::ranges::all_of(answer.vectors.front(), [](float value) { return std::isfinite(value); });
  if (sound) {
    look.Ok("embedder", fmt::format("{} {} answers with {} dimensions", embedder.Provider(),
                                    embedder.Model(), embedder.Dimension()));
  } else {
    look.Error("embedder",
               fmt::format("{} {} does not give vectors of {} dimensions", embedder.Provider(),
                           embedder.Model(), embedder.Dimension()),
               "correct index.embedder in the plan");
  }
  return {};
}

}  // namespace

Status LookAtEmbedder(Look& look) {
  const EmbedderPlan& plan = look.plan.index.embedder;
  if (plan.provider == kHashing) {
    if (!look.HasEmbeddedIndex()) {
      look.Warn("embedder",
                "the hashing embedder is lexical, for trials: it knows spelling, not meaning, and "
                "this index is a real one",
                "set index.embedder.provider to openai or pinecone");
    }
    return ProbeEmbedder(look);
  }
  // A server of one's own (index.embedder.url) may want no key.
  if (plan.api_key.empty() && plan.url.empty()) {
    look.Error("embedder", fmt::format("{} needs an API key and none is set", plan.provider),
               "set index.embedder.api_key, from the environment or a file");
    return {};
  }
  look.Ok("embedder",
          fmt::format("{} {}, {} dimensions: not called, since a call may cost money",
                      look.deps.stores.embedder->Provider(), look.deps.stores.embedder->Model(),
                      look.deps.stores.embedder->Dimension()),
          "`rehome plan` shows tokens and cost");
  return {};
}

Status LookAtBackupDirectory(Look& look) {
  const std::string check = "backup directory";
  const std::string dir = look.plan.backup.dir.string();
  const std::filesystem::path existing = NearestExisting(look.plan.backup.dir);
  std::error_code failed;
  if (!std::filesystem::is_directory(existing, failed)) {
    look.Error(check, fmt::format("{} cannot be made: {} is no directory", dir, existing.string()),
               "correct backup.dir");
    return {};
  }
  if (::access(existing.c_str(), W_OK | X_OK) != 0) {
    look.Error(check, fmt::format("{} cannot be written: {} refuses it", dir, existing.string()),
               "give rehome's user write permission there, or name another backup.dir");
    return {};
  }
  REHOME_TRY_ASSIGN(const SourceSize size, EstimateSource(look.plan, look.deps.stores, look.call));
  const std::filesystem::space_info space = std::filesystem::space(existing, failed);
  const std::string need =
      fmt::format("{} documents and {} vectors take about {} MiB, their proof included",
                  size.documents, size.vectors, Mebibytes(size.BackupBytes()));
  if (failed) {
    look.Warn(check, fmt::format("{}: {}; how much is free cannot be told", dir, need),
              "see for yourself with df");
  } else if (space.available < size.BackupBytes()) {
    look.Error(check, fmt::format("{}: {}, and {} MiB are free", dir, need, space.available >> 20U),
               "free some space, or name another backup.dir");
  } else {
    look.Ok(check, fmt::format("{}: {}; {} MiB are free", dir, need, space.available >> 20U));
  }
  return {};
}

Status LookAtBackups(Look& look) {
  REHOME_TRY_ASSIGN(const BackupListing listing, ListBackups(look.plan.backup.dir));
  if (!listing.unfinished.empty()) {
    look.Ok("backups", fmt::format("{} were left unfinished by an interruption and are never used",
                                   listing.unfinished.size()));
  }
  if (listing.backups.empty()) {
    look.Ok("backups", "none yet: phase 0 makes one", "`rehome backup create` makes one now");
    return {};
  }
  const std::filesystem::path& newest = listing.backups.back();
  const auto time = TimeOf(newest);
  const std::string age =
      time ? fmt::format(", made {} ago",
                         FormatDuration(std::max(look.deps.clock.Now() - *time, Millis{0})))
           : "";
  look.Ok("backups",
          fmt::format("{}; the newest is {}{}", listing.backups.size(), newest.string(), age),
          "`rehome backup verify` reads every byte of it");
  return {};
}

}  // namespace rehome
