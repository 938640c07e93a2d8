// pinecone_upsert.cc — the adapter's half of bench/pinecone_upsert.py: reads COUNT x DIMENSION float32
// values from a file, upserts them into the index at URL, and prints seconds and CPU seconds as JSON.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "adapters/pinecone/pinecone_vector_store.h"
#include "base/clock.h"
#include "bench/cpu_seconds.h"

namespace {

std::vector<rehome::VectorRecord> ReadRecords(const char* file, std::size_t dimension) {
  std::ifstream input(file, std::ios::binary);
  std::vector<rehome::VectorRecord> records;
  std::vector<float> values(dimension);
  const auto bytes = static_cast<std::streamsize>(dimension * sizeof(float));
  while (input.read(reinterpret_cast<char*>(values.data()), bytes)) {
    const std::string id = fmt::format("v{}", records.size());
    records.push_back({.id = id, .values = values, .sparse = {}, .metadata = {{"n", 1.0}}});
  }
  return records;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: pinecone_upsert URL KEY FILE DIMENSION\n");
    return 2;
  }
  const rehome::HttpLibrary http;
  rehome::SystemClock clock;
  const auto records = ReadRecords(argv[3], std::strtoul(argv[4], nullptr, 10));
  auto store = rehome::PineconeVectorStore::Open(
      {.address = argv[1], .api_key = rehome::Secret(argv[2]), .identity = {}},
      std::make_shared<rehome::HttpClient>(), {});
  if (!store) {
    fmt::print(stderr, "{}\n", store.error().message);
    return 1;
  }
  const double cpu = rehome::bench::CpuSeconds();
  const auto start = clock.Steady();
  const auto lsn = (*store)->Upsert("bench", records, {});
  if (!lsn) {
    fmt::print(stderr, "{}\n", lsn.error().message);
    return 1;
  }
  fmt::print("{{\"vectors\":{},\"seconds\":{:.4f},\"cpu\":{:.4f}}}\n", records.size(),
             std::chrono::duration<double>(clock.Steady() - start).count(),
             rehome::bench::CpuSeconds() - cpu);
  return 0;
}
