// verify_items.cc — how fast a finished migration is verified, against phase 2 in the same run with
// the same number of threads: the mapping recomputed from every source document, its digest compared
// with what stands. Usage: verify_items [COUNT] [DIRECTORY].
#include <fmt/format.h>

#include "bench/cpu_seconds.h"
#include "bench/engine.h"
#include "phases/verification.h"

namespace rehome::bench {
namespace {

void Main(std::uint64_t count, const std::filesystem::path& dir) {
  SystemClock clock;
  SilentSink events;
  std::filesystem::create_directories(dir);
  const std::filesystem::path file = dir / "verify_items.db";
  std::filesystem::remove(file);
  const std::shared_ptr<DocumentStore> store =
      Need(SqliteDocumentStore::Open(file, OpenMode::kReadWrite, clock));
  Load(*store, count);
  const auto rate = [&](double seconds) { return static_cast<double>(count) / seconds; };
  fmt::print("{} documents\n", count);
  for (const int workers : {1, 2}) {
    const auto session = OpenSession(store, workers, clock, events);
    const double phase = Seconds(clock, [&] { Need(RunItems(*session, false)); });
    session->run().At(Phase::kItems).state = PhaseState::kDone;
    VerificationScope scope(*session);
    Verification found;
    const double cpu = CpuSeconds();
    const double verify =
        Seconds(clock, [&] { found = Need(Verify(scope.context(), {"digests"})); });
    fmt::print(
        "{} worker{}  phase 2 {:>9.0f}/s   verification {:>9.0f}/s   {:.2f} of phase 2, {:.0f} a "
        "second of processor time{}\n",
        workers, workers == 1 ? " " : "s", rate(phase), rate(verify), phase / verify,
        rate(CpuSeconds() - cpu), found.passed ? "" : "   (it FAILED)");
  }
  fmt::print("peak resident memory  {:.0f} MiB\n", PeakMebibytes());
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace rehome::bench

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  rehome::bench::Main(count, argc > 2 ? argv[2] : std::filesystem::temp_directory_path());
  return 0;
}
