#include "cli/demo_application.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/atomic_file.h"
#include "base/random.h"
#include "cli/demo_resource.h"
#include "model/vector_record.h"
#include "plan/template.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kSeed = 612;

/// What a template may name: `{name}` in its strings, {"$parent": FIELD} as a whole value.
struct Scope {
  std::map<std::string, std::string, std::less<>> names;
  const Json* parent = nullptr;
};

/// Makes records from the templates of a resource:
///   "text {name}"                        names of the scope; {hex} is a new object id each time
///   {"$pick": LIST}                      one of a list
///   {"$take": [LIST, MIN, MAX]}          so many different ones of a list
///   {"$parent": FIELD}                   the field of the record that this one belongs to
class Generator {
 public:
  explicit Generator(const Json& resource) : resource_(resource), random_(kSeed) {}

  /// The records of one entry of `documents` or `vectors`, made for each parent where it names one.
  std::vector<Json> Records(const Json& entry) {
    std::vector<Json> records;
    if (entry.contains("count")) {
      for (std::size_t i = 0; i < entry["count"].get<std::size_t>(); ++i) {
        records.push_back(Record(entry, i, {}));
      }
      return records;
    }
    const std::vector<Json>& parents = made_.at(entry["each"].get<std::string>());
    for (std::size_t p = 0; p < parents.size(); ++p) {
      Scope scope{.names = {{"parent_i", std::to_string(p)}}, .parent = &parents[p]};
      for (const Json& word : entry.contains("for")
                                  ? resource_["lists"][entry["for"].get<std::string>()]
                                  : Json::array({""})) {
        scope.names["for"] = word;
        records.push_back(Record(entry, records.size(), scope));
      }
    }
    return records;
  }
  void Remember(const std::string& name, std::vector<Json> records) {
    made_[name] = std::move(records);
  }

  VectorRecord Vector(const Json& record, std::size_t dimension) {
    VectorRecord vector{
        .id = record["id"], .values = UnitVector(dimension), .sparse = {}, .metadata = {}};
    const Json metadata = record.value("metadata", Json::object());
    for (const auto& [key, value] : metadata.items()) {
      if (value.is_string()) {
        vector.metadata[key] = value.get<std::string>();
      } else if (value.is_boolean()) {
        vector.metadata[key] = value.get<bool>();
      } else {
        vector.metadata[key] = value.get<std::vector<std::string>>();
      }
    }
    return vector;
  }

 private:
  Json Record(const Json& entry, std::size_t index, Scope scope) {
    scope.names["i"] = std::to_string(index);
    scope.names["i3"] = fmt::format("{:03}", index);
    if (scope.parent != nullptr) {
      for (const auto& [key, value] : scope.parent->items()) {
        if (value.is_string()) {
          scope.names[key] = value.get<std::string>();
        }
      }
    }
    if (entry.contains("let")) {
      for (const auto& [name, value] : entry["let"].items()) {
        scope.names[name] = Expand(value, scope).get<std::string>();
      }
    }
    const Json& templates = entry["templates"];
    return Expand(templates[index % templates.size()], scope);
  }

  Json Expand(const Json& value, const Scope& scope) {
    if (value.is_string()) {
      return ExpandText(value.get<std::string>(), scope);
    }
    if (!value.is_structured()) {
      return value;
    }
    if (value.contains("$pick")) {
      const Json& list = resource_["lists"][value["$pick"].get<std::string>()];
      return list[random_.Below(list.size())];
    }
    if (value.contains("$take")) {
      return Take(value["$take"]);
    }
    if (value.contains("$parent")) {
      return (*scope.parent)[value["$parent"].get<std::string>()];
    }
    Json expanded = value;
    for (Json& element : expanded) {
      element = Expand(element, scope);
    }
    return expanded;
  }

  std::string ExpandText(std::string_view text, const Scope& scope) {
    std::string out;
    while (!text.empty()) {
      const std::size_t open = std::min(text.find('{'), text.size());
      out += text.substr(0, open);
      text.remove_prefix(open);
      if (text.empty()) {
        break;
      }
      const std::size_t close = text.find('}');
      const std::string_view name = text.substr(1, close - 1);
      out += name == "hex" ? ObjectId() : scope.names.find(name)->second;
      text.remove_prefix(close + 1);
    }
    return out;
  }

  std::string ObjectId() {
    return fmt::format("{:016x}{:08x}", random_.Next(), random_.Next() >> 32U);
  }

  Json Take(const Json& arguments) {
    Json rest = resource_["lists"][arguments[0].get<std::string>()];
    const auto least = arguments[1].get<std::size_t>();
    std::size_t left = least + random_.Below(arguments[2].get<std::size_t>() - least + 1);
    Json taken = Json::array();
    for (; left > 0 && !rest.empty(); --left) {
      const std::size_t index = random_.Below(rest.size());
      taken.push_back(rest[index]);
      rest.erase(index);
    }
    return taken;
  }

  std::vector<float> UnitVector(std::size_t dimension) {
    std::vector<double> raw(dimension);
    double squares = 0;
    for (double& value : raw) {
      value = random_.Unit() - 0.5;
      squares += value * value;
    }
    std::vector<float> values;
    std::ranges::transform(raw, std::back_inserter(values), [&](double value) {
      return static_cast<float>(value / std::sqrt(squares));
    });
    return values;
  }

