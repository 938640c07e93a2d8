// The program with its wall clock moved: tests of gates that count hours. Not installed, not for
// users.
#include <cstdlib>
#include <string>

#include "cli/process.h"

int main(int argc, char** argv) {
  const char* offset = std::getenv("REHOME_TEST_CLOCK_OFFSET_MS");  // NOLINT(concurrency-mt-unsafe)
  rehome::SystemClock clock(rehome::Millis{offset == nullptr ? 0 : std::stoll(offset)});
  return rehome::cli::RunProcess(argc, argv, clock);
}
