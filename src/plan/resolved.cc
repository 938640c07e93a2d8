// The resolved plan as JSON, in the plan file's own shape: what the journal keeps is read back by
// the same readers. BSON values are canonical Extended JSON; look-up rows stand inline; secrets are
// left out.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "model/extended_json.h"
#include "plan/plan_file.h"
#include "plan/sections.h"
#include "plan/stores.h"

namespace rehome {
namespace {

using Json = nlohmann::ordered_json;

Json ValueJson(ValueView value) {
  return Json::parse(ToExtendedJson(value, JsonMode::kCanonical));
}

Json DocumentJson(const Document& document) {
  return Json::parse(ToExtendedJson(document.view(), JsonMode::kCanonical));
}

template <class Pairs>
Json MapJson(const Pairs& pairs) {
  Json map = Json::object();
  for (const auto& [key, value] : pairs) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Value>) {
      map[key] = ValueJson(value.view());
    } else {
      map[key] = value;
    }
  }
  return map;
}

std::string MillisText(Millis duration) {
  return fmt::format("{}ms", duration.count());
}

Json PairJson(const StorePair& pair) {
  return {{"source", {{"address", pair.source.address}}},
          {"target", {{"address", pair.target.address}}}};
}

Json TenantRefJson(const TenantRef& tenant) {
  return {{"org_id", tenant.org_id}, {"profile_id", tenant.profile_id}};
}

Json AssignJson(const AssignRule& rule) {
  if (const auto* match = std::get_if<AssignRule::Match>(&rule.when)) {
    Json out = {
        {"match", {{"field", match->field.text}, {"equals", ValueJson(match->equals.view())}}}};
    out.update(TenantRefJson(rule.tenant));
    return out;
  }
  if (const auto* lookup = std::get_if<AssignRule::Lookup>(&rule.when)) {
    Json rows = Json::object();
    for (const auto& [key, tenant] : lookup->rows) {
      rows[key] = TenantRefJson(tenant);
    }
    Json out = {{"field", lookup->field.text}};
    if (!lookup->file.empty()) {
      out["file"] = lookup->file.string();
    }
    out["rows"] = std::move(rows);
    return {{"lookup", std::move(out)}};
  }
  return {{"default", TenantRefJson(rule.tenant)}};
}

Json TenantsJson(const TenantsPlan& tenants) {
  Json out = {{"collections",
               {{"organizations", tenants.organizations_collection},
                {"profiles", tenants.profiles_collection}}},
              {"organizations", Json::array()},
              {"profiles", Json::array()},
              {"assign", Json::array()}};
  const auto without_id = [](const Document& document) {
    Json json = DocumentJson(document);
    json.erase("_id");
    return json;
  };
  for (const Organization& organization : tenants.organizations) {
    out["organizations"].push_back(without_id(organization.document));
  }
  for (const Profile& profile : tenants.profiles) {
    out["profiles"].push_back(without_id(profile.document));
  }
  for (const AssignRule& rule : tenants.assign) {
    out["assign"].push_back(AssignJson(rule));
  }
  return out;
}

Json RuleJson(const FieldRule& rule) {
  Json out = Json::object();
  switch (rule.kind) {
    case FieldRule::Kind::kCopy:
      out["from"] = rule.from.at(0).text;
      break;
    case FieldRule::Kind::kFirstNonEmpty:
      out["first_non_empty"] = Json::array();
      for (const FieldRule& alternative : rule.alternatives) {
        out["first_non_empty"].push_back(RuleJson(alternative));
      }
      break;
    case FieldRule::Kind::kExtract:
      out["extract"] = rule.extractor;
      out["from"] = Json::array();
      for (const FieldPath& path : rule.from) {
        out["from"].push_back(path.text);
      }
      break;
    case FieldRule::Kind::kJq:
      out["jq"] = rule.jq;
      break;
    case FieldRule::Kind::kConstant:
      out["value"] = ValueJson(rule.constant.view());
      break;
  }
  if (rule.take) {
    out["take"] = *rule.take;
  }
  return out;
}

Json ExtractorJson(const Extractor& extractor) {
  if (const auto* phrases = std::get_if<PhraseExtractor>(&extractor)) {
    return {{"noise_prefixes", phrases->noise_prefixes},
            {"separators", phrases->separators},
            {"cap", phrases->cap}};
  }
  const auto& words = std::get<DictionaryExtractor>(extractor);
  return {{"dictionary", MapJson(words.entries)}, {"fallback", words.fallback}};
}

Json ItemsJson(const ItemsPlan& items) {
  Json out = {{"from", items.from},
              {"to", items.to},
              {"id", items.id},
              {"fields", Json::object()},
              {"extractors", Json::object()},
              {"drop", items.drop}};
  for (const auto& [name, rule] : items.fields) {
    out["fields"][name] = RuleJson(rule);
  }
  for (const auto& [name, extractor] : items.extractors) {
    out["extractors"][name] = ExtractorJson(extractor);
  }
  if (items.schema) {
    out["schema"] = DocumentJson(*items.schema);
  }
  out["quarantine_max"] = items.quarantine_max;
  return out;
}

