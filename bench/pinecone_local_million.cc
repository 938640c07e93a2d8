// pinecone_local_million.cc — does an index of a million vectors of 384 dimensions fit in 4 GB, and
// how long does it take to open it, to find the exact top 10 and to write on? A child fills the
// index; then this process, whose whole address space is limited to 4 GB, opens it and works with it.
//   pinecone_local_million [COUNT [DIRECTORY]]      2.1 GB of disk for a million
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "bench/cpu_seconds.h"
#include "pinecone_local/query.h"

namespace {

using rehome::pinecone_local::Index;
using rehome::pinecone_local::LogFile;
using rehome::pinecone_local::Query;
using rehome::pinecone_local::Search;

constexpr int kDimension = 384;
constexpr std::size_t kBatch = 1000;
constexpr rlim_t kAddressSpaceMax = rlim_t{4} << 30U;

std::vector<float> Values(rehome::Random& random) {
  std::vector<float> values(kDimension);
  for (float& value : values) {
    value = static_cast<float>(random.Unit() - 0.5);
  }
  return values;
}

/// With ids and metadata of the size that a migration writes.
std::vector<rehome::VectorRecord> Batch(rehome::Random& random, std::size_t first) {
  std::vector<rehome::VectorRecord> records;
  for (std::size_t i = first; i < first + kBatch; ++i) {
    const std::string id = fmt::format("port_{:024x}", i);
    records.push_back({.id = id,
                       .values = Values(random),
                       .sparse = {},
                       .metadata = {{"item_id", id},
                                    {"org_id", std::string("org_default")},
                                    {"company_name", fmt::format("Company {}", i)},
                                    {"skills", std::vector<std::string>{"React", "PostgreSQL"}},
                                    {"rehome_contract", std::string(32, 'c')},
                                    {"rehome_text", std::string(32, 't')},
                                    {"rehome_values", std::string(32, 'v')}}});
  }
  return records;
}

bool Fill(const std::filesystem::path& file, std::size_t count) {
  const auto index =
      Index::Open(file, LogFile::Mode::kReadWrite, {.name = "million", .dimension = kDimension});
  rehome::Random random(1);
  for (std::size_t first = 0; index && first < count; first += kBatch) {
    if (!(*index)->Upsert("ns", Batch(random, first))) {
      return false;
    }
  }
  return index.has_value();
}

bool FillInAChild(const std::filesystem::path& file, std::size_t count) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(Fill(file, count) ? 0 : 1);
  }
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

/// A line of /proc/self/status, in GB.
double Gigabytes(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) {
      return std::strtod(line.c_str() + name.size() + 1, nullptr) / (1024.0 * 1024.0);
    }
  }
  return 0;
}

int Measure(const std::filesystem::path& file, std::size_t count) {
  constexpr std::size_t kQueries = 20;
  rehome::SystemClock clock;
  const auto seconds = [&](rehome::SteadyTime since) {
    return std::chrono::duration<double>(clock.Steady() - since).count();
  };
  const rlimit limit{.rlim_cur = kAddressSpaceMax, .rlim_max = kAddressSpaceMax};
  auto start = clock.Steady();
  const auto index = ::setrlimit(RLIMIT_AS, &limit) == 0
                         ? Index::Open(file, LogFile::Mode::kReadWrite, {})
                         : rehome::Fail(rehome::ErrorCode::kInternal, "no limit can be set");
  if (!index) {
    fmt::print(stderr, "{}\n", index.error().message);
    return 1;
  }
  fmt::print("{} vectors of {} dimensions, {:.2f} GB on disk, opened in {:.2f} s ({:.2f} of CPU)\n",
             count, kDimension, static_cast<double>(std::filesystem::file_size(file)) / 1e9,
             seconds(start), rehome::bench::CpuSeconds());
  rehome::Random random(2);
  double best = 1e9;
  for (std::size_t i = 0; i < kQueries; ++i) {
    const Query query{.values = Values(random), .sparse = {}, .top_k = 10, .filter = {}};
    start = clock.Steady();
    if (Search((*index)->View("ns"), (*index)->config(), query)->size() != query.top_k) {
      return 1;
    }
    best = std::min(best, seconds(start));
  }
  start = clock.Steady();
  if (!(*index)->Upsert("ns", Batch(random, count))) {
    return 1;
  }
  fmt::print("exact top 10 in {:.0f} ms (best of {}), {} more vectors synced in {:.0f} ms\n",
             best * 1e3, kQueries, kBatch, seconds(start) * 1e3);
  fmt::print(
      "memory: {:.2f} GB of its own, {:.2f} GB of the mapped file, {:.2f} GB of address "
      "space at most (allowed: 4)\n",
      Gigabytes("RssAnon:"), Gigabytes("RssFile:"), Gigabytes("VmPeak:"));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t wanted = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
  const std::size_t count = std::max(wanted / kBatch, std::size_t{1}) * kBatch;
  const std::filesystem::path parent =
      argc > 2 ? std::filesystem::path(argv[2]) : std::filesystem::temp_directory_path();
  const auto dir = parent / ("rehome-bench-" + rehome::RandomHex(8));
  std::filesystem::create_directories(dir);
  const auto file = dir / "million.vectors";
  int code = 1;
  if (FillInAChild(file, count)) {
    code = Measure(file, count);
  } else {
    fmt::print(stderr, "the index cannot be filled\n");
  }
  std::filesystem::remove_all(dir);
  return code;
}
