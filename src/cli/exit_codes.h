#pragma once
// exit_codes.h — what the process says to its caller (the table of `rehome --help`).
#include <string_view>

#include "base/error.h"

namespace rehome::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitCheckFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRefused = 3;
inline constexpr int kExitUnreachable = 4;
inline constexpr int kExitInterrupted = 5;
inline constexpr int kExitQuarantine = 6;
inline constexpr int kExitLeaseHeld = 7;
inline constexpr int kExitBug = 70;

[[nodiscard]] int ExitCodeOf(ErrorCode code);

/// The table as `--help` prints it.
[[nodiscard]] std::string_view ExitCodesHelp();

}  // namespace rehome::cli
