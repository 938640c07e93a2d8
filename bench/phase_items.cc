// phase_items.cc — how fast phase 2 is against a bare copy of the same documents through the same
// store, in one run, and how much memory it takes. Usage: phase_items [COUNT] [DIRECTORY]. Prints
// documents per second and ratios, with one worker and with two; the journal, both digests and the
// mapping of six fields are included.
#include <fmt/format.h>
#include <sys/resource.h>

#include "bench/engine.h"

namespace rehome::bench {
namespace {

/// User and system time of the whole process so far.
double CpuSeconds() {
  rusage usage{};
  static_cast<void>(getrusage(RUSAGE_SELF, &usage));
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double PeakMebibytes() {
  rusage usage{};
  static_cast<void>(getrusage(RUSAGE_SELF, &usage));
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

double RunPhase(const std::shared_ptr<DocumentStore>& store, int workers, Clock& clock) {
  Silence events;
  const auto session = OpenSession(store, workers, clock, events);
  return Seconds(clock, [&] { Need(RunItems(*session, false)); });
}

void Main(std::uint64_t count, const std::filesystem::path& dir) {
  SystemClock clock;
  std::filesystem::create_directories(dir);
  const std::filesystem::path file = dir / "phase_items.db";
  std::filesystem::remove(file);
  const std::shared_ptr<DocumentStore> store =
      Need(SqliteDocumentStore::Open(file, OpenMode::kReadWrite, clock));
  Load(*store, count);
  const double before = PeakMebibytes();
  double cpu = CpuSeconds();
  const double copy = Seconds(clock, [&] { BareCopy(*store); });
  const double copy_cpu = CpuSeconds() - cpu;
  const auto rate = [&](double seconds) { return static_cast<double>(count) / seconds; };
  fmt::print("{} documents\nbare copy              {:>9.0f} documents/s\n", count, rate(copy));
  for (const int workers : {1, 2}) {
    cpu = CpuSeconds();
    const double phase = RunPhase(store, workers, clock);
    fmt::print(
        "phase 2, {} worker{}     {:>9.0f} documents/s   {:.2f} of the bare copy, {:.2f} times its "
        "CPU\n",
        workers, workers == 1 ? " " : "s", rate(phase), copy / phase,
        (CpuSeconds() - cpu) / copy_cpu);
  }
  fmt::print("peak resident memory   {:.0f} MiB ({:.0f} MiB after loading)\n", PeakMebibytes(),
             before);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace rehome::bench

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  rehome::bench::Main(count, argc > 2 ? argv[2] : std::filesystem::temp_directory_path());
  return 0;
}
