#include "cli/copy_counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

constexpr std::size_t kIdsShown = 10;

void AddRows(TextTable& table, const std::string& kind, const CountsByName& counts) {
  for (const auto& [name, count] : counts) {
    table.Add({kind, name, FormatCount(count.inserted), FormatCount(count.equal),
               FormatCount(count.replaced), FormatCount(count.removed),
               FormatCount(count.different), FormatCount(count.extra)});
  }
}

std::string DifferentIds(const CountsByName& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    const std::size_t shown = std::min(count.different_ids.size(), kIdsShown);
    for (std::size_t i = 0; i < shown; ++i) {
      text += fmt::format("  differs, kept as it was: {} {}\n", Escape(name),
                          Escape(count.different_ids[i]));
    }
    if (count.different > shown) {
      text += fmt::format("  … and {} more in {} (--json lists them)\n",
                          FormatCount(count.different - shown), Escape(name));
    }
  }
  return text;
}

}  // namespace

std::string CountsText(const CountsByName& collections, const CountsByName& namespaces) {
  constexpr auto kRight = TextTable::Align::kRight;
  TextTable table({{"", TextTable::Align::kLeft},
                   {"name", TextTable::Align::kLeft},
                   {"inserted", kRight},
                   {"equal", kRight},
                   {"replaced", kRight},
                   {"removed", kRight},
                   {"differ", kRight},
                   {"extra", kRight}});
  AddRows(table, "collection", collections);
  AddRows(table, "namespace", namespaces);
  return table.Render() + DifferentIds(collections) + DifferentIds(namespaces);
}

nlohmann::ordered_json CountsJson(const CountsByName& counts) {
  auto json = nlohmann::ordered_json::object();
  for (const auto& [name, count] : counts) {
    json[name] = {{"inserted", count.inserted},          {"equal", count.equal},
                  {"replaced", count.replaced},          {"removed", count.removed},
                  {"different", count.different},        {"extra", count.extra},
                  {"different_ids", count.different_ids}};
  }
  return json;
}

}  // namespace rehome::cli
