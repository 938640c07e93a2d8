#include "base/process.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace rehome {
namespace {

std::string HostName() {
  std::array<char, 256> host{};
  return ::gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "";
}

/// 0 if there is no such process.
std::int64_t StartTime(std::int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(file, line);
  // The command name in parentheses may hold anything; after it come 19 fields up to starttime
  // (proc(5), field 22).
  const auto close = line.rfind(')');
  if (close == std::string::npos || line.compare(close, 4, ") Z ") == 0) {
    return 0;
  }
  std::string_view rest = std::string_view(line).substr(close + 2);
  constexpr int kFieldsBefore = 19;
  for (int i = 0; i < kFieldsBefore; ++i) {
    const auto space = rest.find(' ');
    if (space == std::string_view::npos) {
      return 0;
    }
    rest.remove_prefix(space + 1);
  }
  std::int64_t out = 0;
  static_cast<void>(std::from_chars(rest.data(), rest.data() + rest.size(), out));
  return out;
}

}  // namespace

ProcessIdentity ThisProcess() {
  ProcessIdentity out;
  out.host = HostName();
  std::ifstream boot("/proc/sys/kernel/random/boot_id");
  std::getline(boot, out.boot_id);
  std::error_code ignored;
  out.pid_namespace = std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
  out.pid = ::getpid();
  out.start_time = StartTime(out.pid);
  return out;
}

Liveness LivenessOf(const ProcessIdentity& process) {
  if (process.host != HostName()) {  // before files are opened: a simulation asks very often
    return Liveness::kUnknown;
  }
  const ProcessIdentity here = ThisProcess();
  if (process.boot_id != here.boot_id || process.pid_namespace != here.pid_namespace) {
    return Liveness::kUnknown;
  }
  return StartTime(process.pid) == process.start_time ? Liveness::kAlive : Liveness::kDead;
}

}  // namespace rehome
