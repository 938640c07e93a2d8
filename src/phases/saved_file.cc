#include <fmt/format.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "model/extended_json.h"
#include "phases/phases.h"

namespace rehome {

Result<std::string> ExportSaved(Session& session) {
  REHOME_TRY_ASSIGN(const auto saved, session.saved().List(session.call()));
  if (saved.empty()) {
    return std::string();
  }
  const std::filesystem::path dir = session.plan().backup.dir;
  std::error_code failed;
  std::filesystem::create_directories(dir, failed);
  if (failed) {
    return std::unexpected(FileError(failed.value(), "cannot create", dir));
  }
  const std::filesystem::path path = dir / fmt::format("saved-{}.jsonl", session.run().run_id);
  REHOME_TRY_ASSIGN(auto file, AtomicFile::Create(path));
  for (const SavedDatum& datum : saved) {
    const Document line = DocumentBuilder()
                              .String("why", datum.why)
                              .String("place", datum.place)
                              .String("id", datum.id)
                              .String("datum", datum.json)
                              .Finish();
    REHOME_TRY(file.Write(ToExtendedJson(line.view(), JsonMode::kRelaxed)));
    REHOME_TRY(file.Write("\n"));
  }
  REHOME_TRY(file.Commit());
  return path.string();
}

}  // namespace rehome
