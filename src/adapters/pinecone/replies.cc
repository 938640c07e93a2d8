#include "adapters/pinecone/replies.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <concepts>
#include <nlohmann/json.hpp>

#include "adapters/http/api_client.h"
#include "adapters/http/json_number.h"
#include "model/json_text.h"

namespace rehome {
namespace {

namespace ondemand = simdjson::ondemand;
using nlohmann::json;

constexpr int kGrpcNotFound = 5;

/// A record of a fetch or a match of a query: its known fields are joined into the one form that
/// the model reads, so that there is one reader of records.
struct Scored {
  VectorRecord record;
  double score = 0;
};

Result<Scored> ReadScored(ondemand::object object) {
  Scored out;
  std::string known = "{";
  for (auto field : object) {
    std::string_view key;
    ondemand::value value;
    std::string_view text;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
        field.value().get(value) != simdjson::SUCCESS) {
      return BadAnswer("record", "broken JSON");
    }
    if (key == "score") {
      if (value.get_double().get(out.score) != simdjson::SUCCESS) {
        return BadAnswer("match", "its score is not a number");
      }
      continue;
    }
    const bool is_known =
        key == "id" || key == "values" || key == "sparseValues" || key == "metadata";
    if (!is_known || simdjson::to_json_string(value).get(text) != simdjson::SUCCESS ||
        text == "null") {
      continue;
    }
    known += fmt::format("{}\"{}\":{}", known.size() > 1 ? "," : "", key, text);
  }
  known.push_back('}');
  auto record = ParseVectorJson(known);
  if (!record) {
    return BadAnswer("record", record.error().message);
  }
  out.record = *std::move(record);
  return out;
}

/// Calls `take` with each object among the members or elements at `key`.
template <class Container, class Take>
Status ReadEach(Container container, const Take& take) {
  for (auto element : container) {
    ondemand::object object;
    simdjson::error_code error{};
    if constexpr (std::is_same_v<Container, ondemand::object>) {
      error = element.value().get_object().get(object);
    } else {
      error = element.get_object().get(object);
    }
    if (error != simdjson::SUCCESS) {
      return BadAnswer("record", simdjson::error_message(error));
    }
    REHOME_TRY_ASSIGN(Scored scored, ReadScored(object));
    take(std::move(scored));
  }
  return {};
}

template <class Container, class Take>
Status ReadList(std::string_view body, std::string_view key, const Take& take) {
  ondemand::parser parser;
  const simdjson::padded_string padded(body);
  ondemand::document document;
  Container container;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.find_field_unordered(key).get(container) != simdjson::SUCCESS) {
    return BadAnswer("answer", fmt::format("`{}` is missing", key));
  }
  return ReadEach(std::move(container), take);
}

template <class T>
T Get(const json& object, const char* key, T otherwise) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    return otherwise;
  }
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    return WholeNumber<T>(*found);
  } else {
    return found->get<T>();
  }
}

/// Runs `read` on the parsed body; JSON of an unexpected type becomes a BadAnswer.
template <class Read>
auto Reading(std::string_view what, std::string_view body, const Read& read)
    -> Result<decltype(read(json{}))> {
  constexpr int kDepthMax = 100;  // parts of it are copied, which goes by recursion
  if (NestsDeeperThan(body, kDepthMax)) {
    return BadAnswer(what, "it nests deeper than any answer");
  }
  try {
    const json parsed = json::parse(body);
    if (!parsed.is_object()) {
      return BadAnswer(what, "it is no JSON object");
    }
    return read(parsed);
  } catch (const json::exception& e) {
    return BadAnswer(what, e.what());
  }
}

IndexModel IndexModelOf(const json& object) {
  IndexModel out;
  out.host = object.at("host").get<std::string>();
  out.metric = Get<std::string>(object, "metric", {});
  const json status = Get<json>(object, "status", json::object());
  out.ready = Get(status, "ready", true);
  out.state = Get<std::string>(status, "state", "unknown");
  const json deployment = Get<json>(object, "deployment", json::object());
  const json spec = Get<json>(object, "spec", json::object());
  out.pods = Get<std::string>(deployment, "deployment_type", {}) == "pod" || spec.contains("pod");
  const json schema = Get<json>(object, "schema", json::object());
  const json fields = Get<json>(schema, "fields", json::object());
  for (const auto& [name, field] : fields.items()) {
    const auto type = Get<std::string>(field, "type", {});
    if (name == "_values" || type == "semantic_text") {  // the latter embeds, and takes vectors too
      out.metric = Get<std::string>(field, "metric", "cosine");
    } else if (name == "_sparse_values") {
      out.metric = out.metric.empty() ? "dotproduct" : out.metric;
    } else if (!type.empty()) {  // without one it is a metadata field
      out.documents = true;
    }
  }
  return out;
}

}  // namespace

Result<std::vector<VectorRecord>> ReadFetched(std::string_view body) {
  std::vector<VectorRecord> out;
  REHOME_TRY(ReadList<ondemand::object>(
      body, "vectors", [&](Scored scored) { out.push_back(std::move(scored.record)); }));
  return out;
}

Result<std::vector<QueryMatch>> ReadMatches(std::string_view body) {
  std::vector<QueryMatch> out;
  REHOME_TRY(ReadList<ondemand::array>(body, "matches", [&](Scored scored) {
    out.push_back({.id = std::move(scored.record.id),
                   .score = scored.score,
                   .metadata = std::move(scored.record.metadata)});
  }));
  return out;
}

Result<IdPage> ReadIdPage(std::string_view body) {
  return Reading("list of ids", body, [](const json& object) {
    IdPage page;
    for (const json& entry : Get<json>(object, "vectors", json::array())) {
      page.ids.push_back(entry.at("id").get<std::string>());
    }
    std::ranges::sort(page.ids);
    const json pagination = Get<json>(object, "pagination", json::object());
    page.next = Get<std::string>(pagination, "next", {});
    return page;
  });
}

Result<IndexInfo> ReadStatistics(std::string_view body) {
  return Reading("index statistics", body, [](const json& object) {
    IndexInfo out;
    out.dimension = Get(object, "dimension", 0);
    out.metric = Get<std::string>(object, "metric", {});
    out.vector_type =
        Get<std::string>(object, "vectorType", out.dimension > 0 ? "dense" : "sparse");
    const json namespaces = Get<json>(object, "namespaces", json::object());
    for (const auto& [name, statistics] : namespaces.items()) {
      out.namespaces[name] = Get(statistics, "vectorCount", std::uint64_t{0});
    }
    return out;
  });
}

Result<std::size_t> ReadUpsertedCount(std::string_view body) {
  return Reading("upsert", body, [](const json& object) {
    return WholeNumber<std::size_t>(object.at("upsertedCount"));
  });
}

Result<IndexModel> ReadIndexModel(std::string_view body) {
  return Reading("index", body, IndexModelOf);
}

Result<std::string> ReadAliasTarget(std::string_view body) {
  return Reading("namespace alias", body, [](const json& object) {
    return object.at("target_namespace").get<std::string>();
  });
}

bool IsNotFoundStatus(std::string_view body) {
  const json status = json::parse(body, nullptr, false);
  const auto code = status.is_object() ? status.find("code") : status.end();
  return status.is_object() && code != status.end() && *code == kGrpcNotFound;
}

}  // namespace rehome
