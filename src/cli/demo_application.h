#pragma once
// demo_application.h — the application that `rehome demo` moves: an export as other tools would
// have written it, made from plans/demo/application.json. The same bytes every time.
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rehome::cli {

/// What was made, below the directory given.
struct DemoFiles {
  std::filesystem::path export_dir;  // documents/*.json, vectors/vectors_*.jsonl
  std::filesystem::path plan;  // names the files of this directory, whatever the environment says
};

/// Writes export, plan and the application's own files (.env) below `dir`, which is created. Where
/// the demo was made before, everything is left as it stands. kAlreadyExists: `dir` holds something
/// else.
[[nodiscard]] Result<DemoFiles> WriteDemoApplication(const std::filesystem::path& dir);

/// `plan` with each ${NAME:-default} replaced: by what the demo puts there, else by its default, so
/// that a demo never reaches a store that the environment names.
[[nodiscard]] std::string DemoPlan(std::string_view plan, const std::filesystem::path& dir);

}  // namespace rehome::cli
