// backup_documents.cc — how fast documents are backed up with both digests, against a bare copy of
// them through the same store in the same run: plain, compressed, encrypted, both.
// Usage: backup_documents [COUNT] [DIRECTORY].
#include <fmt/format.h>

#include "backup/backup.h"
#include "bench/cpu_seconds.h"
#include "bench/engine.h"

namespace rehome::bench {
namespace {

void Main(std::uint64_t count, const std::filesystem::path& dir) {
  SystemClock clock;
  SilentSink events;
  std::filesystem::create_directories(dir);
  const std::filesystem::path file = dir / "backup_documents.db";
  std::filesystem::remove(file);
  const std::shared_ptr<DocumentStore> store =
      Need(SqliteDocumentStore::Open(file, OpenMode::kReadWrite, clock));
  Load(*store, count);
  double cpu = CpuSeconds();
  const double copy = Seconds(clock, [&] { BareCopy(*store); });
  const double copy_cpu = CpuSeconds() - cpu;
  const auto rate = [&](double seconds) { return static_cast<double>(count) / seconds; };
  fmt::print("{} documents\nbare copy            {:>9.0f} documents/s\n", count, rate(copy));
  const auto measure = [&](bool zstd, const Secret& key, bool ahead) {
    BackupRequest request;
    request.documents = store.get();
    request.collections = {std::string(kSource)};
    request.dir = dir / "backup_documents";
    request.zstd = zstd;
    request.key = key;
    request.read_ahead = ahead;
    BackupResult made;
    cpu = CpuSeconds();
    const double seconds =
        Seconds(clock, [&] { made = Need(CreateBackup(request, clock, events, {})); });
    const BackupFile& written = made.manifest.collections[0].files[0];
    fmt::print(
        "backup{:<15}{:>9.0f} documents/s   {:.2f} of the bare copy, {:.2f} times its CPU, {} MB\n",
        written.path.substr(14), rate(seconds), copy / seconds, (CpuSeconds() - cpu) / copy_cpu,
        written.bytes / 1'000'000);
    const double verify = Seconds(clock, [&] { Need(VerifyBackup(made.path, {}, request.key)); });
    fmt::print("  verified           {:>9.0f} documents/s\n", rate(verify));
    std::filesystem::remove_all(request.dir);
  };
  for (const bool ahead : {false, true}) {
    fmt::print("{}\n", ahead ? "while one batch is written, the next is read and made ready"
                             : "on one thread");
    for (const Secret& key : {Secret(), Secret(std::string(64, 'a'))}) {
      measure(false, key, ahead);
      measure(true, key, ahead);
    }
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
