#pragma once
// jq_child.h — what runs inside a child of JqPool, and the bytes that pass between the two.
//   parent → child  u32 program, u32 size, input JSON
//   child → parent  u8 kJqOk or kJqFailed, u32 size, result JSON or message; the first answer tells
//                   that all compiled
// Numbers are in the machine's order: both ends are one program.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/jq_pool.h"

namespace rehome {

inline constexpr char kJqOk = 0;
inline constexpr char kJqFailed = 1;

void AppendJqNumber(std::string& out, std::uint32_t number);
/// False if the other end is gone.
[[nodiscard]] bool SendJqBytes(int fd, std::string_view bytes);

/// Shuts the process in, compiles the programs, answers on `fd` until it closes. Called right after
/// fork().
[[noreturn]] void RunJqChild(int fd, const std::vector<std::string>& programs,
                             const JqLimits& limits) noexcept;

/// What the program `.` gives for `json`, without a child: the way into libjq and out of it alone,
/// for tests. kInvalidArgument: jq cannot read it, or it is no number that a document can hold.
[[nodiscard]] Result<std::string> ThroughJq(std::string_view json);

}  // namespace rehome
