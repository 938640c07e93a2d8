#pragma once
// process.h — who this process is, so that another one on the same machine can tell whether it
// still lives.
#include <cstdint>
#include <string>

namespace rehome {

struct ProcessIdentity {
  std::string host;
  std::string boot_id;        // changes with every boot
  std::string pid_namespace;  // containers on one host have their own
  std::int64_t pid = 0;
  std::int64_t start_time = 0;  // clock ticks since boot; a reused pid has another
  bool operator==(const ProcessIdentity&) const = default;
};

[[nodiscard]] ProcessIdentity ThisProcess();

enum class Liveness : std::uint8_t { kAlive, kDead, kUnknown };
/// kUnknown where `process` cannot be seen from here: another host, boot or pid namespace.
[[nodiscard]] Liveness LivenessOf(const ProcessIdentity& process);

}  // namespace rehome