/// Keys with a default are left out where they have it, so that they change no plan without them.
Json EmbedderJson(const EmbedderPlan& embedder) {
  Json out = {{"provider", embedder.provider},
              {"model", embedder.model},
              {"url", embedder.url},
              {"dimensions", embedder.dimensions}};
  if (embedder.too_long == EmbedderPlan::TooLong::kCut) {
    out["too_long"] = "cut";
  }
  if (embedder.input_tokens_max > 0) {
    out["input_tokens_max"] = embedder.input_tokens_max;
  }
  if (!embedder.organization.empty()) {
    out["organization"] = embedder.organization;
  }
  if (!embedder.project.empty()) {
    out["project"] = embedder.project;
  }
  if (embedder.usd_per_million_tokens) {
    out["usd_per_million_tokens"] = *embedder.usd_per_million_tokens;
  }
  return out;
}

Json IndexJson(const IndexPlan& index) {
  return {{"namespace", index.namespace_template},
          {"metric", index.metric},
          {"embedder", EmbedderJson(index.embedder)},
          {"text", index.text},
          {"metadata", index.metadata}};
}

Json StampsJson(const std::vector<StampPlan>& stamps) {
  Json out = Json::object();
  for (const StampPlan& stamp : stamps) {
    out[stamp.collection] = MapJson(stamp.set);
  }
  return out;
}

Json VerifyJson(const VerifyPlan& verify) {
  Json out = {{"recall_min", verify.recall_min}, {"reembed", verify.reembed}};
  if (verify.probes) {
    out["probes"] = {{"from", verify.probes->from},
                     {"field", verify.probes->field.text},
                     {"top_k", verify.probes->top_k}};
  }
  if (verify.proposals) {
    out["proposals"] = {{"generator", verify.proposals->generator},
                        {"url", verify.proposals->url},
                        {"model", verify.proposals->model}};
  }
  if (verify.legacy_embedder) {
    out["legacy_embedder"] = EmbedderJson(*verify.legacy_embedder);
  }
  for (const VerifyPlan::TrailStep& step : verify.legacy_trail) {
    out["legacy_trail"].push_back(
        {{"from", step.from}, {"where", step.where.text}, {"take", step.take.text}});
  }
  return out;
}

std::string_view FenceName(CutoverPlan::Fence fence) {
  switch (fence) {
    case CutoverPlan::Fence::kAuto:
      return "auto";
    case CutoverPlan::Fence::kRequired:
      return "required";
    case CutoverPlan::Fence::kNone:
      return "none";
  }
  CHECK(false && "unknown fence");
}

Json CutoverJson(const CutoverPlan& cutover) {
  Json out = {{"documents", Json::array()},
              {"namespace_alias", MapJson(cutover.namespace_alias)},
              {"fence", FenceName(cutover.fence)},
              {"write_pause_max", MillisText(cutover.write_pause_max)},
              {"quiet", MillisText(cutover.quiet)},
              {"hooks",
               {{"fence", cutover.hooks.fence},
                {"unfence", cutover.hooks.unfence},
                {"before", cutover.hooks.before},
                {"after", cutover.hooks.after}}}};
  if (cutover.env_file) {
    out["env_file"] = {{"path", cutover.env_file->path.string()},
                       {"set", MapJson(cutover.env_file->set)}};
  }
  for (const CutoverPlan::PointerDocument& pointer : cutover.documents) {
    out["documents"].push_back({{"collection", pointer.collection},
                                {"id", ValueJson(pointer.id.view())},
                                {"set", MapJson(pointer.set)}});
  }
  return out;
}

Json LimitsJson(const LimitsPlan& limits) {
  Json out = {{"workers", limits.workers == 0 ? Json("auto") : Json(limits.workers)},
              {"documents_per_s", limits.documents_per_s},
              {"vectors_per_s", limits.vectors_per_s},
              {"embed_tokens_per_min", limits.embed_tokens_per_min},
              {"embed_in_flight", limits.embed_in_flight},
              {"spend_max_usd", limits.spend_max_usd}};
  if (!limits.pinecone_tier.empty()) {
    out["pinecone_tier"] = limits.pinecone_tier;
  }
  return out;
}

Json PlanJson(const Plan& plan) {
  Json out = {{"rehome", 1},
              {"name", plan.name},
              {"documents", PairJson(plan.documents)},
              {"vectors", PairJson(plan.vectors)},
              {"backup",
               {{"dir", plan.backup.dir.string()},
                {"collections", plan.backup.collections},
                {"namespaces", plan.backup.namespaces}}},
              {"tenants", TenantsJson(plan.tenants)},
              {"items", ItemsJson(plan.items)},
              {"stamp", StampsJson(plan.stamps)},
              {"index", IndexJson(plan.index)},
              {"verify", VerifyJson(plan.verify)},
              {"cutover", CutoverJson(plan.cutover)},
              {"retire",
               {{"after", MillisText(plan.retire.after)},
                {"collections", plan.retire.collections},
                {"namespaces", plan.retire.namespaces}}}};
  if (plan.backup.zstd) {
    out["backup"]["compress"] = "zstd";
  }
  if (plan.maintenance) {
    Json& maintenance = out["application"]["maintenance"] = Json::object();
    if (!plan.maintenance->file.empty()) {
      maintenance["file"] = plan.maintenance->file.string();
    } else if (!plan.maintenance->url.empty()) {
      maintenance["url"] = plan.maintenance->url;
    } else {
      maintenance["command"] = plan.maintenance->command;
    }
  }
  if (!plan.log_file.empty()) {
    out["log"] = {{"file", plan.log_file.string()}};
  }
  out["limits"] = LimitsJson(plan.limits);
  return out;
}