  const Json& resource_;
  Random random_;
  std::map<std::string, std::vector<Json>> made_;  // by collection
};

Status WriteLines(const std::filesystem::path& path, const std::vector<std::string>& lines) {
  return WriteFileAtomically(path, fmt::format("{}\n", fmt::join(lines, "\n")));
}

Status WriteDocuments(Generator& generator, const Json& entries, const std::filesystem::path& dir) {
  for (const Json& entry : entries) {
    const auto collection = entry["collection"].get<std::string>();
    std::vector<Json> records = generator.Records(entry);
    std::vector<std::string> lines;
    std::ranges::transform(records, std::back_inserter(lines),
                           [](const Json& record) { return record.dump(); });
    REHOME_TRY(WriteLines(dir / (collection + ".json"), lines));
    generator.Remember(collection, std::move(records));
  }
  return {};
}

Status WriteVectors(Generator& generator, const Json& resource, const std::filesystem::path& dir) {
  const auto dimension = resource["dimension"].get<std::size_t>();
  std::map<std::string, std::vector<std::string>> lines;  // by namespace
  for (const Json& entry : resource["vectors"]) {
    for (const Json& record : generator.Records(entry)) {
      lines[entry["namespace"]].push_back(VectorJson(generator.Vector(record, dimension)));
    }
  }
  for (const auto& [ns, records] : lines) {
    REHOME_TRY(WriteLines(dir / fmt::format("vectors_{}.jsonl", ns), records));
  }
  return {};
}

/// Makes `dir`; true if the demo stands there already, whole: its plan is written last.
Result<bool> MakeDirectory(const std::filesystem::path& dir, const std::filesystem::path& plan) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  const bool empty = !error && std::filesystem::is_empty(dir, error);
  if (error) {
    return std::unexpected(FileError(error.value(), "make the demo in", dir));
  }
  if (empty) {
    return false;
  }
  if (const auto text = ReadFile(plan); text && *text == DemoPlan(PlanTemplate(), dir)) {
    return true;
  }
  return Fail(ErrorCode::kAlreadyExists,
              dir.string() + " holds something else: the demo makes its own directory",
              "remove it, or name another one: rehome demo --dir DIR");
}

using Values = std::map<std::string, std::string, std::less<>>;

std::string Substitute(std::string_view line, const Values& values) {
  std::string out;
  while (!line.empty()) {
    const std::size_t open = std::min(line.find("${"), line.size());
    const std::size_t close = line.find('}', open);
    out += line.substr(0, open);
    if (close == std::string_view::npos) {
      return out.append(line.substr(open));
    }
    const std::string_view inside = line.substr(open + 2, close - open - 2);
    const std::size_t separator = inside.find(":-");
    const auto value = values.find(inside.substr(0, separator));
    if (value != values.end()) {
      out += value->second;
    } else if (separator != std::string_view::npos) {
      out += inside.substr(separator + 2);
    }
    line.remove_prefix(close + 1);
  }
  return out;
}

/// A YAML scalar that holds any path.
std::string Quoted(const std::string& text) {
  return Json(text).dump();
}

}  // namespace

std::string DemoPlan(std::string_view plan, const std::filesystem::path& dir) {
  const Values values{
      {"MONGODB_URI", Quoted("sqlite:" + (dir / "app.db").string())},
      {"PINECONE_INDEX", Quoted("local:" + (dir / "vectors").string())},
      {"APP_ENV_FILE", Quoted((dir / ".env").string())},
      {"BACKUP_DIR", Quoted((dir / "backups").string())},
  };
  std::string out;
  for (std::size_t at = 0; at < plan.size();) {
    const std::size_t end = std::min(plan.find('\n', at), plan.size() - 1) + 1;
    const std::string_view line = plan.substr(at, end - at);
    out += line.starts_with('#') ? std::string(line) : Substitute(line, values);
    at = end;
  }
  return out;
}

Result<DemoFiles> WriteDemoApplication(const std::filesystem::path& dir) {
  DemoFiles files{.export_dir = dir / "export", .plan = dir / "rehome.yaml"};
  REHOME_TRY_ASSIGN(const bool there, MakeDirectory(dir, files.plan));
  if (there) {
    return files;
  }
  std::error_code error;
  std::filesystem::create_directories(files.export_dir / "documents", error);
  std::filesystem::create_directories(files.export_dir / "vectors", error);
  if (error) {
    return std::unexpected(FileError(error.value(), "make", files.export_dir));
  }
  const Json resource = Json::parse(DemoResource());
  Generator generator(resource);
  REHOME_TRY(WriteDocuments(generator, resource["documents"], files.export_dir / "documents"));
  REHOME_TRY(WriteVectors(generator, resource, files.export_dir / "vectors"));
  for (const auto& [name, text] : resource["files"].items()) {
    REHOME_TRY(WriteFileAtomically(dir / name, text.get<std::string>()));
  }
  REHOME_TRY(WriteFileAtomically(files.plan, DemoPlan(PlanTemplate(), dir)));
  return files;
}

}  // namespace rehome::cli
