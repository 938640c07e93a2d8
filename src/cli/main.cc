#include "cli/process.h"

int main(int argc, char** argv) {
  rehome::SystemClock clock;
  return rehome::cli::RunProcess(argc, argv, clock);
}
