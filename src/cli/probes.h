#pragma once
// probes.h — what `check` asks of the machine and of the application, without starting anything.
#include <string>

#include "base/error.h"
#include "plan/load.h"
#include "ports/call.h"

namespace rehome {
class HttpClient;
}  // namespace rehome

namespace rehome::cli {

/// Whether RunHook() would find `program`: a path, or a name in one of the directories of PATH.
[[nodiscard]] bool HasProgram(const std::string& program, const Environment& variables);

/// The status that GET `url` gives.
[[nodiscard]] Result<int> HttpStatus(HttpClient& http, const std::string& url, const Call& call);

}  // namespace rehome::cli
