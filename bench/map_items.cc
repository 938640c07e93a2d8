// map_items.cc — what Mapper::Map() costs per document, on one thread: the whole of a plan, the
// same without its schema and without its extracted fields, so that each part's share shows.
//   map_items [PLAN (plans/portfolio.yaml)] [documents]
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>
#include <limits>
#include <vector>

#include "bench/workload.h"
#include "mapping/mapping.h"
#include "plan/load.h"

namespace rehome::bench {
namespace {

/// The quickest of several passes over `documents`, in microseconds of processor time per document.
double MicrosecondsEach(const Plan& plan, const std::vector<Document>& documents) {
  const auto mapper = Mapper::Compile(plan);
  CHECK(mapper.has_value());
  constexpr int kPasses = 7;
  double best = std::numeric_limits<double>::max();
  for (int pass = 0; pass < kPasses; ++pass) {
    const std::clock_t start = std::clock();
    std::size_t items = 0;
    for (const Document& document : documents) {
      items += std::holds_alternative<Item>(mapper->Map(document.view())) ? 1U : 0U;
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    CHECK(items == documents.size());
    best = std::min(best, seconds * 1e6 / static_cast<double>(documents.size()));
  }
  return best;
}

bool Extracts(const FieldRule& rule) {
  return rule.kind == FieldRule::Kind::kExtract || std::ranges::any_of(rule.alternatives, Extracts);
}

/// The documents without an industry of their own, so that the dictionary is asked for each.
Document WithoutIndustry(const Document& document) {
  DocumentBuilder builder;
  for (const auto& [key, value] : document.view()) {
    if (key != "industry") {
      builder.Append(key, value);
    }
  }
  return builder.Finish();
}

int Run(const char* path, std::size_t count) {
  const auto loaded = LoadPlan(path, {}, [](const std::string&) { return std::nullopt; });
  if (!loaded || !loaded->plan) {
    fmt::print(stderr, "{} is no plan\n", path);
    return 2;
  }
  std::vector<Document> documents;
  std::vector<Document> extracted;
  for (std::size_t i = 0; i < count; ++i) {
    documents.push_back(JobDocument(i));
    extracted.push_back(WithoutIndustry(documents.back()));
  }
  Plan plan = *loaded->plan;
  fmt::print("whole plan             {:6.2f} us a document\n", MicrosecondsEach(plan, documents));
  fmt::print("whole plan, dictionary {:6.2f} us\n", MicrosecondsEach(plan, extracted));
  plan.items.schema.reset();
  fmt::print("without schema         {:6.2f} us\n", MicrosecondsEach(plan, documents));
  std::erase_if(plan.items.fields, [](const auto& field) { return Extracts(field.second); });
  fmt::print("copied fields alone    {:6.2f} us\n", MicrosecondsEach(plan, documents));
  return 0;
}

}  // namespace
}  // namespace rehome::bench

int main(int argc, char** argv) {
  std::size_t count = 20'000;
  if (argc > 2) {
    std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), count);
  }
  return rehome::bench::Run(argc > 1 ? argv[1] : "plans/portfolio.yaml", count);
}
