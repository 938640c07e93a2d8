#include <fmt/format.h>

#include <filesystem>
#include <ostream>

#include "base/atomic_file.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "plan/template.h"
#include "report/escape.h"

namespace rehome::cli {

int RunVerb(const InitOptions& options, CliEnvironment& environment) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(options.file, ignored))) {
    return ReportError(
        {ErrorCode::kAlreadyExists, options.file.string() + " exists already: it was left as it is",
         "edit that one, or name another file: rehome init FILE"},
        false, environment);
  }
  if (const Status written = WriteFileAtomically(options.file, PlanTemplate()); !written) {
    return ReportError(written.error(), false, environment);
  }
  const std::string file = Escape(options.file.string());
  environment.out << fmt::format(
      "Wrote {0}. Next: edit it, then\n"
      "  rehome check {0}\n"
      "  rehome plan {0}\n",
      file);
  return kExitDone;
}

}  // namespace rehome::cli
