#include <filesystem>
#include <ostream>

#include "cli/exit_codes.h"
#include "cli/verbs.h"

namespace rehome::cli {

int RunVerb(const WelcomeOptions& /*options*/, CliEnvironment& environment) {
  std::error_code ignored;
  if (std::filesystem::exists("rehome.yaml", ignored)) {
    environment.out << "Here is a plan, rehome.yaml. Next:\n"
                       "  rehome check     what stands in the way\n"
                       "  rehome plan      what a run would do; writes nothing\n"
                       "  rehome run       backs up, moves, re-embeds, verifies, cuts over; "
                       "resumes what was interrupted\n"
                       "  rehome status    where it stands\n";
  } else {
    environment.out << "No plan here yet. Next:\n"
                       "  rehome demo      moves a sample application, on files in ./demo\n"
                       "  rehome init      writes a commented plan file, rehome.yaml\n";
  }
  environment.out << "All verbs: rehome --help\n";
  return kExitDone;
}

}  // namespace rehome::cli
