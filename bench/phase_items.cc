// phase_items.cc — how fast phase 2 is against a bare copy of the same documents through the same
// store, in one run, and how much memory it takes. Usage: phase_items [COUNT] [DIRECTORY]. Prints
// documents per second and ratios, with one worker and with two; the journal, both digests and the
// mapping of six fields are included.
#include <fmt/format.h>

#include "bench/cpu_seconds.h"
#include "bench/engine.h"

namespace rehome::bench {
namespace {

double RunPhase(const std::shared_ptr<DocumentStore>& store, int workers, Clock& clock) {
  SilentSink events;
  const auto session = OpenSession(store, workers, clock, events);
  return Seconds(clock, [&] { Need(RunItems(*session, false)); });
}

/// On a file of its own: a second run would find the first one's journal.
void Compare(std::uint64_t count, int workers, const std::filesystem::path& file) {
  SystemClock clock;
  std::filesystem::remove(file);
  const std::shared_ptr<DocumentStore> store =
      Need(SqliteDocumentStore::Open(file, OpenMode::kReadWrite, clock));
  Load(*store, count);
  double cpu = CpuSeconds();
  const double copy = Seconds(clock, [&] { BareCopy(*store); });
  const double copy_cpu = CpuSeconds() - cpu;
  cpu = CpuSeconds();
  const double phase = RunPhase(store, workers, clock);
  const double phase_cpu = CpuSeconds() - cpu;
  const auto documents = static_cast<double>(count);
  fmt::print(
      "bare copy             {:>9.0f} documents/s\n"
      "phase 2, {} worker{}    {:>9.0f} documents/s   {:.2f} of the bare copy, {:.2f} times its "
      "CPU\n",
      documents / copy, workers, workers == 1 ? " " : "s", documents / phase, copy / phase,
      phase_cpu / copy_cpu);
  std::filesystem::remove(file);
}

void Main(std::uint64_t count, const std::filesystem::path& dir) {
  std::filesystem::create_directories(dir);
  fmt::print("{} documents\n", count);
  for (const int workers : {1, 2}) {
    Compare(count, workers, dir / "phase_items.db");
  }
  fmt::print("peak resident memory  {:.0f} MiB\n", PeakMebibytes());
}

}  // namespace
}  // namespace rehome::bench

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  rehome::bench::Main(count, argc > 2 ? argv[2] : std::filesystem::temp_directory_path());
  return 0;
}
