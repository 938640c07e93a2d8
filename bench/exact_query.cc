// exact_query.cc — how long does an exact top 10 of 100,000 vectors of 384 dimensions take, beside
// numpy's matrix-vector product and argpartition on the same data, one thread each?
// The least of many times: what others do on the machine only adds to it.
//   exact_query [PYTHON]      a Python that has numpy: build/peers/python/bin/python
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "pinecone_local/query.h"

namespace {

using rehome::pinecone_local::Index;
using rehome::pinecone_local::LogFile;
using rehome::pinecone_local::Query;
using rehome::pinecone_local::Search;

constexpr std::size_t kVectors = 100'000;
constexpr int kDimension = 384;
constexpr std::size_t kTopK = 10;
constexpr std::size_t kQueries = 50;

std::vector<float> Gaussian(rehome::Random& random) {
  std::vector<float> values(kDimension);
  for (float& value : values) {
    const double radius = std::sqrt(-2 * std::log(1 - random.Unit()));
    value = static_cast<float>(radius * std::cos(2 * std::numbers::pi * random.Unit()));
  }
  return values;
}

/// Fills the index and writes the same floats to `path`, for numpy.
bool Fill(Index& index, const std::filesystem::path& path) {
  constexpr std::size_t kBatch = 1000;
  rehome::Random random(1);
  std::ofstream floats(path, std::ios::binary);
  for (std::size_t first = 0; first < kVectors; first += kBatch) {
    std::vector<rehome::VectorRecord> records;
    for (std::size_t i = first; i < first + kBatch; ++i) {
      records.push_back(
          {.id = fmt::format("v{}", i), .values = Gaussian(random), .sparse = {}, .metadata = {}});
      floats.write(reinterpret_cast<const char*>(records.back().values.data()),
                   kDimension * sizeof(float));
    }
    if (!index.Upsert("ns", records)) {
      return false;
    }
  }
  return true;
}

struct Timing {
  double milliseconds = 0;        // the least
  std::vector<std::string> best;  // of every query, in order
};

Timing Time(const Index& index, bool quantised_first) {
  rehome::SystemClock clock;
  rehome::Random random(2);
  Timing timing;
  for (std::size_t i = 0; i < kQueries; ++i) {
    const Query query{.values = Gaussian(random),
                      .sparse = {},
                      .top_k = kTopK,
                      .filter = {},
                      .quantised_first = quantised_first};
    const auto view = index.View("ns");
    const auto start = clock.Steady();
    const auto matches = Search(view, index.config(), query);
    const double taken = std::chrono::duration<double, std::milli>(clock.Steady() - start).count();
    timing.milliseconds = i == 0 ? taken : std::min(timing.milliseconds, taken);
    for (const auto& match : *matches) {
      timing.best.emplace_back(match.record.text);
    }
  }
  return timing;
}

/// numpy's least milliseconds; 0 if it cannot be run.
double TimeNumpy(const std::string& python, const std::filesystem::path& floats) {
  const std::string script = fmt::format(
      "import numpy, time; rows = numpy.fromfile('{}', dtype=numpy.float32).reshape(-1, {}); "
      "norms = numpy.linalg.norm(rows, axis=1); random = numpy.random.default_rng(2); times = []\n"
      "for _ in range({}):\n"
      "  query = random.standard_normal({}, dtype=numpy.float32)\n"
      "  start = time.perf_counter()\n"
      "  scores = rows @ query / norms\n"
      "  top = numpy.argpartition(-scores, {})[:{}]\n"
      "  top = top[numpy.argsort(-scores[top])]\n"
      "  times.append(time.perf_counter() - start)\n"
      "print(min(times) * 1000)",
      floats.string(), kDimension, kQueries, kDimension, kTopK, kTopK);
  const std::string command =
      fmt::format("OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 '{}' -c \"{}\"", python, script);
  FILE* output = ::popen(command.c_str(), "r");
  double milliseconds = 0;
  if (output != nullptr) {
    if (std::fscanf(output, "%lf", &milliseconds) != 1) {
      milliseconds = 0;
    }
    ::pclose(output);
  }
  return milliseconds;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string python = argc > 1 ? argv[1] : "build/peers/python/bin/python";
  const auto dir =
      std::filesystem::temp_directory_path() / ("rehome-bench-" + rehome::RandomHex(8));
  std::filesystem::create_directories(dir);
  const auto index = Index::Open(dir / "q.vectors", LogFile::Mode::kReadWrite,
                                 {.name = "q", .dimension = kDimension});
  if (!index || !Fill(**index, dir / "floats")) {
    fmt::print(stderr, "the index cannot be filled\n");
    return 1;
  }
  const Timing exact = Time(**index, false);
  const Timing sieved = Time(**index, true);
  const double numpy = TimeNumpy(python, dir / "floats");
  std::filesystem::remove_all(dir);
  const bool same = exact.best == sieved.best;
  fmt::print("top {} of {} x {}, best of {}: every row {:.2f} ms, codes first {:.2f} ms{}\n", kTopK,
             kVectors, kDimension, kQueries, exact.milliseconds, sieved.milliseconds,
             same ? "" : " (and the answers DIFFER)");
  if (numpy == 0) {
    fmt::print(stderr, "{} has no numpy\n", python);
    return 1;
  }
  fmt::print("numpy {:.2f} ms: every row {:.2f}, codes first {:.2f} of it\n", numpy,
             exact.milliseconds / numpy, sieved.milliseconds / numpy);
  return same ? 0 : 1;
}