PlanNode ToPlanNode(const Json& json) {
  PlanNode node;
  if (json.is_object()) {
    node.kind = PlanNode::Kind::kMap;
    for (const auto& [key, value] : json.items()) {
      node.map.push_back({key, {}, ToPlanNode(value)});
    }
  } else if (json.is_array()) {
    node.kind = PlanNode::Kind::kList;
    for (const Json& element : json) {
      node.list.push_back(ToPlanNode(element));
    }
  } else if (!json.is_null()) {
    node.kind = PlanNode::Kind::kScalar;
    node.quoted = json.is_string();
    node.text = node.written = node.quoted ? json.get<std::string>() : json.dump();
  }
  return node;
}

/// An address without a network port: a service that restarts on another one is the same service.
std::string WithoutPorts(std::string address) {
  const std::size_t host = address.find("://");
  if (host == std::string::npos) {
    return address;
  }
  const std::size_t end = std::min(address.find_first_of("/?", host + 3), address.size());
  std::string out = address.substr(0, host + 3);
  for (std::size_t at = host + 3; at < end; ++at) {
    const std::size_t digits = std::min(address.find_first_not_of("0123456789", at + 1), end);
    const bool is_port =
        address[at] == ':' && digits > at + 1 && (digits == end || address[digits] == ',');
    if (is_port) {
      at = digits - 1;
    } else {
      out += address[at];
    }
  }
  return out.append(address, end);
}

/// Which store an address means, from whichever directory it is named.
std::string StoreIdentity(const StoreSpec& store) {
  return FileAddress(store.address).value_or(WithoutPorts(store.address));
}

void AppendLines(const Json& json, const std::string& path, std::string& out) {
  if (json.is_object() && !json.empty()) {
    for (const auto& [key, value] : json.items()) {
      AppendLines(value, path.empty() ? key : path + "." + key, out);
    }
  } else if (json.is_array() && !json.empty()) {
    for (std::size_t at = 0; at < json.size(); ++at) {
      AppendLines(json[at], fmt::format("{}[{}]", path, at), out);
    }
  } else {
    out += fmt::format("{}: {}\n", path, json.dump());
  }
}

}  // namespace

bool SameStore(const StoreSpec& one, const StoreSpec& other) {
  return StoreIdentity(one) == StoreIdentity(other);
}

bool SameStores(const Plan& one, const Plan& other) {
  return SameStore(one.documents.source, other.documents.source) &&
         SameStore(one.documents.target, other.documents.target) &&
         SameStore(one.vectors.source, other.vectors.source) &&
         SameStore(one.vectors.target, other.vectors.target);
}

std::string Plan::ResolvedJson() const {
  Json out = PlanJson(*this);
  out["file"] = file.string();
  return out.dump();
}

std::string Plan::FingerprintText() const {
  Json bound = {
      {"documents",
       {{"source", StoreIdentity(documents.source)}, {"target", StoreIdentity(documents.target)}}},
      {"vectors",
       {{"source", StoreIdentity(vectors.source)}, {"target", StoreIdentity(vectors.target)}}},
      {"tenants", TenantsJson(tenants)},
      {"items", ItemsJson(items)},
      {"stamp", StampsJson(stamps)},
      {"index", IndexJson(index)}};
  bound["items"].erase("quarantine_max");
  bound["index"]["embedder"]["url"] = WithoutPorts(index.embedder.url);
  for (const char* billing : {"organization", "project", "usd_per_million_tokens"}) {
    bound["index"]["embedder"].erase(billing);  // who pays changes no vector
  }
  for (Json& rule : bound["tenants"]["assign"]) {
    if (rule.contains("lookup")) {
      rule["lookup"].erase("file");  // its rows count, not where they came from
    }
  }
  std::string text;
  AppendLines(bound, "", text);
  return text;
}

std::string Plan::Fingerprint() const {
  return Sha256Hex(FingerprintText());
}

Result<Plan> ParseResolved(std::string_view json) {
  Json root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("file") || !root["file"].is_string()) {
    return Fail(ErrorCode::kDataLoss,
                "the journal's copy of the plan is not a JSON object with a file");
  }
  const std::string file = root["file"].get<std::string>();
  root.erase("file");
  LoadedPlan loaded = ReadPlanTree(ToPlanNode(root), file, {});
  if (!loaded.plan) {
    return Fail(ErrorCode::kDataLoss,
                fmt::format("the journal's copy of the plan cannot be read: {}",
                            loaded.problems.front().message));
  }
  return *std::move(loaded.plan);
}

}  // namespace rehome
